"""Ordinary kriging."""

from __future__ import annotations

from typing import Annotated, Union

import numpy as np
from pydantic import Field, InstanceOf

from ..errors import InputError
from ..files.schema import Count, Number, Word
from ..geostatistics.blocks import map_in_blocks
from ..geostatistics.kriging import KrigingSystems
from ..geostatistics.neighbours import Neighbours, distance, require_systems
from ..geostatistics.variogram import (
    FEW,
    MODELS,
    Empirical,
    Estimator,
    Structure,
    Variogram,
    empirical_variogram,
    fit_variogram,
)
from ..machine.cache import SHARED
from ..machine.threads import in_chunks
from ..monitor import Monitor
from ..spatial.grid import Window
from ..spatial.points import average_coincident, concatenate
from .base import Method, Prediction, positions

_CHECKED = 2000
_PLACES = 256**2  # cells of a tile, each of which may want neighbours of its own
_SHARE = 0.1  # of the standard deviation: what neighbourhoods that cells share may change
_AS_LIKELY = 1.0  # log units: up to 2 in AIC models are as good (Burnham and Anderson, 2002)
_ALL = 0.95  # of the variance: with residuals so large nothing was learned
_LEAST_RATIO = 1e-6


Model = Union[Word, InstanceOf[Variogram]]
Sectors = Annotated[int, Field(ge=1, le=32)]


