"""The report of a comparison: who won where, and whether that means anything."""

from __future__ import annotations

import numpy as np

from ..methods.base import Method
from ..statistics.significance import LEVEL, PairedTest
from ..validation.comparison import Leaderboard, Score
from ..validation.tuning import Tuning
from . import comparison_figures as figures
from .map_report import MapReport
from .report import rounded

_ERRORS = (
    "All methods have seen exactly the same points in each fold; points of one cell are never "
    "split apart. Only the test rows say how good a method is: one that passes through its points "
    "has no error in training, which is no merit. Train rows hold the training points of all "
    "folds together. An error is predicted minus observed. Concordance is Lin's, 1 where predicted "
    "equals observed. Random folds judge a map beside its points, blocks judge it in gaps as wide "
    "as they are, and kNNDM as far from the points as the map's own cells are."
)
_TESTS = (
    "p is that of the spatial prediction comparison test of Hering and Genton (2011) on squared "
    "errors, which knows that errors of neighbours are alike, with Holm's correction for all pairs "
    "of the split. Effective points: how many independent ones would tell as much. The plain "
    "t-test, as it is often published, takes all points as independent: with errors that are alike "
    "it finds differences that are none, so it is shown for comparison only."
)
_COSTS = (
    "Seconds for fitting and predicting in all folds, with tuning if there is any. Memory is the "
    "most that the method took beyond what was there before it; not that of a GPU. A dash: the "
    "system does not tell. What methods share, such as the neighbours of points, the first of them "
    "works out."
)


class ComparisonReport(MapReport):
    """A report on methods that were compared.

    Parameters
    ----------
    title : str
    job : Job
    contests : list of Leaderboard
    """

    def __init__(self, title: str, job, contests: list[Leaderboard]):
        super().__init__(title, job)
        self._contests = contests
        self.headline(" ".join(verdict(contest, job.unit) for contest in contests))

    def everything(self, map_distance: float) -> None:
        """All tables and figures.

        Parameters
        ----------
        map_distance : float
            Median distance from the map's cells to their nearest point, metres.
        """
        self._errors()
        self.figure(
            "Test errors by method",
            figures.bars(self._contests, self._job.unit),
            "Root mean square error at the test points. Lower is better.",
        )
        self._folds(map_distance)
        self._significance()
        self._by_distance()
        self._by_point()
        self._networks()
        self._costs()
        self._failures()

    def _errors(self) -> None:
        unit = self._job.unit
        columns = ["Split", "Method", "Points", "Count", f"RMSE ({unit})", f"MAE ({unit})", "R²"]
        rows = [
            [contest.folds.title, score.title, part, *_figures(found)]
            for contest in self._contests
            for score in contest.scores
            for part, found in (("train", score.train), ("test", score.test))
            if found
        ]
        self.table("Errors", [*columns, "Concordance", f"Bias ({unit})"], rows, _ERRORS, "test")

    def _folds(self, map_distance: float) -> None:
        rows = [
            [
                contest.folds.title,
                int(np.isfinite(contest.distance).sum()),
                f"{np.nanmedian(contest.distance):.0f}",
            ]
            for contest in self._contests
        ]
        self.table(
            "Distance from test points to training points",
            ["Split", "Test points", "Median distance (m)"],
            [*rows, ["the map's cells to the points", None, f"{map_distance:.0f}"]],
            "Errors grow with this distance. The split whose distances are like those of the map's "
            "cells says most about the map as a whole. Where random folds test as far away as the "
            "map is, or none do, kNNDM may be the random folds.",
        )
        for contest in self._contests:
            if contest.folds.kind in ("block", "knndm"):
                self.figure(
                    f"Folds: {contest.folds.title}",
                    figures.fold_map(contest),
                    "Points of one colour are tested together; with more than ten folds colours "
                    "come again.",
                )

    def _significance(self) -> None:
        for contest in self._contests:
            titles = {score.name: score.title for score in contest.scores}
            rows = [_pair(test, titles) for test in contest.tests]
            if not rows:
                continue
            self.table(
                f"Who beats whom: {contest.folds.title}",
                ["Better", "Worse", "p", "Significant", "Effective points", "Plain t-test p"],
                rows,
                _TESTS,
                "yes",
            )
            self.figure(
                f"Significance: {contest.folds.title}",
                figures.significance(contest),
                "p of every two methods. Blue: the method of the row has the smaller error, red: "
                f"the larger. Full colour: significant at {100 * LEVEL:g} %.",
            )

    def _by_distance(self) -> None:
        self.figure(
            "Error by distance to the nearest training point",
            figures.error_by_distance(self._contests, self._job.unit),
            "Root mean square error of groups of test points.",
        )
        self.figure(
            "Variogram of the errors",
            figures.error_variograms(self._contests, self._job.unit),
            "Where a line rises, errors of neighbours are alike: the method leaves something that "
            "the points nearby know, or the gap is too wide for any method.",
        )

    def _by_point(self) -> None:
        limit = shared_limit(self._contests)
        for contest in self._contests:
            if not any(score.test for score in contest.scores):
                continue
            title = contest.folds.title
            self.figure(
                f"Observed and predicted: {title}",
                figures.scatters(contest, self._job.unit),
                "Test points. On the grey line both are equal. What is predicted beyond the frame "
                "is drawn on its edge.",
            )
            self.figure(
                f"Where the errors are: {title}",
                figures.error_maps(contest, limit, self._job.unit),
                "Predicted minus observed at the test points, on the same scale in all maps.",
            )

    def _networks(self) -> None:
        for contest in self._contests:
            for score in contest.scores:
                if isinstance(score.fitted, Method):
                    self.text(f"The last network of {contest.folds.title}:")
                    self.learning_curve(score.fitted.learning_curve)

    def _costs(self) -> None:
        rows = [
            [
                contest.folds.title,
                score.title,
                f"{score.seconds:.1f}",
                None if score.memory is None else f"{score.memory:.0f}",
            ]
            for contest in self._contests
            for score in contest.scores
        ]
        self.table("Time and memory", ["Split", "Method", "Seconds", "Memory (MB)"], rows, _COSTS)
        tuned = [
            [contest.folds.title, score.title, str(score.fitted)]
            for contest in self._contests
            for score in contest.scores
            if isinstance(score.fitted, Tuning)
        ]
        if tuned:
            self.table(
                "Parameters chosen by inner folds",
                ["Split", "Method", "In the last fold"],
                tuned,
                "Each fold chooses anew, from the points that it may learn from.",
            )

    def _failures(self) -> None:
        rows = [
            [contest.folds.title, score.title, failure]
            for contest in self._contests
            for score in contest.scores
            for failure in score.failures
        ]
        if rows:
            self.table(
                "What failed",
                ["Split", "Method", "Why"],
                rows,
                "A method that has not predicted every test point is ranked behind the others: "
                "its figures are of other points.",
            )


