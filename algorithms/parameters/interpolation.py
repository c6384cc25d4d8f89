"""The parameters that methods of interpolation share."""

from __future__ import annotations

from . import makers, shared


def neighbours(default: int, text: str):
    """How many points have a say."""
    return makers.number("NEIGHBOURS", "Neighbours", text, default, low=1, whole=True)


def variogram(points: str, advanced=False):
    """The model of kriging; `points` says what it is fitted to."""
    return makers.choice(
        "VARIOGRAM",
        "Variogram",
        "The model that is fitted. auto: the one under which left-out values are most likely; with "
        f"fewer than 10 {points}, which cannot tell the models apart, linear. stable and matern "
        "have a form of their own that is fitted too; nested is two spherical ones.",
        ["auto", "spherical", "exponential", "gaussian", "stable", "matern", "nested", "linear"],
        "auto",
        advanced,
    )


def kriging():
    """What every kriging of persistent scatterers asks for."""
    return [
        variogram("points"),
        neighbours(32, "How many of the nearest points make a cell."),
        makers.number(
            "SECTORS",
            "Sectors",
            "The neighbours are taken from as many equal sectors around a cell, so that a cluster "
            "does not hide the points on its other side. 1: the nearest, wherever they are.",
            8,
            low=1,
            high=32,
            whole=True,
            advanced=True,
        ),
        makers.choice(
            "ESTIMATOR",
            "Estimator of the variogram",
            "matheron: the mean of half squared differences. cressie_hawkins: robust against "
            "single wild values; where subsidence has bowls, which are no errors, its standard "
            "deviation is too small.",
            ["matheron", "cressie_hawkins"],
            "matheron",
            advanced=True,
        ),
        makers.number(
            "AZIMUTH",
            "Direction of the longest range (°)",
            "Where values are alike farther in one direction: that direction, in degrees clockwise "
            "from north. The report shows the variogram by direction.",
            0.0,
            low=-180,
            high=180,
            advanced=True,
        ),
        makers.number(
            "RATIO",
            "Ratio of the ranges",
            "The range across that direction over the range along it. 1: the same in all "
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
        makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        makers.raster_output(
            "STANDARD_DEVIATION",
            "Standard deviation",
            "Kriging standard deviation in millimetres: how far a measurement there may lie from "
            "the surface, as the variogram has it.",
            optional=True,
        ),
        shared.report_output("The variogram, the map and the parameters, as a page to read."),
    ]


def coordinates():
    """Whether a method that learns from drivers sees the position too."""
    return makers.flag(
        "COORDINATES",
        "Learn from coordinates",
        "Whether the position is learned from as the driving forces are. It helps near points and "
        "says nothing far from them.",
        True,
        advanced=True,
    )


def tune(names: str):
    """Whether the method's parameters called `names` are to be found by trial."""
    return makers.flag(
        "TUNE",
        "Tune",
        f"Whether to choose {names} by trial: the values that predict left-out points best, in "
        "five random folds of the points, are taken and written to the log, and those given here "
        "are ignored.",
        advanced=True,
    )
