"""Inverse distance weighting."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared


class Idw(base.SubsidenceAlgorithm):
    """The first classical method: a weighted mean of the nearest points."""

    NAME = "idw"
    TITLE = "Inverse distance weighting"
    GROUP_ID = "interpolation"
    TAGS = ["idw", "inverse distance", "interpolation", "subsidence", "insar", "grid"]
    HELP = (
        "Makes a continuous displacement surface from the points alone: each cell is the mean of "
        "the nearest points, weighted by the inverse of a power of their distance. A quick first "
        "look, and the rival that a network has to beat."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            *shared.working_area(from_rasters=""),
            makers.number(
                "POWER",
                "Power",
                "How fast a point's weight falls with distance: 1 is smooth, higher values let "
                "the nearest points win.",
                2.0,
                low=0.0,
            ),
            interpolation.neighbours(12, "How many of the nearest points make a cell."),
            makers.number(
                "RADIUS",
                "Radius (m)",
                "Only points within this distance, in metres, count; cells without any are NoData. "
                "Empty: no limit.",
                low=0.001,
            ),
            interpolation.tune("POWER and NEIGHBOURS"),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        ]

    def request(self, job):
        grid, points = job.working_grid([])
        given = job.values("POWER", "NEIGHBOURS", "RADIUS", "TUNE")
        return job.request(grid, points=points, parameters={"method": "idw", **given})
