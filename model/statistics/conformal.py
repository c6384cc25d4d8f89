"""Prediction intervals whose coverage is right: held-out errors say how wide they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

COVERAGE = 0.9
NEIGHBOURS = 8

_PER_BIN, _MOST_BINS = 100, 20
_CLASSES = 8


def conformal_quantile(scores: np.ndarray, coverage: float = COVERAGE) -> float:
    """The score that a new one, exchangeable with the n given, exceeds in 1 - `coverage` at most.

    The ceil((n + 1) * coverage)-th smallest (Vovk et al., 2005, doi:10.1007/b106715; Lei et al.,
    2018, doi:10.1080/01621459.2017.1307116). Of fewer scores than that, which give no such bound,
    the largest.
    """
    rank = int(np.ceil(round((len(scores) + 1) * coverage, 9)))
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


class Surroundings:
    """What the known points around a place say before any method has predicted."""

    def fit(self, xy: np.ndarray, values: np.ndarray | None = None) -> Surroundings:
        """Take the known points (n, 2), metres, and their values (n,), mm, if they are known."""
        self._tree = cKDTree(xy)
        self._values = values
        return self

    def describe(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Look around at positions (m, 2).

        Returns
        -------
        distance : ndarray (m,)
            To the nearest point, metres.
        spread : ndarray (m,) or None
            Standard deviation of the 8 nearest values, mm; None if no values are known.
        density : ndarray (m,)
            Points per km2, in the circle that holds the 8 nearest.
        """
        count = min(NEIGHBOURS, self._tree.n)
        distance, index = self._tree.query(xy, np.arange(1, count + 1), workers=-1)
        spread = None if self._values is None else self._values[index].std(axis=1)
        # Points that lie in one place have no circle: a metre stands for it.
        return distance[:, 0], spread, 1e6 * count / (np.pi * np.maximum(distance[:, -1], 1) ** 2)


@dataclass(frozen=True)
class HeldOut:
    """Errors at points that a method had not seen, and what it knew around them.

    Parameters
    ----------
    index : ndarray (n,)
        Which point; one may have been held out more than once.
    distance : ndarray (n,)
        To the nearest point that was known, metres.
    error : ndarray (n,)
        Predicted minus observed, mm.
    spread, own : ndarray (n,), optional
        Standard deviations, mm: of the nearest known values, and that the method itself gives.
    """

    index: np.ndarray
    distance: np.ndarray
    error: np.ndarray
    spread: np.ndarray | None = None
    own: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.error)

    @property
    def by_distance(self) -> HeldOut:
        """The same errors as if nothing but the distance were known."""
        return HeldOut(self.index, self.distance, self.error)

    def __getitem__(self, some: np.ndarray) -> HeldOut:
        return HeldOut(**{name: each[some] for name, each in self._columns().items()})

    @classmethod
    def concatenate(cls, parts: list[HeldOut]) -> HeldOut:
        """Errors of several folds as one."""
        columns = [part._columns() for part in parts]
        return cls(
            **{name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
        )

    def _columns(self) -> dict[str, np.ndarray]:
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}


