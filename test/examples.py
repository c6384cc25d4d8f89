"""What tests of several rooms build on: a grid, a driver, a network, and who listens."""

from __future__ import annotations

import numpy as np
import rasterio
from rasterio.transform import Affine
from subsidence_mapper.model.monitor import Monitor
from subsidence_mapper.model.spatial.grid import Grid


class RecordingMonitor(Monitor):
    """Remembers what is reported to it.

    Attributes
    ----------
    lines : list of (str, str)
        Level and text.
    fractions : list of float
    """

    def __init__(self):
        self.lines, self.fractions = [], []

    def progress(self, fraction, text=""):
        self.fractions.append(fraction)

    def log(self, text, level="info"):
        self.lines.append((level, text))

    def __str__(self):
        return "\n".join(self.texts)

    @property
    def texts(self) -> list:
        return [text for _, text in self.lines]

    @property
    def infos(self) -> list:
        return [text for level, text in self.lines if level == "info"]

    @property
    def warnings(self) -> list:
        return [text for level, text in self.lines if level == "warning"]


def make_grid(height=60, width=70, cell=30.0) -> Grid:
    return Grid("EPSG:32639", (500_000.0, cell, 0.0, 3_600_000.0, 0.0, -cell), width, height)


def write_driver(folder, name, kind, cells):
    """Write cells as a driver of a job folder; gives its entry in the request."""
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
        nodata=np.nan,
        crs="EPSG:32639",
        transform=transform,
    ) as raster:
        raster.write(cells, 1)
    return {"name": name, "kind": kind, "file": file}


def randomised(network, seed=0):
    """Random weights, batch-normalisation statistics included."""
    random = np.random.default_rng(seed)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(random.uniform(0.3, 3, weight.shape))
        elif "kernel" in weight.path:
            weight.assign(random.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
        else:
            weight.assign(random.normal(0, 0.5, weight.shape))
    return network


def both(prediction) -> np.ndarray:
    """Mean and standard deviation of a prediction, (2, m)."""
    return np.stack([prediction.mean, prediction.deviation])
