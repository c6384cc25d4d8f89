"""What lies within polygons, given as GeoJSON in the grid's CRS."""

from __future__ import annotations

import numpy as np
from matplotlib.path import Path
from rasterio.features import bounds, rasterize
from rasterio.transform import Affine

from .grid import Grid


def cells_within(geometry: dict, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cells whose centres lie in a polygon."""
    left, dx, _, top, _, dy = grid.transform
    west, south, east, north = bounds(geometry)
    columns = np.clip([np.floor((west - left) / dx), np.ceil((east - left) / dx)], 0, grid.width)
    rows = np.clip([np.floor((north - top) / dy), np.ceil((south - top) / dy)], 0, grid.height)
    (first_row, last_row), (first_column, last_column) = rows.astype(int), columns.astype(int)
    shape = last_row - first_row, last_column - first_column
    if 0 in shape:
        return np.empty(0, int), np.empty(0, int)
    corner = Affine(dx, 0, left + dx * first_column, 0, dy, top + dy * first_row)
    inside = np.nonzero(rasterize([geometry], shape, transform=corner, dtype="uint8"))
    return inside[0] + first_row, inside[1] + first_column


def points_within(geometry: dict, xy: np.ndarray) -> np.ndarray:
    """Whether each of the points (n, 2) lies in a polygon; those in its holes do not."""
    west, south, east, north = bounds(geometry)
    inside = np.all((xy >= [west, south]) & (xy <= [east, north]), axis=1)
    near = np.flatnonzero(inside)
    crossings = [Path(ring).contains_points(xy[near]) for ring in rings(geometry)]
    inside[near] = np.sum(crossings, axis=0) % 2
    return inside


def rings(geometry: dict) -> list[np.ndarray]:
    """The outlines of all parts of a polygon and of their holes, each (k, 2)."""
    parts = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        parts = [parts]
    return [np.array(ring)[:, :2] for part in parts for ring in part]
