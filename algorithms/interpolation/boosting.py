"""Gradient boosting on the driving forces."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared


class Boosting(base.SubsidenceAlgorithm):
    """Trees that correct one another."""

    NAME = "boosting"
    TITLE = "Gradient boosting"
    GROUP_ID = "interpolation"
    TAGS = ["gradient boosting", "machine learning", "trees", "interpolation", "subsidence"]
    HELP = (
        "Learns from the driving forces at each point, from their means over squares of 5 and 21 "
        "cells around it, and from its coordinates, and makes a continuous displacement surface. "
        "Each tree corrects those before it; a tenth of the points says when to stop, then all "
        "points are learned from."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
            makers.number(
                "LEARNING_RATE",
                "Learning rate",
                "How much each tree may correct those before it. Less wants more trees and is "
                "often a little better.",
                0.05,
                low=0.001,
                high=1,
            ),
            makers.number(
                "MAX_TREES",
                "Most trees",
                "Where to stop if the error at the points left out for that still falls.",
                1000,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "LEAVES",
                "Leaves of a tree",
                "The most leaves that a tree may have. Fewer make simpler trees.",
                31,
                low=2,
                whole=True,
                advanced=True,
            ),
            interpolation.coordinates(),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = job.values("LEARNING_RATE", "MAX_TREES", "LEAVES", "COORDINATES", "SEED")
        return job.request(grid, drivers, points, parameters={"method": "boosting", **given})
