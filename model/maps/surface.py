"""From a fitted method to surfaces on disk, tile by tile."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engine import LOCAL, Engine
from ..methods.base import Method, Notes, Prediction
from ..monitor import Monitor
from ..spatial.grid import Grid, Window
from ..spatial.raster import SurfaceWriter
from ..spatial.stack import Stack
from ..statistics.conformal import Intervals, Surroundings

TILE = 256
BANDS = ["standard_deviation", "lower_90", "upper_90"]


@dataclass(frozen=True)
class Uncertainty:
    """How far a surface may be wrong.

    Parameters
    ----------
    path : Path
        The GeoTIFF to write.
    intervals : Intervals
    surroundings : Surroundings
        Of the points in use; they say of each cell what the intervals go by.
    """

    path: Path
    intervals: Intervals
    surroundings: Surroundings

    def predict(self, tile: Window, own: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviation and half width, mm, in a tile, by the method's own deviation too."""
        distance, spread, _ = self.surroundings.describe(tile.xy())
        return self.intervals.predict(distance, spread, own)


def write_surfaces(
    method: Method,
    grid: Grid,
    stack: Stack | None,
    surface: Path,
    monitor: Monitor,
    uncertainty: Uncertainty | None = None,
    own_deviation: Path | None = None,
    engine: Engine = LOCAL,
    quantity: str = "displacement",
    unit: str = "mm",
) -> Notes:
    """Write a method's surface and, where asked for, how far it may be wrong.

    Parameters
    ----------
    method : Method
        Fitted.
    surface, own_deviation : Path
        The GeoTIFFs to write; the second is for the standard deviation that the method itself
        gives.
    uncertainty : Uncertainty, optional
    engine : Engine
        Where the tiles are predicted.
    quantity, unit : str
        What the method predicts: bands are called displacement_mm, standard_deviation_mm_per_yr.

    Returns
    -------
    notes : Counter
        Of all tiles, see `methods.base.Prediction`.
    """
    mean_name, *error_names = [
        f"{name}_{unit.replace('/', '_per_')}" for name in [quantity, *BANDS]
    ]
    with ExitStack() as writers:
        mean_file = writers.enter_context(SurfaceWriter(surface, grid, [mean_name]))
        if uncertainty:
            error_file = writers.enter_context(SurfaceWriter(uncertainty.path, grid, error_names))
        if own_deviation:
            own_file = writers.enter_context(SurfaceWriter(own_deviation, grid, error_names[:1]))
        tiles = list(grid.tiles(TILE))
        notes: Notes = Counter()
        predicted = engine.map(predict_tile, tiles, method, stack)
        for i, (tile, found) in enumerate(zip(tiles, predicted)):
            notes += found.notes
            mean, own, missing = found.mean, found.deviation, ~np.isfinite(found.mean)
            if method.uses_drivers_ and stack is not None:
                missing |= ~stack.valid[tile.slices].ravel()
            mean = np.where(missing, np.nan, mean)
            mean_file.write(tile, mean)
            if uncertainty:
                deviation, half = uncertainty.predict(tile, own)
                error_file.write(
                    tile, np.where(missing, np.nan, deviation), mean - half, mean + half
                )
            if own_deviation:
                own_file.write(tile, np.where(missing, np.nan, own))
            monitor.progress((i + 1) / len(tiles))
    return notes


def predict_tile(tile: Window, method: Method, stack: Stack | None) -> Prediction:
    """What a fitted method predicts in a tile; of the module, for a cluster's workers."""
    return method.predict(tile, stack)
