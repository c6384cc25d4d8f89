"""A forest on the driving forces."""

from __future__ import annotations

from ..parameters import interpolation, makers
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
        return [
            makers.choice(
                "KIND",
                "Kind",
                "random: a random forest. extra: extremely randomised trees, whose maps are "
                "smoother.",
                ["random", "extra"],
                "random",
            ),
            makers.number(
                "TREES",
                "Number of trees",
                "The number of trees that are averaged. More trees are slower, but never worse.",
                300,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "MIN_LEAF",
                "Minimum points per leaf",
                "The minimum number of points in each leaf of a tree. Higher values give a "
                "smoother map, which suits noisy points.",
                1,
                low=1,
                whole=True,
                advanced=True,
            ),
            interpolation.coordinates(),
        ]

    def outputs(self):
        return [
            *super().outputs(),
            makers.raster_output(
                "STANDARD_DEVIATION",
                "Spread of the trees",
                "Standard deviation of the trees' predictions, in millimetres. It shows where the "
                "trees disagree; it is not the error of the map.",
                optional=True,
            ),
        ]
