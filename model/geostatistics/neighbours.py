"""Which points have a say at a place, and how far they are."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..machine.memory import require
from ..machine.threads import cores

_CANDIDATES, _FAR_CANDIDATES = 4, 1  # times the neighbours wanted
_COPIES = 6  # of a system: squares, distances, covariances, and what solves it


class Neighbours:
    """The nearest points, spread over the directions.

    Each of some equal sectors around a place gives its nearest points, up to its share; what is
    then left of the number goes to the nearest of the others. A cluster on one side does not hide
    so the points on the other (Isaaks and Srivastava, 1989, Applied Geostatistics, p. 342). A
    cluster may be larger than any number of candidates; a sector that has none among the nearest
    gets one of a choice that is thinned to one point in each cell of a lattice.

    Parameters
    ----------
    xy : ndarray (n, 2)
    count : int
        How many neighbours a place has; all points if there are no more.
    sectors : int
        1 takes the nearest points, wherever they are.
    """

    def __init__(self, xy: np.ndarray, count: int, sectors: int = 8):
        self.xy = xy
        self.count = count
        self.sectors = sectors
        self._tree = cKDTree(xy)
        extent = np.ptp(xy, axis=0)
        # Points spread evenly would be four in a cell.
        side = 2 * max(np.sqrt(extent.prod() / len(xy)), extent.max() / len(xy), 1e-9)
        self._thin = np.unique((xy - xy.min(axis=0)) // side, axis=0, return_index=True)[1]
        self._thin_tree = cKDTree(xy[self._thin])

    def find(self, targets: np.ndarray, besides: np.ndarray | None = None) -> np.ndarray:
        """Indices (m, k) of the neighbours of targets (m, 2), in no order that means anything.

        Parameters
        ----------
        besides : ndarray (m,), optional
            For each target the index of a point that must not be among them.
        """
        n, left_out = len(self.xy), int(besides is not None)
        count = min(self.count, n - left_out)
        if count == n:
            return np.tile(np.arange(n), (len(targets), 1))
        wanted = min(n - left_out, count * (_CANDIDATES if self.sectors > 1 else 1))
        distance, index = self._tree.query(targets, np.arange(1, wanted + left_out + 1))
        farthest = distance[:, -1:]
        if besides is not None:
            own = index == besides[:, None]
            own[~own.any(axis=1), -1] = True
            index = index[~own].reshape(len(targets), wanted)
        return index if wanted == count else self._spread(targets, index, farthest, count)

    def _spread(self, targets, near, farthest, count) -> np.ndarray:
        """Choose among the candidates, all of which come by distance."""
        wanted = min(count * _FAR_CANDIDATES, len(self._thin))
        distance, far = self._thin_tree.query(targets, np.arange(1, wanted + 1))
        index = np.hstack([near, self._thin[far]])
        x, y = (self.xy[:, i][index] - targets[:, i, None] for i in (0, 1))
        turn = np.arctan2(y, x) * (self.sectors / (2 * np.pi))
        sector = np.floor(turn).astype(np.int8) % np.int8(self.sectors)
        nearest = slice(near.shape[1]), slice(near.shape[1], None)
        near, far = ((slice(None), part) for part in nearest)
        # Thinned points no farther than these are among those already.
        sector[far][distance <= farthest] = -1
        rank = np.zeros(sector.shape, np.int8)
        rank[far] = 2
        for each in range(self.sectors):
            mine = sector == each
            place = mine.cumsum(axis=1, dtype=np.min_scalar_type(mine.shape[1]))
            rank[near] += mine[near] & (place[near] > count // self.sectors)
            rank[far][mine[far] & (place[far] == 1)] = 0
        order = np.argsort(rank, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(index, order, axis=1)


def square_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances of positions (..., 2); a norm along so short an axis takes far longer."""
    square = np.square(a[..., 0] - b[..., 0])
    square += np.square(a[..., 1] - b[..., 1])
    return square


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances between positions (..., 2)."""
    square = square_distance(a, b)
    return np.sqrt(square, out=square)


def require_systems(neighbours: int, places: int = 0) -> None:
    """Refuse to solve systems of so many neighbours if they would fill the memory.

    Parameters
    ----------
    neighbours : int
        Of a place; their matrix is in memory some times in each thread.
    places : int
        How many places have their list of neighbours in memory at a time.
    """
    require(
        8 * (cores() * _COPIES * neighbours**2 + 2 * places * neighbours),
        f"A system of {neighbours:,} neighbours",
        "Use fewer NEIGHBOURS; beyond some 100 the map hardly changes.",
    )
