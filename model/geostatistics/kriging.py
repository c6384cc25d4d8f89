"""Kriging systems: the one place where they are made and solved."""

from __future__ import annotations

import numpy as np

JITTER = 1e-11  # of the sill: places that are nearly one would make a system singular


class KrigingSystems:
    """The systems of ordinary kriging (Matheron, 1963) of m neighbourhoods of k points.

    Parameters
    ----------
    between : ndarray (m, k, k)
        Semivariance between each two points of a neighbourhood.
    noise : float or ndarray (m, k)
        Variance of the points' own errors.
    jitter : float
        Of the sill, added to the diagonal.
    """

    def __init__(
        self, between: np.ndarray, noise: np.ndarray | float = 0.0, jitter: float = JITTER
    ):
        self._level = between.max(axis=(1, 2))[:, None]
        self._covariance = self._level[..., None] - between
        each = np.arange(between.shape[1])
        self._covariance[:, each, each] = (1 + jitter) * self._level + noise

    def estimate(
        self, values: np.ndarray, towards: np.ndarray, which: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Mean and standard deviation, (2, m, t), at t targets of each neighbourhood.

        Parameters
        ----------
        values : ndarray (m, k)
            Of the neighbourhoods.
        towards : ndarray (m, k, t)
            Semivariance between points and targets.
        which : ndarray or slice
            The neighbourhoods that values and targets are of.
        """
        level = self._level[which]
        middle = values.mean(axis=1, keepdims=True)
        covariance = level[..., None] - towards
        known = np.stack([values - middle, np.ones_like(values)], axis=2)
        right = np.concatenate([known, covariance], axis=2)
        solved = np.linalg.solve(self._covariance[which], right)
        pull, ones = solved[..., :1], solved[..., 1:2]
        total = ones.sum(axis=1)
        centre = pull.sum(axis=1) / total
        lack = 1 - (covariance * ones).sum(axis=1)
        mean = middle + (covariance * pull).sum(axis=1) + centre * lack
        variance = level - (covariance * solved[..., 2:]).sum(axis=1) + lack**2 / total
        return np.stack([mean, np.sqrt(np.maximum(variance, 0))])

    def weights(self, towards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (m, k) and variance (m,) at one target of each neighbourhood.

        Parameters
        ----------
        towards : ndarray (m, k)
            Semivariance between points and target.
        """
        covariance = self._level - towards
        right = np.stack([covariance, np.ones_like(covariance)], axis=2)
        simple, ones = np.moveaxis(np.linalg.solve(self._covariance, right), 2, 0)
        lack, total = 1 - simple.sum(axis=1), ones.sum(axis=1)
        weights = simple + ones * (lack / total)[:, None]
        variance = self._level[:, 0] - (simple * covariance).sum(axis=1) + lack**2 / total
        return weights, np.maximum(variance, 0)
