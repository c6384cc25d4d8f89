"""Rasters on disk: overviews by kind, full disks, files that cannot be read."""

from __future__ import annotations

import errno
import subprocess

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from subsidence_mapper.model.drivers.statistics import strips
from subsidence_mapper.model.drivers.terrain import specific_area
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.raster import SurfaceWriter, read_band

UTM39 = CRS.from_epsg(32639).to_wkt()
SIZE = 1200  # cells along each side: two levels of overviews
NOISE = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)


def grid_of(size):
    return Grid(UTM39, (500_000.0, 30.0, 0.0, 3_600_000.0, 0.0, -30.0), size, size)


def write(path, *bands, **options):
    grid = grid_of(len(bands[0]))
    names = [f"band {number}" for number in range(len(bands))]
    with SurfaceWriter(path, grid, names, **options) as writer:
        for tile in grid.tiles(512):
            writer.write(tile, *(band[tile.slices] for band in bands))
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_what_is_written_is_there(tmp_path):
    holes = np.where(NOISE > 2, np.nan, NOISE)
    path = write(tmp_path / "a.tif", NOISE, holes)
    assert np.array_equal(read_band(path), NOISE)
    with rasterio.open(path) as raster:
        assert np.array_equal(raster.read(2), holes, equal_nan=True)
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


@pytest.mark.parametrize("kind", ["categorical", "circular"])
def test_overviews_hold_only_classes_and_directions_that_the_cells_hold(tmp_path, kind):
    codes = np.random.default_rng(1).choice([10, 130, 350], (SIZE, SIZE)).astype(np.float32)
    path = write(tmp_path / "a.tif", NOISE, codes, kinds=["continuous", kind])
    with rasterio.open(path, overview_level=0) as overview:
        assert overview.width == SIZE // 2
        assert set(np.unique(overview.read(2))) == {10, 130, 350}


def test_overviews_of_classes_hold_the_commonest_one(tmp_path):
    codes = np.tile(np.array([[4, 4], [4, 9]], np.uint8), (SIZE // 2, SIZE // 2))
    path = write(tmp_path / "a.tif", codes, classes={4: ("x", "#102030"), 9: ("y", "#405060")})
    with rasterio.open(path, overview_level=0) as overview:
        assert (overview.read(1) == 4).all()


def test_overviews_of_a_surface_hold_means(tmp_path):
    path = write(tmp_path / "a.tif", NOISE)
    means = NOISE.reshape(SIZE // 2, 2, SIZE // 2, 2).mean(axis=(1, 3))
    with rasterio.open(path, overview_level=0) as overview:
        np.testing.assert_allclose(overview.read(1), means, atol=1e-5)


# In cells along a side, uncompressed: 0.6 to 4 of the disk's megabytes, so that it fills while the
# cells are written, while they are compressed, and at the very end.
@pytest.mark.parametrize("size", [400, 450, 500, 600, 1000])
def test_a_full_disk_is_noticed(small_disk, size):
    with pytest.raises(OSError) as problem:
        write(small_disk / "a.tif", NOISE[:size, :size])
    assert problem.value.errno == errno.ENOSPC


def test_a_disk_that_is_filled_by_others_is_noticed(small_disk):
    for room in range(100_000, 500_000, 40_000):
        filled = small_disk / "other"
        filled.write_bytes(bytes(2**20 - room))
        try:
            path = write(small_disk / "a.tif", NOISE[:256, :256])
        except OSError as problem:
            assert problem.errno == errno.ENOSPC
        else:
            assert np.array_equal(read_band(path), NOISE[:256, :256])
        for file in small_disk.iterdir():
            file.unlink()


def test_heights_for_following_the_water_need_room_too(small_disk):
    with pytest.raises(OSError) as problem:
        specific_area(NOISE, (30.0, 30.0), "dinf", "fill", small_disk)
    assert problem.value.errno == errno.ENOSPC


def test_a_raster_that_cannot_be_read_is_named(tmp_path):
    path = write(tmp_path / "rain.tif", NOISE)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(InputError, match="raster rain.tif cannot be read: .*incomplete or gone"):
        read_band(path)
    drivers = [{"name": "rain", "file": path.name}]
    with pytest.raises(InputError, match="raster rain cannot be read"):
        list(strips(drivers, grid_of(SIZE), tmp_path))
