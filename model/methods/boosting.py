"""Gradient boosting on the drivers."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from ..files.schema import Count, Positive, Seed
from ..machine.memory import require
from ..spatial.points import concatenate
from ..statistics.splits import hold_out_tenth
from .base import Method, Prediction
from .features import SIZES, features

_NODE, _LEAST_IN_LEAF = 100, 20  # bytes, points


class Boosting(Method):
    """Gradient boosting of trees (Friedman, 2001, doi:10.1214/aos/1013203451).

    The validation points, a tenth of the points if there are none, say after how many trees to
    stop; then as many are grown from all points.

    Parameters
    ----------
    learning_rate : float
        How much each tree may correct those before it.
    max_trees : int
        Where to stop if the validation error still falls.
    leaves : int
        The maximum number of leaves of a tree.
    coordinates : bool
        Whether the trees see the position too.
    seed : int
    """

    name = "boosting"
    title = "Gradient boosting"
    drivers = "required"
    GRID = {"learning_rate": [0.03, 0.1], "leaves": [7, 31]}

    def __init__(
        self,
        learning_rate: Positive = 0.05,
        max_trees: Count = 1000,
        leaves: Count = 31,
        coordinates: bool = True,
        seed: Seed = 0,
    ):
        self.learning_rate = learning_rate
        self.max_trees = max_trees
        self.leaves = leaves
        self.coordinates = coordinates
        self.seed = seed

    @property
    def footprint(self):
        """See `Method`."""
        return max(SIZES)

    def _fit(self, points, stack, validation, monitor):
        known = concatenate(points, validation)
        require(
            self.max_trees * _NODE * 2 * min(self.leaves, len(known) / _LEAST_IN_LEAF),
            f"Up to {self.max_trees:,} trees of {self.leaves:,} leaves",
            "Use fewer MAX_TREES or LEAVES.",
        )
        points, validation = hold_out_tenth(points, validation, stack.grid, self.seed)
        # A tree of some thousand points is too small to share: on a busy machine its threads wait
        # for each other more than ten times as long as one takes alone.
        with threadpool_limits(1, user_api="openmp"):
            trial = self._new(self.max_trees, early_stopping=True).fit(
                self._seen(points.xy, stack),
                points.values,
                X_val=self._seen(validation.xy, stack),
                y_val=validation.values,
            )
            self.trees_ = trial.n_iter_
            self.model_ = self._new(self.trees_, early_stopping=False)
            self.model_.fit(self._seen(known.xy, stack), known.values)

    def _predict(self, target, stack):
        seen = self._seen(target, stack)
        return Prediction(self.model_.predict(seen) if len(seen) else np.empty(0))

    def _seen(self, target, stack):
        return features(target, stack, coordinates=self.coordinates)

    def _new(self, trees: int, early_stopping: bool) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            learning_rate=self.learning_rate,
            max_iter=trees,
            max_leaf_nodes=self.leaves,
            early_stopping=early_stopping,
            n_iter_no_change=20,
            random_state=self.seed,
        )
