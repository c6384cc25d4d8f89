"""Moving least squares."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared


class MovingLeastSquares(base.SubsidenceAlgorithm):
    """A polynomial of its own for every cell."""

    NAME = "movingleastsquares"
    TITLE = "Moving least squares"
    GROUP_ID = "interpolation"
    TAGS = ["mls", "moving least squares", "local polynomial", "interpolation", "subsidence"]
    HELP = (
        "Makes a continuous displacement surface from the points alone: at each cell a polynomial "
        "is fitted to the nearest points, near ones weighing more, and its value is taken. It "
        "smooths: the surface need not pass through the points, and noise is averaged out. Points "
        "of the same place are averaged."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            *shared.working_area(from_rasters=""),
            makers.number(
                "DEGREE",
                "Degree",
                "Degree of the polynomial. 1: a plane. 2: a surface that can curve; it follows "
                "bowls better and wants more neighbours.",
                2,
                low=1,
                high=2,
                whole=True,
            ),
            interpolation.neighbours(
                24,
                "How many of the nearest points make a cell. A point's weight falls to nothing at "
                "the distance of the last of them, so more neighbours make a smoother surface.",
            ),
            makers.choice(
                "WEIGHTS",
                "Weights",
                "How a point's weight falls with distance. wendland: Wendland's polynomial. "
                "gaussian: a bell that is narrower.",
                ["wendland", "gaussian"],
                "wendland",
                advanced=True,
            ),
            makers.flag(
                "ROBUST",
                "Robust",
                "Whether points that do not fit their neighbours lose weight, so that a few wrong "
                "ones cannot bend the surface. Also blunts true, very local subsidence.",
                advanced=True,
            ),
            interpolation.tune("DEGREE and NEIGHBOURS"),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        ]

    def request(self, job):
        grid, points = job.working_grid([])
        given = job.values("DEGREE", "NEIGHBOURS", "WEIGHTS", "ROBUST", "TUNE")
        return job.request(
            grid, points=points, parameters={"method": "movingleastsquares", **given}
        )
