"""Every method on the very same folds: what each predicts where it has not learned."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine import LOCAL, Engine
from ..machine.memory import PeakMemory
from ..methods.base import Method, Notes, Prediction, sentences
from ..monitor import SILENT, Monitor
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.conformal import nearest_distance
from ..statistics.metrics import metrics
from ..statistics.significance import PairedTest, compare_all
from ..statistics.splits import Folds, Split
from .evaluation import Evaluation, evaluate


@dataclass
class Score:
    """One method in all folds of one kind.

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
        system does not say.
    failures : list of str
        Why it has no prediction, one for each fold that failed.
    problem : Exception or None
        The last of them.
    fitted : Method or None
        That of the last fold that did not fail, if the method holds points back; of the others all
        would fill the memory.
    tuned : str
        Which parameters tuning has chosen in that fold; empty without tuning.
    """

    name: str
    title: str
    folds: Folds
    points: Points
    predicted: np.ndarray = field(init=False)
    deviation: np.ndarray = field(init=False)
    seconds: float = 0.0
    memory: float | None = None
    failures: list = field(default_factory=list)
    problem: Exception | None = None
    fitted: Method | None = None
    tuned: str = ""
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

    def metric(self, name: str) -> Any:
        """One of the metrics of the test points, of which some must have a prediction."""
        found = self.test
        return found[name] if found else None

    def evaluation(self, method: Method) -> Evaluation:
        """The test points of all folds as one evaluation of a method of this kind."""
        known, nobody = np.flatnonzero(np.isfinite(self.predicted)), np.empty(0, int)
        split = Split(nobody, nobody, known)
        prediction = Prediction(self.predicted)
        return Evaluation(method, self.folds.title, self.points, split, prediction)

    def run(
        self,
        method: Method,
        stack: Stack | None,
        monitor: Monitor,
        engine: Engine = LOCAL,
        known: dict | None = None,
    ) -> None:
        """Fit a clone of a method in each fold, and predict; see `compare_methods`."""
        known = {} if known is None else known
        monitor = _Named(f"{self.title}, {self.folds.title}", monitor)
        count = len(self.folds.splits)
        notes: Notes = Counter()
        parts = [monitor.part(number / count, (number + 1) / count) for number in range(count)]
        pairs = list(zip(self.folds.splits, parts))
        left = [pair for pair in pairs if (self.name, pair[0]) not in known]
        results = engine.map(run_fold, left, method, self.folds, self.points, stack)
        for number, (split, part) in enumerate(pairs, 1):
            result = known.get((self.name, split)) or next(results)
            known[self.name, split] = result
            for text in result.warnings:
                monitor.log(text, "warning")
            if result.problem:
                # One method that fails must not cost the others their hours, nor go unnoticed.
                self.problem = result.problem
                reason = f"{type(result.problem).__name__}: {result.problem}"
                self.failures.append(f"fold {number} of {count}: {reason}")
                monitor.log(f"failed in {self.failures[-1]}", "warning")
            else:
                found = result.prediction
                self.predicted[split.test] = found.mean[split.test]
                if found.deviation is not None:
                    self.deviation[split.test] = found.deviation[split.test]
                self._trained.append(
                    np.stack([self.points.values[split.train], found.mean[split.train]])
                )
                self.fitted, self.tuned, notes = result.fitted, result.tuned, found.notes
            self.seconds += result.seconds
            if result.memory is not None:
                self.memory = max(self.memory or 0.0, result.memory)
            part.progress(1)
        for text in sentences(notes):
            monitor.log(text, "warning")


@dataclass(frozen=True)
class FoldResult:
    """What became of a method in one fold; see `Score`."""

    seconds: float
    memory: float | None
    warnings: list
    problem: Exception | None = None
    prediction: Prediction | None = None
    fitted: Method | None = None
    tuned: str = ""


def run_fold(
    pair: tuple[Split, Monitor],
    method: Method,
    folds: Folds,
    points: Points,
    stack: Stack | None,
) -> FoldResult:
    """Fit a clone of a method to a fold's split, and predict."""
    split, monitor = pair
    recorder, start, memory = _Recorder(monitor), time.perf_counter(), PeakMemory()
    problem = found = None
    try:
        found = evaluate(method.in_folds(folds), points, stack, split, folds.title, recorder)
    except Exception as failure:
        problem = failure
    cost = time.perf_counter() - start, memory.more_than(None), recorder.warnings
    if found is None:
        return FoldResult(*cost, problem)
    fitted = found.method if method.holds_back else None
    return FoldResult(*cost, None, found.prediction, fitted, found.method.tuned)


