"""Which driver a method needs: what its errors become when the driver's values are permuted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import linalg

from ..methods.base import Method
from ..methods.catalogue import make
from ..monitor import SILENT, Monitor
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.metrics import metrics
from ..statistics.splits import Folds, Split

ALIKE = 0.7  # a correlation above which drivers share importance

_ASKED, _TREES = 3000, 50


@dataclass(frozen=True)
class Importance:
    """What each driver is worth to a method.

    Parameters
    ----------
    names : list of str
        Of the drivers.
    observed, predicted : ndarray (n,)
        mm, each point predicted by the fold that holds it out.
    increases : ndarray (drivers, repeats)
        By how much the RMSE at the held-out points grows when a driver is permuted, mm.
    """

    names: list[str]
    observed: np.ndarray
    predicted: np.ndarray
    increases: np.ndarray

    @property
    def metrics(self) -> dict:
        """Of the held-out points, with all drivers in place."""
        return metrics(self.observed, self.predicted)

    @property
    def mean(self) -> np.ndarray:
        """Mean increase, mm, (drivers,)."""
        return self.increases.mean(axis=1)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of the increase over the repeats, mm, (drivers,)."""
        return self.increases.std(axis=1, ddof=1)

    @property
    def share(self) -> np.ndarray:
        """Of the sum of all increases, (drivers,); 0 where there is none."""
        gains = self.mean.clip(min=0)
        return gains / (gains.sum() or 1.0)


class PermutedPatches:
    """The patches of a stack, some of whose channels are read around other cells.

    It stands for the stack where a method predicts at points, and reads nothing else of it.

    Parameters
    ----------
    stack : Stack
    channels : slice
        Those that are read elsewhere.
    cells, sources : ndarray (n,)
        Numbers of the cells, in increasing order, and of those that are read in their stead. No
        other cells may be asked for.
    """

    def __init__(self, stack: Stack, channels: slice, cells: np.ndarray, sources: np.ndarray):
        self.grid, self.encodings, self.channels = stack.grid, stack.encodings, stack.channels
        self._stack = stack
        self._permuted = channels
        self._cells = cells
        self._sources = sources

    def patches(self, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
        """As `Stack.patches`, with the patches of some channels around other cells."""
        patches = self._stack.patches(rows, columns, size)
        width = self.grid.width
        sources = self._sources[np.searchsorted(self._cells, rows * width + columns)]
        elsewhere = self._stack.patches(sources // width, sources % width, size)
        patches[..., self._permuted] = elsewhere[..., self._permuted]
        return patches


def permutation_importance(
    method: Method,
    points: Points,
    stack: Stack,
    folds: Folds,
    repeats: int = 5,
    seed: int = 0,
    monitor: Monitor = SILENT,
) -> Importance:
    """Measure by how much held-out errors grow when one driver is permuted among held-out points.

    Permutation importance (Breiman, 2001, doi:10.1023/A:1010933404324; as model reliance: Fisher
    et al., 2019, jmlr.org/papers/v20/18-760.html). All channels of a driver, and the cells around
    each point that the method looks at, are taken from one other held-out point; so they stay
    true to each other, but not to the point. Points of one cell stay together. The method is
    fitted once in each fold.

    Parameters
    ----------
    method : Method
        It is cloned, and reads the stack by `Stack.patches` at points.
    folds : Folds
        That hold out every point once.
    repeats : int
        How many times each driver is permuted.
    """
    random = np.random.default_rng(seed)
    groups = stack.channels_of_driver
    predicted = np.full(len(points), np.nan)
    mixed = np.full((len(groups), repeats, len(points)), np.nan)
    for number, split in enumerate(folds.splits):
        count = len(folds.splits)
        part = monitor.part(number / count, (number + 1) / count)
        test = points[split.test]
        fitted = method.clone().fit(
            points[split.train], stack, points[split.validation], part.part(0, 0.5)
        )
        predicted[split.test] = fitted.predict(test.xy, stack).mean
        cells = np.unique(test.groups(stack.grid))
        for repeat in range(repeats):
            sources = random.permutation(cells)  # the same for all drivers
            for driver, channels in enumerate(groups.values()):
                other = cast(Stack, PermutedPatches(stack, channels, cells, sources))
                mixed[driver, repeat, split.test] = fitted.predict(test.xy, other).mean
            part.progress(0.5 + 0.5 * (repeat + 1) / repeats)
    rmse = np.sqrt(np.square(mixed - points.values).mean(axis=2))
    alone = np.sqrt(np.square(predicted - points.values).mean())
    return Importance(list(groups), points.values, predicted, rmse - alone)


def driver_correlations(stack: Stack, points: Points) -> np.ndarray:
    """How alike drivers are at the points, 0 to 1, (drivers, drivers).

    The first canonical correlation of their channels: for two drivers of one channel each the
    size of Pearson's. It is 0 for a driver that does not vary.
    """
    cells = stack.values[stack.grid.cells(points.xy)].astype(float)
    bases = []
    for channels in stack.channels_of_driver.values():
        own = cells[:, channels]
        own = own[:, np.ptp(own, axis=0) > 0]
        bases.append(linalg.orth(own - own.mean(axis=0)) if own.size else own)
    matrix = np.eye(len(bases))
    for i, one in enumerate(bases):
        for j, other in enumerate(bases[:i]):
            if one.size and other.size:
                matrix[i, j] = matrix[j, i] = linalg.norm(one.T @ other, 2)
    return matrix


def channel_weights(
    points: Points, stack: Stack, folds: np.ndarray, seed: int = 0, monitor: Monitor = SILENT
) -> np.ndarray:
    """How much each channel of a stack says of the values, (c,): its driver's importance.

    Permutation importance in a small forest on held-out folds (n,), 0 for drivers that make it no
    better; all are equal where none does. Of many points 3,000 drawn at random are asked.
    """
    drawn = np.sort(np.random.default_rng(seed).permutation(len(points))[:_ASKED])
    points, folds = points[drawn], folds[drawn]
    nobody = np.empty(0, int)
    splits = [
        Split(np.flatnonzero(folds != fold), nobody, np.flatnonzero(folds == fold))
        for fold in np.unique(folds)
    ]
    found = permutation_importance(
        make("forest", trees=_TREES, coordinates=False, seed=seed),
        points,
        stack,
        Folds("block", splits),
        1,
        seed,
        monitor,
    )
    gains = found.mean.clip(min=0)
    widths = [channels.stop - channels.start for channels in stack.channels_of_driver.values()]
    return np.repeat(gains if gains.any() else np.ones(len(gains)), widths)
