"""Elevation, slope, aspect, stream power and wetness."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from ..drivers.terrain import (
    enclosed_holes,
    slope_and_aspect,
    specific_area,
    stream_power,
    wetness,
)
from ..errors import InputError
from ..spatial.grid import Grid, Window
from ..spatial.raster import SurfaceWriter, read_band
from .job import Job

BANDS = {
    "ELEVATION": ("elevation_m", "continuous"),
    "SLOPE": ("slope_degrees", "continuous"),
    "ASPECT": ("aspect_degrees", "circular"),
    "SPI": ("spi_m2_per_m", "continuous"),
    "TWI": ("twi", "continuous"),
}
INDICES = {"SPI": stream_power, "TWI": wetness}

_DEEPEST = -500  # no land on earth lies lower
_TILE = 1024


def run(folder, request, monitor) -> dict:
    """Write the outputs of the request.

    The request's `elevation` is a file on the grid `area`, which holds the map's own and the land
    around it.
    """
    job = Job(folder, request, monitor)
    area = Grid.from_dict(request["area"])
    (row,), (column,) = area.cells(_first_cell(job.grid))
    heights = read_band(folder / request["elevation"])
    _check(heights, heights[row : row + job.grid.height, column : column + job.grid.width], job)
    wanted = [name for name in BANDS if job.wants(name)]
    if INDICES.keys() & set(wanted):
        monitor.progress(0.1, "Following the water")
        flow, depressions = job.parameters["flow"], job.parameters["depressions"]
        upslope = specific_area(heights, area.cell_size, flow, depressions, folder)
        upslope = upslope[row:, column:]
    monitor.progress(0.6, "Writing the maps")
    tiles = list(job.grid.tiles(_TILE))
    with ExitStack() as opened:
        writers = {
            name: opened.enter_context(
                SurfaceWriter(job.file(name, ".tif"), job.grid, [band], [kind])
            )
            for name, (band, kind) in BANDS.items()
            if name in wanted
        }
        for i, tile in enumerate(tiles):
            around = _around(heights, row + tile.row, column + tile.column, tile)
            maps = {"ELEVATION": around[1:-1, 1:-1]}
            if wanted != ["ELEVATION"]:
                maps["SLOPE"], maps["ASPECT"] = slope_and_aspect(around, area.cell_size)
            for name, writer in writers.items():
                if name in INDICES:
                    floor = job.parameters["slope_floor"]
                    maps[name] = INDICES[name](upslope[tile.slices], maps["SLOPE"], floor)
                writer.write(tile, maps[name])
            monitor.progress(0.6 + 0.3 * (i + 1) / len(tiles))
    return job.result


def _around(heights: np.ndarray, row: int, column: int, tile: Window) -> np.ndarray:
    """The heights of a tile and of one more cell around it, NaN beyond the DEM."""
    around = np.full((tile.height + 2, tile.width + 2), np.nan, heights.dtype)
    top, left = max(0, row - 1), max(0, column - 1)
    known = heights[top : row + tile.height + 1, left : column + tile.width + 1]
    first_row, first_column = top - row + 1, left - column + 1
    around[first_row:, first_column:][: known.shape[0], : known.shape[1]] = known
    return around


def _first_cell(grid: Grid) -> np.ndarray:
    left, dx, _, top, _, dy = grid.transform
    return np.array([[left + dx / 2, top + dy / 2]])


def _check(heights: np.ndarray, inside: np.ndarray, job: Job) -> None:
    """Say what is odd about the DEM; `inside` is its part within the map.

    Raises
    ------
    InputError
        If it is empty there, or holds what can be no height.
    """
    if np.isnan(inside).all():
        raise InputError(
            "The DEM has no value in the area of the map. Check EXTENT, REFERENCE and NoData."
        )
    low, high = np.nanmin(heights), np.nanmax(heights)
    if low < _DEEPEST or np.isinf(high):
        odd = high if np.isinf(high) else low
        raise InputError(
            f"The DEM holds cells of {odd:g} m, which is no height of land. If that value means no "
            "data, name it in NODATA, for instance *=-9999."
        )
    if low == high:
        job.monitor.log(
            f"All of the DEM is at {low:g} m: slope is 0, there is no aspect, and SPI and TWI, for "
            "which water takes the shortest path out, mean nothing.",
            "warning",
        )
    count, cells = enclosed_holes(heights)
    if count:
        job.monitor.log(
            f"The DEM has {count:,} {'hole' if count == 1 else 'holes'} of {cells:,} cells in "
            "all. They stay NoData, and water that runs into them is gone: fill them first, for "
            "instance with GDAL's 'Fill nodata', if they are no lakes or pits.",
            "warning",
        )
