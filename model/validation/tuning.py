"""Parameters of a method chosen by inner folds, so that nobody can say it was run badly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..methods.catalogue import make
from ..monitor import SILENT, Monitor
from ..spatial.grid import Grid
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.splits import make_folds

FOLDS = 5


@dataclass(frozen=True)
class Tuning:
    """What tuning has found.

    Parameters
    ----------
    parameters : dict
        Those for `methods.make`: the given ones and the chosen ones.
    tried : list of dict
        The parameters of each trial.
    rmse : list of float
        The trials' errors over all inner folds, mm.
    """

    parameters: dict
    tried: list[dict]
    rmse: list[float]

    def __str__(self) -> str:
        if not self.rmse:
            return "nothing to tune"
        chosen = {name: self.parameters[name] for name in self.tried[0]}
        words = ", ".join(f"{name} {value}" for name, value in chosen.items())
        error = self.rmse[self.tried.index(chosen)]
        return f"{words}; inner RMSE {error:.2f}, the least of {len(self.tried)} trials"


def tune(
    name: str,
    points: Points,
    grid: Grid,
    split: str = "kfold",
    block_size: float = 0.0,
    targets: np.ndarray | None = None,
    seed: int = 0,
    stack: Stack | None = None,
    given: dict | None = None,
    monitor: Monitor = SILENT,
) -> Tuning:
    """Choose the parameters in a method's GRID that have the least RMSE over five inner folds.

    Parameters
    ----------
    name : str
        As in the registry.
    points : Points
        Those that the method may learn from; the points that are to judge it must not be here.
    grid : Grid
    split : str
        The kind of the outer split, as `splits.make_folds` names it; "random" means "kfold".
    block_size, targets
        As there.
    seed : int
    stack : Stack, optional
    given : dict, optional
        Parameters that are not to be tuned, even if they are in GRID.

    Raises
    ------
    InputError
        If the points, cells or blocks are too few for the folds.
    """
    given = given or {}
    free = {key: values for key, values in make(name).GRID.items() if key not in given}
    if not free:
        return Tuning(dict(given), [], [])
    tried = [dict(zip(free, values)) for values in product(*free.values())]
    kind = "kfold" if split == "random" else split
    splits = make_folds(kind, points, grid, FOLDS, seed, block_size, targets).splits
    missing, rmse = [], []
    for i, parameters in enumerate(tried):
        error = np.full(len(points), np.nan)
        for inner in splits:
            method = make(name, **given, **parameters)
            method.fit(points[inner.train], stack, points[inner.validation])
            predicted, _ = method.predict(points.xy[inner.test], stack)
            error[inner.test] = predicted - points.values[inner.test]
        found = error[np.isfinite(error)]
        missing.append(len(error) - len(found))
        rmse.append(float(np.sqrt(np.square(found).mean())) if len(found) else np.inf)
        monitor.progress((i + 1) / len(tried))
    best = min(range(len(tried)), key=lambda i: (missing[i], rmse[i]))
    return Tuning({**given, **tried[best]}, tried, rmse)
