"""Persistent scatterers as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..monitor import SILENT, Monitor
from .grid import Grid


@dataclass(frozen=True)
class Points:
    """Persistent scatterers (PS).

    Parameters
    ----------
    xy : ndarray (n, 2)
        Positions in the working grid's CRS, metres.
    values : ndarray (n,)
        Cumulative displacement, mm.
    variance : ndarray (n,), optional
        Of the values' measurement error, mm2; None if unknown.
    unit : str
        Of the values, as texts show it.
    """

    xy: np.ndarray
    values: np.ndarray
    variance: np.ndarray | None = None
    unit: str = "mm"

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: np.ndarray) -> Points:
        variance = None if self.variance is None else self.variance[index]
        return replace(self, xy=self.xy[index], values=self.values[index], variance=variance)

    def groups(self, grid: Grid) -> np.ndarray:
        """The cell number of each point, (n,): points of one cell are never split apart."""
        rows, columns = grid.cells(self.xy)
        return rows * grid.width + columns


def squared(unit: str) -> str:
    """The unit of squares: mm², (mm/yr)²."""
    return f"{unit}²" if unit.isalpha() else f"({unit})²"


def average_coincident(points: Points, monitor: Monitor = SILENT) -> Points:
    """The points with those of one place averaged, for a method that bears one value there only."""
    xy, place, count = np.unique(points.xy, axis=0, return_inverse=True, return_counts=True)
    if len(xy) == len(points):
        return points
    monitor.log(
        f"{len(points)} points lie in {len(xy)} places; points of the same place are averaged."
    )
    place = place.ravel()
    values = np.bincount(place, points.values) / count
    variance = points.variance
    if variance is not None:
        variance = np.bincount(place, variance) / count**2
    return replace(points, xy=xy, values=values, variance=variance)


def concatenate(points: Points, validation: Points | None) -> Points:
    """Training and validation points together."""
    if validation is None:
        return points
    known = points.variance is not None and validation.variance is not None
    return replace(
        points,
        xy=np.concatenate([points.xy, validation.xy]),
        values=np.concatenate([points.values, validation.values]),
        variance=np.concatenate([points.variance, validation.variance]) if known else None,
    )
