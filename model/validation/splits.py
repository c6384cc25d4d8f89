"""Splits into training, validation and test that keep the points of one cell together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from ..errors import InputError
from ..grid import Grid
from ..points import Points

SHARES = (0.8, 0.1, 0.1)
MIN_POINTS = 20
_TRIES = 20


@dataclass(frozen=True)
class Split:
    """Indices of the training, validation and test points."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def parts(self) -> dict:
        """The indices by the name of their part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def make_split(name: str, points: Points, grid: Grid, block_size: float, seed: int) -> Split:
    """Split 80/10/10 at random (`name` "random", as the paper) or by blocks ("block").

    Parameters
    ----------
    block_size : float
        Side of the square blocks, metres.

    Raises
    ------
    InputError
        If the points or the blocks are too few.
    """
    if len(points) < MIN_POINTS:
        raise InputError(
            f"{len(points)} points are too few to train, validate and test: at least "
            f"{MIN_POINTS} are needed. Give more points or a larger area."
        )
    groups = points.groups(grid)
    if name == "random":
        return random_split(groups, seed)
    if name != "block":
        raise InputError(f"Unknown split '{name}'. Known splits: random, block.")
    return block_split(groups, grid, block_size, seed)


def random_split(groups: np.ndarray, seed: int, shares: tuple = SHARES) -> Split:
    """Split groups at random so that the shares of points come closest to `shares`.

    Several draws are made and the best balanced is taken, as verde's block splits do: groups
    differ in size.
    """
    everything = np.arange(len(groups))
    rest, test = _draw(everything, groups, shares[2], seed)
    train, validation = _draw(rest, groups[rest], shares[1] / (shares[0] + shares[1]), seed)
    return Split(train, validation, test)


def block_split(groups: np.ndarray, grid: Grid, block_size: float, seed: int) -> Split:
    """Split square blocks of `block_size` metres; a cell belongs to the block of its centre."""
    if not block_size > 0:
        raise InputError(f"BLOCK_SIZE was {block_size} m; it must be above 0.")
    rows, columns = groups // grid.width, groups % grid.width
    width, height = grid.cell_size
    block_rows = ((rows + 0.5) * height // block_size).astype(np.int64)
    block_columns = ((columns + 0.5) * width // block_size).astype(np.int64)
    blocks = block_rows * (block_columns.max() + 1) + block_columns
    count = len(np.unique(blocks))
    if count < 3:
        raise InputError(
            f"The points fill only {count} block(s) of {block_size:g} m; training, validation and "
            "test need one each. Use a smaller BLOCK_SIZE."
        )
    return random_split(blocks, seed)


def _draw(index: np.ndarray, groups: np.ndarray, share: float, seed: int):
    """Two parts of an index, the second with about `share` of the points."""
    if share == 0:
        return index, index[:0]
    count = len(np.unique(groups))
    if count < 2:
        raise InputError(
            "All points lie in one cell or one block, so none can be held out. "
            "Give more points, a smaller CELL_SIZE or a smaller BLOCK_SIZE."
        )
    held_out = min(max(round(share * count), 1), count - 1)
    draws = GroupShuffleSplit(_TRIES, test_size=held_out, random_state=seed)
    kept, taken = min(
        draws.split(index, groups=groups),
        key=lambda parts: abs(len(parts[1]) / len(index) - share),
    )
    return index[kept], index[taken]
