"""The parameters of methods of interpolation, each with its help beside it."""

from __future__ import annotations

from . import makers, shared

KERNELS = [
    *["linear", "thin_plate_spline", "cubic", "quintic"],
    *["multiquadric", "inverse_multiquadric", "gaussian"],
]


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
        standard_deviation(
            "Kriging standard deviation in millimetres: how far a measurement may lie from the "
            "surface, according to the variogram."
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


def forest():
    """What a forest asks for."""
    return [
        makers.choice(
            "KIND",
            "Kind",
            "random: a random forest. extra: extremely randomised trees, whose maps are smoother.",
            ["random", "extra"],
            "random",
        ),
        makers.number(
            "TREES",
            "Number of trees",
            "The number of trees that are averaged. More trees are slower, but never worse.",
            300,
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "MIN_LEAF",
            "Minimum points per leaf",
            "The minimum number of points in each leaf of a tree. Higher values give a "
            "smoother map, which suits noisy points.",
            1,
            low=1,
            whole=True,
            advanced=True,
        ),
        coordinates(),
    ]


def boosting():
    """What gradient boosting asks for."""
    return [
        makers.number(
            "LEARNING_RATE",
            "Learning rate",
            "How much each tree corrects those before it. Lower values need more trees and are "
            "often slightly more accurate.",
            0.05,
            low=0.001,
            high=1,
        ),
        makers.number(
            "MAX_TREES",
            "Maximum number of trees",
            "Training stops here if the error at the validation points still falls.",
            1000,
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "LEAVES",
            "Maximum leaves per tree",
            "The maximum number of leaves of each tree. Lower values give simpler trees.",
            31,
            low=2,
            whole=True,
            advanced=True,
        ),
        coordinates(),
    ]


def rbf():
    """What radial basis functions ask for."""
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
        neighbours(50),
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
        tune("KERNEL and SMOOTHING"),
    ]


def moving_least_squares():
    """What moving least squares ask for."""
    return [
        makers.number(
            "DEGREE",
            "Degree",
            "Degree of the polynomial. 1: a plane. 2: a curved surface, which follows "
            "subsidence bowls better and needs more neighbours.",
            2,
            low=1,
            high=2,
            whole=True,
        ),
        neighbours(
            24,
            " A point's weight falls to zero at the distance of the last of them, so more "
            "neighbours give a smoother surface.",
        ),
        makers.choice(
            "WEIGHTS",
            "Weights",
            "How a point's weight falls with distance. wendland: Wendland's polynomial. "
            "gaussian: a narrower bell.",
            ["wendland", "gaussian"],
            "wendland",
            advanced=True,
        ),
        makers.flag(
            "ROBUST",
            "Robust",
            "Whether points that do not fit their neighbours lose weight, so that a few "
            "outliers do not bend the surface. It also flattens real, very local subsidence.",
            advanced=True,
        ),
        tune("DEGREE and NEIGHBOURS"),
    ]


def training_samples():
    """How many held-out predictions trees learn from."""
    return makers.number(
        "LESSONS",
        "Training samples",
        "The approximate number of held-out predictions that the trees learn from. Each "
        "point is held out several times, with blocks of different sizes. Higher values "
        "give a more stable map and take longer.",
        20_000,
        low=1000,
        whole=True,
        advanced=True,
    )


def measurement_error():
    """The field of the points' own errors."""
    return makers.field(
        "ERROR_FIELD",
        "Field of the measurement error",
        "Standard deviation of each value's measurement error, in the values' unit. For "
        "velocities, use velocity_std. The surface is smoother where the points are less "
        "certain. Empty: the nugget alone describes the measurement error.",
        "PS_POINTS",
        numeric=True,
        advanced=True,
    )


def standard_deviation(text: str, title="Standard deviation"):
    """How unsure the surface is, as the method itself has it."""
    return makers.raster_output("STANDARD_DEVIATION", title, text, optional=True)
