"""Ordinary kriging."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import InputError
from ..geostatistics.neighbours import Neighbours
from ..geostatistics.variogram import (
    FEW,
    MODELS,
    Empirical,
    Structure,
    Variogram,
    empirical_variogram,
    fit_variogram,
)
from ..monitor import SILENT
from .base import Method, joined, merged, positions

_CHECKED = 2000
_NUMBERS = 4_000_000  # in the largest array of a chunk
_JITTER = 1e-11  # of the sill: places that are nearly one would make a system singular


class OrdinaryKriging(Method):
    """Ordinary kriging (Matheron, 1963) from the nearest points in every direction.

    The nugget is taken for noise of the measurements: without it the map passes through the
    points, with it the map is smooth there and misses them. The standard deviation is that of a
    measurement: it holds the nugget too.

    Parameters
    ----------
    variogram : str or Variogram
        A model of `geostatistics.variogram.MODELS`, to be fitted; "auto", the one of them under
        which left out points are most likely; or a variogram that is known. With fewer than 10
        points "auto" is the linear model without a nugget: so few pairs cannot tell the shapes
        apart (a variogram wants 50 places, better 100: Webster and Oliver, 1992,
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
        None where all values are equal; the map is then that value, its standard deviation 0.
    error_, error_deviation_ : ndarray (n,)
        At each point (of more than 2,000, at as many drawn at random; else NaN): predicted from
        the others minus measured, and the standard deviation that kriging gives for it.
    """

    name = "kriging"
    title = "Ordinary kriging"

    def __init__(
        self,
        variogram: str | Variogram = "auto",
        neighbours: int = 32,
        sectors: int = 8,
        estimator: str = "matheron",
        azimuth: float = 0.0,
        ratio: float = 1.0,
    ):
        if isinstance(variogram, str) and variogram not in ("auto", *MODELS):
            raise InputError(
                f"Unknown variogram model '{variogram}'. Known models: auto, {', '.join(MODELS)}."
            )
        if not 0 < ratio <= 1:
            raise InputError(f"The ratio of the ranges was {ratio:g}; it lies above 0, at most 1.")
        self.variogram = variogram
        self.neighbours = neighbours
        self.sectors = sectors
        self.estimator = estimator
        self.azimuth = azimuth
        self.ratio = ratio

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
        self.points_ = merged(joined(points, validation), monitor)
        values = self.points_.values
        self._xy = self._stretched(self.points_.xy)
        self._noise = np.zeros(len(values))
        if self.points_.variance is not None:
            self._noise = self.points_.variance
        self._neighbours = Neighbours(self._xy, max(self.neighbours, 2), self.sectors)
        if np.ptp(values) <= 1e-9 * max(1.0, np.abs(values).max()):
            monitor.log(f"All {len(values)} values are {values[0]:g}: so is the map.", "warning")
            self.variogram_ = None
            self.error_ = self.error_deviation_ = np.zeros(len(values))
            return self
        if isinstance(self.variogram, str):
            self._fit_variogram(monitor)
        else:
            self._use(self.variogram)
        return self

    def _fit_variogram(self, monitor) -> None:
        """Fit the models and keep the one that foretells left out points best."""
        values = self.points_.values
        models = [self.variogram]
        if self.variogram == "auto":
            models = ["linear"] if self.has_few else MODELS
        empirical = self.measure()
        flat = Variogram(
            1e-3 * values.var(), (Structure("linear", 0.0, empirical.lags[-1]),), empirical
        )
        best = -np.inf
        for model in models if empirical.semivariance.any() else []:
            try:
                self._use(fit_variogram(model, empirical, nugget=not self.has_few))
            except (np.linalg.LinAlgError, RuntimeError):
                continue
            score = self._likelihood()
            if score > best:
                best, kept = score, (self.variogram_, self.error_, self.error_deviation_)
        if best > -np.inf:
            self.variogram_, self.error_, self.error_deviation_ = kept
        else:
            monitor.log(f"No variogram fits ({', '.join(models)}).", "warning")
            self._use(flat)
        if self.variogram_.is_flat:
            monitor.log(
                "Neighbouring values are no more alike than distant ones: the map is the mean of "
                "the nearest points.",
                "warning",
            )
        else:
            monitor.log(f"Variogram: {self.variogram_}.")

    def _likelihood(self) -> float:
        """The log likelihood per left out point, for the best scale of the variogram.

        It weighs each error by what kriging says of it, so that a few points far from all others
        do not decide; the scale does not move the map.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            score = -np.log(self.calibration_) / 2 - np.nanmean(np.log(self.error_deviation_))
        return -np.inf if np.isnan(score) else score

    def _use(self, variogram: Variogram) -> None:
        """Take a variogram and see how it foretells each of the points from the others."""
        self.variogram_ = variogram
        n = len(self._xy)
        checked = np.sort(np.random.default_rng(0).permutation(n)[:_CHECKED])
        self.error_, self.error_deviation_ = np.full((2, n), np.nan)
        mean, self.error_deviation_[checked] = self._krige(self._xy[checked], checked)
        self.error_[checked] = mean - self.points_.values[checked]

    def measure(self, azimuth: float | None = None) -> Empirical:
        """The empirical variogram, of one direction if an azimuth is given."""
        return empirical_variogram(
            self._xy, self.points_.values, self.estimator, self.points_.variance, azimuth
        )

    @property
    def has_few(self) -> bool:
        """Whether the points are too few to tell one model from another."""
        return len(self.points_) < FEW

    @property
    def calibration_(self) -> float:
        """Mean square of leave-one-out errors over their standard deviations; 1 is ideal."""
        return float(np.nanmean(np.square(self.error_ / self.error_deviation_)))

    @property
    def rmse_(self) -> float:
        """Leave-one-out root mean square error."""
        return float(np.sqrt(np.nanmean(np.square(self.error_))))

    def predict(self, target, stack=None):
        xy = self._stretched(positions(target))
        if self.variogram_ is None:
            return np.full(len(xy), self.points_.values[0]), np.zeros(len(xy))
        return self._krige(xy)

    def _stretched(self, xy: np.ndarray) -> np.ndarray:
        """Positions turned and stretched so that the range is the same in all directions."""
        if self.ratio == 1:
            return xy
        turn = np.radians(self.azimuth)
        along = xy @ [np.sin(turn), np.cos(turn)]
        across = xy @ [np.cos(turn), -np.sin(turn)]
        return np.column_stack([along, across / self.ratio])

    def _krige(self, xy, besides=None) -> tuple[np.ndarray, np.ndarray]:
        count = min(self.neighbours, len(self._xy))
        # Places that share all their neighbours share one matrix.
        shared = besides is None and count == len(self._xy)
        step = int(np.clip(_NUMBERS // (count if shared else count**2), 1, 4096))
        parts = [slice(i, i + step) for i in range(0, len(xy), step)]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            done = threads.map(
                lambda part: self._some(xy[part], None if besides is None else besides[part]), parts
            )
            mean, variance = np.hstack([np.empty((2, 0)), *done])
        return mean, np.sqrt(np.maximum(variance, 0))

    def _some(self, xy, besides):
        """Mean and variance, (2, m), at stretched positions (m, 2)."""
        index = np.sort(self._neighbours.find(xy, besides), axis=1)
        sets, own = np.unique(index, axis=0, return_inverse=True)
        own = own.ravel()
        places, values = self._xy[sets], self.points_.values[sets]
        gamma = self.variogram_(_distance(places[:, :, None], places[:, None]))
        level = gamma.max(axis=(1, 2))
        covariance = level[:, None, None] - gamma
        each = np.arange(sets.shape[1])
        covariance[:, each, each] = (1 + _JITTER) * level[:, None] + self._noise[sets]
        inverse = np.linalg.inv(covariance)
        ones = inverse.sum(axis=2)
        total = ones.sum(axis=1)
        centre = (ones * values).sum(axis=1) / total
        pull = (inverse @ (values - centre[:, None])[..., None])[..., 0]
        likeness = level[own, None] - self.variogram_(_distance(places[own], xy[:, None]))
        of_own = inverse[0] if len(sets) == 1 else inverse[own]
        known = ((likeness[:, None] @ of_own)[:, 0] * likeness).sum(axis=1)
        lack = 1 - (likeness * ones[own]).sum(axis=1)
        mean = centre[own] + (likeness * pull[own]).sum(axis=1)
        return np.stack([mean, level[own] - known + lack**2 / total[own]])


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(a - b).sum(axis=-1))
