"""The one interface that kriging, IDW, a forest and the CNN share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ..monitor import SILENT, Monitor
from ..spatial.grid import Window
from ..spatial.points import Points
from ..spatial.stack import Stack


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
