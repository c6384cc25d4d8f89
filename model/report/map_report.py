"""The report of a map or of a trained model: how good it is, and what it rests on."""

from __future__ import annotations

from pathlib import Path

from ..errors import shown
from ..methods.base import LearningCurve
from ..spatial.points import Points
from ..statistics.applicability import CLASSES, TrustDistances
from ..statistics.conformal import HeldOut, Intervals
from ..statistics.splits import Folds
from ..validation.auto import Candidate
from ..validation.comparison import Leaderboard
from ..validation.evaluation import Evaluation
from . import figures
from .report import Report

SIGNS = {
    "up": "negative values are subsidence, positive values uplift",
    "subsidence": "positive values are subsidence, negative values uplift",
}
_NOTE = (
    "Only the test rows say how good a map is: those points were held out. In the random split a "
    "test point has neighbours among the training points, so its figures hold beside the PS; the "
    "blocks are held out whole, so their figures hold in the gaps. Points of one cell are never "
    "split apart. An error is predicted minus observed. IDW uses the training and the validation "
    "points, and is exact on them. IDW here means 12 neighbours and power 2."
)

_CHOICE = (
    "Every method has predicted points that were hidden from it, and the one whose errors are "
    "smallest makes the map. An error counts the more, the more its point is like the map's cells, "
    "in how far PS are all around and in the drivers: PS stand in villages, and most of a map is "
    "not village."
)
_UNCERTAINTY = (
    "Nine measurements in ten should lie between the lower and the upper value of the uncertainty "
    "layer. Its width is that of the errors at points that were hidden, at the same distance from "
    "the nearest PS, and is wider where neighbouring PS differ."
)


class MapReport(Report):
    """A report on displacement.

    Parameters
    ----------
    title : str
    job : Job
        Names the field, its sign, the grid and the drivers.
    """

    def __init__(self, title: str, job):
        super().__init__(title)
        self._job = job
        cell = "{:g} × {:g} m".format(*job.grid.cell_size)
        drivers = ", ".join(
            f"{shown(driver['name'])} ({driver['kind']})"
            for driver in job.request.get("drivers", [])
        )
        self.text(
            f"Values are {job.field} in {job.unit}; {SIGNS[job.positive]}. The grid has "
            f"{job.grid.width} × {job.grid.height} cells of {cell}."
            + (f" Drivers: {drivers}." if drivers else "")
        )

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        """The table of metrics; the first line of the report says who was best where."""
        rows = [
            {
                "split": evaluation.split_title,
                "method": evaluation.method.title,
                "part": part,
                **evaluation.metrics(part),
            }
            for evaluation in evaluations
            for part in evaluation.split.parts()
        ]
        self._errors(rows)

    def contests(self, contests: list[Leaderboard], lead: str = "") -> None:
        """As `evaluations`, of methods on the same folds; `lead` may say it better."""
        rows = [
            {"split": contest.folds.title, "method": score.title, "part": part, **found}
            for contest in contests
            for score in contest.scores
            for part, found in (("train", score.train), ("test", score.test))
            if found
        ]
        self._errors(rows, lead)

    def _errors(self, rows: list[dict], lead: str = "") -> None:
        tests = [row for row in rows if row["part"] == "test"]
        splits = dict.fromkeys(row["split"] for row in tests)
        unit = self._job.unit
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
        picture = figures.surface_map(surface, points, self._job.positive, self._job.unit)
        self.figure(
            "The map",
            picture,
            f"{self._job.field} predicted at every cell, with the PS it was learned from in the "
            "same colours. Red is subsidence, blue uplift.",
        )

    def learning_curve(self, curve: LearningCurve) -> None:
        """Training and validation loss by epoch."""
        self.figure(
            "Learning curves",
            figures.learning_curve(curve.history, curve.best_epoch, curve.loss, self._job.unit),
            f"Loss by epoch. The weights of epoch {curve.best_epoch}, the best on the validation "
            f"points, were kept; {len(curve.history['loss'])} epochs took {curve.seconds:.0f} s.",
        )

    def scatter(self, evaluation: Evaluation) -> None:
        """Observed against predicted."""
        self.figure(
            f"Observed and predicted, {evaluation.split_title}",
            figures.scatter(evaluation, self._job.unit),
            f"{evaluation.method.title} at the test points, none of which it has seen. On the "
            "grey line both are equal.",
        )

    def error_by_distance(self, ways: dict[str, HeldOut], curve: Intervals) -> None:
        """Errors against the distance to the nearest point."""
        self.figure(
            "Error by distance to the nearest PS",
            figures.error_by_distance(ways, curve, self._job.unit),
            "Each dot is a test point. The black lines are the standard deviation of the error and "
            f"the size that one error in ten exceeds; beyond {curve.distance[-1]:.0f} m hardly "
            "anything was measured and they are kept level, so take them there as a lower bound.",
        )

    def choice(self, ranked: list[Candidate]) -> None:
        """What METHOD=auto has tried."""
        unit = self._job.unit
        columns = ["Method", *(f"{score.folds.title} ({unit})" for score in ranked[0].scores)]
        rows = [
            [
                each.title,
                *(f"{score.test['RMSE']:.2f}" if score.test else None for score in each.scores),
                f"{each.expected:.2f}" if each.held is not None else None,
                f"{sum(score.seconds for score in each.scores):.0f}",
            ]
            for each in ranked
        ]
        self.table(
            "What METHOD=auto has tried",
            [*columns, f"Expected on the map ({unit})", "Seconds"],
            rows,
            _CHOICE,
            ranked[0].title,
        )

    def uncertainty(self, coverage: list[dict], folds: Folds) -> None:
        """How often the intervals hold where they were not made."""
        if not coverage:
            self.text(f"{_UNCERTAINTY} The points are too few to check it.")
            return
        places = [f"{row['from']:,.0f} to {row['to']:,.0f}" for row in coverage[:-1]] + ["all"]
        rows = [
            [place, row["count"], f"{100 * row['share']:.1f} %", f"{row['width']:.1f}"]
            for place, row in zip(places, coverage)
        ]
        self.table(
            "Does the 90 % interval hold?",
            [
                "Distance to the nearest PS (m)",
                "Errors",
                "Inside",
                f"Mean width ({self._job.unit})",
            ],
            rows,
            f"{_UNCERTAINTY} Checked on each of {folds.title} with an interval made from the "
            "others: near 90 % is right, less is too bold, more too cautious.",
            "all",
        )

    def trust(self, shares: dict[int, float], limits: TrustDistances, by_drivers: bool) -> None:
        """How much of the map is in which class of trust, and what the classes mean."""
        rows = [[code, CLASSES[code], f"{100 * shares[code]:.1f} %"] for code in CLASSES]
        note = (
            f"Measured nearby: a PS within {limits.near:,.0f} m, where at least half of the map's "
            "squared error is there beside the PS too. Interpolated: farther, but within "
            f"{limits.far:,.0f} m, as far as PS tell of each other, and with PS all around. "
            "Extrapolated: beyond that, or at the rim. Outside: farther than "
            f"{limits.tested:,.0f} m, where no error could be measured"
            + (
                ", or with driving forces unlike those at any PS (outside the area of "
                "applicability; Meyer and Pebesma, 2021)."
                if by_drivers
                else "."
            )
            + " Believe the first two as the interval says; check the others in the field before "
            "anything is built on them."
        )
        self.table("How far to trust the map", ["Class", "Meaning", "Share of the map"], rows, note)


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
