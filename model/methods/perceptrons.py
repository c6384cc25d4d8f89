"""Small networks on drivers alone, each blind to some of them and to some of the points."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPRegressor

from ..monitor import SILENT, Monitor

_FOLDS, _EACH = 5, 6
_SHARE, _FEWEST = 0.25, 8  # of the features that a network sees
_LAYERS, _EPOCHS, _BATCH = (64, 32), 20, 64
_PENALTY, _RATE = 0.1, 2e-3
_MOST = 10_000  # points that a network learns from
_FARTHEST = 5.0  # deviations: a network would carry what is farther out to any height


class Perceptrons:
    """What drivers alone say of a place: the mean of multilayer perceptrons.

    Each sees a random quarter of the features, eight at least (the random subspace method: Ho,
    1998, doi:10.1109/34.709601), and four of five folds of the points. They err apart where drivers
    are unlike those of the points, so their mean errs less there than one network that sees all.

    Parameters
    ----------
    seed : int

    Attributes
    ----------
    held_out_ : ndarray (n,)
        What those networks predict at a point that have not seen its fold, in the values' unit.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def fit(
        self, known: np.ndarray, values: np.ndarray, groups: np.ndarray, monitor: Monitor = SILENT
    ) -> Perceptrons:
        """Learn values (n,) from features.

        Parameters
        ----------
        known : ndarray (n, f)
            Features of the points, each of mean 0 and deviation 1. More than 5 counts as 5.
        groups : ndarray (n,)
            Points of one group are in one fold; two groups at least.
        """
        known = _within(known)
        random = np.random.RandomState(self.seed)  # a network takes no Generator
        folds = GroupKFold(
            min(_FOLDS, len(np.unique(groups))), shuffle=True, random_state=self.seed
        )
        self.held_out_, self._networks = np.empty(len(values)), []
        for seen, unseen in folds.split(known, groups=groups):
            networks = [_Perceptron(known[seen], values[seen], random) for _ in range(_EACH)]
            self.held_out_[unseen] = _mean(networks, known[unseen])
            self._networks += networks
            monitor.progress(len(self._networks) / (_EACH * folds.n_splits))
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The mean of all networks, (m,), from features (m, f)."""
        return _mean(self._networks, _within(features))


def _within(features: np.ndarray) -> np.ndarray:
    return np.clip(features, -_FARTHEST, _FARTHEST).astype(np.float32)


def _mean(networks: list, features: np.ndarray) -> np.ndarray:
    if not len(features):
        return np.empty(0)
    return np.mean([network.predict(features) for network in networks], axis=0)


class _Perceptron:
    """One network, and the columns that it sees."""

    def __init__(self, known: np.ndarray, values: np.ndarray, random: np.random.RandomState):
        count = known.shape[1]
        self._columns = random.permutation(count)[: max(int(_SHARE * count), _FEWEST)]
        rows = random.permutation(len(known))[:_MOST]
        known, values = known[np.ix_(rows, self._columns)], values[rows]
        self._centre, self._scale = values.mean(), values.std() + 1e-300
        wanted = ((values - self._centre) / self._scale).astype(np.float32)
        self._network = MLPRegressor(
            hidden_layer_sizes=_LAYERS,
            alpha=_PENALTY,
            learning_rate_init=_RATE,
            batch_size=min(_BATCH, len(rows)),
            random_state=random,
        )
        for _ in range(_EPOCHS):
            self._network.partial_fit(known, wanted)

    def predict(self, features: np.ndarray) -> np.ndarray:
        scaled = self._network.predict(features[:, self._columns])
        return self._centre + self._scale * scaled.astype(float)
