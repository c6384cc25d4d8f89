"""Every method on the very same folds: what each predicts where it has not learned."""

from __future__ import annotations

import ctypes
import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from ..engine import LOCAL, Engine
from ..errors import InputError
from ..methods.base import Method
from ..methods.catalogue import make
from ..monitor import SILENT, Monitor
from ..spatial.grid import Grid
from ..spatial.points import Points, concatenate
from ..spatial.stack import Stack
from ..statistics.conformal import nearest_distance
from ..statistics.metrics import metrics
from ..statistics.significance import Comparison, compare_all
from ..statistics.splits import Folds, Split
from .evaluation import Evaluation, evaluate
from .tuning import tune

_MEGABYTE = 2**20


@dataclass
class Score:
    """One method on one way to split.

    Parameters
    ----------
    name, title : str
        Of the method.
    folds : Folds
    points : Points

    Attributes
    ----------
    predicted : ndarray (n,)
        mm, each point by the fold that tests it; NaN where none does or the method failed.
    deviation : ndarray (n,)
        The standard deviation that the method itself gives there, mm; NaN without.
    seconds : float
        For fitting and predicting in all folds.
    memory : float or None
        The most megabytes that the method took beyond what was there before it; None where the
        system does not tell.
    failures : list of str
        Why it has no prediction, one for each fold that failed.
    problem : Exception or None
        The last of them.
    fitted : SimpleNamespace or None
        What the method of the last fold that did not fail knows of its fit: `tuning_`, or
        `trained_` and `preset`, if it has them.
    """

    name: str
    title: str
    folds: Folds
    points: Points
    predicted: np.ndarray = None
    deviation: np.ndarray = None
    seconds: float = 0.0
    memory: float | None = None
    failures: list = field(default_factory=list)
    problem: Exception | None = None
    fitted: SimpleNamespace | None = None
    _trained: list = field(default_factory=list)

    def __post_init__(self):
        self.predicted, self.deviation = np.full((2, len(self.points)), np.nan)

    @property
    def error(self) -> np.ndarray:
        """Predicted minus observed, mm, (n,)."""
        return self.predicted - self.points.values

    @property
    def is_complete(self) -> bool:
        """Whether every test point has a prediction."""
        return bool(np.isfinite(self.predicted[self.folds.fold_of_point >= 0]).all())

    @property
    def test(self) -> dict | None:
        """Metrics of the test points with a prediction; None without any."""
        known = np.isfinite(self.predicted)
        return metrics(self.points.values[known], self.predicted[known]) if known.any() else None

    @property
    def train(self) -> dict | None:
        """Metrics of the training points of all folds together; None without any."""
        if not self._trained:
            return None
        observed, predicted = np.concatenate(self._trained, axis=1)
        known = np.isfinite(predicted)
        return metrics(observed[known], predicted[known]) if known.any() else None

    def evaluation(self, method: Method) -> Evaluation:
        """The test points of all folds as one evaluation of a method of this kind."""
        known, nobody = np.flatnonzero(np.isfinite(self.predicted)), np.empty(0, int)
        split = Split(nobody, nobody, known)
        return Evaluation(method, self.folds.title, self.points, split, self.predicted)

    def run(
        self,
        rival: Callable[[Folds], Method],
        stack: Stack | None,
        monitor: Monitor,
        engine: Engine = LOCAL,
        known: dict | None = None,
    ) -> None:
        """Fit a new method in each fold, and predict; see `compare_methods`."""
        known = {} if known is None else known
        monitor = _Named(f"{self.title}, {self.folds.title}", monitor)
        count, remarks = len(self.folds.splits), []
        parts = [monitor.part(number / count, (number + 1) / count) for number in range(count)]
        pairs = list(zip(self.folds.splits, parts))
        left = [pair for pair in pairs if (self.name, pair[0]) not in known]
        trials = engine.map(run_fold, left, rival, self.folds, self.points, stack)
        for number, (split, part) in enumerate(pairs, 1):
            trial = known.get((self.name, split)) or next(trials)
            known[self.name, split] = trial
            for text in trial.warnings:
                monitor.log(text, "warning")
            if trial.problem:
                # One rival that fails must not cost the others their hours, nor go unnoticed.
                self.problem = trial.problem
                reason = f"{type(trial.problem).__name__}: {trial.problem}"
                self.failures.append(f"fold {number} of {count}: {reason}")
                monitor.log(f"failed in {self.failures[-1]}", "warning")
            else:
                self.predicted[split.test] = trial.predicted[split.test]
                if trial.deviation is not None:
                    self.deviation[split.test] = trial.deviation[split.test]
                self._trained.append(
                    np.stack([self.points.values[split.train], trial.predicted[split.train]])
                )
                self.fitted, remarks = trial.fitted, trial.remarks
            self.seconds += trial.seconds
            if trial.memory is not None:
                self.memory = max(self.memory or 0.0, trial.memory)
            part.progress(1)
        for remark in remarks:
            monitor.log(remark, "warning")