def verdict(contest: Leaderboard, unit: str) -> str:
    """Who won, in one sentence or two, and who may be as good."""
    where = f"In {contest.folds.title}"
    if contest.folds.kind == "random":
        where = f"On {contest.folds.title}"
    ranked = [score for score in contest.scores if score.is_complete]
    if not ranked:
        return f"{where}, no method has predicted every test point."
    best, *others = ranked
    lead = f"{where}, {best.title} {{}} a test RMSE of {rounded(best.test['RMSE'])} {unit}"
    if not others:
        return lead.format("has") + "."
    tests = {score.name: contest.test_of(best, score) for score in others}
    equals = [each for each in others if not (tests[each.name] and tests[each.name].is_significant)]
    text = f"{lead.format('is best with')}, before {_with_error(others[0], unit)}"
    if not equals:
        return f"{text}; it is significantly better than {'all others' if others[1:] else 'that'}."
    if len(equals) == len(others):
        none = "none of its leads is" if others[1:] else "the difference is not"
        return f"{text}; {none} significant."
    return f"{text}; not significantly better than {_listed([each.title for each in equals])}."


def shared_limit(contests: list[Leaderboard]) -> float:
    """The size below which 98 % of all errors are, mm."""
    errors = np.concatenate([score.error for contest in contests for score in contest.scores])
    errors = np.abs(errors[np.isfinite(errors)])
    return float(np.quantile(errors, 0.98)) or 1.0 if errors.size else 1.0


def _figures(found: dict) -> list:
    return [
        found["COUNT"],
        rounded(found["RMSE"]),
        rounded(found["MAE"]),
        *(None if found[name] is None else f"{found[name]:.3f}" for name in ("R2", "CCC")),
        rounded(found["BIAS"], "+"),
    ]


def _pair(test: PairedTest, titles: dict) -> list:
    better, worse = (test.first, test.second)[:: 1 if test.difference <= 0 else -1]
    return [
        titles[better],
        titles[worse],
        _p(test.adjusted),
        "yes" if test.is_significant else "no",
        f"{test.effective:.0f}",
        _p(test.p_plain),
    ]


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _with_error(score: Score, unit: str) -> str:
    return f"{score.title} with {rounded(score.test['RMSE'])} {unit}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
