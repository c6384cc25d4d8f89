"""Maps from neighbourhoods that cells share, where that makes next to no difference."""

from __future__ import annotations

import numpy as np

from ..machine.threads import in_chunks
from ..spatial.grid import Window

LARGEST = 16  # cells along a block's side; a power of 2

_CORNERS = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])


def map_in_blocks(window: Window, method, xy: np.ndarray, layers: int) -> np.ndarray:
    """Values at the cells of a window, by one neighbourhood for each block of cells.

    A block of 16 x 16 cells has the neighbourhood of its centre. It is split in four, down to
    single cells, unless it passes two checks: all points in it are among the neighbours; and at
    each of its corners what they say is, within what the method allows, what the corner's own
    neighbours say. What they lack there, in units of what is allowed, is interpolated between the
    corners and added. Blocks lie as the grid does, so a cell's value does not depend on the window.

    Parameters
    ----------
    window : Window
    method : object
        With `near`: from places (m, 2) to the indices (m, k) of the points that have a say there;
        `systems`: from such indices to a function that takes positions (m, t, 2), and a choice of
        the m, and gives what each neighbourhood says there, (layers, m, t); and `allowed`: from
        what is said (layers, ...) to the difference (...) that may be.
    xy : ndarray (n, 2)
        The points.
    layers : int

    Returns
    -------
    ndarray (layers, cells of the window)
    """
    blocks = _Blocks(window, method, xy, layers)
    rows, columns = np.mgrid[: blocks.shape[0] : LARGEST, : blocks.shape[1] : LARGEST]
    rows, columns, size = rows.ravel(), columns.ravel(), LARGEST
    while len(rows):
        left = ~blocks.fill(rows, columns, size)
        size //= 2
        rows, columns = (
            (first[left, None] + size * corner).ravel()
            for first, corner in zip((rows, columns), _CORNERS)
        )
    row, column = np.array([window.row, window.column]) - blocks.first
    cells = blocks.cells[:, row : row + window.height, column : column + window.width]
    return cells.reshape(layers, -1)


class _Blocks:
    """The blocks that cover a window; rows and columns count from the first block's."""

    def __init__(self, window: Window, method, xy: np.ndarray, layers: int):
        self._grid, self._method = window.grid, method
        self.first = np.array([window.row, window.column]) // LARGEST * LARGEST
        ends = np.array([window.row + window.height, window.column + window.width])
        self.shape = tuple(-(-(ends - self.first) // LARGEST) * LARGEST)
        self.cells = np.empty((layers, *self.shape))
        self._at_corners = np.empty((layers, self.shape[0] + 1, self.shape[1] + 1))
        self._allowed = np.full(self._at_corners.shape[1:], np.nan)
        cells = np.stack(window.grid.cells(xy)) - self.first[:, None]
        self._points = np.flatnonzero(((cells.T >= 0) & (cells.T < self.shape)).all(axis=1))
        self._point_cells = cells[:, self._points]

    def fill(self, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
        """Fill the blocks (m,) that pass the checks, or are single cells; gives which."""
        index = self._near(rows + size / 2, columns + size / 2)
        corners = tuple(
            first[:, None] + size * corner for first, corner in zip((rows, columns), _CORNERS)
        )
        row, column = cell = np.mgrid[:size, :size].reshape(2, 1, -1)
        share = (cell + 0.5) / size
        between = np.where(_CORNERS[..., None], share, 1 - share).prod(axis=0)
        filled = np.ones(len(rows), bool)
        if size > 1:
            filled = self._hold_their_points(rows, columns, size, index)
            self._ask_corners(*(each[filled] for each in corners))
        chosen = np.flatnonzero(filled)

        def some(part):
            these = chosen[part]
            say = self._method.systems(index[these])
            alike = np.ones(len(these), bool)
            if size > 1:
                lattice = corners[0][these], corners[1][these]
                lack = self._at_corners[:, lattice[0], lattice[1]] - say(self._places(*lattice))
                with np.errstate(divide="ignore", invalid="ignore"):
                    lack /= self._allowed[lattice]
                # The outermost cells' centres are that much nearer than the corners.
                alike = (np.abs(lack) <= size / (size - 1)).all(axis=(0, 2))
                filled[these] = alike
            these = these[alike]
            inside = rows[these, None] + row, columns[these, None] + column
            said = say(self._places(inside[0] + 0.5, inside[1] + 0.5), alike)
            if size > 1:
                # A matrix product's last bits would depend on how many blocks are asked together.
                lacking = (lack[:, alike, :, None] * between).sum(axis=2)
                said += lacking * self._method.allowed(said)
            self.cells[:, inside[0], inside[1]] = said

        in_chunks(some, len(chosen), index.shape[1] * max(index.shape[1], size**2))
        return filled

    def _near(self, rows, columns) -> np.ndarray:
        xy = self._places(rows, columns)
        return np.concatenate(in_chunks(lambda part: self._method.near(xy[part]), len(xy), 500))

    def _hold_their_points(self, rows, columns, size, index) -> np.ndarray:
        """Whether the points in each block are among its neighbours."""
        block = np.full((self.shape[0] // size, self.shape[1] // size), -1)
        block[rows // size, columns // size] = np.arange(len(rows))
        home = block[tuple(self._point_cells // size)]
        point, home = self._points[home >= 0], home[home >= 0]
        hold = np.ones(len(rows), bool)
        hold[home[~(index[home] == point[:, None]).any(axis=1)]] = False
        return hold

    def _ask_corners(self, rows, columns) -> None:
        """See to it that it is known what corners' own neighbours say."""
        new = np.isnan(self._allowed[rows, columns])
        rows, columns = np.unique([rows[new], columns[new]], axis=1)
        if not len(rows):
            return
        index = self._near(rows, columns)
        xy = self._places(rows, columns)[:, None]

        def some(part):
            said = self._method.systems(index[part])(xy[part])[..., 0]
            self._at_corners[:, rows[part], columns[part]] = said
            self._allowed[rows[part], columns[part]] = self._method.allowed(said)

        in_chunks(some, len(rows), index.shape[1] ** 2)

    def _places(self, rows, columns) -> np.ndarray:
        left, dx, _, top, _, dy = self._grid.transform
        x, y = left + dx * (self.first[1] + columns), top + dy * (self.first[0] + rows)
        return np.stack([x, y], axis=-1)
