"""Moving least squares."""

from __future__ import annotations

from ..parameters import interpolation, makers
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
        return [
            makers.number(
                "DEGREE",
                "Degree",
                "Degree of the polynomial. 1: a plane. 2: a curved surface, which follows "
                "subsidence bowls better and needs more neighbours.",
                2,
                low=1,
                high=2,
                whole=True,
            ),
            interpolation.neighbours(
                24,
                " A point's weight falls to zero at the distance of the last of them, so more "
                "neighbours give a smoother surface.",
            ),
            makers.choice(
                "WEIGHTS",
                "Weights",
                "How a point's weight falls with distance. wendland: Wendland's polynomial. "
                "gaussian: a narrower bell.",
                ["wendland", "gaussian"],
                "wendland",
                advanced=True,
            ),
            makers.flag(
                "ROBUST",
                "Robust",
                "Whether points that do not fit their neighbours lose weight, so that a few "
                "outliers do not bend the surface. It also flattens real, very local subsidence.",
                advanced=True,
            ),
            interpolation.tune("DEGREE and NEIGHBOURS"),
        ]
