"""Regression kriging."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared
from .kriging import OPTIONS


class RegressionKriging(base.SubsidenceAlgorithm):
    """What the drivers explain, and kriging of the rest."""

    NAME = "regressionkriging"
    TITLE = "Regression kriging"
    GROUP_ID = "interpolation"
    TAGS = ["kriging", "regression", "trend", "variogram", "forest", "interpolation", "subsidence"]
    HELP = (
        "Learns a trend from the driving forces, and adds ordinary kriging of what it leaves at "
        "the points: near points the surface follows them, far from them the drivers. What is left "
        "at a point is told by a trend that has not seen the point, so the surface need not pass "
        "through the points. The log says how much the trend explains; if that is next to nothing, "
        "ordinary kriging is better."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
            makers.choice(
                "TREND",
                "Trend",
                "linear: ridge regression on the drivers at the cell and their means over squares "
                "of 5 and 21 cells around it. forest: extremely randomised trees on these and the "
                "coordinates.",
                ["linear", "forest"],
                "linear",
            ),
            *interpolation.kriging(),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            shared.engine(),
            *interpolation.kriging_outputs(),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = job.values("TREND", "SEED", *OPTIONS)
        return job.request(
            grid, drivers, points, parameters={"method": "regressionkriging", **given}
        )
