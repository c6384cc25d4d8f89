"""Regression kriging: a trend on the drivers, and kriging of what it leaves."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..errors import InputError
from ..files.schema import Seed, Word, made
from ..monitor import SILENT
from ..spatial.points import Points, concatenate
from .base import Method
from .features import features
from .kriging import OrdinaryKriging

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
    **kriging
        Parameters of `OrdinaryKriging`, for the residuals.

    Attributes
    ----------
    trend_ : regressor
        Fitted to all points.
    kriging_ : OrdinaryKriging
        Fitted to the residuals.
    """

    name = "regressionkriging"
    title = "Regression kriging"
    needs_stack = True

    def __init__(self, trend: Word = "linear", seed: Seed = 0, **kriging):
        if trend not in TRENDS:
            raise InputError(f"Unknown trend '{trend}'. Known trends: {', '.join(TRENDS)}.")
        self.trend = trend
        self.seed = seed
        self.kriging_ = made(OrdinaryKriging, kriging)

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
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
        self.kriging_.fit(residuals, monitor=monitor)
        return self

    @property
    def variogram_(self):
        """The variogram of the residuals."""
        return self.kriging_.variogram_

    def predict(self, target, stack=None):
        """See `Method`; the standard deviation is that of the residuals' kriging."""
        mean, deviation = self.kriging_.predict(target)
        return mean + self.trend_.predict(self._features(target, stack)), deviation

    def _features(self, target, stack) -> np.ndarray:
        return features(target, stack, coordinates=self.trend == "forest")

    def _regressor(self):
        if self.trend == "linear":
            return make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
        return ExtraTreesRegressor(
            300, min_samples_leaf=3, max_features=1 / 3, n_jobs=-1, random_state=self.seed
        )
