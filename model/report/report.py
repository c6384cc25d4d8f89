"""The HTML report: one self-contained file."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from pathlib import Path

import jinja2

from ..network.presets import Preset
from ..points import Points
from ..validation.evaluation import Evaluation
from ..validation.uncertainty import ErrorByDistance
from . import figures

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_SIGNS = {
    "up": "negative values are subsidence, positive values uplift",
    "subsidence": "positive values are subsidence, negative values uplift",
}


class Report:
    """Collects the parts of a report, in order, and writes them.

    Parameters
    ----------
    title : str
    job : Job
        Names the field, its sign and the drivers.
    """

    def __init__(self, title: str, job):
        self._title = title
        self._job = job
        self._headline = ""
        self._rows: list = []
        self._figures: list = []
        self._settings: dict = {}

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        """The table of metrics; the first line of the report says who was best where."""
        for evaluation in evaluations:
            for part in evaluation.split.parts():
                self._rows.append(
                    {
                        "split": evaluation.split_title,
                        "method": evaluation.method.title,
                        "part": part,
                        **evaluation.metrics(part),
                    }
                )
        self._headline = " ".join(
            _winner([row for row in self._rows if row["split"] == split and row["part"] == "test"])
            for split in dict.fromkeys(row["split"] for row in self._rows)
        )

    def map(self, surface: Path, points: Points) -> None:
        """The surface with its points."""
        picture = figures.surface_map(surface, points, self._job.positive)
        self._figure(
            "The map",
            picture,
            "Cumulative displacement predicted at every cell, with the PS it was learned from in "
            "the same colours. Red is subsidence, blue uplift.",
        )

    def learning_curve(self, trained, preset: Preset) -> None:
        """Training and validation loss by epoch."""
        self._figure(
            "Learning curves",
            figures.learning_curve(trained.history, trained.best_epoch, preset.loss),
            f"Loss by epoch. The weights of epoch {trained.best_epoch}, the best on the validation "
            f"points, were kept; {len(trained.history['loss'])} epochs took "
            f"{trained.seconds:.0f} s.",
        )

    def scatter(self, evaluation: Evaluation) -> None:
        """Observed against predicted."""
        self._figure(
            f"Observed and predicted, {evaluation.split_title}",
            figures.scatter(evaluation),
            f"{evaluation.method.title} at the test points, none of which it has seen. On the "
            "grey line both are equal.",
        )

    def error_by_distance(self, evaluations: list[Evaluation], curve: ErrorByDistance) -> None:
        """Errors against the distance to the nearest point."""
        self._figure(
            "Error by distance to the nearest PS",
            figures.error_by_distance(evaluations, curve),
            "Each dot is a test point. The black line is the standard deviation of the error that "
            f"the uncertainty layer uses; beyond {curve.distance[-1]:.0f} m nothing was measured "
            "and it is kept level, so take it there as a lower bound.",
        )

    def settings(self, values: dict, **more) -> None:
        """What it takes to run this again."""
        self._settings = {
            name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            for name, value in {**more, **values}.items()
        }

    def write(self, path: Path) -> None:
        """Write the report."""
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
        job = self._job
        drivers = job.request.get("drivers", [])
        html = template.render(
            title=self._title,
            headline=self._headline,
            field=job.field,
            sign=_SIGNS[job.positive],
            grid=job.grid,
            drivers=", ".join(f"{driver['name']} ({driver['kind']})" for driver in drivers),
            rows=self._rows,
            figures=self._figures,
            settings=self._settings,
            written=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        )
        path.write_text(html, encoding="utf-8")

    def _figure(self, title: str, png: bytes, caption: str) -> None:
        self._figures.append(
            {"title": title, "png": base64.b64encode(png).decode(), "caption": caption}
        )


def _winner(rows: list[dict]) -> str:
    """One sentence on the test figures of one split."""
    if len(rows) == 1:
        row = rows[0]
        return f"On {row['split']}, {row['method']} has a test RMSE of {row['RMSE']:.1f} mm."
    best, *others = sorted(rows, key=lambda row: row["RMSE"])
    rest = " and ".join(f"{row['method']} {row['RMSE']:.1f} mm" for row in others)
    return (
        f"On {best['split']}, {best['method']} is best with a test RMSE of {best['RMSE']:.1f} mm; "
        f"{rest}."
    )