class OrdinaryKriging(Method):
    """Ordinary kriging (Matheron, 1963) from the nearest points in every direction.

    The nugget is taken for noise of the measurements: without it the map passes through the
    points, with it the map is smooth there and misses them. The standard deviation is that of a
    measurement: it holds the nugget too.

    Parameters
    ----------
    variogram : str or Variogram
        A model of `geostatistics.variogram.MODELS`, to be fitted; "auto", the one of them under
        which left out points are most likely, and of those about as likely the one that fits the
        empirical variogram best; or a variogram that is known. With fewer than 10 points "auto"
        is the linear model without a nugget: so few pairs do not distinguish the shapes (a
        variogram needs 50 places, better 100: Webster and Oliver, 1992,
        doi:10.1111/j.1365-2389.1992.tb00128.x), and the linear one has one parameter, which scales
        the standard deviation and leaves the map as it is.
    neighbours, sectors : int
        How many points make a value, and from how many sectors; see `Neighbours`. All points, if
        there are no more.
    estimator : str
        "matheron" or "cressie_hawkins"; see `empirical_variogram`.
    azimuth, ratio : float
        Anisotropy: the direction in which values are alike farthest, degrees clockwise from
        north, and the range across it over the range along it, above 0, at most 1. Distances are
        those along it.

    Attributes
    ----------
    variogram_ : Variogram or None
        None where all values are equal; the map is then that value, its standard deviation 0, of
        a single place NaN.
    error_, error_deviation_ : ndarray (n,)
        At each point (of more than 2,000, at as many drawn at random; else NaN): predicted from
        the others minus measured, and the standard deviation that kriging gives for it.
    """

    name = "kriging"
    title = "Ordinary kriging"

    variogram_: Variogram | None

    def __init__(
        self,
        variogram: Model = "auto",
        neighbours: Count = 32,
        sectors: Sectors = 8,
        estimator: Estimator = "matheron",
        azimuth: Number = 0.0,
        ratio: Number = 1.0,
    ):
        if isinstance(variogram, str) and variogram not in ("auto", *MODELS):
            raise InputError(
                f"Unknown variogram model '{variogram}'. Known models: auto, {', '.join(MODELS)}."
            )
        if not _LEAST_RATIO <= ratio <= 1:
            raise InputError(f"The ratio of the ranges was {ratio:g}; it lies above 0, at most 1.")
        self.variogram = variogram
        self.neighbours = neighbours
        self.sectors = sectors
        self.estimator = estimator
        self.azimuth = azimuth
        self.ratio = ratio

    def _fit(self, points, stack, validation, monitor):
        self.points_ = average_coincident(concatenate(points, validation), monitor)
        values = self.points_.values
        self._xy = self._stretched(self.points_.xy)
        self._noise = np.zeros(len(values))
        if self.points_.variance is not None:
            self._noise = self.points_.variance
        self._count = max(self.neighbours, 2)
        # All points are one neighbourhood, wherever one asks.
        few = self._count < len(values)
        require_systems(min(self._count, len(values)), _PLACES if few else 0)
        self._neighbours = Neighbours(self._xy, self._count, self.sectors)
        if np.ptp(values) <= 1e-9 * max(1.0, np.abs(values).max()):
            text = f"All {len(values)} values are {values[0]:g}: so is the map."
            if len(values) == 1:
                text = (
                    f"All points lie in one place, with the mean {values[0]:g}: so is the map. How "
                    "far it may be wrong is not known: it has no standard deviation."
                )
            monitor.log(text, "warning")
            self.variogram_ = None
            self.error_ = self.error_deviation_ = np.zeros(len(values))
            return
        drawn = np.random.default_rng(0).permutation(len(values))[:_CHECKED]
        self._checked = np.sort(drawn)
        self._others = self._found(self._xy[self._checked], self._checked)
        if isinstance(self.variogram, str):
            self._fit_variogram(self.variogram, monitor)
        else:
            self._use(self.variogram)

    def _fit_variogram(self, model: str, monitor: Monitor) -> None:
        """Fit a model, or all of them and keep the one that predicts left out points best.

        Of those that do so about as well the one that fits the empirical variogram best is kept.
        """
        values, models = self.points_.values, [model]
        if model == "auto":
            models = ["linear"] if self.has_few else list(MODELS)
        empirical = self.measure()
        # Without any semivariance the measurement errors explain all but a little of it.
        nugget = values.var() * (1.0 if empirical.semivariance.any() else 1e-3)
        flat = Variogram(nugget, (Structure("linear", 0.0, empirical.lags[-1]),), empirical)
        found = []
        for each in models if empirical.semivariance.any() else []:
            try:
                fitted = fit_variogram(each, empirical, nugget=not self.has_few)
                self._use(fitted)
            except (np.linalg.LinAlgError, RuntimeError):
                continue
            likelihood = len(self._checked) * self._likelihood()
            found.append((likelihood, fitted, self.error_, self.error_deviation_))
        best = max((likelihood for likelihood, *_ in found), default=-np.inf)
        if best > -np.inf:
            equals = [each for each in found if each[0] > best - _AS_LIKELY]
            _, kept, *errors = min(equals, key=lambda each: each[1].misfit)
            self.variogram_, (self.error_, self.error_deviation_) = kept, errors
        else:
            monitor.log(f"No variogram fits ({', '.join(models)}).", "warning")
            kept = flat
            self._use(kept)
        monitor.log(f"Variogram: {kept}.")
        if kept.is_flat or not self.has_few and self.rmse_**2 > _ALL * values.var():
            monitor.log(
                "Neighbouring values are hardly more alike than distant ones: the map is little "
                "more than a mean of points. Check that each value stands beside its own place.",
                "warning",
            )

    def _likelihood(self) -> float:
        """The log likelihood per left out point, for the best scale of the variogram.

        It weighs each error by what kriging says of it, so that a few points far from all others
        do not decide; the scale does not move the map.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            score = -np.log(self.calibration_) / 2 - np.nanmean(np.log(self.error_deviation_))
        return -np.inf if np.isnan(score) else score

    def _use(self, variogram: Variogram) -> None:
        """Take a variogram and see how it predicts each of the points from the others."""
        self.variogram_ = variogram
        self.error_, self.error_deviation_ = np.full((2, len(self._xy)), np.nan)
        checked = self._checked
        mean, deviation = self.krige(self.points_.xy[checked], self._others)
        self.error_[checked] = mean - self.points_.values[checked]
        self.error_deviation_[checked] = deviation

    def measure(self, azimuth: float | None = None) -> Empirical:
        """The empirical variogram, of one direction if an azimuth is given."""
        return empirical_variogram(
            self._xy, self.points_.values, self.estimator, self.points_.variance, azimuth
        )

    @property
    def has_few(self) -> bool:
        """Whether the points are too few to distinguish one model from another."""
        return len(self.points_) < FEW

    @property
    def calibration_(self) -> float:
        """Mean square of leave-one-out errors over their standard deviations; 1 is ideal."""
        return float(np.nanmean(np.square(self.error_ / self.error_deviation_)))

    @property
    def rmse_(self) -> float:
        """Leave-one-out root mean square error."""
        return float(np.sqrt(np.nanmean(np.square(self.error_))))

    def _predict(self, target, stack):
        """See `Method`; a window's cells share neighbourhoods, see `blocks.map_in_blocks`."""
        shares = isinstance(target, Window) and self.neighbours < len(self._xy)
        if shares and self.variogram_ is not None:
            return Prediction(*map_in_blocks(target, self, self.points_.xy, layers=2))
        return Prediction(*self.krige(positions(target)))

    def _stretched(self, xy: np.ndarray) -> np.ndarray:
        """Positions turned and stretched so that the range is the same in all directions."""
        if self.ratio == 1:
            return xy
        turn = np.radians(self.azimuth)
        along = xy @ [np.sin(turn), np.cos(turn)]
        across = xy @ [np.cos(turn), -np.sin(turn)]
        return np.stack([along, across / self.ratio], axis=-1)

    def near(self, xy: np.ndarray) -> np.ndarray:
        """Indices (m, k) of the neighbours of places (m, 2)."""
        return self._neighbours.find(self._stretched(xy))

    def _found(self, targets: np.ndarray, besides: np.ndarray | None = None) -> np.ndarray:
        return SHARED.get(_neighbours, self._xy, self._count, self.sectors, targets, besides)

    def systems(self, index: np.ndarray):
        """What neighbourhoods (m, k) say: a function for `blocks.map_in_blocks`."""
        variogram, places, values = self.variogram_, self._xy[index], self.points_.values[index]
        if variogram is None:
            raise ValueError("all values are equal, and there is nothing to krige")
        between = variogram(distance(places[:, :, None], places[:, None]))
        systems = KrigingSystems(between, self._noise[index])

        def say(xy, which=slice(None)):
            xy = self._stretched(xy)
            towards = variogram(distance(places[which, :, None], xy[:, None]))
            return systems.estimate(values[which], towards, which)

        return say

    def allowed(self, said: np.ndarray) -> np.ndarray:
        """What sharing neighbourhoods may change, for `blocks.map_in_blocks`."""
        return _SHARE * said[1]

    def krige(self, xy: np.ndarray, index: np.ndarray | None = None) -> np.ndarray:
        """Mean and standard deviation, (2, m), at positions, from given points (m, k) if any."""
        count = len(self._xy)
        if self.variogram_ is None:
            deviation = np.nan if count == 1 else 0.0
            return np.tile([[self.points_.values[0]], [deviation]], len(xy))
        if index is None and self.neighbours >= count:
            say = self.systems(np.arange(count)[None])
            parts = in_chunks(lambda part: say(xy[None, part])[:, 0], len(xy), -(-count // 8))
        else:
            if index is None:
                index = self._found(self._stretched(xy))

            def some(part):
                return self.systems(index[part])(xy[part, None])[..., 0]

            parts = in_chunks(some, len(xy), min(self.neighbours, count) ** 2)
        return np.hstack([np.empty((2, 0)), *parts])


def _neighbours(xy, count, sectors, targets, besides) -> np.ndarray:
    """As `Neighbours.find`, by threads."""
    neighbours = Neighbours(xy, count, sectors)

    def some(part):
        return neighbours.find(targets[part], None if besides is None else besides[part])

    return np.concatenate(in_chunks(some, len(targets), 500) or [np.empty((0, 1), int)])
