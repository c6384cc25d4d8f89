"""From a fitted method to surfaces on disk, tile by tile."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..engine import LOCAL, Engine
from ..methods.base import Method, Prediction
from ..monitor import Monitor
from ..spatial.grid import Grid, Window
from ..spatial.raster import SurfaceWriter
from ..spatial.stack import Stack
from ..statistics.conformal import Intervals, Surroundings

TILE = 256
UNCERTAINTY = ["standard_deviation", "lower_90", "upper_90"]


def write_surfaces(
    method: Method,
    grid: Grid,
    stack: Stack | None,
    surface: Path,
    monitor: Monitor,
    uncertainty: Path | None = None,
    intervals: Intervals | None = None,
    surroundings: Surroundings | None = None,
    own_deviation: Path | None = None,
    engine: Engine = LOCAL,
    quantity: str = "displacement",
    unit: str = "mm",
) -> Counter:
    """Write a method's surface and, where asked for, how far it may be wrong.

    Parameters
    ----------
    method : Method
        Fitted.
    surface, uncertainty, own_deviation : Path
        The GeoTIFFs to write; the last is for the standard deviation that the method itself gives.
    intervals : Intervals
        Gives the uncertainty, from what `surroundings` say of each cell.
    engine : Engine
        Where the tiles are predicted.
    quantity, unit : str
        What the method predicts: bands are called displacement_mm, standard_deviation_mm_per_yr.

    Returns
    -------
    Counter
        The notes of all tiles, see `methods.base.Prediction`.
    """
    mean_name, *error_names = [
        f"{name}_{unit.replace('/', '_per_')}" for name in [quantity, *UNCERTAINTY]
    ]
    with ExitStack() as writers:
        mean_file = writers.enter_context(SurfaceWriter(surface, grid, [mean_name]))
        if uncertainty:
            error_file = writers.enter_context(SurfaceWriter(uncertainty, grid, error_names))
        if own_deviation:
            own_file = writers.enter_context(SurfaceWriter(own_deviation, grid, error_names[:1]))
        tiles, notes = list(grid.tiles(TILE)), Counter()
        predicted = engine.map(predict_tile, tiles, method, stack)
        for i, (tile, found) in enumerate(zip(tiles, predicted)):
            notes += found.notes
            mean, own, missing = found.mean, found.deviation, ~np.isfinite(found.mean)
            if method.uses_drivers_:
                missing |= ~stack.valid[tile.slices].ravel()
            mean = np.where(missing, np.nan, mean)
            mean_file.write(tile, mean)
            if uncertainty:
                distance, spread, _ = surroundings.describe(tile.xy())
                deviation, half = intervals.predict(distance, spread, own)
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
