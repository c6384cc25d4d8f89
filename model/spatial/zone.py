"""A zone: polygons of one name, and the cells and points in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.features import bounds

from .grid import Grid, Window
from .points import Points
from .polygons import cells_within, points_within


@dataclass(frozen=True)
class Zone:
    """Polygons of one name.

    Parameters
    ----------
    name : str
    geometries : list of dict
        GeoJSON in the grid's CRS.
    rows, columns : ndarray (n,)
        The cells whose centres lie in it.
    """

    name: str
    geometries: list
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def on(cls, grid: Grid, name: str, geometries: list[dict]) -> Zone:
        """The zone with its cells on a grid; overlapping polygons share their cells."""
        inside = [cells_within(geometry, grid) for geometry in geometries]
        numbers = [rows * grid.width + columns for rows, columns in inside]
        cells = np.unique(np.concatenate([np.empty(0, int), *numbers]))
        return cls(name, geometries, cells // grid.width, cells % grid.width)

    def window(self, grid: Grid, margin: float = 0.0) -> Window:
        """The cells around the zone, and on each side a share more of its longer side."""
        more = int(margin * max(np.ptp(self.rows), np.ptp(self.columns)) + 0.5)
        top, left = max(0, self.rows.min() - more), max(0, self.columns.min() - more)
        bottom = min(grid.height, self.rows.max() + 1 + more)
        right = min(grid.width, self.columns.max() + 1 + more)
        return Window(grid, int(top), int(left), int(bottom - top), int(right - left))

    def extends_beyond(self, grid: Grid) -> bool:
        """Whether part of it lies beside the grid."""
        left, dx, _, top, _, dy = grid.transform
        edges = np.array([bounds(geometry) for geometry in self.geometries])
        west, south = edges[:, :2].min(axis=0)
        east, north = edges[:, 2:].max(axis=0)
        return (
            west < left - dx / 2
            or north > top - dy / 2
            or east > left + dx * (grid.width + 0.5)
            or south < top + dy * (grid.height + 0.5)
        )

    def holds(self, points: Points) -> Points:
        """The points in it."""
        within = [points_within(geometry, points.xy) for geometry in self.geometries]
        return points[np.any([np.zeros(len(points), bool), *within], axis=0)]
