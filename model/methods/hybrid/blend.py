"""How krigings, trees and networks are weighed against each other by held-out errors."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

_RIDGE = 1.0  # times the mean square of what is blended
_MOST_OF_NETWORKS = 0.5


def blend_weights(apart: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights (e,), none negative, that add up to 1; a ridge draws them towards the first alone.

    Parameters
    ----------
    apart : ndarray (n, e)
        What each expert predicts, less something common to all.
    wanted, weight : ndarray (n,)
        The values, less the same, and how much each counts.
    """
    count = apart.shape[1]
    apart = apart * np.sqrt(weight)[:, None]
    size = np.sqrt(np.square(apart).sum() / count)
    ridge, whole = np.sqrt(_RIDGE) * size * np.eye(count), 100 * size
    rows = np.vstack([apart, ridge, np.full((1, count), whole)])
    blend, _ = nnls(rows, np.r_[wanted * np.sqrt(weight), ridge[0], whole])
    return blend / blend.sum()


def best_share(guess: np.ndarray, residual: np.ndarray) -> float:
    """The share of a guess that leaves the least of a residual, 0 to 1."""
    return float(np.clip((guess * residual).sum() / max(np.square(guess).sum(), 1e-300), 0, 1))


class Trees:
    """Ensembles of boosted trees (Friedman, 2001, doi:10.1214/aos/1013203451); their mean counts.

    Parameters
    ----------
    count : int
        Ensembles, each with a seed of its own.
    trees : int
        In each of them.
    seed : int
    """

    def __init__(self, count: int, trees: int, seed: int):
        self._count, self._trees, self._seed = count, trees, seed

    def fit(self, features: np.ndarray, residual: np.ndarray) -> Trees:
        """Learn residuals (n,) from features (n, f)."""
        # In one thread: on a busy machine those of a small tree wait for each other.
        with threadpool_limits(1, user_api="openmp"):
            self._ensembles = [
                HistGradientBoostingRegressor(
                    learning_rate=0.03,
                    max_iter=self._trees,
                    max_leaf_nodes=12,
                    min_samples_leaf=40,
                    max_features=0.3,
                    l2_regularization=1.0,
                    early_stopping=False,
                    random_state=self._seed + i,
                ).fit(features, residual)
                for i in range(self._count)
            ]
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Residuals (m,)."""
        if not len(features):
            return np.empty(0)
        with threadpool_limits(1, user_api="openmp"):
            return np.mean([each.predict(features) for each in self._ensembles], axis=0)


class Mixture:
    """How much of the networks is taken, by kriging's standard deviation.

    The share that leaves the least error of two that are unbiased (Bates and Granger, 1969,
    doi:10.1057/jors.1969.103), but half at most: where shares are badly known, the plain mean is
    hard to beat. Variances and covariance of the errors are those of hidden points in blocks of
    each size; that ours are more than their covariance counts as far as it is beyond its standard
    error. The gaps of a map are wider than any block: beyond the widest, ours grow as kriging's
    standard deviation does, and those of the networks stay.
    """

    def fit(self, typical: np.ndarray, errors: list) -> Mixture:
        """Learn from held-out errors.

        Parameters
        ----------
        typical : ndarray (k,)
            Kriging's standard deviation in blocks of each size, not falling.
        errors : list of tuple
            Ours, the networks' and the group of each hidden point, by size; points of one group
            err alike.
        """
        self._typical = typical
        self._moments = np.array([_moments(*each) for each in errors]).T
        return self

    def share(self, deviation: np.ndarray) -> np.ndarray:
        """The share, (m,), at kriging's standard deviations (m,)."""
        wider = np.maximum(deviation / (self._typical[-1] + 1e-300), 1)
        ours, both, theirs, doubt = (
            np.interp(deviation, self._typical, moment) for moment in self._moments
        )
        ours, both, doubt = wider**2 * ours, wider * both, wider * doubt
        share = (ours - both - doubt) / np.maximum(ours + theirs - 2 * both, 1e-300)
        return np.clip(share, 0, _MOST_OF_NETWORKS)


def _moments(ours: np.ndarray, theirs: np.ndarray, group: np.ndarray) -> tuple:
    """Mean square, covariance and mean square of errors, and how unsure their difference is."""
    more = ours * (ours - theirs)
    _, group = np.unique(group, return_inverse=True)
    apart = np.bincount(group, more - more.mean())
    freedom = max(len(apart) - 1, 1) / len(apart)
    doubt = np.sqrt(np.square(apart).sum() / freedom) / len(more)
    return np.mean(ours**2), np.mean(ours * theirs), np.mean(theirs**2), doubt
