"""A forest on the drivers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from ..errors import InputError
from ..files.schema import Count, Seed, Word
from ..machine.memory import require
from ..spatial.points import concatenate
from .base import Method, Prediction
from .features import SIZES, features

FORESTS = {"random": RandomForestRegressor, "extra": ExtraTreesRegressor}

_CHUNK = 16_384
_TREE, _NODE = 4000, 72  # bytes


class Forest(Method):
    """A random forest (Breiman, 2001, doi:10.1023/A:1010933404324) on drivers and coordinates.

    The standard deviation is the spread of its trees: how far they disagree, not how far the
    forest may be wrong.

    Parameters
    ----------
    kind : str
        "random", or "extra" for trees that cut at random (Geurts et al., 2006,
        doi:10.1007/s10994-006-6226-1).
    trees : int
    min_leaf : int
        The least number of points that a leaf may hold.
    coordinates : bool
        Whether the forest sees the position too.
    seed : int
    """

    name = "forest"
    title = "Forest"
    drivers = "required"
    footprint = max(SIZES)
    GRID = {"kind": ["random", "extra"], "min_leaf": [1, 5]}

    def __init__(
        self,
        kind: Word = "random",
        trees: Count = 300,
        min_leaf: Count = 1,
        coordinates: bool = True,
        seed: Seed = 0,
    ):
        if kind not in FORESTS:
            raise InputError(f"Unknown forest '{kind}'. Known forests: {', '.join(FORESTS)}.")
        self.kind = kind
        self.trees = trees
        self.min_leaf = min_leaf
        self.coordinates = coordinates
        self.seed = seed

    def _fit(self, points, stack, validation, monitor):
        known = concatenate(points, validation)
        seen = 1 - np.exp(-1) if self.kind == "random" else 1.0  # by a tree, of its bootstrap
        require(
            self.trees * (_TREE + _NODE * 2 * seen * len(known) / self.min_leaf),
            f"A forest of {self.trees:,} trees on {len(known):,} points",
            "Use fewer TREES, or a larger MIN_LEAF.",
        )
        # A third of the features at each cut makes trees that differ (Breiman's regression rule).
        self.forest_ = FORESTS[self.kind](
            self.trees,
            min_samples_leaf=self.min_leaf,
            max_features=1 / 3,
            n_jobs=-1,
            random_state=self.seed,
        ).fit(features(known.xy, stack, coordinates=self.coordinates), known.values)

    def _predict(self, target, stack):
        seen = features(target, stack, coordinates=self.coordinates)
        with ThreadPoolExecutor() as pool:
            parts = [self._ask(seen[i : i + _CHUNK], pool) for i in range(0, len(seen), _CHUNK)]
        return Prediction(*np.concatenate([np.empty((2, 0)), *parts], axis=1))

    def _ask(self, seen: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
        """Mean and standard deviation of the trees' predictions, (2, m)."""
        trees = np.stack(list(pool.map(lambda tree: tree.predict(seen), self.forest_)))
        return np.stack([trees.mean(axis=0), trees.std(axis=0)])
