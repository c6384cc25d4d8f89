"""A forest on the driving forces."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared


class Forest(base.SubsidenceAlgorithm):
    """Many trees that learn from drivers; quick, and hard to use wrongly."""

    NAME = "forest"
    TITLE = "Random forest"
    GROUP_ID = "interpolation"
    TAGS = ["random forest", "extra trees", "machine learning", "interpolation", "subsidence"]
    HELP = (
        "Learns from the driving forces at each point, from their means over squares of 5 and 21 "
        "cells around it, and from its coordinates, and makes a continuous displacement surface. "
        "Never predicts more than it has seen. The quick rival of the network."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
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
                "Trees",
                "How many trees are averaged. More are never worse, only slower.",
                300,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "MIN_LEAF",
                "Points in a leaf",
                "The least number of points that make a prediction of a tree. More make a smoother "
                "map, as is right for noisy points.",
                1,
                low=1,
                whole=True,
                advanced=True,
            ),
            interpolation.coordinates(),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
            makers.raster_output(
                "STANDARD_DEVIATION",
                "Spread of the trees",
                "Standard deviation of the trees' predictions, in millimetres: where they "
                "disagree. It is not the error of the map.",
                optional=True,
            ),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = job.values("KIND", "TREES", "MIN_LEAF", "COORDINATES", "SEED")
        return job.request(grid, drivers, points, parameters={"method": "forest", **given})
