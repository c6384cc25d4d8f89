"""The report of a comparison: the best method of each split, and whether it is significant."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..statistics.significance import LEVEL, PairedTest
from ..validation.comparison import Leaderboard, Score
from . import comparison_figures as figures
from .displacement_report import DisplacementReport
from .report import rounded
from .subject import Subject

_ERRORS = (
    "All methods learn from the same points in each fold. Points of one cell are never split "
    "between training and test. Only the test rows say how good a method is: a method that "
    "passes through its points has no training error. Train rows hold the training points of "
    "all folds. An error is predicted minus observed. Concordance is Lin's coefficient, 1 "
    "where predicted equals observed. Random folds test beside the points, blocks test in gaps "
    "of their size. kNNDM tests as far from the points as the map's own cells are."
)
_TESTS = (
    "p is from the spatial prediction comparison test of Hering and Genton (2011) on squared "
    "errors, with Holm's correction for all pairs of the split. The test knows that errors of "
    "neighbours are correlated. Effective points: the number of independent points with as "
    "much information. The plain t-test is shown because it is often published. It takes all "
    "points as independent, so it finds differences that are not there."
)
_COSTS = (
    "Seconds are for fitting and predicting in all folds, with tuning if there is any. Memory "
    "is the maximum beyond what was in use before, without GPU memory. A dash: the system does "
    "not report it. What methods share, such as the neighbours of points, counts for the first "
    "of them."
)


def write_comparison_report(
    path: Path, subject: Subject, boards: list[Leaderboard], map_distance: float, settings: dict
) -> None:
    """Write the report of methods that were compared.

    Parameters
    ----------
    map_distance : float
        Median distance from the map's cells to their nearest point, metres.
    """
    report = DisplacementReport(f"Comparison of methods on {subject.field}", subject)
    report.headline(" ".join(verdict(board, subject.unit) for board in boards))
    _errors(report, boards)
    report.figure(
        "Test errors by method",
        figures.bars(boards, subject.unit),
        "Root mean square error at the test points. Lower is better.",
    )
    _folds(report, boards, map_distance)
    _significance(report, boards)
    _by_distance(report, boards)
    _by_point(report, boards)
    _networks(report, boards)
    _costs(report, boards)
    _failures(report, boards)
    report.settings(settings)
    report.write(path)


def _errors(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    unit = report.subject.unit
    columns = ["Split", "Method", "Points", "Count", f"RMSE ({unit})", f"MAE ({unit})", "R²"]
    rows = [
        [board.folds.title, score.title, part, *_figures(found)]
        for board in boards
        for score in board.scores
        for part, found in (("train", score.train), ("test", score.test))
        if found
    ]
    report.table("Errors", [*columns, "Concordance", f"Bias ({unit})"], rows, _ERRORS, "test")


def _folds(report: DisplacementReport, boards: list[Leaderboard], map_distance: float) -> None:
    rows = [
        [
            board.folds.title,
            int(np.isfinite(board.distance).sum()),
            f"{np.nanmedian(board.distance):.0f}",
        ]
        for board in boards
    ]
    report.table(
        "Distance from test points to training points",
        ["Split", "Test points", "Median distance (m)"],
        [*rows, ["the map's cells to the points", None, f"{map_distance:.0f}"]],
        "Errors grow with this distance. The split whose distances are most like those of the "
        "map's cells says most about the map. kNNDM equals the random folds where these already "
        "test as far away as the map's cells are, or where no folds can.",
    )
    for board in boards:
        if board.folds.kind in ("block", "knndm"):
            report.figure(
                f"Folds: {board.folds.title}",
                figures.fold_map(board),
                "Points of one colour are one fold. With more than ten folds, colours repeat.",
            )


def _significance(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    for board in boards:
        titles = {score.name: score.title for score in board.scores}
        rows = [_pair(test, titles) for test in board.tests]
        if not rows:
            continue
        report.table(
            f"Pairs of methods: {board.folds.title}",
            ["Better", "Worse", "p", "Significant", "Effective points", "Plain t-test p"],
            rows,
            _TESTS,
            "yes",
        )
        report.figure(
            f"Significance: {board.folds.title}",
            figures.significance(board),
            "p of each pair of methods. Blue: the method of the row has the smaller error. Red: it "
            f"has the larger one. Full colour: significant at {100 * LEVEL:g} %.",
        )


def _by_distance(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    report.figure(
        "Error by distance to the nearest training point",
        figures.error_by_distance(boards, report.subject.unit),
        "Root mean square error of groups of test points.",
    )
    report.figure(
        "Variogram of the errors",
        figures.error_variograms(boards, report.subject.unit),
        "Where a line rises, errors of neighbours are correlated. Either the method misses what "
        "the points nearby show, or the gap is too wide for any method.",
    )


def _by_point(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    limit = shared_limit(boards)
    for board in boards:
        if not any(score.test for score in board.scores):
            continue
        title = board.folds.title
        report.figure(
            f"Observed and predicted: {title}",
            figures.scatters(board, report.subject.unit),
            "Test points. On the grey line both are equal. Predictions beyond the frame are drawn "
            "on its edge.",
        )
        report.figure(
            f"Where the errors are: {title}",
            figures.error_maps(board, limit, report.subject.unit),
            "Predicted minus observed at the test points, on the same scale in all maps.",
        )


def _networks(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    for board in boards:
        for score in board.scores:
            curve = score.fitted and score.fitted.learning_curve
            if curve:
                report.text(f"The last network of {board.folds.title}:")
                report.learning_curve(curve)


def _costs(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    rows = [
        [
            board.folds.title,
            score.title,
            f"{score.seconds:.1f}",
            None if score.memory is None else f"{score.memory:.0f}",
        ]
        for board in boards
        for score in board.scores
    ]
    report.table("Time and memory", ["Split", "Method", "Seconds", "Memory (MB)"], rows, _COSTS)
    tuned = [
        [board.folds.title, score.title, score.tuned]
        for board in boards
        for score in board.scores
        if score.tuned
    ]
    if tuned:
        report.table(
            "Parameters chosen by inner folds",
            ["Split", "Method", "In the last fold"],
            tuned,
            "Each fold chooses its own, from its training points.",
        )


def _failures(report: DisplacementReport, boards: list[Leaderboard]) -> None:
    rows = [
        [board.folds.title, score.title, failure]
        for board in boards
        for score in board.scores
        for failure in score.failures
    ]
    if rows:
        report.table(
            "What failed",
            ["Split", "Method", "Why"],
            rows,
            "A method that has not predicted every test point is ranked last: its figures are of "
            "other points.",
        )


def verdict(board: Leaderboard, unit: str) -> str:
    """The best method in one sentence or two, and those that may be as good."""
    where = f"In {board.folds.title}"
    if board.folds.kind == "random":
        where = f"On {board.folds.title}"
    ranked = [score for score in board.scores if score.is_complete]
    if not ranked:
        return f"{where}, no method has predicted every test point."
    best, *others = ranked
    lead = f"{where}, {best.title} {{}} a test RMSE of {rounded(best.metric('RMSE'))} {unit}"
    if not others:
        return lead.format("has") + "."
    equals = [each for each in others if not board.is_better(best, each)]
    text = f"{lead.format('is best with')}, before {_with_error(others[0], unit)}"
    if not equals:
        return f"{text}; it is significantly better than {'all others' if others[1:] else 'that'}."
    if len(equals) == len(others):
        none = "none of the differences is" if others[1:] else "the difference is not"
        return f"{text}; {none} significant."
    return f"{text}; not significantly better than {_listed([each.title for each in equals])}."


def shared_limit(boards: list[Leaderboard]) -> float:
    """The size below which 98 % of all errors are, mm."""
    errors = np.concatenate([score.error for board in boards for score in board.scores])
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
    return f"{score.title} with {rounded(score.metric('RMSE'))} {unit}"


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
