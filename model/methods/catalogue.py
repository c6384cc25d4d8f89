"""The methods there are, a row for each: read by parameters, help, METHOD=auto, and documents.

Only the standard library is imported here, so that QGIS can ask too; the methods themselves are
opened by `make`: idw must not wait seconds for TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from ..errors import InputError


@dataclass(frozen=True)
class Row:
    """What is known of a method before its module is opened.

    Parameters
    ----------
    name : str
        As METHOD= has it.
    title : str
        As in a table or a figure.
    place : str
        The module in this room and the class in it, ``module.Class``.
    drivers : str
        "none": it maps from the points alone; "optional": it learns from drivers where there are
        some; "required": not without.
    help : str
        One sentence, for the help of parameters.
    auto : bool
        Whether METHOD=auto tries it: it takes seconds, and is best on some fields.
    quick : bool
        Whether it is among those that are compared unless the user chooses: a fold takes seconds.
    """

    name: str
    title: str
    place: str
    drivers: str
    help: str
    auto: bool = False
    quick: bool = True


_ROWS = (
    Row(
        "kriging",
        "Ordinary kriging",
        "kriging.OrdinaryKriging",
        "none",
        "a weighted mean of the nearest points, by the covariance of their values.",
        auto=True,
    ),
    Row(
        "idw",
        "IDW",
        "idw.IDW",
        "none",
        "a mean of the nearest points, weighted by inverse distance.",
        auto=True,
    ),
    Row(
        "rbf",
        "RBF",
        "rbf.RBF",
        "none",
        "a sum of radial basis functions through the nearest points.",
        auto=True,
    ),
    Row(
        "movingleastsquares",
        "Moving least squares",
        "moving_least_squares.MovingLeastSquares",
        "none",
        "a polynomial, fitted to the nearest points at each cell.",
    ),
    Row(
        "cnn",
        "CNN",
        "cnn.CNN",
        "required",
        "a convolutional network that learns from the drivers around each point.",
        quick=False,
    ),
    Row(
        "regressionkriging",
        "Regression kriging",
        "regression_kriging.RegressionKriging",
        "required",
        "a trend on the drivers, and kriging of its residuals.",
        auto=True,
    ),
    Row(
        "forest",
        "Forest",
        "forest.Forest",
        "required",
        "the mean of many decision trees on the drivers.",
        auto=True,
    ),
    Row(
        "boosting",
        "Gradient boosting",
        "boosting.Boosting",
        "required",
        "decision trees on the drivers, each of which corrects those before it.",
    ),
    Row(
        "hybrid",
        "Hybrid",
        "hybrid.method.Hybrid",
        "optional",
        "kriging of points and drivers, corrected by trees, and by small networks in wide gaps; "
        "without drivers it is ordinary kriging.",
        auto=True,
        quick=False,
    ),
)

CATALOGUE = {row.name: row for row in _ROWS}


def names(*drivers: str) -> list[str]:
    """The names of the methods whose `drivers` are one of these; of all if none is given."""
    return [row.name for row in _ROWS if not drivers or row.drivers in drivers]


def auto_names(has_drivers: bool) -> list[str]:
    """The names of the methods that METHOD=auto tries."""
    return [row.name for row in _ROWS if row.auto and (has_drivers or row.drivers == "none")]


def make(name: str, **parameters):
    """Make the method called `name`.

    Raises
    ------
    InputError
        If there is no such method, or a parameter is not what its constructor's annotation says.
    """
    from ..files.schema import made

    if name not in CATALOGUE:
        raise InputError(f"Unknown method '{name}'. Known methods: {', '.join(sorted(CATALOGUE))}.")
    module, _, cls = CATALOGUE[name].place.rpartition(".")
    return made(getattr(import_module(f".{module}", __package__), cls), parameters)
