"""Regression kriging."""

from __future__ import annotations

from ..parameters import interpolation, makers
from .interpolate import InterpolationAlgorithm


class RegressionKriging(InterpolationAlgorithm):
    """A trend on the drivers, and kriging of its residuals."""

    NAME = "regressionkriging"
    TITLE = "Regression kriging"
    TAGS = ["kriging", "regression", "trend", "variogram", "forest", "interpolation", "subsidence"]
    HELP = (
        "Fits a trend on the driving forces, and adds ordinary kriging of its residuals. Near "
        "points the surface follows the points, far from them the drivers. The residuals are "
        "out-of-fold, so the surface need not pass through the points. The log says how much of "
        "the variance the trend explains. If that is next to nothing, use ordinary kriging."
    )

    def own_parameters(self):
        return [
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
        ]

    def outputs(self):
        return interpolation.kriging_outputs()
