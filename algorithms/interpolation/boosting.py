"""Gradient boosting on the driving forces."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


class Boosting(InterpolationAlgorithm):
    """Trees that correct one another."""

    NAME = "boosting"
    TITLE = "Gradient boosting"
    TAGS = ["gradient boosting", "machine learning", "trees", "interpolation", "subsidence"]
    HELP = (
        "Makes a continuous displacement surface from the driving forces. The trees learn from the "
        "drivers at each point, their means over squares of 5 and 21 cells around it, and its "
        "coordinates. Each tree corrects those before it. A tenth of the points decides the number "
        "of trees; then all points are used."
    )

    def own_parameters(self):
        return interpolation.boosting()
