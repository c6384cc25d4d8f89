"""Moving least squares."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


class MovingLeastSquares(InterpolationAlgorithm):
    """A polynomial of its own for every cell."""

    NAME = "movingleastsquares"
    TITLE = "Moving least squares"
    TAGS = ["mls", "moving least squares", "local polynomial", "interpolation", "subsidence"]
    HELP = (
        "Makes a continuous displacement surface from the points alone. At each cell a polynomial "
        "is fitted to the nearest points, and near points weigh more. The surface smooths: it need "
        "not pass through the points, and noise is averaged out. Points at the same place are "
        "averaged."
    )

    def own_parameters(self):
        return interpolation.moving_least_squares()
