"""The one interface that kriging, IDW, a forest and the CNN share."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import InputError
from ..monitor import SILENT, Monitor
from ..spatial.grid import Window
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.conformal import Intervals

if TYPE_CHECKING:
    from typing import Self

Notes = Counter[str]


@dataclass(frozen=True)
class Prediction:
    """What a method predicts at m places.

    Parameters
    ----------
    mean : ndarray (m,)
        mm, NaN where there is no value.
    deviation : ndarray (m,), optional
        Standard deviation, mm, where the method has one.
    notes : Notes
        What you should know of these values: sentences, in which ``{count}`` stands for how many
        values each is about, and that number. Those of several tiles add up.
    """

    mean: np.ndarray
    deviation: np.ndarray | None = None
    notes: Notes = field(default_factory=Counter)


@dataclass(frozen=True)
class LearningCurve:
    """The losses of a training by epochs.

    Parameters
    ----------
    history : dict of list
        "loss" and "validation_loss" of each epoch.
    best_epoch : int
        Whose weights were kept, from 1.
    loss : str
        As Keras names it.
    seconds : float
    """

    history: dict[str, list[float]]
    best_epoch: int
    loss: str
    seconds: float


def sentences(notes: Notes) -> list[str]:
    """The notes of predictions as sentences.

    Examples
    --------
    >>> sentences(Counter({"{count:,} cells are far from any point.": 1200}))
    ['1,200 cells are far from any point.']
    """
    return [text.format(count=count) for text, count in notes.items() if count]


class Method(ABC):
    """A method is made with its parameters, fitted to points, and predicts.

    `test_method_contract` holds every method of the catalogue to these rules:

    - Parameters are arguments of the constructor and stand nowhere else; it checks them and stores
      them under their names. `get_params` gives them back, `clone` makes the same method, not
      fitted.
    - `fit` may be called again, and nothing of the first fit is left. What was learned, and others
      may read, has a name that ends with an underscore.
    - `predict` changes nothing. It takes positions, also none at all, or a window, whose cells it
      predicts as it predicts their centres.
    - The same seed gives the same values. Points and stack are left as they were.
    - It can be pickled before and after `fit`: folds and tiles are computed on other machines.

    A method writes `_fit` and `_predict`; this class checks what they are given.

    Attributes
    ----------
    name : str
        As in the catalogue.
    title : str
        As in a table or a figure.
    drivers : str
        "none": it learns from points alone; "optional": from drivers too, where there are some;
        "required": not without.
    uses_drivers_ : bool
        Whether it has learned from drivers.
    GRID : dict
        Values of parameters that tuning tries, all with all; empty if there is nothing to tune.
    takes_minutes : bool
        Whether a fit takes minutes, so that it is cross-validated by fewer folds.
    holds_back : bool
        Whether it trains on part of its points only. A map is then made by the method that was
        trained on the random split, so that its test figures are the map's own.
    has_model : bool
        Whether `save` writes a model file.

    Examples
    --------
    >>> class Level(Method):
    ...     name, title = "level", "One level"
    ...
    ...     def __init__(self, quantile: float = 0.5):
    ...         self.quantile = quantile
    ...
    ...     def _fit(self, points, stack, validation, monitor):
    ...         self.level_ = float(np.quantile(points.values, self.quantile))
    ...
    ...     def _predict(self, target, stack):
    ...         return Prediction(np.full(len(positions(target)), self.level_))
    >>> xy = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    >>> points = Points(xy, np.array([-3.0, -5.0, 1.0]))
    >>> median = Level().fit(points)
    >>> median.predict(np.array([[50.0, 50.0]])).mean
    array([-3.])
    >>> median.clone(quantile=1.0).get_params()
    {'quantile': 1.0}
    """

    name: str
    title: str
    drivers: str = "none"
    GRID: ClassVar[dict[str, list]] = {}
    takes_minutes: ClassVar[bool] = False
    holds_back: ClassVar[bool] = False
    has_model: ClassVar[bool] = False
    uses_drivers_: bool

    @property
    def scaling(self) -> str:
        """Of the drivers in its stack, see `spatial.stack.read_stack`."""
        return "standard"

    @property
    def footprint(self) -> int:
        """Side, in cells, of the square of drivers that a value depends on."""
        return 1

    def get_params(self) -> dict[str, Any]:
        """The parameters by name, as the constructor takes them."""
        return {name: getattr(self, name) for name in parameter_names(type(self))}

    def clone(self, **changes: Any) -> Self:
        """The same method, not fitted, with some parameters changed."""
        return type(self)(**{**self.get_params(), **changes})

    def fit(
        self,
        points: Points,
        stack: Stack | None = None,
        validation: Points | None = None,
        monitor: Monitor = SILENT,
    ) -> Self:
        """Learn from the points.

        Parameters
        ----------
        points : Points
            The training points.
        stack : Stack, optional
            The encoded drivers.
        validation : Points, optional
            Points that decide when to stop. A method that makes no such choice trains on
            them too: its errors would be larger than they need be otherwise.
        monitor : Monitor
            Takes progress.

        Raises
        ------
        InputError
            If the method learns from drivers and there are none.
        """
        if self.drivers == "required" and stack is None:
            raise InputError(f"{self.title} learns from driver rasters. Give DRIVERS.")
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)  # of an earlier fit
        self.uses_drivers_ = self.drivers != "none" and stack is not None
        self._fit(points, stack, validation, monitor)
        return self

    def predict(self, target: np.ndarray | Window, stack: Stack | None = None) -> Prediction:
        """Predict at positions (m, 2) in metres, or at the m cell centres of a window, row by row.

        Raises
        ------
        InputError
            If the method has learned from drivers and there are none.
        ValueError
            If it is not fitted.
        """
        if not hasattr(self, "uses_drivers_"):
            raise ValueError(f"{self.title} is not fitted yet: call fit first.")
        if self.uses_drivers_ and stack is None:
            raise InputError(
                f"This {self.title} has learned from drivers. Give DRIVERS to map with it."
            )
        return self._predict(target, stack)

    @abstractmethod
    def _fit(
        self, points: Points, stack: Stack | None, validation: Points | None, monitor: Monitor
    ) -> None:
        """See `fit`."""

    @abstractmethod
    def _predict(self, target: np.ndarray | Window, stack: Stack | None) -> Prediction:
        """See `predict`."""

    @property
    def learning_curve(self) -> LearningCurve | None:
        """How the losses fell while it learned, if it learned by epochs."""
        return None

    def in_folds(self, folds: Any) -> Self:
        """A clone to be fitted in `splits.Folds`; what tunes itself splits as they do."""
        return self.clone()

    @property
    def tuned(self) -> str:
        """Which parameters tuning has chosen, as a text; empty without tuning."""
        return ""

    def settings(self) -> dict[str, Any]:
        """What a report says of how it was run."""
        return {"method": self.title}

    def save(
        self, path: Path, stack: Stack | None, intervals: Intervals, points: Points, about: dict
    ) -> None:
        """Write the fitted method as a model file, if `has_model`.

        Parameters
        ----------
        stack : Stack
            The one that it has learned from.
        intervals : Intervals
            Of its held-out errors, by the distance alone.
        points : Points
            All points, those that were held out too.
        about : dict
            What else a reader of the file wants to know, as JSON can say it.
        """
        raise NotImplementedError(f"{self.title} has no model file")


def parameter_names(cls: type) -> list[str]:
    """The names of what a class's constructor takes."""
    return [name for name in inspect.signature(cls).parameters]


def common_scaling(methods: Iterable[Method]) -> str:
    """The scaling of a stack that all of these methods share: the one that differs, if any."""
    return next((each.scaling for each in methods if each.scaling != "standard"), "standard")


def positions(target: np.ndarray | Window) -> np.ndarray:
    """The positions (m, 2) that a target stands for."""
    return target.xy() if isinstance(target, Window) else np.asarray(target, dtype=float)
