"""Ordinary kriging."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared

OPTIONS = ("VARIOGRAM", "NEIGHBOURS", "SECTORS", "ESTIMATOR", "AZIMUTH", "RATIO")


class Kriging(base.SubsidenceAlgorithm):
    """The geostatistician's method, which says how far it may be wrong."""

    NAME = "kriging"
    TITLE = "Ordinary kriging"
    GROUP_ID = "interpolation"
    TAGS = ["kriging", "variogram", "geostatistics", "interpolation", "subsidence", "insar", "grid"]
    HELP = (
        "Makes a continuous displacement surface from the points alone, and its standard "
        "deviation: each cell is a weighted mean of points near it in all directions, with weights "
        "from a variogram that is fitted to the points. The surface passes through the points if "
        "the variogram has no nugget; else it takes the nugget for noise and smooths it. Points of "
        "the same place are averaged."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            makers.field(
                "ERROR_FIELD",
                "Field of the measurement error",
                "Standard deviation of each value's measurement error, in the values' unit: for a "
                "map of velocities, velocity_std. The surface then trusts points by it, and is "
                "smooth where they are uncertain. Empty: the nugget alone says how far points err.",
                "PS_POINTS",
                numeric=True,
                advanced=True,
            ),
            *shared.working_area(from_rasters=""),
            *interpolation.kriging(),
            shared.engine(),
            *interpolation.kriging_outputs(),
        ]

    def request(self, job):
        grid, points = job.working_grid([])
        return job.request(
            grid, points=points, parameters={"method": "kriging", **job.values(*OPTIONS)}
        )