@dataclass(frozen=True)
class Leaderboard:
    """All methods on the same folds.

    Parameters
    ----------
    folds : Folds
    scores : list of Score
        Best first by test RMSE; those that have not predicted every test point come last.
    tests : list of PairedTest
        Of every two methods.
    distance : ndarray (n,)
        From each test point to the nearest point that its fold knows, metres; NaN if not tested.
    """

    folds: Folds
    scores: list[Score]
    tests: list[PairedTest]
    distance: np.ndarray

    def is_better(self, first: Score, second: Score) -> bool:
        """Whether the first of two methods, the better one, is so by more than chance."""
        test = self.test_of(first, second)
        return test is not None and test.is_significant

    def test_of(self, first: Score, second: Score) -> PairedTest | None:
        """The test of two methods, whichever way round; None if they cannot be compared."""
        names = {first.name, second.name}
        return next((each for each in self.tests if {each.first, each.second} == names), None)


def compare_methods(
    methods: list[Method],
    points: Points,
    stack: Stack | None,
    all_folds: list[Folds],
    seed: int = 0,
    monitor: Monitor = SILENT,
    engine: Engine = LOCAL,
    known: dict | None = None,
) -> list[Leaderboard]:
    """Cross-validate every method on the very same folds, of every kind.

    Parameters
    ----------
    methods : list of Method
        They are cloned, and stay as they are. Each has a name of its own.
    points : Points
    stack : Stack, optional
        For methods that learn from drivers.
    all_folds : list of Folds
    engine : Engine
        Where the folds are computed.
    known : dict, optional
        What became of methods in folds of an earlier call, by the method's name and the split:
        they are not run again. What becomes of the others is added.

    Returns
    -------
    list of Leaderboard
        One for each kind of folds, in order.
    """
    found, steps, done = [], len(all_folds) * len(methods), 0
    for folds in all_folds:
        scores = []
        for method in methods:
            score = Score(method.name, method.title, folds, points)
            monitor.progress(done / steps, f"{score.title}, {folds.title}")
            part = monitor.part(done / steps, (done + 1) / steps)
            score.run(method, stack, part, engine, known)
            scores.append(score)
            done += 1
        scores.sort(key=lambda each: (not each.is_complete, _rmse(each)))
        errors = {each.name: each.error for each in scores}
        tests = compare_all(points.xy, errors, seed)
        found.append(Leaderboard(folds, scores, tests, distances_to_known(points.xy, folds)))
    return found


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
        self._name, self._whole = name, whole
        self._said: set[str] = set()

    def progress(self, fraction: float, text: str = "") -> None:
        self._whole.progress(fraction, text)

    def log(self, text: str, level: str = "info") -> None:
        if level == "warning" and text not in self._said:
            self._said.add(text)
            self._whole.log(f"{self._name}: {text}", level)


class _Recorder(Monitor):
    """Passes all on, and keeps the warnings: from another machine they come with the result."""

    def __init__(self, whole: Monitor):
        self._whole = whole
        self.warnings: list[str] = []

    def progress(self, fraction: float, text: str = "") -> None:
        self._whole.progress(fraction, text)

    def log(self, text: str, level: str = "info") -> None:
        self._whole.log(text, level)
        if level == "warning":
            self.warnings.append(text)
