"""The hybrid beside the classical methods on real data, and its speed: `make bench`."""

from __future__ import annotations

import time

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject
from scipy.ndimage import gaussian_filter
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation.comparison import compare_methods

from .real import read

CRS = "EPSG:32639"
METHODS = ("kriging", "rbf", "idw", "movingleastsquares", "hybrid")


def isfahan_stack(points, real_data):
    """Elevation, slope, and shares of land cover (none where there is no map), on 100 m."""
    left, bottom = points.xy.min(axis=0) - 5000
    width, height = ((np.ptp(points.xy, axis=0) + 10_000) / 100).astype(int).tolist()
    grid = Grid(CRS, (left, 100.0, 0.0, bottom + 100.0 * height, 0.0, -100.0), width, height)

    def to_grid(file, change, resampling):
        with rasterio.open(real_data(file)) as raster:
            return reproject(
                change(raster.read(1)).astype(np.float32),
                np.zeros((height, width), np.float32),
                src_transform=raster.transform,
                src_crs=raster.crs,
                dst_transform=Affine.from_gdal(*grid.transform),
                dst_crs=CRS,
                resampling=resampling,
            )[0]

    elevation = to_grid("isfahan/dem_globe_30arcsec.tif", lambda cells: cells, Resampling.bilinear)
    channels = [elevation, np.hypot(*np.gradient(elevation, 100.0))]
    encodings = [Encoding(name, "continuous") for name in ("elevation", "slope")]
    for year in (1985, 2024):
        file = f"isfahan/landcover_{year}.tif"
        for code in (1, 2, 3):
            channels.append(
                to_grid(file, lambda cells, code=code: cells == code, Resampling.average)
            )
        encodings.append(Encoding(f"land_cover_{year}", "categorical", classes=(1, 2, 3)))
    values = np.nan_to_num(np.stack(channels, axis=-1))
    return Stack(grid, encodings, values, np.ones((height, width), bool))


def test_isfahan(real_data):
    points, _ = read(real_data("isfahan/ps.csv"), "x", "y", "subsidence_mm")
    stack = isfahan_stack(points, real_data)
    splits = [
        make_folds(name, points, stack.grid, 10, 0, size)
        for name, size in (("kfold", 0.0), ("block", 2000.0), ("block", 5000.0))
    ]
    methods = [make(name) for name in METHODS]
    for board in compare_methods(methods, points, stack, splits):
        found = {score.name: score.test["RMSE"] for score in board.scores}
        best = min(error for name, error in found.items() if name != "hybrid")
        print(f"\nIsfahan, {board.folds.title}: RMSE in mm")
        print("\n".join(f"  {name}: {error:.2f}" for name, error in found.items()))
        print(f"  the hybrid against the best of the others: {found['hybrid'] / best - 1:+.1%}")
        assert found["hybrid"] <= 1.01 * best


def test_a_million_cells_in_under_twenty_minutes():
    grid = Grid("", (0.0, 30.0, 0.0, 30_000.0, 0.0, -30.0), 1000, 1000)
    random = np.random.default_rng(0)
    channels = [gaussian_filter(random.normal(size=(1000, 1000)), width) for width in (5, 20, 50)]
    values = np.stack(channels, axis=-1).astype(np.float32)
    encodings = [Encoding(name, "continuous") for name in "abc"]
    stack = Stack(grid, encodings, values, np.ones((1000, 1000), bool))
    xy = random.uniform(0, 30_000, (5000, 2))
    points = Points(xy, 100 * values[grid.cells(xy)].sum(axis=1).astype(float))
    start = time.perf_counter()
    hybrid = make("hybrid").fit(points, stack)
    fitted = time.perf_counter() - start
    for tile in grid.tiles(256):
        assert np.isfinite(hybrid.predict(tile, stack).mean).all()
    mapped = time.perf_counter() - start - fitted
    print(f"\n5,000 points: {fitted:.0f} s; {grid.window.size:,} cells: {mapped:.0f} s")
    assert mapped < 1200
