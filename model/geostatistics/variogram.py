"""Variograms: measured at points, and models fitted to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

MODELS = ("spherical", "exponential", "gaussian", "stable", "matern", "nested", "linear")
FEW = 10
Estimator = Literal["matheron", "cressie_hawkins"]

_ANCHORS, _NEAREST = 1500, 12
_LEAST_PAIRS, _LEAST_LAGS, _MOST_LAGS = 30, 5, 15
_RANGES, _NESTED_RANGES = 60, 20
# A Gaussian variogram without any nugget makes the kriging system nearly singular.
_LEAST_NUGGET = {"gaussian": 1e-3, "matern": 1e-5}
_Shape = Callable[[np.ndarray, float], np.ndarray]
_MATERN = {
    1.5: lambda u: 1 - (1 + 4.744 * u) * np.exp(-4.744 * u),
    2.5: lambda u: 1 - (1 + 5.918 * u + np.square(5.918 * u) / 3) * np.exp(-5.918 * u),
}
_SHAPES: dict[str, _Shape] = {
    "spherical": lambda u, _: np.where(u < 1, u * (1.5 - 0.5 * u * u), 1.0),
    "exponential": lambda u, _: -np.expm1(-3 * u),
    "gaussian": lambda u, _: -np.expm1(-np.square(1.75 * u)),
    "stable": lambda u, exponent: -np.expm1(-3 * _power(u, exponent)),
    "matern": lambda u, smoothness: _MATERN[smoothness](u),
    "linear": lambda u, _: u,
}
_EXPONENTS = {"stable": (0.5, 0.75, 1.25, 1.5, 1.75), "matern": tuple(_MATERN)}


def _power(u: np.ndarray, exponent: float) -> np.ndarray:
    """A power; roots and products are ten times faster where a multiple of a quarter is wanted."""
    if 4 * exponent % 1:
        return u**exponent
    root, product = np.sqrt(np.sqrt(u)), np.ones_like(u)
    for _ in range(int(4 * exponent)):
        product *= root
    return product


@dataclass(frozen=True)
class Empirical:
    """A measured variogram.

    Parameters
    ----------
    lags, semivariance, pairs : ndarray (k,)
        Mean distance (m), semivariance (unit of the values squared) and number of pairs.
    """

    lags: np.ndarray
    semivariance: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True)
class Structure:
    """One part of a variogram model.

    Parameters
    ----------
    model : str
        "spherical", "exponential", "gaussian", "stable", "matern" or "linear".
    sill : float
        Semivariance that this part adds far away; of a linear one, at `range`.
    range : float
        Where a spherical part reaches its sill and the others 95 % of it, metres, as in PyKrige.
    exponent : float
        Of "stable", above 0 and below 2; the smoothness of "matern", 1.5 or 2.5.
    """

    model: str
    sill: float
    range: float
    exponent: float = 1.0

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        """Semivariance at a distance."""
        return self.sill * _SHAPES[self.model](distance / self.range, self.exponent)

    def __str__(self) -> str:
        if self.model == "linear":
            return f"linear, {1000 * self.sill / self.range:.3g} per km"
        exponent = f" (exponent {self.exponent:g})" if self.model in _EXPONENTS else ""
        return f"{self.model}{exponent}, sill {self.sill:.3g}, range {self.range:,.0f} m"


@dataclass(frozen=True)
class Variogram:
    """A nugget and one or two structures, and what they were fitted to.

    Parameters
    ----------
    nugget : float
        The semivariance of two measurements in one place.
    structures : tuple of Structure
    empirical : Empirical, optional
    misfit : float
        Weighted sum of squares of the fit.
    """

    nugget: float
    structures: tuple
    empirical: Empirical | None = None
    misfit: float = np.nan

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        """Semivariance at a distance; the nugget at 0."""
        distance = np.asarray(distance, float)
        return sum(
            (part(distance) for part in self.structures), np.full_like(distance, self.nugget)
        )

    def __str__(self) -> str:
        return "; ".join([f"nugget {self.nugget:.3g}", *map(str, self.structures)])

    @property
    def is_flat(self) -> bool:
        """Whether neighbours are no more alike than distant points."""
        return not any(part.sill for part in self.structures)


def empirical_variogram(
    xy: np.ndarray,
    values: np.ndarray,
    estimator: Estimator = "matheron",
    variance: np.ndarray | None = None,
    azimuth: float | None = None,
    seed: int = 0,
) -> Empirical:
    """Measure the variogram of values (n,) at different places (n, 2), at least two.

    Pairs up to half the largest distance count, in 5 to 15 lags. Each has at least 30 pairs
    (Journel and Huijbregts, 1978, Mining Geostatistics, p. 194) where there are enough, and the
    number of pairs grows with the distance, so that the short lags, which count most in kriging,
    stay short. Of many places, 1,500 drawn at random are paired with each other, and as many with
    their nearest neighbours.

    Parameters
    ----------
    estimator : str
        "matheron": the mean of half squares. "cressie_hawkins" (1980, doi:10.1007/BF01035243):
        single wild values move it less.
    variance : ndarray (n,), optional
        Of the measurement errors; their share is taken off.
    azimuth : float, optional
        Only pairs within 22.5 degrees of this direction, clockwise from north.
    seed : int
        Of the draw.
    """
    first, second = _pairs(xy, seed)
    step = xy[second] - xy[first]
    distance = np.hypot(*step.T)
    use = distance <= distance.max() / 2
    if use.sum() < _LEAST_PAIRS or np.ptp(values[np.r_[first[use], second[use]]]) == 0:
        use[:] = True
    if azimuth is not None:
        turn = np.degrees(np.arctan2(*step.T)) - azimuth
        use &= np.abs((turn + 90) % 180 - 90) <= 22.5
    order = np.flatnonzero(use)[np.argsort(distance[use])]
    count = int(np.clip(np.sqrt(order.size / _LEAST_PAIRS), _LEAST_LAGS, _MOST_LAGS))
    ends = np.unique((order.size * np.linspace(0, 1, count + 1)[1:] ** 2).round().astype(int))
    lags = [lag for lag in np.split(order, ends[:-1]) if lag.size]
    difference = np.abs(values[first] - values[second])
    semivariance = np.array([ESTIMATORS[estimator](difference[lag]) for lag in lags])
    if variance is not None:
        noise = (variance[first] + variance[second]) / 2
        semivariance -= [noise[lag].mean() for lag in lags]
    return Empirical(
        np.array([distance[lag].mean() for lag in lags]),
        np.maximum(semivariance, 0),
        np.array([lag.size for lag in lags]),
    )


def _pairs(xy: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    n = len(xy)
    if n <= _ANCHORS:
        return np.triu_indices(n, 1)
    anchors = np.random.default_rng(seed).permutation(n)[:_ANCHORS]
    _, near = cKDTree(xy).query(xy[anchors], np.arange(2, _NEAREST + 2))
    far = anchors[np.stack(np.triu_indices(_ANCHORS, 1))]
    near = np.stack([np.repeat(anchors, _NEAREST), near.ravel()])
    first, second = np.sort(np.hstack([far, near]), axis=0)
    pairs = np.sort(n * first + second)  # np.unique takes ten times as long
    return np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], n)


def _matheron(difference: np.ndarray) -> float:
    return np.square(difference).mean() / 2


def _cressie_hawkins(difference: np.ndarray) -> float:
    return np.sqrt(difference).mean() ** 4 / (0.914 + 0.988 / difference.size)


ESTIMATORS: dict[Estimator, Callable] = {
    "matheron": _matheron,
    "cressie_hawkins": _cressie_hawkins,
}


def fit_variogram(model: str, empirical: Empirical, nugget: bool = True) -> Variogram:
    """Fit a model to a measured variogram that is not 0 everywhere.

    Least squares, each lag weighted by its pairs over its squared distance, so that the short
    lags count most, as they do in kriging (the default of gstat: Pebesma, 2004,
    doi:10.1016/j.cageo.2004.03.012). For given ranges and exponents the model is linear in sills
    and nugget, none of which is negative, so these are solved for exactly and the others are
    searched on a grid from the first lag to twice the last: there is no start to choose and no
    way not to converge.

    Parameters
    ----------
    model : str
        One of `MODELS`; "nested" is two spherical structures.
    nugget : bool
        Whether to fit one.
    """
    lags, scale = empirical.lags, empirical.semivariance.max()
    weights = np.sqrt(empirical.pairs) / lags * lags.mean()
    weights /= np.sqrt(empirical.pairs.mean())
    wanted = weights * empirical.semivariance / scale
    least = _LEAST_NUGGET.get(model, 0.0)
    fits = []
    for units in _candidates(model, lags):
        columns = [unit(lags) + least for unit in units] + [np.ones_like(lags)] * nugget
        found, misfit = nnls(np.column_stack(columns) * weights[:, None], wanted)
        fits.append((misfit, units, found * scale))
    misfit, units, found = min(fits, key=lambda fit: fit[0])
    sills = found[: len(units)]
    return Variogram(
        float(least * sills.sum() + found[len(units) :].sum()),
        tuple(
            Structure(unit.model, float(sill), unit.range, unit.exponent)
            for unit, sill in zip(units, sills)
        ),
        empirical,
        float(misfit),
    )


def _candidates(model: str, lags: np.ndarray):
    """Structures of sill 1, alone or in twos, whose sills are to be fitted."""
    if model == "linear":
        return [(Structure("linear", 1.0, float(lags[-1])),)]
    if model == "nested":
        ranges = np.geomspace(lags[0], 2 * lags[-1], _NESTED_RANGES).tolist()
        return combinations([Structure("spherical", 1.0, each) for each in ranges], 2)
    ranges = np.geomspace(lags[0], 2 * lags[-1], _RANGES).tolist()
    exponents = _EXPONENTS.get(model, (1.0,))
    return [(Structure(model, 1.0, *each),) for each in product(ranges, exponents)]