@dataclass(frozen=True)
class Trial:
    """What became of a method in one fold; see `Score`."""

    seconds: float
    memory: float | None
    warnings: list
    problem: Exception | None = None
    predicted: np.ndarray | None = None
    deviation: np.ndarray | None = None
    fitted: SimpleNamespace | None = None
    remarks: tuple = ()


def run_fold(
    pair: tuple[Split, Monitor],
    rival: Callable[[Folds], Method],
    folds: Folds,
    points: Points,
    stack: Stack | None,
) -> Trial:
    """Fit a new method to a fold's split, and predict."""
    split, monitor = pair
    heard, start, memory = _Heard(monitor), time.perf_counter(), PeakMemory()
    try:
        found = evaluate(rival(folds), points, stack, split, folds.title, heard)
    except Exception as failure:
        found, problem = None, failure
    cost = time.perf_counter() - start, memory.more_than(None), heard.warnings
    if found is None:
        return Trial(*cost, problem)
    known = vars(found.method)
    fitted = {name: known[name] for name in ("tuning_", "trained_", "preset") if name in known}
    given = found.predicted, found.deviation
    return Trial(*cost, None, *given, SimpleNamespace(**fitted), tuple(found.method.remarks()))


@dataclass(frozen=True)
class Contest:
    """All methods on one way to split.

    Parameters
    ----------
    folds : Folds
    scores : list of Score
        Best first by test RMSE; those that have not predicted every test point come last.
    tests : list of Comparison
        Of every two methods.
    distance : ndarray (n,)
        From each test point to the nearest point that its fold knows, metres; NaN if not tested.
    """

    folds: Folds
    scores: list[Score]
    tests: list[Comparison]
    distance: np.ndarray

    def test_of(self, first: Score, second: Score) -> Comparison | None:
        """The comparison of two methods, whichever way round; None if they cannot be compared."""
        names = {first.name, second.name}
        return next((each for each in self.tests if {each.first, each.second} == names), None)


def compare_methods(
    rivals: dict[str, Callable[[Folds], Method]],
    points: Points,
    stack: Stack | None,
    ways: list[Folds],
    seed: int = 0,
    monitor: Monitor = SILENT,
    engine: Engine = LOCAL,
    known: dict | None = None,
) -> list[Contest]:
    """Run every method through the folds of every way to split.

    Parameters
    ----------
    rivals : dict of str to callable
        Gives a new, unfitted method for a way to split, by the method's name.
    points : Points
    stack : Stack, optional
        For methods that need drivers.
    ways : list of Folds
    engine : Engine
        Where the folds are computed.
    known : dict, optional
        What became of methods in folds of an earlier call, by the method's name and the split:
        they are not run again. What becomes of the others is added.

    Returns
    -------
    list of Contest
        One for each way to split, in order.
    """
    contests, steps, done = [], len(ways) * len(rivals), 0
    for folds in ways:
        scores = []
        for name, rival in rivals.items():
            score = Score(name, rival(folds).title, folds, points)
            monitor.progress(done / steps, f"{score.title}, {folds.title}")
            part = monitor.part(done / steps, (done + 1) / steps)
            score.run(rival, stack, part, engine, known)
            scores.append(score)
            done += 1
        scores.sort(key=lambda each: (not each.is_complete, _rmse(each)))
        errors = {each.name: each.error for each in scores}
        tests = compare_all(points.xy, errors, seed)
        contests.append(Contest(folds, scores, tests, distances_to_known(points.xy, folds)))
    return contests


