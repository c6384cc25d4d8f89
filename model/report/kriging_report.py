"""The report of kriging: its variogram, and how well it predicts left-out points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..methods.kriging import OrdinaryKriging
from ..spatial.points import Points, squared
from .displacement_report import DisplacementReport
from .figures import variogram_figure
from .subject import Subject

if TYPE_CHECKING:  # it would bring scikit-learn
    from ..methods.regression_kriging import RegressionKriging

_DIRECTIONS = {"north": 0, "north-east": 45, "east": 90, "south-east": 135}


def write_kriging_report(
    path: Path,
    subject: Subject,
    method: OrdinaryKriging | RegressionKriging,
    surface: Path,
    points: Points,
    settings: dict,
) -> None:
    """Write the report of ordinary or regression kriging and its surface."""
    kriging = method if isinstance(method, OrdinaryKriging) else method.kriging_
    report = DisplacementReport(f"{method.title} of {subject.field}", subject)
    report.headline(
        f"The leave-one-out error is {kriging.rmse_:.3g} {subject.unit} (RMSE): each point is "
        "predicted from the others."
    )
    if kriging.variogram_:
        figure = variogram_figure(kriging.variogram_, subject.unit, directions(kriging))
        report.figure("Variogram", figure, variogram_caption(kriging, subject.unit, "points"))
    report.map(surface, points)
    report.settings(settings)
    report.write(path)


def directions(kriging: OrdinaryKriging) -> dict:
    """Empirical variograms by direction, where there are enough pairs."""
    if len(kriging.points_) < 100 or kriging.ratio < 1:
        return {}
    return {name: kriging.measure(azimuth) for name, azimuth in _DIRECTIONS.items()}


def variogram_caption(kriging: OrdinaryKriging, unit: str, what: str) -> str:
    """What the fitted model is, and how well its standard deviation holds."""
    few = ""
    if kriging.has_few:
        few = (
            f" {len(kriging.points_)} {what} are too few to choose a model or to fit a nugget: the "
            "standard deviation is a rough one."
        )
    return (
        f"The model: {kriging.variogram_} (semivariances in {squared(unit)}). Dots are the "
        "empirical semivariances with their numbers of pairs. The mean square of leave-one-out "
        f"errors over their kriging standard deviations is {kriging.calibration_:.2g}. 1 is ideal; "
        f"more means that the map's standard deviation is too small.{few}"
    )
