"""The one interface that kriging, IDW, a forest and the CNN share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from ..grid import Window
from ..monitor import SILENT, Monitor
from ..points import Points
from ..stack import Stack


class Method(ABC):
    """A method is made with its parameters, fitted to points, and asked for a map.

    Attributes
    ----------
    name : str
        As in the registry.
    title : str
        As in a table or a figure.
    needs_stack : bool
        Whether `fit` and `predict` need the driver stack.
    takes_stack : bool
        Whether they use it where there is one.
    scaling : str
        Of the drivers in that stack, see `stack.read_stack`.
    GRID : dict
        Values of parameters that tuning tries, all with all; empty if there is nothing to tune.
    counted_ : int
        How many predicted values so far the `remarks` are about.
    """

    name: str
    title: str
    needs_stack = False
    scaling = "standard"
    GRID: dict = {}
    counted_ = 0

    @property
    def takes_stack(self) -> bool:
        return self.needs_stack

    @abstractmethod
    def fit(
        self,
        points: Points,
        stack: Stack | None = None,
        validation: Points | None = None,
        monitor: Monitor = SILENT,
    ) -> Method:
        """Learn from the points.

        Parameters
        ----------
        points : Points
            The training points.
        stack : Stack, optional
            The encoded drivers.
        validation : Points, optional
            Points that decide when to stop. A method that makes no such choice trains on
            them too: it would be run below its worth otherwise.
        monitor : Monitor
            Takes progress.
        """

    @abstractmethod
    def predict(
        self, target: np.ndarray | Window, stack: Stack | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Predict at positions (m, 2) in metres, or at the m cell centres of a window, row by row.

        Returns
        -------
        mean : ndarray (m,)
            mm, NaN where nothing can be said.
        standard_deviation : ndarray (m,) or None
            mm, where the method knows one.
        """

    def remarks(self) -> list[str]:
        """What the user should know about the predictions so far."""
        return []


def positions(target: np.ndarray | Window) -> np.ndarray:
    """The positions (m, 2) that a target stands for."""
    return target.xy() if isinstance(target, Window) else np.asarray(target, dtype=float)


def merged(points: Points, monitor: Monitor = SILENT) -> Points:
    """The points with those of one place averaged, for a method that bears one value there only."""
    xy, place, count = np.unique(points.xy, axis=0, return_inverse=True, return_counts=True)
    if len(xy) == len(points):
        return points
    monitor.log(
        f"{len(points)} points lie in {len(xy)} places; points of the same place are averaged."
    )
    place = place.ravel()
    values = np.bincount(place, points.values) / count
    variance = points.variance
    if variance is not None:
        variance = np.bincount(place, variance) / count**2
    return replace(points, xy=xy, values=values, variance=variance)


def joined(points: Points, validation: Points | None) -> Points:
    """Training and validation points together."""
    if validation is None:
        return points
    known = points.variance is not None and validation.variance is not None
    return replace(
        points,
        xy=np.concatenate([points.xy, validation.xy]),
        values=np.concatenate([points.values, validation.values]),
        variance=np.concatenate([points.variance, validation.variance]) if known else None,
    )