def _rmse(score: Score) -> float:
    return score.test["RMSE"] if score.test else np.inf


def distances_to_known(xy: np.ndarray, folds: Folds) -> np.ndarray:
    """From each point (n, 2) to the nearest that the fold testing it knows; NaN if none does."""
    distance = np.full(len(xy), np.nan)
    for split in folds.splits:
        known = split.known
        distance[split.test] = nearest_distance(xy[known], xy[split.test])
    return distance


class _Named(Monitor):
    """Says who speaks; from within the folds only warnings, and each only once."""

    def __init__(self, name: str, whole: Monitor):
        self._name, self._whole, self._said = name, whole, set()

    def progress(self, fraction: float, text: str = "") -> None:
        self._whole.progress(fraction, text)

    def log(self, text: str, level: str = "info") -> None:
        if level == "warning" and text not in self._said:
            self._said.add(text)
            self._whole.log(f"{self._name}: {text}", level)


class _Heard(Monitor):
    """Passes all on, and keeps the warnings: from another machine they come with the result."""

    def __init__(self, whole: Monitor):
        self._whole, self.warnings = whole, []

    def progress(self, fraction: float, text: str = "") -> None:
        self._whole.progress(fraction, text)

    def log(self, text: str, level: str = "info") -> None:
        self._whole.log(text, level)
        if level == "warning":
            self.warnings.append(text)


class Tuned(Method):
    """A method whose parameters are chosen anew, by inner folds, from the points it may learn from.

    Parameters
    ----------
    name : str
        As in the registry.
    grid : Grid
    folds : Folds
        The inner folds are of their kind; random ones where the points are too few for that.
    seed : int

    Attributes
    ----------
    tuning_ : tuning.Tuning
    method_ : Method
        Fitted with the parameters chosen.
    """

    def __init__(self, name: str, grid: Grid, folds: Folds, seed: int = 0):
        plain = make(name)
        self.name, self.title, self.needs_stack = plain.name, plain.title, plain.needs_stack
        self.grid, self.folds, self.seed = grid, folds, seed

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
        known, kind = concatenate(points, validation), self.folds
        options = {"seed": self.seed, "stack": stack}
        try:
            self.tuning_ = tune(
                self.name, known, self.grid, kind.kind, kind.block_size, kind.targets, **options
            )
        except InputError as problem:
            monitor.log(f"tuned on random folds: {problem}", "warning")
            self.tuning_ = tune(self.name, known, self.grid, **options)
        self.method_ = make(self.name, **self.tuning_.parameters)
        self.method_.fit(points, stack, validation, monitor)
        return self

    def predict(self, target, stack=None):
        return self.method_.predict(target, stack)

    def remarks(self):
        return self.method_.remarks()


class PeakMemory:
    """The most memory that this process takes from now on; only Linux tells."""

    _clear, _status = Path("/proc/self/clear_refs"), Path("/proc/self/status")

    def __init__(self):
        gc.collect()
        try:
            # What former work has left free would else be used again, unseen.
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError, TypeError):
            pass  # only glibc can
        try:
            self._clear.write_text("5")  # sets the peak back to what is taken now
            self._before = self._read("VmRSS")
        except OSError:
            self._before = None

    def more_than(self, other: float | None) -> float | None:
        """Megabytes beyond what was taken at first, or `other` if that is more."""
        if self._before is None:
            return other
        return max(self._read("VmHWM") - self._before, other or 0.0)

    def _read(self, name: str) -> float:
        line = re.search(rf"{name}:\s+(\d+) kB", self._status.read_text())
        return int(line.group(1)) * 1024 / _MEGABYTE
