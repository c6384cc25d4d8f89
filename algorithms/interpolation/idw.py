"""Inverse distance weighting."""

from __future__ import annotations

from ..parameters import interpolation, makers
from .interpolate import InterpolationAlgorithm


class Idw(InterpolationAlgorithm):
    """A weighted mean of the nearest points."""

    NAME = "idw"
    TITLE = "Inverse distance weighting"
    TAGS = ["idw", "inverse distance", "interpolation", "subsidence", "insar", "grid"]
    HELP = (
        "Makes a continuous displacement surface from the points alone. Each cell is the mean of "
        "the nearest points, weighted by the inverse of a power of their distance. Use it for a "
        "quick first look, and as a baseline for other methods."
    )

    def own_parameters(self):
        return [
            makers.number(
                "POWER",
                "Power",
                "How fast a point's weight falls with distance. 1 gives a smooth surface; with "
                "higher values the nearest points dominate.",
                2.0,
                low=0.0,
            ),
            interpolation.neighbours(12),
            makers.number(
                "RADIUS",
                "Search radius (m)",
                "Only points within this distance, in metres, are used. Cells without any are "
                "NoData. Empty: no limit.",
                low=0.001,
            ),
            interpolation.tune("POWER and NEIGHBOURS"),
        ]
