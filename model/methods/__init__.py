"""Every way of making a map, behind the one interface of `base.Method`."""

from __future__ import annotations

from importlib import import_module

from ..errors import InputError
from ..schema import made
from .base import Method

# Named, not imported: idw must not wait seconds for TensorFlow.
REGISTRY = {
    "boosting": ("boosting", "Boosting"),
    "cnn": ("cnn", "CNN"),
    "forest": ("forest", "Forest"),
    "hybrid": ("hybrid", "Hybrid"),
    "idw": ("idw", "IDW"),
    "kriging": ("kriging", "OrdinaryKriging"),
    "movingleastsquares": ("moving_least_squares", "MovingLeastSquares"),
    "rbf": ("rbf", "RBF"),
    "regressionkriging": ("regression_kriging", "RegressionKriging"),
}


def make(name: str, **parameters) -> Method:
    """Make the method called `name`.

    Raises
    ------
    InputError
        If there is no such method, or a parameter is not what its constructor's annotation says.
    """
    if name not in REGISTRY:
        raise InputError(f"Unknown method '{name}'. Known methods: {', '.join(sorted(REGISTRY))}.")
    module, cls = REGISTRY[name]
    return made(getattr(import_module(f".{module}", __package__), cls), parameters)
