"""A forest on the driving forces."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


class Forest(InterpolationAlgorithm):
    """Many trees that learn from drivers; quick, and hard to use wrongly."""

    NAME = "forest"
    TITLE = "Random forest"
    TAGS = ["random forest", "extra trees", "machine learning", "interpolation", "subsidence"]
    HELP = (
        "Makes a continuous displacement surface from the driving forces. The forest learns from "
        "the drivers at each point, their means over squares of 5 and 21 cells around it, and its "
        "coordinates. It never predicts beyond the range of the points. It is quick, and a good "
        "baseline for the network."
    )

    def own_parameters(self):
        return interpolation.forest()

    def outputs(self):
        return [
            *super().outputs(),
            interpolation.standard_deviation(
                "Standard deviation of the trees' predictions, in millimetres. It shows where the "
                "trees disagree; it is not the error of the map.",
                "Spread of the trees",
            ),
        ]
