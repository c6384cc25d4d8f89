"""The parameters that methods of interpolation share."""

from __future__ import annotations

from . import makers, shared


def neighbours(default: int, note: str = ""):
    """How many points each cell is computed from."""
    text = f"The number of nearest points that each cell is computed from.{note}"
    return makers.number("NEIGHBOURS", "Neighbours", text, default, low=1, whole=True)


def variogram(points: str, advanced=False):
    """The model of kriging; `points` says what it is fitted to."""
    return makers.choice(
        "VARIOGRAM",
        "Variogram",
        "The model that is fitted. auto: the one under which held-out values are most likely, or "
        f"linear with fewer than 10 {points}. stable and matern have a shape parameter that is "
        "fitted too. nested is the sum of two spherical models.",
        ["auto", "spherical", "exponential", "gaussian", "stable", "matern", "nested", "linear"],
        "auto",
        advanced,
    )


def kriging():
    """What every kriging of persistent scatterers asks for."""
    return [
        variogram("points"),
        neighbours(32),
        makers.number(
            "SECTORS",
            "Sectors",
            "The neighbours come from this many equal sectors around a cell, so that a cluster "
            "does not hide the points on the other side. 1: the nearest points in any direction.",
            8,
            low=1,
            high=32,
            whole=True,
            advanced=True,
        ),
        makers.choice(
            "ESTIMATOR",
            "Estimator of the variogram",
            "matheron: half the mean squared difference. cressie_hawkins: robust against outliers. "
            "Where subsidence has bowls, which are no outliers, its standard deviation is too "
            "small.",
            ["matheron", "cressie_hawkins"],
            "matheron",
            advanced=True,
        ),
        makers.number(
            "AZIMUTH",
            "Direction of the longest range (°)",
            "The direction in which values are similar over the longest distance, in degrees "
            "clockwise from north. The report shows the variogram by direction.",
            0.0,
            low=-180,
            high=180,
            advanced=True,
        ),
        makers.number(
            "RATIO",
            "Ratio of the ranges",
            "The range across AZIMUTH divided by the range along it. 1: the same in all "
            "directions.",
            1.0,
            low=0.01,
            high=1,
            advanced=True,
        ),
    ]


def kriging_outputs():
    """What every kriging of persistent scatterers makes."""
    return [
        shared.surface_output(),
        makers.raster_output(
            "STANDARD_DEVIATION",
            "Standard deviation",
            "Kriging standard deviation in millimetres: how far a measurement may lie from the "
            "surface, according to the variogram.",
            optional=True,
        ),
        shared.report_output("The variogram, the map and the parameters, as an HTML page."),
    ]


def coordinates():
    """Whether a method that learns from drivers has the position as a feature."""
    return makers.flag(
        "COORDINATES",
        "Learn from coordinates",
        "Whether the coordinates are features beside the driving forces. This helps near points, "
        "but not far from them.",
        True,
        advanced=True,
    )


def tune(names: str):
    """Whether the method's parameters called `names` are chosen by cross-validation."""
    return makers.flag(
        "TUNE",
        "Tune",
        f"Whether to choose {names} by cross-validation with five random folds. The log names the "
        "values that are chosen; those that you give here are ignored.",
        advanced=True,
    )
