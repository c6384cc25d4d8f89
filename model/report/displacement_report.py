"""What reports on displacement have in common: their errors, the map and the usual figures."""

from __future__ import annotations

from pathlib import Path

from ..methods.base import LearningCurve
from ..spatial.points import Points
from ..statistics.conformal import HeldOut, Intervals
from ..validation.evaluation import Evaluation
from . import figures
from .report import Report
from .subject import Subject

_NOTE = (
    "Only the test rows say how good a map is: those points were held out. In a random split, "
    "a test point has neighbours among the training points: its error is one beside the PS. "
    "Blocks are held out whole: their errors are those in the gaps. Points of one cell are "
    "never split between training and test. An error is predicted minus observed. IDW uses 12 "
    "neighbours and power 2. It passes through its training and validation points, except "
    "where several share a place."
)


class DisplacementReport(Report):
    """A report on displacement.

    Parameters
    ----------
    title : str
    subject : Subject
    """

    def __init__(self, title: str, subject: Subject):
        super().__init__(title)
        self.subject = subject
        self.text(subject.introduction)

    def errors(self, rows: list[dict], lead: str = "") -> None:
        """The table of metrics; the first line of the report names the best method of each split.

        Parameters
        ----------
        rows : list of dict
            "split", "method", "part" and the metrics.
        lead : str
            The first line, if it is another one.
        """
        tests = [row for row in rows if row["part"] == "test"]
        splits = dict.fromkeys(row["split"] for row in tests)
        unit = self.subject.unit
        winners = [_winner([row for row in tests if row["split"] == each], unit) for each in splits]
        self.headline(lead or " ".join(winners))
        columns = ["Split", "Method", "Points", "Count", f"RMSE ({unit})", f"MAE ({unit})"]
        columns += ["R²", f"Bias ({unit})"]
        shown = [
            [row["split"], row["method"], row["part"], row["COUNT"]]
            + [f"{row['RMSE']:.2f}", f"{row['MAE']:.2f}"]
            + [None if row["R2"] is None else f"{row['R2']:.3f}", f"{row['BIAS']:+.2f}"]
            for row in rows
        ]
        self.table("Errors", columns, shown, _NOTE, "test")

    def map(self, surface: Path, points: Points) -> None:
        """The surface with its points."""
        picture = figures.surface_map(surface, points, self.subject.positive, self.subject.unit)
        self.figure(
            "The map",
            picture,
            f"{self.subject.field} predicted at every cell. Dots are the PS that it was learned "
            "from, in the same colours. Red is subsidence, blue is uplift.",
        )

    def learning_curve(self, curve: LearningCurve) -> None:
        """Training and validation loss by epoch."""
        self.figure(
            "Learning curves",
            figures.learning_curve(curve.history, curve.best_epoch, curve.loss, self.subject.unit),
            f"Loss by epoch. The weights of epoch {curve.best_epoch} were kept: they are the best "
            f"on the validation points. {len(curve.history['loss'])} epochs took "
            f"{curve.seconds:.0f} s.",
        )

    def scatter(self, evaluation: Evaluation) -> None:
        """Observed against predicted."""
        self.figure(
            f"Observed and predicted, {evaluation.split_title}",
            figures.scatter(evaluation, self.subject.unit),
            f"{evaluation.method.title} at the test points, which it was not trained on. On the "
            "grey line both are equal.",
        )

    def error_by_distance(self, held_out: dict[str, HeldOut], curve: Intervals) -> None:
        """Errors against the distance to the nearest point, by the title of their split."""
        self.figure(
            "Error by distance to the nearest PS",
            figures.error_by_distance(held_out, curve, self.subject.unit),
            "Each dot is a test point. The solid line is the standard deviation of the error; one "
            f"error in ten lies above the dashed line. Beyond {curve.distance[-1]:.0f} m hardly "
            "any error was measured: the lines are kept level there, as lower bounds.",
        )


def rows_of(evaluations: list[Evaluation]) -> list[dict]:
    """The rows of `DisplacementReport.errors` for some evaluations."""
    return [
        {
            "split": evaluation.split_title,
            "method": evaluation.method.title,
            "part": part,
            **evaluation.metrics(part),
        }
        for evaluation in evaluations
        for part in evaluation.split.parts()
    ]


def _winner(rows: list[dict], unit: str) -> str:
    """One sentence on the test figures of one split."""
    if len(rows) == 1:
        row = rows[0]
        return f"On {row['split']}, {row['method']} has a test RMSE of {row['RMSE']:.1f} {unit}."
    best, *others = sorted(rows, key=lambda row: row["RMSE"])
    rest = " and ".join(f"{row['method']} {row['RMSE']:.1f} {unit}" for row in others)
    return (
        f"On {best['split']}, {best['method']} is best with a test RMSE of "
        f"{best['RMSE']:.1f} {unit}; {rest}."
    )
