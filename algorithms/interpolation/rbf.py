"""Radial basis functions."""

from __future__ import annotations

from .. import base
from ..parameters import interpolation, makers, shared


class Rbf(base.SubsidenceAlgorithm):
    """A surface that passes through the points and bends as little as its kernel allows."""

    NAME = "rbf"
    TITLE = "Radial basis functions"
    GROUP_ID = "interpolation"
    TAGS = ["rbf", "radial basis", "spline", "thin plate", "interpolation", "subsidence", "insar"]
    HELP = (
        "Makes a continuous displacement surface from the points alone: at each cell a sum of "
        "functions of the distance to the nearest points that passes through all of them. The "
        "linear kernel is about as good as kriging and cannot swing; smoother kernels can, in gaps "
        "and at the edge of the map. Points of the same place are averaged."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            *shared.working_area(from_rasters=""),
            makers.choice(
                "KERNEL",
                "Kernel",
                "The function of the distance. linear: tight and safe. thin_plate_spline, cubic, "
                "quintic: ever smoother, and ever wilder far from points. multiquadric, "
                "inverse_multiquadric, gaussian: smooth over LENGTH. Where the nearest points do "
                "not determine a surface, as points on one line, linear is taken; the log counts "
                "such cells.",
                [
                    "linear",
                    "thin_plate_spline",
                    "cubic",
                    "quintic",
                    "multiquadric",
                    "inverse_multiquadric",
                    "gaussian",
                ],
                "linear",
            ),
            interpolation.neighbours(50, "How many of the nearest points make a cell."),
            makers.number(
                "SMOOTHING",
                "Smoothing",
                "0: the surface passes through the points. More lets it miss them for being "
                "smoother, as is right for noisy points; try 0.1 and 1. Without unit.",
                0.0,
                low=0.0,
            ),
            makers.number(
                "LENGTH",
                "Length (m)",
                "Distance in metres over which multiquadric, inverse_multiquadric and gaussian "
                "bend; the other kernels have none. Empty: the median distance from a point to its "
                "nearest neighbour.",
                low=0.001,
                advanced=True,
            ),
            interpolation.tune("KERNEL and SMOOTHING"),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        ]

    def request(self, job):
        grid, points = job.working_grid([])
        given = job.values("KERNEL", "NEIGHBOURS", "SMOOTHING", "LENGTH", "TUNE")
        return job.request(grid, points=points, parameters={"method": "rbf", **given})
