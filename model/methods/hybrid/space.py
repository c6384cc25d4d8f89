"""Positions and drivers in one space, in which kriging has linear variograms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from ...geostatistics.kriging import KrigingSystems
from ...geostatistics.neighbours import Neighbours
from ...machine.threads import in_chunks
from ...spatial.points import Points

NARROW, BROAD = (11, 31), (61,)  # sides of the squares of each part of the variogram
JITTER = 1e-9  # of the sill: places that are nearly one would make a system singular

_IN_TRIALS = 24  # neighbours
_LEAST_GAIN = 0.01  # of the log error, for which a space is stretched or values taken for noisy
_NUGGETS = (0.1, 0.3, 1.0)
_TURNS = [(azimuth, ratio) for azimuth in (0, 45, 90, 135) for ratio in (0.7, 0.5)]
_SHARES = (0.0, 0.3)
_WEIGHTS = (0.0, 0.5, 1.0, 1.5)


def mean_spacing(xy: np.ndarray) -> float:
    """Side of the square that each point would have of the extent; of a line its share, metres."""
    extent = np.ptp(xy, axis=0)
    return float(max(np.sqrt(extent.prod() / len(xy)), extent.max() / len(xy)))


class SquareRoot:
    """The square root of values, counted from their lower end, or their upper if skewed so."""

    def fit(self, values: np.ndarray) -> SquareRoot:
        """Take the end from values (n,)."""
        self._sign = 1.0 if np.mean((values - values.mean()) ** 3) >= 0 else -1.0
        self._end = (self._sign * values).min()
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Values to roots; beyond the end they are 0."""
        return np.sqrt(np.maximum(self._sign * values - self._end, 0))

    def inverse_transform(self, root: np.ndarray) -> np.ndarray:
        """Roots to values."""
        return self._sign * (self._end + np.square(root))


@dataclass(frozen=True)
class Space:
    """Positions and drivers in one space, with a sum of linear variograms in parts of it.

    Parameters
    ----------
    unit : float
        The points' mean spacing, metres.
    turn : ndarray (2, 2)
        What positions are multiplied by.
    nugget : float
        Variance of the points' own errors, in units of what their mean spacing brings.
    weight : float
        How much a deviation of a driver counts beside a unit of distance.
    parts : tuple of (float, slice or ndarray)
        Of the variogram: a share and the columns of the space.
    """

    unit: float
    turn: np.ndarray = field(default_factory=lambda: np.eye(2))
    nugget: float = 0.0
    weight: float = 1.0
    parts: tuple = ((1.0, slice(0, 2)),)

    @classmethod
    def fit(
        cls, points: Points, means: np.ndarray, sizes: np.ndarray, hidden: Iterable, values
    ) -> Space:
        """Choose a space by how well linear kriging predicts hidden points in it.

        What is compared is the log of the error's root mean square, averaged over the sizes of the
        blocks: first by direction and nugget in the plane, then by how much drivers count.

        Parameters
        ----------
        points : Points
        means : ndarray (n, f)
            Their drivers' features.
        sizes : ndarray (f,)
            Sides of the squares of the features.
        hidden : iterable of (float, ndarray, ndarray)
            Blocks' size, visible and hidden points.
        values : ndarray (n,)
            What is kriged.
        """
        loss = _held_out_loss(points, hidden, values)
        space = cls(mean_spacing(points.xy))
        turns = {(0, 1.0): loss(space) - _LEAST_GAIN}
        turns |= {turn: loss(replace(space, turn=stretch(*turn))) for turn in _TURNS}
        space = replace(space, turn=stretch(*min(turns, key=turns.__getitem__)))
        nuggets = {0.0: loss(space) - _LEAST_GAIN}
        nuggets |= {nugget: loss(replace(space, nugget=nugget)) for nugget in _NUGGETS}
        space = replace(space, nugget=min(nuggets, key=nuggets.__getitem__))
        broad, narrow = (
            np.r_[0, 1, 2 + np.flatnonzero(np.isin(sizes, some))] for some in (BROAD, NARROW)
        )
        found = []
        for share in _SHARES:
            parts = ((1 - share, broad), (share, narrow))[: 2 if share else 1]
            found += [replace(space, weight=weight, parts=parts) for weight in _WEIGHTS]
        losses = [loss(each, means) for each in found]
        return found[int(np.argmin(losses))]

    def transform(self, xy: np.ndarray, means: np.ndarray | None) -> np.ndarray:
        """Places in the space, (m, f), in units of the points' mean spacing."""
        plane = xy @ self.turn / self.unit
        return plane if means is None else np.column_stack([plane, self.weight * means])

    def krige(
        self, places: np.ndarray, targets: np.ndarray, noise: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights (m, k) and variance (m,) at targets (m, f) from places (m, k, f)."""
        between, towards = 0.0, 0.0
        for share, columns in self.parts:
            each = distances(places[..., columns], targets[:, columns])
            between, towards = between + share * each[0], towards + share * each[1]
        return KrigingSystems(between, noise, JITTER).weights(towards)


def _held_out_loss(points: Points, hidden: Iterable, values: np.ndarray) -> Callable:
    """What `Space.fit` makes small, as a function of a space and the drivers' features."""
    by_size: dict[float, list] = {}
    for size, visible, index in hidden:
        near = visible[Neighbours(points.xy[visible], _IN_TRIALS).find(points.xy[index])]
        by_size.setdefault(size, []).append((near, index))
    trials = [tuple(map(np.concatenate, zip(*each))) for each in by_size.values()]

    def loss(space: Space, means: np.ndarray | None = None) -> float:
        places = space.transform(points.xy, means)

        def errors(near, index):
            weights, _ = space.krige(places[near], places[index], space.nugget)
            return (weights * values[near]).sum(axis=1) - values[index]

        logs = []
        for near, index in trials:
            parts = in_chunks(
                lambda part, near=near, index=index: errors(near[part], index[part]),
                len(index),
                _IN_TRIALS**2,
            )
            error = np.concatenate(parts)
            logs.append(np.log(np.square(error).mean() + 1e-300) / 2)
        return float(np.mean(logs))

    return loss


def stretch(azimuth: float, ratio: float) -> np.ndarray:
    """The matrix (2, 2) that shortens distances along an azimuth, in degrees, and no area."""
    turn = np.radians(azimuth)
    along, across = [np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]
    return np.column_stack([along, across]) * np.sqrt([ratio, 1 / ratio])


def distances(places: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (m, k, k) between places (m, k, f), and (m, k) from them to targets (m, f)."""
    step = places - targets[:, None]
    square = np.square(step).sum(axis=2)
    between = square[:, :, None] + square[:, None] - 2 * step @ np.swapaxes(step, 1, 2)
    each = np.arange(step.shape[1])
    between[:, each, each] = 0
    return np.sqrt(np.maximum(between, 0)), np.sqrt(square)
