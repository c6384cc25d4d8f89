"""Radial basis functions."""

from __future__ import annotations

from ..parameters import interpolation, makers
from .interpolate import InterpolationAlgorithm

KERNELS = [
    *["linear", "thin_plate_spline", "cubic", "quintic"],
    *["multiquadric", "inverse_multiquadric", "gaussian"],
]


class Rbf(InterpolationAlgorithm):
    """A surface that passes through the points and bends as little as its kernel allows."""

    NAME = "rbf"
    TITLE = "Radial basis functions"
    TAGS = ["rbf", "radial basis", "spline", "thin plate", "interpolation", "subsidence", "insar"]
    HELP = (
        "Makes a continuous displacement surface from the points alone. Each cell is a sum of "
        "functions of the distance to the nearest points, and the surface passes through them. The "
        "linear kernel is about as accurate as kriging and does not oscillate. Smoother kernels "
        "can oscillate in gaps and at the edge of the map. Points at the same place are averaged."
    )

    def own_parameters(self):
        return [
            makers.choice(
                "KERNEL",
                "Kernel",
                "The function of the distance. linear: close to the points and robust. "
                "thin_plate_spline, cubic, quintic: increasingly smooth, and increasingly unstable "
                "far from points. multiquadric, inverse_multiquadric, gaussian: smooth over "
                "LENGTH. Where the nearest points determine no surface, for instance on one line, "
                "linear is used; the log counts such cells.",
                KERNELS,
                "linear",
            ),
            interpolation.neighbours(50),
            makers.number(
                "SMOOTHING",
                "Smoothing",
                "0: the surface passes through the points. Higher values give a smoother surface "
                "that misses them, which suits noisy points; try 0.1 and 1. It has no unit.",
                0.0,
                low=0.0,
            ),
            makers.number(
                "LENGTH",
                "Length (m)",
                "Length scale, in metres, of multiquadric, inverse_multiquadric and gaussian; the "
                "other kernels have none. Empty: the median distance from a point to its nearest "
                "neighbour.",
                low=0.001,
                advanced=True,
            ),
            interpolation.tune("KERNEL and SMOOTHING"),
        ]
