"""The hybrid itself: what is hidden, what is learned from it, and what is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from sklearn.model_selection import GroupKFold

from ...files.schema import Count, Seed
from ...geostatistics.variogram import Variogram
from ...machine.memory import require
from ...monitor import Monitor
from ...spatial.points import average_coincident, concatenate
from ...statistics.conformal import HeldOut, Intervals
from ..base import Method, Prediction, positions
from ..kriging import OrdinaryKriging
from ..perceptrons import Perceptrons
from .blend import Mixture, Trees, best_share, blend_weights
from .drivers import SIZES, DriverFeatures
from .experts import Expertise, Experts
from .space import Space, SquareRoot, mean_spacing

LEAST = 200  # points

_FOLDS, _BLOCK_SIZES, _PARTS = 10, 4, 4
_APART = 6  # mean spacings, side of the blocks that networks do not see
_ROUNDS = 3  # with so few wide blocks, chance would decide which are hidden together
_TREES = 2
_TREE_BYTES = 4000
_SAMPLES_PER_POINT = 20


@dataclass(frozen=True)
class _Samples:
    """Hidden points: what others say of them, their values, numbers and blocks' sizes (m,)."""

    said: Expertise
    values: np.ndarray
    index: np.ndarray
    size: np.ndarray


class Hybrid(Method):
    """A blend of krigings, corrected by trees that have learned in gaps, and networks on drivers.

    Points are hidden, single ones and blocks of four sizes up to a sixth of the extent, and
    predicted from the others by ordinary kriging and by kriging with linear variograms, of the
    values and of their square roots, in a space of positions and drivers: two places are near in it
    if they are near each other and alike in the drivers' means over squares around them. How much
    drivers count, whether distances count less in one direction, and whether the values are noisy,
    is chosen by hidden points. The krigings' weighted mean is the blend, which a ridge keeps near
    ordinary kriging. Boosted trees (Friedman, 2001, doi:10.1214/aos/1013203451) learn its residuals
    from where the krigings disagree, the distances to the nearest points, the neighbours' values,
    the drivers, and how these differ from the neighbours'. Blocks that the trees have not seen show
    how much of the correction is added in gaps of each size.

    Networks that see nothing but drivers (`Perceptrons`) err otherwise, and no more in a wide gap
    than in a narrow one. How much of what they predict is taken, half at most, is decided by hidden
    points too, see `blend.Mixture`.

    The standard deviation is what such points were missed by where that of ordinary kriging was as
    large; it never falls as that grows. With fewer than 200 points, or without drivers, the map is
    that of ordinary kriging, its standard deviation calibrated by points left out. A driver that
    is the same at all points, or missing at one, is left out.

    What did not help (the documents have figures): metrics learned by gradients, weights of the
    krigings by distance, radial basis functions and moving least squares as further experts, trees
    for errors in units of kriging's standard deviation.

    Parameters
    ----------
    lessons : int
        About how many training samples, that is hidden points, there are, but no more than 20 for
        each point; more make a steadier map, and take longer.
    trees : int
        In each of the two ensembles.
    seed : int

    Attributes
    ----------
    kriging_ : OrdinaryKriging
    blend_ : ndarray (experts,) or None
        Their weights, which add up to 1; None where the map is that of ordinary kriging.
    share_ : ndarray (5,)
        Of the trees' correction, 0 to 1, by size of the blocks.
    mixture_ : blend.Mixture
        How much of the networks is taken.
    intervals_ : Intervals
        The error by kriging's standard deviation, which stands in the place of a distance.
    """

    name = "hybrid"
    title = "Hybrid"
    drivers = "optional"

    blend_: np.ndarray | None

    def __init__(self, lessons: Count = 20_000, trees: Count = 150, seed: Seed = 0):
        self.lessons = lessons
        self.trees = trees
        self.seed = seed

    @property
    def footprint(self):
        """See `Method`."""
        return max(SIZES)

    def _fit(self, points, stack, validation, monitor):
        self.points_ = known = average_coincident(concatenate(points, validation), monitor)
        require(
            _TREES * self.trees * _TREE_BYTES,
            f"Ensembles of {self.trees:,} trees",
            "Use fewer TREES.",
        )
        self.kriging_ = OrdinaryKriging().fit(known, monitor=monitor)
        self.uses_drivers_, lacking = False, ""
        self.blend_ = None
        variogram = self.kriging_.variogram_
        if variogram is None:
            return
        if len(known) < LEAST:
            lacking = f"{len(known)} points are too few for the hybrid, which needs {LEAST}"
        else:
            self._drivers = DriverFeatures()
            if stack is not None:
                self._drivers.fit(known.xy, stack, monitor)
            if not self._drivers:
                lacking = "There is no driver that differs between the points"
        if lacking:
            monitor.log(f"{lacking}: the map is that of ordinary kriging.", "warning")
            return
        self.uses_drivers_ = True
        self.blend_ = self._learn(variogram, self._drivers.transform(known.xy, stack), monitor)
        blend, share, networks = (
            ", ".join(f"{x:.2f}" for x in xs)
            for xs in (self.blend_, self.share_, self.mixture_.share(self._typical))
        )
        monitor.log(
            f"Weights of the krigings: {blend}; by size of the gap, of the trees: {share}, of the "
            f"networks: {networks}."
        )

    def _predict(self, target, stack):
        if self.blend_ is None:
            kriged = self.kriging_.predict(target)
            deviation = kriged.deviation
            if deviation is not None and self.kriging_.variogram_ is not None:
                deviation = deviation * np.sqrt(self.kriging_.calibration_)
            return Prediction(kriged.mean, deviation)
        drivers = self._drivers.transform(target, stack)
        said = self._experts.predict(positions(target), drivers)
        correction = self._shares(said.deviation) * self._correction.predict(said.features)
        ours = said.experts @ self.blend_ + correction
        mean = ours + self.mixture_.share(said.deviation) * (self._networks.predict(drivers) - ours)
        return Prediction(mean, self.intervals_.predict(said.deviation)[0])

    def _learn(self, variogram: Variogram, drivers: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Learn from hidden points, whose drivers' features are (n, f); gives the blend."""
        known = self.points_
        root = SquareRoot().fit(known.values)
        monitor.progress(0.1)
        count = min(self.lessons, _SAMPLES_PER_POINT * len(known))
        hidden = self._hidden(count // 2, self.seed + 1)
        roots = root.transform(known.values)
        space = Space.fit(known, drivers, self._drivers.size_, hidden, roots)
        self._experts = Experts(variogram, space, root).fit(known, drivers)
        monitor.progress(0.2)
        block = _number(known.xy // (_APART * mean_spacing(known.xy)))
        self._networks = Perceptrons(self.seed).fit(
            drivers, known.values, block, monitor.part(0.2, 0.2)
        )
        return self._weigh(self._samples(drivers, count, monitor.part(0.4, 0.6)))

    def _hidden(self, count: int, seed: int) -> Iterator[tuple]:
        """Block size, visible points and `count` hidden ones in all, as folds of random blocks."""
        xy, draw = self.points_.xy, np.random.default_rng(seed)
        n = len(xy)
        extent = np.sqrt(n) * mean_spacing(xy)
        least = 4 * np.median(cKDTree(xy).query(xy, 2)[0][:, 1])
        sizes = [0.0, *np.geomspace(least, max(extent / 6, 2 * least), _BLOCK_SIZES)]
        rounds = max(_ROUNDS, int(np.ceil(count / (len(sizes) * n))))
        each = int(np.ceil(count / (len(sizes) * rounds * _FOLDS)))
        for size in sizes * rounds:
            block = np.arange(n)
            if size:
                turn = draw.uniform(0, np.pi)
                turned = xy @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
                block = _number(np.floor(turned / size + draw.random(2)))
            fold = (draw.permutation(block.max() + 1) % _FOLDS)[block]
            for number in range(_FOLDS):
                hidden = np.flatnonzero(fold == number)
                if 0 < len(hidden) < n / 2:
                    visible = np.flatnonzero(fold != number)
                    yield size, visible, draw.permutation(hidden)[:each]

    def _samples(self, drivers: np.ndarray, count: int, monitor: Monitor) -> _Samples:
        """What the visible points say of hidden ones, and what is there."""
        found, hidden = [], list(self._hidden(count, self.seed))
        for i, (size, visible, index) in enumerate(hidden):
            said = self._experts.part(visible).predict(self.points_.xy[index], drivers[index])
            found.append((said, self.points_.values[index], index, np.full(len(index), size)))
            monitor.progress((i + 1) / len(hidden))
        parts, *others = zip(*found)
        return _Samples(Expertise.concatenate(parts), *map(np.concatenate, others))

    def _weigh(self, samples: _Samples) -> np.ndarray:
        """Blend the experts, grow trees on the residuals of the blend, and give its weights."""
        said, values = samples.said, samples.values
        middle = said.experts.mean(axis=1)
        _, size = np.unique(samples.size, return_inverse=True)
        square = np.bincount(size, np.square(values - middle)) / np.bincount(size)
        weight = 1 / (square[size] + 1e-300)  # else the largest gaps alone would decide
        weights = blend_weights(said.experts - middle[:, None], values - middle, weight)

        residual = values - said.experts @ weights
        xy = self.points_.xy
        block = _number(xy // (3 * mean_spacing(xy)))[samples.index]
        guess = np.zeros(len(residual))
        parts = GroupKFold(min(_PARTS, len(np.unique(block))), shuffle=True, random_state=self.seed)
        for seen, unseen in parts.split(residual, groups=block):
            trees = Trees(1, self.trees, self.seed).fit(said.features[seen], residual[seen])
            guess[unseen] = trees.predict(said.features[unseen])
        each = [samples.size == size for size in np.unique(samples.size)]
        typical = [np.median(said.deviation[some]) for some in each]
        self._typical = np.maximum.accumulate(typical)  # as it should be, in larger gaps
        self.share_ = np.array([best_share(guess[some], residual[some]) for some in each])
        ours = self._shares(said.deviation) * guess - residual
        networks = self._networks.held_out_[samples.index] - values
        group = _number(xy // max(samples.size.max(), mean_spacing(xy)))[samples.index]
        errors = [(ours[some], networks[some], group[some]) for some in each]
        self.mixture_ = Mixture().fit(self._typical, errors)
        error = ours + self.mixture_.share(said.deviation) * (networks - ours)
        self.intervals_ = Intervals.fit(HeldOut(samples.index, said.deviation, error))
        self._correction = Trees(_TREES, self.trees, self.seed).fit(said.features, residual)
        return weights

    def _shares(self, deviation: np.ndarray) -> np.ndarray:
        """How much of the trees' correction is added, by kriging's standard deviation (m,)."""
        return np.interp(deviation, self._typical, self.share_)


def _number(places: np.ndarray) -> np.ndarray:
    """The number of each row's place, (n,), of places (n, 2) that repeat."""
    return np.unique(places, axis=0, return_inverse=True)[1].ravel()
