"""Inverse distance weighting."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.spatial import cKDTree

from ..files.schema import Count, Metres, Positive
from ..machine.threads import in_chunks
from ..spatial.points import average_coincident, concatenate
from .base import Method, Prediction, positions


class IDW(Method):
    """Inverse distance weighting (Shepard, 1968, doi:10.1145/800186.810616).

    Points of the same place are averaged first, so that they take up one neighbour's place.

    Parameters
    ----------
    power : float
        Exponent of the distance.
    neighbours : int
        How many of the nearest points have a say.
    radius : float, optional
        Points farther than this, in metres, have none; a position without any neighbour is NaN.
    """

    name = "idw"
    title = "IDW"
    GRID = {"power": [1.0, 2.0, 3.0, 4.0], "neighbours": [8, 16, 32]}

    def __init__(self, power: Positive = 2.0, neighbours: Count = 12, radius: Metres | None = None):
        self.power = power
        self.neighbours = neighbours
        self.radius = radius

    def _fit(self, points, stack, validation, monitor):
        known = average_coincident(concatenate(points, validation), monitor)
        self.tree_ = cKDTree(known.xy)
        self.values_ = known.values

    def _predict(self, target, stack):
        xy = positions(target)
        count = min(self.neighbours, len(self.values_))
        chunks = in_chunks(lambda part: self._weighted(xy[part], count), len(xy), count)
        predicted = np.concatenate([np.empty(0), *chunks])
        notes = Counter()
        if self.radius:
            note = (
                "{count:,} cells or points have no measurement within the radius of "
                f"{self.radius:g} m and so no value. A larger radius, or none, gives them one."
            )
            notes[note] = int(np.isnan(predicted).sum())
        return Prediction(predicted, notes=notes)

    def _weighted(self, xy: np.ndarray, count: int) -> np.ndarray:
        distance, index = self.tree_.query(
            xy, k=np.arange(1, count + 1), distance_upper_bound=self.radius or np.inf
        )
        found = np.isfinite(distance)
        values = self.values_[np.where(found, index, 0)]
        # Relative to the nearest, whose weight is 1, so that no power is too large; on a point it
        # is the only one.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            weight = np.where(found, (distance[:, :1] / distance) ** self.power, 0.0)
            weight = np.where(distance[:, :1] == 0, distance == 0, weight)
            return (weight * values).sum(axis=1) / weight.sum(axis=1)
