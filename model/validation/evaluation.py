"""Fit a method on one part of the points and score it on the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..methods.base import Method, Prediction
from ..monitor import SILENT, Monitor
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.conformal import HeldOut, nearest_distance
from ..statistics.metrics import metrics
from ..statistics.splits import Split


@dataclass(frozen=True)
class Evaluation:
    """A fitted method and its predictions at all points of a split.

    Parameters
    ----------
    method : Method
        Fitted on the training points; the validation points were its to use.
    split_title : str
    points : Points
    split : Split
    prediction : Prediction
        At all n points.
    """

    method: Method
    split_title: str
    points: Points
    split: Split
    prediction: Prediction

    @property
    def predicted(self) -> np.ndarray:
        """Means, (n,), mm."""
        return self.prediction.mean

    def metrics(self, part: str) -> dict:
        """Metrics of "train", "validation" or "test"; points without a prediction are left out."""
        index = self.split.parts()[part]
        index = index[np.isfinite(self.predicted[index])]
        return metrics(self.points.values[index], self.predicted[index])

    def numbers(self, prefix: str, part: str, names=("RMSE", "MAE", "R2")) -> dict:
        """Some metrics of a part as numbers of a result."""
        values = self.metrics(part)
        return {prefix + name: values[name] for name in names}

    @property
    def held_out(self) -> HeldOut:
        """The errors at the test points, and what the distance to the points in use is there."""
        test = self.split.test
        distance = nearest_distance(self.points.xy[self.split.known], self.points.xy[test])
        return HeldOut(test, distance, self.predicted[test] - self.points.values[test])


def evaluate(
    method: Method,
    points: Points,
    stack: Stack | None,
    split: Split,
    split_title: str,
    monitor: Monitor = SILENT,
) -> Evaluation:
    """Fit a method to the training part and predict every point."""
    method.fit(points[split.train], stack, points[split.validation], monitor)
    prediction = method.predict(points.xy, stack)
    return Evaluation(method, split_title, points, split, prediction)
