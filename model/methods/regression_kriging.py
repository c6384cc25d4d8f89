"""Regression kriging: a trend on the drivers, and kriging of what it leaves."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..errors import InputError
from ..files.schema import Count, Number, Seed, Word
from ..spatial.points import Points, concatenate
from .base import Method, Prediction
from .features import SIZES, features
from .kriging import Estimator, Model, OrdinaryKriging, Sectors

TRENDS = ("linear", "forest")

_FOLDS = 10
_PENALTIES = np.geomspace(1e-2, 1e4, 13)


class RegressionKriging(Method):
    """A regression on the drivers, and ordinary kriging of its residuals.

    Odeh, McBratney and Chittleborough, 1995, doi:10.1016/0016-7061(95)00007-B. The residual of a
    point is that of a regression which has not seen the point, because a forest leaves next to
    nothing of those that it has seen, and kriging would then have nothing to do. So the map need
    not pass through the points.

    Parameters
    ----------
    trend : str
        "linear": ridge regression on the cell's channels and their means around it. "forest":
        extremely randomised trees on these and the coordinates.
    seed : int
        Of the folds and the forest.
    variogram, neighbours, sectors, estimator, azimuth, ratio
        Of the kriging of the residuals, see `OrdinaryKriging`.

    Attributes
    ----------
    trend_ : regressor
        Fitted to all points.
    kriging_ : OrdinaryKriging
        Fitted to the residuals.
    """

    name = "regressionkriging"
    title = "Regression kriging"
    drivers = "required"
    footprint = max(SIZES)

    def __init__(
        self,
        trend: Word = "linear",
        seed: Seed = 0,
        variogram: Model = "auto",
        neighbours: Count = 32,
        sectors: Sectors = 8,
        estimator: Estimator = "matheron",
        azimuth: Number = 0.0,
        ratio: Number = 1.0,
    ):
        if trend not in TRENDS:
            raise InputError(f"Unknown trend '{trend}'. Known trends: {', '.join(TRENDS)}.")
        self.trend = trend
        self.seed = seed
        self.variogram = variogram
        self.neighbours = neighbours
        self.sectors = sectors
        self.estimator = estimator
        self.azimuth = azimuth
        self.ratio = ratio
        self._kriging = OrdinaryKriging(variogram, neighbours, sectors, estimator, azimuth, ratio)

    def _fit(self, points, stack, validation, monitor):
        known = concatenate(points, validation)
        given = self._features(known.xy, stack)
        cells = known.groups(stack.grid)
        folds = min(_FOLDS, len(np.unique(cells)))
        if folds < 2:
            raise InputError(
                "All points lie in one cell, so there is no trend to learn. Give more points or a "
                "smaller CELL_SIZE, or use ordinary kriging."
            )
        trend = np.empty(len(known))
        for i, (seen, unseen) in enumerate(
            GroupKFold(folds, shuffle=True, random_state=self.seed).split(given, groups=cells)
        ):
            fitted = self._regressor().fit(given[seen], known.values[seen])
            trend[unseen] = fitted.predict(given[unseen])
            monitor.progress((i + 1) / (folds + 2))
        self.trend_ = self._regressor().fit(given, known.values)
        residuals = Points(known.xy, known.values - trend, known.variance)
        share = 1 - residuals.values.var() / max(known.values.var(), np.finfo(float).tiny)
        monitor.log(f"The trend explains {share:.0%} of the variance of points it has not seen.")
        self.kriging_ = self._kriging.clone().fit(residuals, monitor=monitor)

    @property
    def variogram_(self):
        """The variogram of the residuals."""
        return self.kriging_.variogram_

    def _predict(self, target, stack):
        """See `Method`; the standard deviation is that of the residuals' kriging."""
        residual, seen = self.kriging_.predict(target), self._features(target, stack)
        trend = self.trend_.predict(seen) if len(seen) else np.empty(0)
        return Prediction(residual.mean + trend, residual.deviation)

    def _features(self, target, stack) -> np.ndarray:
        return features(target, stack, coordinates=self.trend == "forest")

    def _regressor(self):
        if self.trend == "linear":
            return make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
        return ExtraTreesRegressor(
            300, min_samples_leaf=3, max_features=1 / 3, n_jobs=-1, random_state=self.seed
        )
