"""Parameters of a method chosen by inner folds, so that nobody can say it was run badly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..errors import InputError
from ..methods.base import Method
from ..monitor import SILENT, Monitor
from ..spatial.grid import Grid
from ..spatial.points import Points, concatenate
from ..spatial.stack import Stack
from ..statistics.splits import Folds, make_folds

FOLDS = 5


@dataclass(frozen=True)
class Tuning:
    """What tuning has found.

    Parameters
    ----------
    method : Method
        With the parameters chosen, not fitted.
    tried : list of dict
        The parameters of each trial.
    rmse : list of float
        The trials' errors over all inner folds, mm.
    """

    method: Method
    tried: list[dict]
    rmse: list[float]

    def __str__(self) -> str:
        if not self.rmse:
            return "nothing to tune"
        parameters = self.method.get_params()
        chosen = {name: parameters[name] for name in self.tried[0]}
        words = ", ".join(f"{name} {value}" for name, value in chosen.items())
        error = self.rmse[self.tried.index(chosen)]
        return f"{words}; inner RMSE {error:.2f}, the least of {len(self.tried)} trials"


def tune(
    method: Method,
    points: Points,
    grid: Grid,
    split: str = "kfold",
    block_size: float = 0.0,
    targets: np.ndarray | None = None,
    seed: int = 0,
    stack: Stack | None = None,
    monitor: Monitor = SILENT,
) -> Tuning:
    """Choose the parameters in a method's GRID that have the least RMSE over five inner folds.

    Parameters
    ----------
    method : Method
        Not changed; its other parameters are those of all trials.
    points : Points
        Those that the method may learn from; the points that are to judge it must not be here.
    grid : Grid
    split : str
        The kind of the outer split, as `splits.make_folds` names it; "random" means "kfold".
    block_size, targets
        As there.
    seed : int
    stack : Stack, optional

    Raises
    ------
    InputError
        If the points, cells or blocks are too few for the folds.
    """
    if not method.GRID:
        return Tuning(method.clone(), [], [])
    tried = [dict(zip(method.GRID, values)) for values in product(*method.GRID.values())]
    kind = "kfold" if split == "random" else split
    splits = make_folds(kind, points, grid, FOLDS, seed, block_size, targets).splits
    missing, rmse = [], []
    for i, parameters in enumerate(tried):
        error = np.full(len(points), np.nan)
        for inner in splits:
            trial = method.clone(**parameters)
            trial.fit(points[inner.train], stack, points[inner.validation])
            predicted = trial.predict(points.xy[inner.test], stack).mean
            error[inner.test] = predicted - points.values[inner.test]
        found = error[np.isfinite(error)]
        missing.append(len(error) - len(found))
        rmse.append(float(np.sqrt(np.square(found).mean())) if len(found) else np.inf)
        monitor.progress((i + 1) / len(tried))
    best = min(range(len(tried)), key=lambda i: (missing[i], rmse[i]))
    return Tuning(method.clone(**tried[best]), tried, rmse)


class Tuned(Method):
    """A method whose parameters are chosen anew, by inner folds, from the points it may learn from.

    Parameters
    ----------
    method : Method
    grid : Grid
    folds : Folds, optional
        The inner folds are of their kind; random ones without, or where the points are too few.
    seed : int

    Attributes
    ----------
    tuning_ : Tuning
    method_ : Method
        Fitted with the parameters chosen.
    """

    def __init__(self, method: Method, grid: Grid, folds: Folds | None = None, seed: int = 0):
        self.method, self.grid, self.folds, self.seed = method, grid, folds, seed
        self.name, self.title, self.drivers = method.name, method.title, method.drivers

    @property
    def scaling(self):
        """That of the method."""
        return self.method.scaling

    @property
    def footprint(self):
        """That of the method."""
        return self.method.footprint

    def in_folds(self, folds):
        """See `Method`."""
        return self.clone(folds=folds)

    def _fit(self, points, stack, validation, monitor):
        known, folds = concatenate(points, validation), self.folds
        kind = (folds.kind, folds.block_size, folds.targets) if folds else ()
        options = {"seed": self.seed, "stack": stack}
        try:
            self.tuning_ = tune(self.method, known, self.grid, *kind, **options)
        except InputError as problem:
            monitor.log(f"tuned on random folds: {problem}", "warning")
            self.tuning_ = tune(self.method, known, self.grid, **options)
        self.method_ = self.tuning_.method.clone().fit(points, stack, validation, monitor)
        self.uses_drivers_ = self.method_.uses_drivers_

    def _predict(self, target, stack):
        return self.method_.predict(target, stack)

    @property
    def tuned(self):
        """See `Method`."""
        return str(self.tuning_)

    def settings(self):
        """Those of the method."""
        return self.method.settings()
