"""Radial basis functions."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


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
        return interpolation.rbf()
