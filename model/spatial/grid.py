"""The working grid: cells, windows, and the centre convention of an even patch.

A patch of P x P cells around the cell (row, column) covers the rows from ``row - P // 2`` to
``row - P // 2 + P - 1``, and the columns likewise. For an odd P the cell is the patch's centre; for
an even P it is the lower right of the four central cells. Every patch in the plugin is cut so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in a projected CRS.

    Parameters
    ----------
    crs : str
        Well-known text.
    transform : tuple of 6 floats
        GDAL's order: left edge, cell width, 0, top edge, 0, minus cell height; in metres.
    width, height : int
        Columns and rows.
    """

    crs: str
    transform: tuple
    width: int
    height: int

    @classmethod
    def from_dict(cls, message: dict) -> Grid:
        """The grid that a request or a bundle describes."""
        return cls(message["crs"], tuple(message["transform"]), message["width"], message["height"])

    def to_dict(self) -> dict:
        """The grid as it stands in a request or a bundle."""
        return {
            "crs": self.crs,
            "transform": list(self.transform),
            "width": self.width,
            "height": self.height,
        }

    @property
    def cell_size(self) -> tuple[float, float]:
        """Cell width and height in metres."""
        return abs(self.transform[1]), abs(self.transform[5])

    @property
    def window(self) -> Window:
        """The whole grid as one window."""
        return Window(self, 0, 0, self.height, self.width)

    def cells(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns, each (n,), of positions (n, 2); the far edges belong to the grid."""
        left, dx, _, top, _, dy = self.transform
        columns = np.floor((xy[:, 0] - left) / dx).astype(np.int64)
        rows = np.floor((xy[:, 1] - top) / dy).astype(np.int64)
        columns[xy[:, 0] == left + dx * self.width] = self.width - 1
        rows[xy[:, 1] == top + dy * self.height] = self.height - 1
        return rows, columns

    def inside(self, xy: np.ndarray) -> np.ndarray:
        """Whether each of the positions (n, 2) lies on the grid."""
        rows, columns = self.cells(xy)
        return (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)

    def tiles(self, size: int) -> Iterator[Window]:
        """See `Window.tiles`."""
        return self.window.tiles(size)


@dataclass(frozen=True)
class Window:
    """A rectangle of cells of a grid."""

    grid: Grid
    row: int
    column: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.height * self.width

    def tiles(self, size: int) -> Iterator[Window]:
        """Windows of at most `size` x `size` cells that cover this one, row by row."""
        for row in range(0, self.height, size):
            for column in range(0, self.width, size):
                yield Window(
                    self.grid,
                    self.row + row,
                    self.column + column,
                    min(size, self.height - row),
                    min(size, self.width - column),
                )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns as slices of an array that covers the grid."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.column, self.column + self.width),
        )

    def xy(self) -> np.ndarray:
        """Cell centres in metres, (height * width, 2), row by row."""
        left, dx, _, top, _, dy = self.grid.transform
        x = left + dx * (self.column + 0.5 + np.arange(self.width))
        y = top + dy * (self.row + 0.5 + np.arange(self.height))
        return np.column_stack([np.tile(x, self.height), np.repeat(y, self.width)])


def reflect(index: np.ndarray, size: int) -> np.ndarray:
    """Fold indices that lie outside ``0 ... size - 1`` back by reflection about the edge cells.

    The same as ``numpy.pad(..., mode="reflect")`` on the cells themselves, for any distance.
    """
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    folded = np.mod(index, period)
    return np.where(folded < size, folded, period - folded)


def patch_index(first: np.ndarray | list[int], length: int, size: int) -> np.ndarray:
    """Indices (n, length) of the cells from ``first`` on along one axis, reflected at the edges."""
    return reflect(np.asarray(first)[:, None] + np.arange(length), size)


def sample_cells(grid: Grid, valid: np.ndarray | None, count: int, seed: int) -> np.ndarray:
    """Centres of cells drawn at random, (m, 2), at most `count`, from those that are valid.

    Parameters
    ----------
    valid : ndarray (height, width) of bool, optional
        All cells without.
    """
    # Counted by rows: the numbers of all valid cells would fill the memory where there are many.
    per_row = np.full(grid.height, grid.width)
    if valid is not None:
        per_row = np.count_nonzero(valid, axis=1)
    last = np.cumsum(per_row)
    usable = int(last[-1])
    drawn = np.random.default_rng(seed).choice(usable, min(count, usable), replace=False)
    left, dx, _, top, _, dy = grid.transform
    rows = np.searchsorted(last, drawn, side="right")
    columns = drawn - (last - per_row)[rows]
    if valid is not None:
        columns = np.array([np.flatnonzero(valid[row])[i] for row, i in zip(rows, columns)])
    return np.column_stack([left + dx * (columns + 0.5), top + dy * (rows + 0.5)])
