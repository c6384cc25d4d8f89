"""Where a map can be trusted: near points, and where drivers are like those at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

from ..geostatistics.variogram import empirical_variogram, fit_variogram
from ..spatial.points import Points, average_coincident
from ..spatial.stack import Stack
from .conformal import HeldOut, Intervals

NEAR, INTERPOLATED, EXTRAPOLATED, OUTSIDE = 1, 2, 3, 4
CLASSES = {
    NEAR: "measured nearby",
    INTERPOLATED: "interpolated",
    EXTRAPOLATED: "extrapolated",
    OUTSIDE: "outside",
}

_PAIRED = 2000


class Applicability:
    """How unlike the places of the training points a place is: the dissimilarity index.

    Meyer and Pebesma, 2021, doi:10.1111/2041-210X.13650: the distance to the nearest training
    point in the space of the drivers, each scaled to standard deviation 1 at the training points
    and weighted by its importance, over the mean distance of the training points to each other.
    Up to the threshold a place is inside the area of applicability: the largest index that a
    training point has against those of the other folds, outliers left aside (those beyond the
    upper quartile and 1.5 times the range of the quartiles).

    Parameters
    ----------
    seed : int
        Of the 2,000 points whose distances are taken where there are more.

    Attributes
    ----------
    threshold_ : float
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def fit(self, channels: np.ndarray, weights: np.ndarray, folds: np.ndarray) -> Applicability:
        """Learn what the training points are like.

        Parameters
        ----------
        channels : ndarray (n, c)
            The drivers' channels there, no NaN.
        weights : ndarray (c,)
            Their importance, 0 or more. A channel of weight 0, or with one value only, says
            nothing.
        folds : ndarray (n,)
            The fold of each point, as in the cross-validation that measures the errors.
        """
        spread = channels.std(axis=0, dtype=float)
        self._used = (weights > 0) & (spread > 0)
        if not self._used.any():
            self._used, weights = spread > 0, np.ones(len(weights))
        self._centre = channels.mean(axis=0, dtype=float)[self._used]
        self._weight = weights[self._used] / spread[self._used]
        training = self._placed(channels)
        self._tree = cKDTree(np.unique(training, axis=0))
        drawn = np.random.default_rng(self.seed).permutation(len(training))[:_PAIRED]
        self._mean = mean_distance(training[drawn]) or 1.0
        index = np.concatenate(
            [
                cKDTree(training[folds != fold]).query(training[folds == fold])[0]
                for fold in np.unique(folds)
            ]
        )
        low, high = np.quantile(index, [0.25, 0.75])
        self.threshold_ = float(index[index <= high + 1.5 * (high - low)].max() / self._mean)
        return self

    def dissimilarity(self, channels: np.ndarray) -> np.ndarray:
        """The dissimilarity index (m,) of places with channels (m, c)."""
        return self._tree.query(self._placed(channels), workers=-1)[0] / self._mean

    def _placed(self, channels: np.ndarray) -> np.ndarray:
        return (channels[:, self._used] - self._centre) * self._weight


def mean_distance(places: np.ndarray) -> float:
    """Mean distance of each two of some places (n, c)."""
    return float(pdist(places).mean()) if len(places) > 1 else 0.0


def constant_drivers(stack: Stack, points: Points) -> list[str]:
    """Names of the drivers that are the same at all points."""
    varies = np.ptp(stack.values[stack.grid.cells(points.xy)], axis=0) > 0
    return [name for name, own in stack.channels_of_driver.items() if not varies[own].any()]


@dataclass(frozen=True)
class TrustDistances:
    """How far from the points a map is known how well.

    Parameters
    ----------
    near : float
        Metres: up to here at least half of the error's variance is there beside the points too.
    far : float
        Metres: up to here neighbours are alike: no farther than the range of the
        variogram, nor than where the map explains less than half of the variance of the values.
    tested : float
        Metres: farther than this from known points no error was measured.
    """

    near: float
    far: float
    tested: float

    @classmethod
    def fit(cls, points: Points, held: HeldOut) -> TrustDistances:
        """From the points' variogram and held-out errors."""
        places = average_coincident(points)
        variogram = fit_variogram("exponential", empirical_variogram(places.xy, places.values))
        curve = Intervals.fit(held.by_distance)
        variance = np.append(np.square(curve.deviation), np.inf)
        ends = np.append(curve.distance, np.inf)
        half_known = ends[np.searchsorted(variance, points.values.var() / 2)]
        tested = float(held.distance.max())
        far = min(max(part.range for part in variogram.structures), half_known)
        near = min(ends[np.searchsorted(variance, 2 * variance[0])], far, tested)
        return cls(float(near), float(far), tested)


class Hull:
    """Whether places lie between points, not beyond the outermost of them."""

    def fit(self, xy: np.ndarray) -> Hull:
        """Take the points (n, 2), metres. Those on one line have nothing between them."""
        try:
            self._sides = ConvexHull(xy - xy.mean(axis=0)).equations
        except (QhullError, ValueError):
            self._sides = np.array([[0.0, 0.0, 1.0]])
        self._centre = xy.mean(axis=0)
        return self

    def contains(self, xy: np.ndarray) -> np.ndarray:
        """For positions (m, 2), (m,)."""
        return ((xy - self._centre) @ self._sides[:, :2].T + self._sides[:, 2] <= 0).all(axis=1)


def classify(
    limits: TrustDistances, distance: np.ndarray, between: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """The class of trust, a code of `CLASSES`, of places (m,).

    Parameters
    ----------
    distance : ndarray (m,)
        To the nearest point, metres.
    between : ndarray (m,)
        Whether there are points all around.
    inside : ndarray (m,)
        Whether the place is inside the area of applicability.
    """
    found = np.where((distance <= limits.far) & between, INTERPOLATED, EXTRAPOLATED)
    found[(distance > limits.tested) | ~inside] = OUTSIDE
    found[distance <= limits.near] = NEAR
    return found
