"""The report of a map or of a trained model: how good it is, and what it rests on."""

from __future__ import annotations

from pathlib import Path

from ..network.presets import Preset
from ..points import Points
from ..validation.evaluation import Evaluation
from ..validation.uncertainty import ErrorByDistance
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
            f"{driver['name']} ({driver['kind']})" for driver in job.request.get("drivers", [])
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
        tests = [row for row in rows if row["part"] == "test"]
        splits = dict.fromkeys(row["split"] for row in tests)
        self.headline(
            " ".join(
                _winner([row for row in tests if row["split"] == split], self._job.unit)
                for split in splits
            )
        )
        unit = self._job.unit
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

    def learning_curve(self, trained, preset: Preset) -> None:
        """Training and validation loss by epoch."""
        self.figure(
            "Learning curves",
            figures.learning_curve(
                trained.history, trained.best_epoch, preset.loss, self._job.unit
            ),
            f"Loss by epoch. The weights of epoch {trained.best_epoch}, the best on the validation "
            f"points, were kept; {len(trained.history['loss'])} epochs took "
            f"{trained.seconds:.0f} s.",
        )

    def scatter(self, evaluation: Evaluation) -> None:
        """Observed against predicted."""
        self.figure(
            f"Observed and predicted, {evaluation.split_title}",
            figures.scatter(evaluation, self._job.unit),
            f"{evaluation.method.title} at the test points, none of which it has seen. On the "
            "grey line both are equal.",
        )

    def error_by_distance(self, evaluations: list[Evaluation], curve: ErrorByDistance) -> None:
        """Errors against the distance to the nearest point."""
        self.figure(
            "Error by distance to the nearest PS",
            figures.error_by_distance(evaluations, curve, self._job.unit),
            "Each dot is a test point. The black line is the standard deviation of the error that "
            f"the uncertainty layer uses; beyond {curve.distance[-1]:.0f} m nothing was measured "
            "and it is kept level, so take it there as a lower bound.",
        )


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
