"""Terrain drivers of the paper's map, 3,043 x 3,164 cells: in under 60 s on two cores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from scipy import ndimage
from subsidence_mapper.model.protocol import PROTOCOL_VERSION

from .benchmark import run_worker

HEIGHT, WIDTH, CELL, LIMIT = 3_043, 3_164, 30.0, 60


def mountains_and_plain(random):
    """A DEM in whole metres, as SRTM is: steep in the north, a wide flat plain in the south."""
    heights = np.zeros((HEIGHT, WIDTH), np.float32)
    for size, amount in ((160, 300), (40, 80), (10, 15)):
        noise = random.standard_normal((HEIGHT // size + 3, WIDTH // size + 3)).astype(np.float32)
        smooth = ndimage.zoom(noise, size, order=3)[:HEIGHT, :WIDTH]
        heights += amount * smooth
    north = np.linspace(1, -1, HEIGHT, dtype=np.float32)[:, None]
    heights = np.where(heights > 0, heights, 0.02 * heights) * np.clip(north + 0.3, 0.02, 1)
    return np.round(1_500 + heights + 100 * north + random.normal(0, 0.5, heights.shape))


@pytest.mark.parametrize("flow", ["dinf", "mfd"])
@pytest.mark.parametrize("depressions", ["breach", "fill"])
def test_the_papers_map(tmp_path, flow, depressions):
    heights = mountains_and_plain(np.random.default_rng(0)).astype(np.float32)
    transform = rasterio.transform.from_origin(500_000, 3_600_000, CELL, CELL)
    with rasterio.open(
        tmp_path / "elevation.in.tif",
        "w",
        driver="GTiff",
        width=WIDTH,
        height=HEIGHT,
        count=1,
        dtype="float32",
        nodata=np.nan,
        transform=transform,
        tiled=True,
    ) as raster:
        raster.write(heights, 1)
    grid = {
        "crs": "EPSG:32639",
        "transform": list(transform.to_gdal()),
        "width": WIDTH,
        "height": HEIGHT,
    }
    request = {
        "protocol": PROTOCOL_VERSION,
        "task": "terrain",
        "outputs": ["ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI"],
        "grid": grid,
        "area": grid,
        "drivers": [],
        "elevation": "elevation.in.tif",
        "parameters": {"flow": flow, "depressions": depressions, "slope_floor": 0.1},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    took, _, peak = run_worker(tmp_path)
    print(f"\n{flow}, {depressions}: {took:.0f} s, peak memory {peak:.2f} GB")
    assert took < LIMIT
