"""Drivers as features: means over squares, and what they are beyond the classes of their cells."""

from __future__ import annotations

import numpy as np

from ...monitor import Monitor
from ...spatial.grid import Window
from ...spatial.stack import Stack
from ..features import features

SIZES = (1, 11, 31, 61)  # sides, in cells, of the squares over which drivers are averaged

_CELLS = 100_000  # show what is usual in a class


class DriverFeatures:
    """What is known of places by their drivers, in units of its deviation at the training points.

    Means over squares of each channel, and, where there are classes such as land use, of what the
    other channels are beyond what cells of the same classes have in the mean: NDVI that changes
    more than on other fields says more than that here is a field. What is the same at all training
    points, or missing at one, is left out.

    Attributes
    ----------
    size_ : ndarray (f,)
        Side of the square of each feature, cells.
    """

    _used = np.zeros(0, bool)

    def fit(self, xy: np.ndarray, stack: Stack, monitor: Monitor) -> DriverFeatures:
        """Learn from the training points (n, 2) what is usual; drivers left out are logged."""
        self._beyond = _beyond_classes(stack)
        known = self._means(xy, stack)
        self._centre, self._scale = known.mean(axis=0), known.std(axis=0)
        # A mean over cells of one value varies by rounding.
        self._used = self._scale > 1e-6 * np.abs(known).max(axis=0)
        self.size_ = np.repeat(SIZES, len(self._used) // len(SIZES))[self._used]
        used = self._used.reshape(len(SIZES), -1).any(axis=0)
        for name, channels in stack.channels_of_driver.items():
            if not used[channels].any():
                monitor.log(
                    f"Driver '{name}' is constant or missing at the points and is left out.",
                    "warning",
                )
        return self

    def __bool__(self) -> bool:
        return bool(self._used.any())

    def transform(self, target: np.ndarray | Window, stack: Stack) -> np.ndarray:
        """The features (m, f) of a target."""
        known = self._means(target, stack)
        return (known - self._centre)[:, self._used] / self._scale[self._used]

    def _means(self, target, stack) -> np.ndarray:
        means = features(target, stack, SIZES, coordinates=False).astype(float)
        means = means.reshape(len(means), len(SIZES), means.shape[1] // len(SIZES))
        beyond = np.nan_to_num(means) @ self._beyond
        both = np.concatenate([means, beyond], axis=2)
        return both.reshape(len(means), both.shape[1] * both.shape[2])


def _beyond_classes(stack: Stack) -> np.ndarray:
    """The matrix (channels, others) that takes from channels what classes explain of them.

    By least squares over cells; without any classes there are no others.
    """
    step = max(1, int(np.sqrt(stack.grid.window.size / _CELLS)))
    cells = stack.values[::step, ::step].reshape(-1, len(stack.channels))
    kinds = np.repeat(
        [each.kind for each in stack.encodings], [len(each.channels) for each in stack.encodings]
    )
    known = np.isfinite(cells).all(axis=0)
    classes = np.flatnonzero((kinds == "categorical") & known)
    others = np.flatnonzero((kinds != "categorical") & known & bool(len(classes)))
    matrix = np.eye(len(kinds))[:, others]
    if len(classes):
        on = np.column_stack([cells[:, classes], np.ones(len(cells))]).astype(float)
        matrix[classes] = -np.linalg.lstsq(on, cells[:, others], rcond=None)[0][:-1]
    return matrix
