from xml.sax.saxutils import escape

import numpy as np
import pytest
import rasterio
from scipy.ndimage import distance_transform_edt, uniform_filter
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.machine.memory import PeakMemory
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.model.spatial.stack import Stack, read_stack
from subsidence_mapper.test.examples import make_grid, write_driver

NAN = np.nan


def stretched(folder, driver, times, kind):
    """A driver of so many times the cells along each axis, which takes no room on the disk."""
    with rasterio.open(folder / driver["file"]) as raster:
        size, crs, name = (raster.width, raster.height), raster.crs.to_wkt(), driver["name"]
    wide, high = (times * length for length in size)
    (folder / f"drivers/{name}_{kind}.vrt").write_text(
        f"<VRTDataset rasterXSize='{wide}' rasterYSize='{high}'><SRS>{escape(crs)}</SRS>"
        "<GeoTransform>500000, 30, 0, 3600000, 0, -30</GeoTransform>"
        "<VRTRasterBand dataType='Float32' band='1'><NoDataValue>nan</NoDataValue><SimpleSource>"
        f"<SourceFilename relativeToVRT='1'>{name}.tif</SourceFilename><SourceBand>1</SourceBand>"
        f"<SrcRect xOff='0' yOff='0' xSize='{size[0]}' ySize='{size[1]}'/>"
        f"<DstRect xOff='0' yOff='0' xSize='{wide}' ySize='{high}'/>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return {"name": f"{name}_{kind}", "kind": kind, "file": f"drivers/{name}_{kind}.vrt"}


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


def test_holes_are_filled_across_blocks_as_in_one_piece(tmp_path):
    random = np.random.default_rng(0)
    cells = random.normal(size=(700, 1100)).astype(np.float32)
    cells[random.uniform(size=cells.shape) < 0.3] = NAN
    cells[480:540, 300:1050] = NAN
    driver = write_driver(tmp_path, "a", "continuous", cells)
    stack = read_stack([driver], make_grid(700, 1100), tmp_path)
    missing = np.isnan(cells)
    index = distance_transform_edt(missing, return_distances=False, return_indices=True)
    expected = stack.encodings[0].encode(cells[index[0], index[1]])
    assert np.array_equal(stack.values, expected)
    assert np.array_equal(stack.valid, ~missing)


def test_what_is_farther_from_a_valid_cell_than_any_pixel_sees_is_zero(tmp_path):
    cells = np.full((4, 1200), NAN)
    cells[:, 0] = [1, 2, 3, 4]
    driver = write_driver(tmp_path, "a", "continuous", cells)
    values = read_stack([driver], make_grid(4, 1200), tmp_path).values[..., 0]
    assert (values[:, :512] == values[:, :1]).all() and values[0, 0] < values[3, 0]
    assert not values[:, 1024:].any()


@pytest.mark.parametrize("size", [1, 6, 30])
def test_the_share_of_filled_cells_is_the_same_in_tiles(stack, size):
    grid, random = stack.grid, np.random.default_rng(0)
    valid = random.uniform(size=(grid.height, grid.width)) < 0.7
    stack = Stack(grid, stack.encodings, stack.values, valid)
    tiled = np.empty(valid.shape)
    for tile in grid.tiles(24):
        tiled[tile.slices] = stack.filled_share(tile, size)
    assert np.allclose(tiled, uniform_filter((~valid).astype(float), size), atol=1e-6)


def test_memory_does_not_grow_with_the_raster(tmp_path):
    tile = np.random.default_rng(0).normal(size=(500, 500)).astype(np.float32)
    tile[100:140, 60:90] = NAN
    driver = write_driver(tmp_path, "tile", "continuous", tile)
    peaks = []
    for times in (3, 7):
        drivers = [stretched(tmp_path, driver, times, kind) for kind in ("continuous", "unit")]
        grid = make_grid(500 * times, 500 * times)
        with rasterio.Env(GDAL_CACHEMAX=16):
            memory = PeakMemory()
            stack = read_stack(drivers, grid, tmp_path)
            for window in grid.tiles(256):
                assert np.isfinite(stack.read(window, 15, 14)).all()
            peaks.append(memory.more_than(None))
    on_disk = (tmp_path / "stack.npy").stat().st_size / 2**20
    assert on_disk > 90
    assert peaks[1] < peaks[0] + 40


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
