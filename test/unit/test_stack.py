import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.grid import Window
from subsidence_mapper.model.stack import read_stack

from .conftest import make_grid

NAN = np.nan


def write_driver(folder, name, kind, cells):
    cells = np.asarray(cells, np.float32)
    (folder / "drivers").mkdir(exist_ok=True)
    file = f"drivers/{name}.tif"
    height, width = cells.shape
    transform = Affine.from_gdal(*make_grid(height, width).transform)
    with rasterio.open(
        folder / file,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype="float32",
        nodata=NAN,
        crs="EPSG:32639",
        transform=transform,
    ) as raster:
        raster.write(cells, 1)
    return {"name": name, "kind": kind, "file": file}


def test_continuous_is_robust_and_the_same_for_the_whole_raster(tmp_path):
    cells = np.random.default_rng(0).normal(30, 7, (300, 200)).astype(np.float32)
    cells[0, 0] = 1e9
    driver = write_driver(tmp_path, "a", "continuous", cells)
    stack = read_stack([driver], make_grid(300, 200), tmp_path)
    encoding = stack.encodings[0]
    assert encoding.offset == pytest.approx(30, abs=0.2)
    assert encoding.scale == pytest.approx(7, abs=0.2)
    expected = np.arcsinh((cells - encoding.offset) / encoding.scale)
    assert np.allclose(stack.values[..., 0], expected, rtol=1e-5, atol=1e-6)


def test_a_constant_driver_becomes_zeros(tmp_path):
    driver = write_driver(tmp_path, "a", "continuous", np.full((3, 3), 8.0))
    assert not read_stack([driver], make_grid(3, 3), tmp_path).values.any()


def test_unit_scaling_uses_one_minimum_and_maximum_for_all_columns(tmp_path):
    driver = write_driver(tmp_path, "a", "categorical", [[1, 2], [3, 5]])
    stack = read_stack([driver], make_grid(2, 2), tmp_path, scaling="unit")
    assert stack.values[..., 0].tolist() == [[0, 0.25], [0.5, 1]]


def test_circular_is_sine_and_cosine_and_a_flat_cell_is_not_missing(tmp_path):
    driver = write_driver(tmp_path, "aspect", "circular", [[0, 90], [180, NAN]])
    stack = read_stack([driver], make_grid(2, 2), tmp_path)
    expected = [[[0, 1], [1, 0]], [[0, -1], [0, 0]]]
    assert np.allclose(stack.values, expected, atol=1e-6)
    assert stack.valid.all()


def test_categorical_is_one_hot_and_an_unseen_class_gives_zeros(tmp_path):
    seen = write_driver(tmp_path, "land", "categorical", [[1, 3], [3, 1]])
    grid = make_grid(2, 2)
    encodings = read_stack([seen], grid, tmp_path).encodings
    assert encodings[0].channels == ["land = 1", "land = 3"]
    new = write_driver(tmp_path, "new", "categorical", [[1, 3], [2, 1]])
    stack = read_stack([new], grid, tmp_path, encodings=encodings)
    assert stack.values.tolist() == [[[1, 0], [0, 1]], [[0, 0], [1, 0]]]


def test_holes_take_the_nearest_valid_cell_and_are_not_valid(tmp_path):
    driver = write_driver(tmp_path, "a", "continuous", [[0, 0, NAN, 9, NAN]])
    other = write_driver(tmp_path, "b", "continuous", [[NAN, 1, 2, 3, 4]])
    stack = read_stack([driver, other], make_grid(1, 5), tmp_path, scaling="unit")
    assert stack.values[0, :, 0].tolist()[3:] == [1, 1]
    assert stack.values[0, 2, 0] in (0, 1)
    assert stack.values[0, :, 1].tolist() == [0, 0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1]
    assert stack.valid.tolist() == [[False, True, False, True, False]]


def test_the_stack_is_memory_mapped(tmp_path):
    driver = write_driver(tmp_path, "a", "continuous", [[1, 2]])
    assert isinstance(read_stack([driver], make_grid(1, 2), tmp_path).values, np.memmap)


@pytest.mark.parametrize("kind", ["continuous", "circular", "categorical"])
def test_a_driver_without_a_valid_cell_is_refused_by_name(tmp_path, kind):
    driver = write_driver(tmp_path, "empty", kind, np.full((4, 4), NAN))
    with pytest.raises(InputError, match="'empty' has no valid cell"):
        read_stack([driver], make_grid(4, 4), tmp_path)


def test_too_many_classes_are_refused(tmp_path):
    driver = write_driver(tmp_path, "codes", "categorical", np.arange(100).reshape(10, 10))
    with pytest.raises(InputError, match="'codes'.*more than 64 classes"):
        read_stack([driver], make_grid(10, 10), tmp_path)


@pytest.mark.parametrize("size", [1, 5, 6, 30])
def test_patches_follow_the_centre_convention_and_reflect_at_the_edges(stack, size):
    grid = stack.grid
    rows, columns = np.array([0, 31, grid.height - 1]), np.array([2, 40, grid.width - 1])
    before, after = size // 2, size - 1 - size // 2
    padded = np.pad(stack.values, [(before, after), (before, after), (0, 0)], mode="reflect")
    expected = [padded[r : r + size, c : c + size] for r, c in zip(rows, columns)]
    assert np.array_equal(stack.patches(rows, columns, size), expected)


def test_a_window_is_read_with_its_halo(stack):
    window = Window(stack.grid, 0, 5, 4, 6)
    padded = np.pad(stack.values, [(3, 2), (3, 2), (0, 0)], mode="reflect")
    assert np.array_equal(stack.read(window, 3, 2), padded[0:9, 5:16])
