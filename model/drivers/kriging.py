"""Ordinary kriging of a few dozen measured places, with a variogram fitted to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pykrige.ok import OrdinaryKriging
from scipy.optimize import nnls
from scipy.spatial.distance import pdist, squareform

MODELS = ("spherical", "exponential", "gaussian", "linear")
FEW = 10

_MANY = 200
_PAIRS_PER_LAG = 30
_RANGES = 60
# A Gaussian variogram without any nugget makes the kriging system nearly singular.
_LEAST_NUGGET = {"gaussian": 1e-3}


@dataclass(frozen=True)
class Variogram:
    """A variogram model, and the empirical variogram it was fitted to.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    parameters : dict
        As PyKrige names them: "slope" (m2 per m) and "nugget" (m2) of the linear model; else
        "psill", the sill without the nugget (m2), "range" (m), "nugget". The range is where a
        spherical model reaches its sill and the others 95 % of it.
    lags, semivariance, pairs : ndarray
        Mean distance (m), mean semivariance (m2) and number of pairs in each lag.
    """

    model: str
    parameters: dict
    lags: np.ndarray
    semivariance: np.ndarray
    pairs: np.ndarray

    def __call__(self, distance: np.ndarray) -> np.ndarray:
        """Semivariance of the model at a distance; the nugget at 0."""
        shape = OrdinaryKriging.variogram_dict[self.model]
        return shape(list(self.parameters.values()), np.asarray(distance, float))


def empirical_variogram(xy: np.ndarray, values: np.ndarray) -> tuple:
    """Mean distances, semivariances and numbers of pairs in lags of equally many pairs.

    Pairs up to half the largest distance count, in lags of 30 or more pairs (Journel and
    Huijbregts, 1978, Mining Geostatistics, p. 194), at least 5 and at most 15 lags; all pairs where
    fewer than 30 are left. Matheron's estimator.
    """
    distance = pdist(xy)
    squares = pdist(values[:, None], "sqeuclidean") / 2
    near = distance <= distance.max() / 2
    if near.sum() < _PAIRS_PER_LAG or not squares[near].any():
        near[:] = True
    order = np.flatnonzero(near)[np.argsort(distance[near])]
    count = min(np.clip(order.size // _PAIRS_PER_LAG, 5, 15), order.size)
    lags = np.array_split(order, count)
    return (
        np.array([distance[lag].mean() for lag in lags]),
        np.array([squares[lag].mean() for lag in lags]),
        np.array([lag.size for lag in lags]),
    )


def fit_variogram(model: str, xy: np.ndarray, values: np.ndarray) -> Variogram:
    """Fit a model to the empirical variogram of values (n,), not all equal, at places (n, 2).

    Least squares, each lag weighted by its pairs over its squared distance, so that the short
    lags count most, as they do in kriging (the default of gstat: Pebesma, 2004,
    doi:10.1016/j.cageo.2004.03.012). Sill and nugget are not negative; the range lies between
    the first lag and the largest distance. Below 10 places (fewer than 45 pairs) no nugget is
    fitted.
    """
    lags, semivariance, pairs = empirical_variogram(xy, values)
    longest = float(pdist(xy).max())
    scale = semivariance.max()
    weights = np.sqrt(pairs) * longest / lags
    wanted = weights * semivariance / scale
    shape, least = OrdinaryKriging.variogram_dict[model], _LEAST_NUGGET.get(model, 0.0)
    fits = []
    for reach in [longest] if model == "linear" else np.geomspace(lags[0], longest, _RANGES):
        # For a given range the model is linear in sill and nugget.
        unit = [1 / longest, 0] if model == "linear" else [1, reach, 0]
        columns = [shape(unit, lags) + least, np.ones_like(lags)]
        known = columns if len(values) >= FEW else columns[:1]
        found, misfit = nnls(np.column_stack(known) * weights[:, None], wanted)
        fits.append((misfit, float(reach), *(found * scale).tolist()))
    _, reach, sill, *nugget = min(fits)
    nugget = sill * least + sum(nugget)
    if model == "linear":
        parameters = {"slope": sill / longest, "nugget": nugget}
    else:
        parameters = {"psill": sill, "range": reach, "nugget": nugget}
    return Variogram(model, parameters, lags, semivariance, pairs)


class Kriging:
    """Ordinary kriging from all places at once, by PyKrige.

    Parameters
    ----------
    model : str
        One of `MODELS`, or "auto": the one with the smallest leave-one-out error. With fewer
        than 10 places "auto" is the linear model without a nugget: so few pairs cannot tell the
        shapes apart (a variogram wants 50 places, better 100: Webster and Oliver, 1992,
        doi:10.1111/j.1365-2389.1992.tb00128.x), and the linear one has one parameter, which
        scales the standard deviation and leaves the map as it is.

    Attributes
    ----------
    variogram_ : Variogram or None
        None where all values are equal; the map is then that value, its standard deviation 0.
    error_, error_deviation_ : ndarray (n,)
        At each place, predicted from all others with this variogram minus measured, and the
        standard deviation that kriging gives for it (Dubrule, 1983, Mathematical Geology 15,
        687-699).
    """

    def __init__(self, model: str = "auto"):
        self.model = model

    def fit(self, xy: np.ndarray, values: np.ndarray) -> Kriging:
        """Take places (n, 2), metres, all different, and values (n,); 3 at least."""
        self.xy_, self.values_ = xy, values
        if np.ptp(values) <= 1e-9 * max(1.0, np.abs(values).max()):
            self.variogram_ = None
            self.error_ = self.error_deviation_ = np.zeros(len(values))
            return self
        models = [self.model]
        if self.model == "auto":
            models = MODELS if len(values) >= FEW else ["linear"]
        fitted = [fit_variogram(model, xy, values) for model in models]
        checks = [leave_one_out(variogram, xy, values) for variogram in fitted]
        best = int(np.argmin([np.square(error).mean() for error, _ in checks]))
        self.variogram_ = fitted[best]
        self.error_, self.error_deviation_ = checks[best]
        self._kriging = OrdinaryKriging(
            *xy.T,
            values,
            variogram_model=self.variogram_.model,
            variogram_parameters=self.variogram_.parameters,
            # With a nugget the map passes by the readings; else a cell whose centre happens to
            # be on a place would stand out from its neighbours.
            exact_values=False,
        )
        return self

    @property
    def rmse_(self) -> float:
        """Leave-one-out root mean square error."""
        return float(np.sqrt(np.square(self.error_).mean()))

    def predict(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (m,) and standard deviation (m,) at places (m, 2).

        Memory grows with m times the number of places.
        """
        if self.variogram_ is None:
            return np.full(len(xy), self.values_[0]), np.zeros(len(xy))
        # Up to here PyKrige's compiled loop is faster; beyond, a product of matrices.
        backend = "C" if len(self.values_) < _MANY else "vectorized"
        mean, variance = self._kriging.execute("points", *xy.T, backend=backend)
        return np.asarray(mean), np.sqrt(np.maximum(np.asarray(variance), 0))


def leave_one_out(variogram: Variogram, xy: np.ndarray, values: np.ndarray) -> tuple:
    """Error (n,) and its kriging standard deviation (n,) at each place, from the others."""
    n = len(values)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = -variogram(squareform(pdist(xy)))
    np.fill_diagonal(system, 0)
    inverse = np.linalg.inv(system)
    diagonal = np.diag(inverse)[:n]
    error = -(inverse[:n, :n] @ values) / diagonal
    return error, np.sqrt(np.maximum(1 / diagonal, 0))
