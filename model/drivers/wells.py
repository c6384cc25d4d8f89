"""Which wells count, and their density."""

from __future__ import annotations

import math

import numpy as np

from ..files.columns import as_text
from ..spatial.grid import Window

_NOT_ACTIVE = ["", "0", "false", "f", "no", "n"]


def is_active(column: np.ndarray, accepted: str | None = None) -> np.ndarray:
    """Which wells (n,) count by the values of a field.

    Parameters
    ----------
    column : ndarray (n,)
        Numbers, NaN where empty, or texts.
    accepted : str, optional
        The values that count, separated by semicolons, in upper or lower case. Without it all but
        0, false, f, no, n and empty.
    """
    texts = np.char.lower(as_text(column))
    if accepted is None:
        return ~np.isin(texts, _NOT_ACTIVE)
    return np.isin(texts, [value.strip().lower() for value in accepted.split(";")])


def density(window: Window, xy: np.ndarray, weights: np.ndarray, bandwidth: float) -> np.ndarray:
    """Kernel density at the centres of a window's cells, (height, width), per km2.

    The quartic kernel (Silverman, 1986, Density Estimation for Statistics and Data Analysis,
    eq. 4.5), scaled so that each well's integral over the plane is its weight.

    Parameters
    ----------
    xy : ndarray (n, 2)
        Wells, also those outside the window, metres.
    weights : ndarray (n,)
    bandwidth : float
        Radius of the kernel, metres.
    """
    left, dx, _, top, _, dy = window.grid.transform
    x = left + dx * (window.column + 0.5 + np.arange(window.width))
    y = top + dy * (window.row + 0.5 + np.arange(window.height))
    total = np.zeros((window.height, window.width))
    near = (xy[:, 0] > x[0] - bandwidth) & (xy[:, 0] < x[-1] + bandwidth)
    near &= (xy[:, 1] < y[0] + bandwidth) & (xy[:, 1] > y[-1] - bandwidth)
    for (east, north), weight in zip(xy[near], weights[near]):
        columns = slice(*np.searchsorted(x, [east - bandwidth, east + bandwidth]))
        rows = slice(*np.searchsorted(-y, [-north - bandwidth, -north + bandwidth]))
        across = ((x[columns] - east) / bandwidth) ** 2
        along = ((y[rows] - north) / bandwidth) ** 2
        kernel = np.maximum(1 - along[:, None] - across, 0)
        total[rows, columns] += weight * kernel**2
    return total * 3e6 / (math.pi * bandwidth**2)
