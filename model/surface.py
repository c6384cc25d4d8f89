"""From a fitted method to surfaces on disk, tile by tile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from .engine import LOCAL, Engine
from .grid import Grid, Window
from .methods.base import Method
from .monitor import Monitor
from .raster import SurfaceWriter
from .stack import Stack
from .validation.uncertainty import ErrorByDistance

TILE = 256


def write_surfaces(
    method: Method,
    grid: Grid,
    stack: Stack | None,
    surface: Path,
    monitor: Monitor,
    uncertainty: Path | None = None,
    error_by_distance: ErrorByDistance | None = None,
    known: np.ndarray | None = None,
    own_deviation: Path | None = None,
    engine: Engine = LOCAL,
) -> None:
    """Write a method's surface and, where asked for, the standard deviation of its error.

    Parameters
    ----------
    method : Method
        Fitted.
    surface, uncertainty, own_deviation : Path
        The GeoTIFFs to write; the last is for the standard deviation that the method itself gives.
    error_by_distance : ErrorByDistance
        Gives the standard deviation; `known` (n, 2) are the positions that distances are to.
    engine : Engine
        Where the tiles are predicted.
    """
    tree = cKDTree(known) if uncertainty else None
    with ExitStack() as writers:
        mean_file = writers.enter_context(SurfaceWriter(surface, grid, ["displacement_mm"]))
        if uncertainty:
            deviation_file = writers.enter_context(
                SurfaceWriter(uncertainty, grid, ["standard_deviation_mm"])
            )
        if own_deviation:
            own_file = writers.enter_context(
                SurfaceWriter(own_deviation, grid, ["standard_deviation_mm"])
            )
        tiles = list(grid.tiles(TILE))
        predicted = engine.map(predict_tile, tiles, method, stack)
        for i, (tile, (mean, own, counted)) in enumerate(zip(tiles, predicted)):
            method.counted_ += counted
            missing = ~np.isfinite(mean)
            if method.needs_stack:
                missing |= ~stack.valid[tile.slices].ravel()
            mean_file.write(tile, np.where(missing, np.nan, mean))
            if uncertainty:
                deviation = error_by_distance(tree.query(tile.xy(), workers=-1)[0])
                deviation_file.write(tile, np.where(missing, np.nan, deviation))
            if own_deviation:
                own_file.write(tile, np.where(missing, np.nan, own))
            monitor.progress((i + 1) / len(tiles))


def predict_tile(tile: Window, method: Method, stack: Stack | None) -> tuple:
    """What `Method.predict` gives for a tile, and how many values its remarks are about."""
    # Its twin counts: threads of a cluster's worker share the method itself.
    twin = object.__new__(type(method))
    vars(twin).update(vars(method), counted_=0)
    return *twin.predict(tile, stack), twin.counted_


def write_trust(
    grid: Grid, stack: Stack | None, known: np.ndarray, patch_size: int, path: Path
) -> None:
    """Write what the map rests on at each cell.

    Bands: distance to the nearest PS, metres; share of the patch's cells, 0 to 1, where a driver
    had no value and was filled from the nearest cell (0 for a method without drivers).
    """
    tree = cKDTree(known)
    filled = None
    if stack is not None:
        filled = ndimage.uniform_filter((~stack.valid).astype(np.float32), patch_size)
    with SurfaceWriter(path, grid, ["distance_to_ps_m", "filled_driver_share"]) as writer:
        for tile in grid.tiles(TILE):
            share = np.zeros(tile.size) if filled is None else filled[tile.slices]
            writer.write(tile, tree.query(tile.xy(), workers=-1)[0], share)
