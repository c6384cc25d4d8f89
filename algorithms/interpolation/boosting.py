"""Gradient boosting on the driving forces."""

from __future__ import annotations

from ..parameters import interpolation, makers
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
        return [
            makers.number(
                "LEARNING_RATE",
                "Learning rate",
                "How much each tree corrects those before it. Lower values need more trees and are "
                "often slightly more accurate.",
                0.05,
                low=0.001,
                high=1,
            ),
            makers.number(
                "MAX_TREES",
                "Maximum number of trees",
                "Training stops here if the error at the validation points still falls.",
                1000,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "LEAVES",
                "Maximum leaves per tree",
                "The maximum number of leaves of each tree. Lower values give simpler trees.",
                31,
                low=2,
                whole=True,
                advanced=True,
            ),
            interpolation.coordinates(),
        ]
