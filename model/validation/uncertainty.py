"""What held-out errors say about the map: the error's size against the distance to the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

_PER_BIN = 30


@dataclass(frozen=True)
class ErrorByDistance:
    """Standard deviation of the error as a function of the distance to the nearest known point.

    Parameters
    ----------
    distance : ndarray (k,)
        Knots, metres, increasing.
    standard_deviation : ndarray (k,)
        mm, never decreasing; linear between the knots and level beyond them.
    """

    distance: np.ndarray
    standard_deviation: np.ndarray

    @classmethod
    def fit(cls, distance: np.ndarray, error: np.ndarray) -> ErrorByDistance:
        """Fit to held-out errors, mm, and their distances (n,) to the nearest known point, metres.

        The mean squared error of bins of 30 or more points, made monotone by isotonic regression:
        farther from all measurements a prediction is never taken to be better.
        """
        # A surface needs no more than the class: idw must not wait for scikit-learn.
        from sklearn.isotonic import IsotonicRegression

        order = np.argsort(distance, kind="stable")
        bins = np.array_split(order, max(1, len(order) // _PER_BIN))
        centre = np.array([distance[index].mean() for index in bins])
        squared = np.array([np.square(error[index]).mean() for index in bins])
        count = [len(index) for index in bins]
        smooth = IsotonicRegression().fit_transform(centre, squared, sample_weight=count)
        return cls(centre, np.sqrt(smooth))

    @classmethod
    def from_dict(cls, message: dict) -> ErrorByDistance:
        """The curve that a bundle's header describes."""
        return cls(np.array(message["distance_m"]), np.array(message["standard_deviation_mm"]))

    def to_dict(self) -> dict:
        """The curve as it stands in a bundle's header."""
        return {
            "distance_m": self.distance.tolist(),
            "standard_deviation_mm": self.standard_deviation.tolist(),
        }

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        """Standard deviation, mm, at distances in metres."""
        return np.interp(distance, self.distance, self.standard_deviation)


def nearest_distance(known: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Distance, metres, from each target (m, 2) to the nearest of the known positions (n, 2)."""
    return cKDTree(known).query(targets, workers=-1)[0]