@dataclass(frozen=True)
class Intervals:
    """How far the map may be wrong, from errors at held-out points.

    Split conformal prediction with normalised scores (Lei et al., 2018,
    doi:10.1080/01621459.2017.1307116) in bins of the distance to the nearest known point (Vovk et
    al., 2003, doi:10.1007/978-3-540-39624-6_32). A score is an error over a scale: how much the
    nearest values differ among themselves, and where the method has a standard deviation of its
    own, the geometric mean of both. So intervals are wide where the ground moves unevenly, as wide
    as errors were at that distance, and need no distribution.

    Parameters
    ----------
    distance : ndarray (k,)
        Median of each bin, metres, increasing; linear between them and level beyond.
    deviation, half_width : ndarray (k,)
        Standard deviation of the error and half the width of the 90 % interval, in units of the
        scale; mm where nothing was known but the distance. For the usual scale they never
        decrease with the distance.
    floor : float
        mm, added to what the scale is made of, because no place is without error: the median size
        of the errors.
    """

    distance: np.ndarray
    deviation: np.ndarray
    half_width: np.ndarray
    floor: float = 0.0

    @classmethod
    def fit(cls, held: HeldOut) -> Intervals:
        """Fit to held-out errors; bins have 100 of them or more, and there are at most 20."""
        bins = np.array_split(
            np.argsort(held.distance, kind="stable"),
            np.clip(len(held) // _PER_BIN, 1, _MOST_BINS),
        )
        floor = float(np.median(np.abs(held.error))) or np.finfo(float).tiny
        scale = _scale(floor, held.spread, held.own) * np.ones(len(held))
        scores = np.abs(held.error) / scale
        distance = np.array([np.median(held.distance[each]) for each in bins])
        deviation = _rising(bins, scores, scale, _rms)
        half_width = _rising(bins, scores, scale, conformal_quantile)
        return cls(distance, deviation, half_width, floor)

    @classmethod
    def from_dict(cls, message: dict) -> Intervals:
        """Those that a bundle's header describes."""
        return cls(
            np.array(message["distance_m"]),
            np.array(message["standard_deviation_mm"]),
            np.array(message["half_width_90_mm"]),
        )

    def to_dict(self) -> dict:
        """As in a bundle's header; only of errors of which nothing but the distance was known."""
        return {
            "distance_m": self.distance.tolist(),
            "standard_deviation_mm": self.deviation.tolist(),
            "half_width_90_mm": self.half_width.tolist(),
        }

    def predict(
        self,
        distance: np.ndarray,
        spread: np.ndarray | None = None,
        own: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviation and half width, mm, where as much is known as in fitting."""
        scale = _scale(self.floor, spread, own)
        return (
            scale * np.interp(distance, self.distance, self.deviation),
            scale * np.interp(distance, self.distance, self.half_width),
        )


def cross_coverage(held: HeldOut, group: np.ndarray) -> list[dict]:
    """How often intervals hold that were made without the errors they are checked on.

    Parameters
    ----------
    held : HeldOut
    group : ndarray (number of points,)
        Points of one group, as a fold of blocks, are checked with what the others give.

    Returns
    -------
    list of dict
        By class of the distance, and of all at last: "from" and "to" in metres, "count",
        "share" inside the interval, "width" of the interval in the mean, mm. Empty with one group.
    """
    groups = group[held.index]
    half_width = np.empty(len(held))
    if len(np.unique(groups)) < 2:
        return []
    for each in np.unique(groups):
        checked = groups == each
        intervals, rest = Intervals.fit(held[~checked]), held[checked]
        _, half_width[checked] = intervals.predict(rest.distance, rest.spread, rest.own)
    order = np.argsort(held.distance, kind="stable")
    classes = np.array_split(order, np.clip(len(held) // _PER_BIN, 1, _CLASSES))
    return [
        {
            "from": float(held.distance[some].min()),
            "to": float(held.distance[some].max()),
            "count": len(some),
            "share": float((np.abs(held.error[some]) <= half_width[some]).mean()),
            "width": float(2 * half_width[some].mean()),
        }
        for some in [*(classes if len(classes) > 1 else []), order]
    ]


def nearest_distance(known: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Distance, metres, from each target (m, 2) to the nearest of the known positions (n, 2)."""
    return cKDTree(known).query(targets, workers=-1)[0]


def _scale(floor: float, spread, own) -> np.ndarray | float:
    known = [each + floor for each in (spread, own) if each is not None]
    return np.prod(known, axis=0) ** (1 / len(known)) if known else 1.0


def _rms(scores: np.ndarray) -> float:
    return float(np.sqrt(np.square(scores).mean()))


def _rising(
    bins: list[np.ndarray], scores: np.ndarray, scale: np.ndarray, size: Callable
) -> np.ndarray:
    """The size of the scores of each bin, (k,), which for the usual scale never decreases.

    Neighbouring bins that would are taken as one (pool adjacent violators).
    """

    def usual(pool):
        some = np.concatenate(pool)
        return size(scores[some]) * np.median(scale[some])

    pools: list[list[np.ndarray]] = []
    for each in bins:
        pools.append([each])
        while len(pools) > 1 and usual(pools[-2]) > usual(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    factors = [size(scores[np.concatenate(pool)]) for pool in pools]
    return np.repeat(factors, [len(pool) for pool in pools])
