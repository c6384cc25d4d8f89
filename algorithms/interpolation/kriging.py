"""Ordinary kriging."""

from __future__ import annotations

from ..parameters import interpolation
from .interpolate import InterpolationAlgorithm


class Kriging(InterpolationAlgorithm):
    """The geostatistician's method, with a standard deviation at each cell."""

    NAME = "kriging"
    TITLE = "Ordinary kriging"
    TAGS = ["kriging", "variogram", "geostatistics", "interpolation", "subsidence", "insar", "grid"]
    HELP = (
        "Makes a continuous displacement surface from the points alone, with its standard "
        "deviation. Each cell is a weighted mean of the points around it; the weights come from a "
        "variogram that is fitted to the points. Without a nugget the surface passes through the "
        "points. With a nugget it treats the nugget as noise and smooths it. Points at the same "
        "place are averaged."
    )

    def point_parameters(self):
        return [*super().point_parameters(), interpolation.measurement_error()]

    def own_parameters(self):
        return interpolation.kriging()

    def outputs(self):
        return interpolation.kriging_outputs()
