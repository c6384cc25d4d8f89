"""What a forest sees of the drivers: the cell's channels and their means around it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from ..machine.cache import SHARED
from ..spatial.grid import Window
from ..spatial.stack import Stack
from .base import positions

SIZES = (1, 5, 21)  # sides of the squares in cells; odd, so that the cell is their centre

_PATCH_BYTES = 64e6


def features(
    target: np.ndarray | Window, stack: Stack, sizes: tuple = SIZES, coordinates: bool = True
) -> np.ndarray:
    """Means of the drivers around positions (n, 2), or around the cells of a window row by row.

    Parameters
    ----------
    target : ndarray (n, 2) or Window
        Metres.
    stack : Stack
    sizes : tuple of int
        Odd sides of the squares, in cells; 1 is the cell itself. Beyond the grid's edge the cells
        are reflected.
    coordinates : bool
        Whether the position is among the features: easting and northing, and both turned by 45
        degrees, because trees cut along axes only. Kilometres from the grid's corner.

    Returns
    -------
    ndarray (n, channels * len(sizes) + 4 or 0), float32
        All channels of the first size, then of the next; then the coordinates.
    """
    if isinstance(target, Window):
        columns = [_window_means(target, stack, size) for size in sizes]
    else:
        cells = stack.grid.cells(positions(target))
        columns = [SHARED.get(_point_means, *cells, stack, size) for size in sizes]
    if coordinates:
        left, _, _, top, _, _ = stack.grid.transform
        x, y = ((positions(target) - [left, top]) / 1000).T
        columns.append(np.column_stack([x, y, (x + y) / np.sqrt(2), (x - y) / np.sqrt(2)]))
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _window_means(window: Window, stack: Stack, size: int) -> np.ndarray:
    halo = size // 2
    cells = stack.read(window, halo, halo)
    if size > 1:
        cells = uniform_filter(cells, (size, size, 1), output=np.float64)
    cells = cells[halo : halo + window.height, halo : halo + window.width]
    return cells.reshape(window.size, -1)


def _point_means(rows: np.ndarray, columns: np.ndarray, stack: Stack, size: int) -> np.ndarray:
    batch = int(max(1, _PATCH_BYTES // (4 * size**2 * len(stack.channels))))
    means = np.empty((len(rows), len(stack.channels)))
    for i in range(0, len(rows), batch):
        part = slice(i, i + batch)
        means[part] = stack.patches(rows[part], columns[part], size).mean((1, 2), np.float64)
    return means
