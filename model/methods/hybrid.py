"""The hybrid: krigings that know the drivers, corrected by trees, and networks for wide gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from ..errors import InputError
from ..files.schema import Count, Seed
from ..geostatistics.neighbours import Neighbours
from ..machine.memory import require
from ..machine.threads import in_chunks
from ..monitor import SILENT
from ..spatial.points import Points, average_coincident, concatenate
from ..statistics.conformal import HeldOut, Intervals
from .base import Method, positions
from .features import features
from .kriging import OrdinaryKriging
from .perceptrons import Perceptrons

LEAST = 200  # points
SIZES = (1, 11, 31, 61)  # sides, in cells, of the squares over which drivers are averaged
NARROW, BROAD = (11, 31), (61,)  # those of each part of the variogram

_NEIGHBOURS, _NEAREST, _IN_TRIALS = 64, 8, 24
_FOLDS, _BLOCK_SIZES, _PARTS = 10, 4, 4
_APART = 6  # mean spacings, side of the blocks that networks do not see
_ROUNDS = 3  # with so few wide blocks, chance would decide which are hidden together
_LEAST_GAIN = 0.01  # of the log error, for which a space is stretched or values taken for noisy
_NUGGETS = (0.1, 0.3, 1.0)
_TURNS = [(azimuth, ratio) for azimuth in (0, 45, 90, 135) for ratio in (0.7, 0.5)]
_SHARES = (0.0, 0.3)
_WEIGHTS = (0.0, 0.5, 1.0, 1.5)
_WILD = 8.0  # times what its neighbours miss each other by: a point that does is no example
_RIDGE = 1.0  # times the mean square of what is blended
_JITTER = 1e-9  # of the sill: places that are nearly one would make a system singular
_TREES = 2
_TREE_BYTES = 4000
_MOST_OF_NETWORKS = 0.5
_LESSONS_PER_POINT = 20
_CELLS = 100_000  # tell what is usual in a class


class Hybrid(Method):
    """A blend of krigings, corrected by trees that have learned in gaps, and networks on drivers.

    Points are hidden, single ones and blocks of four sizes up to a sixth of the extent, and told
    from the others by ordinary kriging and by kriging with linear variograms, of the values and of
    their square roots, in a space of positions and drivers: two places are near in it if they are
    near each other and alike in the drivers' means over squares around them. How much drivers
    count, whether distances count less in one direction, and whether the values are noisy, is
    chosen by hidden points. The krigings' weighted mean is the blend, which a ridge keeps near
    ordinary kriging. Boosted trees (Friedman, 2001, doi:10.1214/aos/1013203451) learn what it
    misses from where the krigings disagree, the distances to the nearest points, the neighbours'
    values, the drivers, and how these differ from the neighbours'. Blocks that the trees have not
    seen tell how much of the correction is added in gaps of each size.

    Networks that see nothing but drivers (`Perceptrons`) err otherwise, and no more in a wide gap
    than in a narrow one. How much of what they tell is taken, half at most, is told by hidden
    points too, see `_Mixture`.

    The standard deviation is what such points were missed by where that of ordinary kriging was as
    large; it never falls as that grows. With fewer than 200 points, or without drivers, the map is
    that of ordinary kriging, its standard deviation calibrated by points left out. A driver that
    is the same at all points, or missing at one, is left out.

    What did not help (docs/hybrid.md has figures): metrics learned by gradients, weights of the
    krigings by distance, radial basis functions and moving least squares as further experts, trees
    for errors in units of kriging's standard deviation.

    Parameters
    ----------
    lessons : int
        About how many hidden points teach, but no more than 20 for each point; more make a
        steadier map, and take longer.
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
    mixture_ : _Mixture
        How much of the networks is taken.
    intervals_ : Intervals
        The error by kriging's standard deviation, which stands in the place of a distance.
    """

    name = "hybrid"
    title = "Hybrid"
    takes_stack = True

    def __init__(self, lessons: Count = 20_000, trees: Count = 150, seed: Seed = 0):
        self.lessons = lessons
        self.trees = trees
        self.seed = seed

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
        self.points_ = known = average_coincident(concatenate(points, validation), monitor)
        require(
            _TREES * self.trees * _TREE_BYTES,
            f"Ensembles of {self.trees:,} trees",
            "Use fewer TREES.",
        )
        self.kriging_ = OrdinaryKriging().fit(known, monitor=monitor)
        self.blend_, self.needs_stack, lacking = None, False, ""
        if self.kriging_.variogram_ is None:
            return self
        if len(known) < LEAST:
            lacking = f"{len(known)} points are too few for the hybrid, which wants {LEAST}"
        else:
            self._drivers = None if stack is None else _Drivers(known.xy, stack, monitor)
            if not self._drivers:
                lacking = "There is no driver that differs between the points"
        if lacking:
            monitor.log(f"{lacking}: the map is that of ordinary kriging.", "warning")
            return self
        self.needs_stack = True
        drivers = self._drivers(known.xy, stack)
        self._root = _Root(known.values)
        monitor.progress(0.1)
        lessons = min(self.lessons, _LESSONS_PER_POINT * len(known))
        hidden = self._hidden(lessons // 2, self.seed + 1)
        self._space = _Space(known, self._drivers, drivers, self._root, hidden)
        self._all = _Visible(known, drivers, self._root, self._space, self.kriging_)
        monitor.progress(0.2)
        block = _number(known.xy // (_APART * _spacing(known.xy)))
        part = monitor.part(0.2, 0.2)
        self._networks = Perceptrons(drivers, known.values, block, self.seed, part)
        self._learn(self._lessons(lessons, monitor.part(0.4, 0.6)))
        blend, share, networks = (
            ", ".join(f"{x:.2f}" for x in xs)
            for xs in (self.blend_, self.share_, self.mixture_(self._typical))
        )
        monitor.log(
            f"Weights of the krigings: {blend}; by size of the gap, of the trees: {share}, of the "
            f"networks: {networks}."
        )
        return self

    def predict(self, target, stack=None):
        if self.blend_ is None:
            mean, deviation = self.kriging_.predict(target)
            if self.kriging_.variogram_ is not None:
                deviation = deviation * np.sqrt(self.kriging_.calibration_)
            return mean, deviation
        if stack is None:
            raise InputError("This hybrid has learned from drivers. Give DRIVERS to map with it.")
        drivers = self._drivers(target, stack)
        told = self._all(positions(target), drivers)
        correction = self._shares(told.deviation) * _ask(self._grown, told.seen)
        ours = told.experts @ self.blend_ + correction
        mean = ours + self.mixture_(told.deviation) * (self._networks(drivers) - ours)
        return mean, self.intervals_(told.deviation)[0]

    def _hidden(self, count: int, seed: int) -> Iterator[tuple]:
        """Block size, visible points and `count` hidden ones in all, as folds of random blocks."""
        xy, random = self.points_.xy, np.random.default_rng(seed)
        n = len(xy)
        extent = np.sqrt(n) * _spacing(xy)
        least = 4 * np.median(cKDTree(xy).query(xy, 2)[0][:, 1])
        sizes = [0.0, *np.geomspace(least, max(extent / 6, 2 * least), _BLOCK_SIZES)]
        rounds = max(_ROUNDS, int(np.ceil(count / (len(sizes) * n))))
        each = int(np.ceil(count / (len(sizes) * rounds * _FOLDS)))
        for size in sizes * rounds:
            block = np.arange(n)
            if size:
                turn = random.uniform(0, np.pi)
                turned = xy @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
                block = _number(np.floor(turned / size + random.random(2)))
            fold = (random.permutation(block.max() + 1) % _FOLDS)[block]
            for number in range(_FOLDS):
                hidden = np.flatnonzero(fold == number)
                if 0 < len(hidden) < n / 2:
                    visible = np.flatnonzero(fold != number)
                    yield size, visible, random.permutation(hidden)[:each]

    def _lessons(self, count: int, monitor) -> _Lessons:
        """What the visible points tell of hidden ones, and what is there."""
        found, hidden = [], list(self._hidden(count, self.seed))
        for i, (size, visible, index) in enumerate(hidden):
            drivers = self._all.drivers[index]
            told = self._all.part(visible)(self.points_.xy[index], drivers)
            found.append((told, self.points_.values[index], index, np.full(len(index), size)))
            monitor.progress((i + 1) / len(hidden))
        told, *others = zip(*found)
        return _Lessons(_Told.concatenate(told), *map(np.concatenate, others))

    def _learn(self, lessons) -> None:
        """Blend the experts, and grow trees on what the blend misses."""
        told, values = lessons.told, lessons.values
        middle = told.experts.mean(axis=1)
        _, size = np.unique(lessons.size, return_inverse=True)
        square = np.bincount(size, np.square(values - middle)) / np.bincount(size)
        weight = 1 / (square[size] + 1e-300)  # else the largest gaps alone would decide
        self.blend_ = _blend(told.experts - middle[:, None], values - middle, weight)

        missed = values - told.experts @ self.blend_
        xy = self.points_.xy
        block = _number(xy // (3 * _spacing(xy)))[lessons.index]
        guess = np.zeros(len(missed))
        parts = GroupKFold(min(_PARTS, len(np.unique(block))), shuffle=True, random_state=self.seed)
        for seen, unseen in parts.split(missed, groups=block):
            grown = self._grow(told.seen[seen], missed[seen], 1)
            guess[unseen] = _ask(grown, told.seen[unseen])
        each = [lessons.size == size for size in np.unique(lessons.size)]
        typical = [np.median(told.deviation[some]) for some in each]
        self._typical = np.maximum.accumulate(typical)  # as it should be, in larger gaps
        self.share_ = np.array([_share(guess[some], missed[some]) for some in each])
        ours = self._shares(told.deviation) * guess - missed
        networks = self._networks.held_out[lessons.index] - values
        group = _number(xy // max(lessons.size.max(), _spacing(xy)))[lessons.index]
        errors = [(ours[some], networks[some], group[some]) for some in each]
        self.mixture_ = _Mixture(self._typical, errors)
        error = ours + self.mixture_(told.deviation) * (networks - ours)
        self.intervals_ = Intervals.fit(HeldOut(lessons.index, told.deviation, error))
        self._grown = self._grow(told.seen, missed, _TREES)

    def _shares(self, deviation: np.ndarray) -> np.ndarray:
        """How much of the trees' correction is added, by kriging's standard deviation (m,)."""
        return np.interp(deviation, self._typical, self.share_)

    def _grow(self, seen: np.ndarray, missed: np.ndarray, count: int) -> list:
        # In one thread: on a busy machine those of a small tree wait for each other.
        with threadpool_limits(1, user_api="openmp"):
            return [
                HistGradientBoostingRegressor(
                    learning_rate=0.03,
                    max_iter=self.trees,
                    max_leaf_nodes=12,
                    min_samples_leaf=40,
                    max_features=0.3,
                    l2_regularization=1.0,
                    early_stopping=False,
                    random_state=self.seed + i,
                ).fit(seen, missed)
                for i in range(count)
            ]


class _Mixture:
    """How much of the networks is taken, by kriging's standard deviation.

    The share that leaves the least error of two that are unbiased (Bates and Granger, 1969,
    doi:10.1057/jors.1969.103), but half at most: where shares are badly known, the plain mean is
    hard to beat. Variances and covariance of the errors are those of hidden points in blocks of
    each size; that ours are more than their covariance counts as far as it is beyond its standard
    error. The gaps of a map are wider than any block: beyond the widest, ours grow as kriging's
    standard deviation does, and those of the networks stay.

    Parameters
    ----------
    typical : ndarray (k,)
        Kriging's standard deviation in blocks of each size, not falling.
    errors : list of tuple
        Ours, the networks' and the group of each hidden point, by size; points of one group err
        alike.
    """

    def __init__(self, typical: np.ndarray, errors: list):
        self._typical = typical
        self._moments = np.array([_moments(*each) for each in errors]).T

    def __call__(self, deviation: np.ndarray) -> np.ndarray:
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


def _blend(apart: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights (e,), none negative, that add up to 1; a ridge draws them towards the first alone."""
    count = apart.shape[1]
    apart = apart * np.sqrt(weight)[:, None]
    size = np.sqrt(np.square(apart).sum() / count)
    ridge, whole = np.sqrt(_RIDGE) * size * np.eye(count), 100 * size
    rows = np.vstack([apart, ridge, np.full((1, count), whole)])
    blend, _ = nnls(rows, np.r_[wanted * np.sqrt(weight), ridge[0], whole])
    return blend / blend.sum()


def _share(guess: np.ndarray, missed: np.ndarray) -> float:
    """The share of a guess that leaves the least of what was missed, 0 to 1."""
    return float(np.clip((guess * missed).sum() / max(np.square(guess).sum(), 1e-300), 0, 1))


def _ask(grown: list, seen: np.ndarray) -> np.ndarray:
    """The mean of ensembles of trees, (m,)."""
    if not len(seen):
        return np.empty(0)
    with threadpool_limits(1, user_api="openmp"):
        return np.mean([each.predict(seen) for each in grown], axis=0)


def _spacing(xy: np.ndarray) -> float:
    """Side of the square that each point would have of the extent; of a line its share, metres."""
    extent = np.ptp(xy, axis=0)
    return float(max(np.sqrt(extent.prod() / len(xy)), extent.max() / len(xy)))


def _number(places: np.ndarray) -> np.ndarray:
    """The number of each row's place, (n,), of places (n, 2) that repeat."""
    return np.unique(places, axis=0, return_inverse=True)[1].ravel()


class _Drivers:
    """What is known of places by their drivers, in units of its deviation at the training points.

    Means over squares of each channel, and, where there are classes such as land use, of what the
    other channels are beyond what cells of the same classes have in the mean: NDVI that changes
    more than on other fields tells more than that here is a field.
    """

    def __init__(self, xy: np.ndarray, stack, monitor):
        self._beyond = _beyond_classes(stack)
        known = self._means(xy, stack)
        self._centre, self._scale = known.mean(axis=0), known.std(axis=0)
        # A mean over cells of one value varies by rounding.
        self._used = self._scale > 1e-6 * np.abs(known).max(axis=0)
        self.size = np.repeat(SIZES, len(self._used) // len(SIZES))[self._used]
        used, first = self._used.reshape(len(SIZES), -1).any(axis=0), 0
        for encoding in stack.encodings:
            last = first + len(encoding.channels)
            if not used[first:last].any():
                monitor.log(
                    f"Driver '{encoding.name}' is constant or missing at the points and is left "
                    "out.",
                    "warning",
                )
            first = last

    def __bool__(self) -> bool:
        return bool(self._used.any())

    def __call__(self, target, stack) -> np.ndarray:
        """Scaled (m, f) at a target."""
        known = self._means(target, stack)
        return (known - self._centre)[:, self._used] / self._scale[self._used]

    def _means(self, target, stack) -> np.ndarray:
        means = features(target, stack, SIZES, coordinates=False).astype(float)
        means = means.reshape(len(means), len(SIZES), -1)
        beyond = np.nan_to_num(means) @ self._beyond
        return np.concatenate([means, beyond], axis=2).reshape(len(means), -1)


def _beyond_classes(stack) -> np.ndarray:
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


class _Root:
    """The square root of values, counted from their lower end, or their upper if skewed so."""

    def __init__(self, values: np.ndarray):
        self._sign = 1.0 if np.mean((values - values.mean()) ** 3) >= 0 else -1.0
        self._end = (self._sign * values).min()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(self._sign * values - self._end, 0))

    def back(self, root: np.ndarray) -> np.ndarray:
        return self._sign * (self._end + np.square(root))


class _Space:
    """Positions and drivers in one space, with a sum of linear variograms in parts of it.

    What its parameters are is told by the roots of hidden points' values, told by linear kriging:
    the log of the error's root mean square, averaged over the sizes of the blocks.

    Attributes
    ----------
    nugget : float
        Variance of the points' own errors, in units of what their mean spacing brings.
    model : list of tuple
        The variogram's parts: a share and the columns of the space.
    known : ndarray (n, f)
        The points' places.
    """

    def __init__(self, points: Points, drivers: _Drivers, means, root: _Root, hidden):
        self._unit = _spacing(points.xy)
        self._turn, self._weight, self.nugget = np.eye(2), 1.0, 0.0
        values, trials = root(points.values), {}
        for size, visible, index in hidden:
            near = visible[Neighbours(points.xy[visible], _IN_TRIALS).find(points.xy[index])]
            trials.setdefault(size, []).append((near, index))
        trials = [tuple(map(np.concatenate, zip(*each))) for each in trials.values()]

        def loss(model, means=None):
            self.model, place = model, self(points.xy, means)

            def missed(near, index):
                weights, _ = self.krige(place[near], place[index], self.nugget)
                return (weights * values[near]).sum(axis=1) - values[index]

            logs = []
            for near, index in trials:
                work = partial(_both, missed, near, index)
                error = np.concatenate(in_chunks(work, len(index), _IN_TRIALS**2))
                logs.append(np.log(np.square(error).mean() + 1e-300) / 2)
            return np.mean(logs)

        plane = [(1.0, slice(0, 2))]
        turns = {(0, 1.0): loss(plane) - _LEAST_GAIN}
        for turn in _TURNS:
            self._turn = _stretch(*turn)
            turns[turn] = loss(plane)
        self.turn = min(turns, key=turns.get)
        self._turn = _stretch(*self.turn)
        nuggets = {0.0: loss(plane) - _LEAST_GAIN}
        for self.nugget in _NUGGETS:
            nuggets[self.nugget] = loss(plane)
        self.nugget = min(nuggets, key=nuggets.get)
        broad, narrow = (
            np.r_[0, 1, 2 + np.flatnonzero(np.isin(drivers.size, sizes))]
            for sizes in (BROAD, NARROW)
        )
        found = {}
        for share in _SHARES:
            model = [(1 - share, broad), (share, narrow)][: 2 if share else 1]
            for self._weight in _WEIGHTS:
                found[share, self._weight] = loss(model, means), model
        (_, self._weight), (_, self.model) = min(found.items(), key=lambda each: each[1][0])
        self.known = self(points.xy, means)

    def __call__(self, xy: np.ndarray, means: np.ndarray | None) -> np.ndarray:
        """Places in the space, (m, f), in units of the points' mean spacing."""
        plane = xy @ self._turn / self._unit
        return plane if means is None else np.column_stack([plane, self._weight * means])

    def krige(self, places: np.ndarray, targets: np.ndarray, noise=0.0):
        """Weights (m, k) and variance (m,) at targets (m, f) from places (m, k, f)."""
        between, towards = 0.0, 0.0
        for share, columns in self.model:
            each = _distances(places[..., columns], targets[:, columns])
            between, towards = between + share * each[0], towards + share * each[1]
        return _krige(between, towards, noise)


def _both(work, first, second, part: slice):
    return work(first[part], second[part])


def _stretch(azimuth: float, ratio: float) -> np.ndarray:
    """The matrix (2, 2) that shortens distances along an azimuth, in degrees, and no area."""
    turn = np.radians(azimuth)
    along, across = [np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]
    return np.column_stack([along, across]) * np.sqrt([ratio, 1 / ratio])


def _distances(places: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (m, k, k) between places (m, k, f), and (m, k) from them to targets (m, f)."""
    step = places - targets[:, None]
    square = np.square(step).sum(axis=2)
    between = square[:, :, None] + square[:, None] - 2 * step @ np.swapaxes(step, 1, 2)
    each = np.arange(step.shape[1])
    between[:, each, each] = 0
    return np.sqrt(np.maximum(between, 0)), np.sqrt(square)


def _krige(between: np.ndarray, towards: np.ndarray, noise=0.0) -> tuple[np.ndarray, np.ndarray]:
    """Weights (m, k) and variance (m,) of ordinary kriging, from variograms (m, k, k) and (m, k).

    Parameters
    ----------
    noise : float or ndarray (m, k)
        Variance of the points' own errors.
    """
    level = between.max(axis=(1, 2))
    covariance = level[:, None, None] - between
    each = np.arange(between.shape[1])
    covariance[:, each, each] = (1 + _JITTER) * level[:, None] + noise
    likeness = level[:, None] - towards
    right = np.stack([likeness, np.ones_like(likeness)], axis=2)
    simple, ones = np.moveaxis(np.linalg.solve(covariance, right), 2, 0)
    lack, total = 1 - simple.sum(axis=1), ones.sum(axis=1)
    weights = simple + ones * (lack / total)[:, None]
    return weights, np.maximum(level - (simple * likeness).sum(axis=1) + lack**2 / total, 0)


@dataclass
class _Told:
    """What points tell of m places.

    Parameters
    ----------
    experts : ndarray (m, e)
        What each of them predicts.
    seen : ndarray (m, f)
        What trees see.
    deviation : ndarray (m,)
        Kriging's.
    """

    experts: np.ndarray
    seen: np.ndarray
    deviation: np.ndarray

    @classmethod
    def concatenate(cls, parts) -> _Told:
        names = [each.name for each in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass
class _Lessons:
    """Hidden points: what others told of them, their values, numbers and blocks' sizes (m,)."""

    told: _Told
    values: np.ndarray
    index: np.ndarray
    size: np.ndarray


class _Visible:
    """Points that tell of other places."""

    def __init__(self, points: Points, drivers, root, space, kriging, noise=None, place=None):
        self.points, self.drivers = points, drivers
        self._root, self._space, self._kriging = root, space, kriging
        self._roots = root(points.values)
        self._place = space.known if place is None else place
        self._near = Neighbours(points.xy, _NEIGHBOURS)
        self._tree = cKDTree(points.xy)
        self._noise = self._find_noise() if noise is None else noise

    def part(self, index: np.ndarray) -> _Visible:
        """Some of the points."""
        return _Visible(
            self.points[index],
            self.drivers[index],
            self._root,
            self._space,
            self._kriging,
            self._noise[index],
            self._place[index],
        )

    def _find_noise(self) -> np.ndarray:
        """Variance (n,) of points that others foretell far worse than their neighbours; else 0."""
        noise = np.full(len(self.points), self._space.nugget)
        index = self._near.find(self.points.xy, np.arange(len(noise)))

        def score(part):
            near = index[part]
            weights, variance = self._space.krige(self._place[near], self._place[part], noise[near])
            missed = (weights * self._roots[near]).sum(axis=1) - self._roots[part]
            return np.stack([np.abs(missed) / np.sqrt(variance), variance])

        for _ in range(2):  # the second time wild points no longer accuse their neighbours
            scores, variance = np.hstack(in_chunks(score, len(noise), _NEIGHBOURS**2))
            usual = np.median(scores[index], axis=1) / 0.6745 + 1e-300
            wild = np.maximum(np.square(scores / (_WILD * usual)) - 1, 0)
            noise = self._space.nugget + variance * wild
        return noise

    def __call__(self, xy: np.ndarray, drivers: np.ndarray) -> _Told:
        parts = in_chunks(lambda part: self._tell(xy[part], drivers[part]), len(xy), _NEIGHBOURS**2)
        return _Told.concatenate(parts or [self._tell(xy, drivers)])

    def _tell(self, xy: np.ndarray, drivers: np.ndarray) -> _Told:
        index = self._near.find(xy)
        places, values = self.points.xy[index], self.points.values[index]
        between, towards = _distances(places, xy)
        variogram = self._kriging.variogram_
        weights, variance = _krige(variogram(between), variogram(towards))
        kriged = (weights * values).sum(axis=1)
        linear, _ = self._space.krige(
            self._place[index], self._space(xy, drivers), self._noise[index]
        )
        rooted = self._root.back((linear * self._roots[index]).sum(axis=1))
        experts = np.column_stack([kriged, (linear * values).sum(axis=1), rooted])

        deviation = np.sqrt(variance)
        share = np.abs(weights) / np.abs(weights).sum(axis=1, keepdims=True)
        apart = values - kriged[:, None]
        distance, nearest = self._tree.query(xy, np.arange(1, _NEAREST + 1))
        around = self.points.values[nearest] - kriged[:, None]
        sectors = np.sort(towards, axis=1)
        seen = [
            experts[:, 1:] - kriged[:, None],
            kriged,
            deviation,
            np.log1p(distance[:, [0, 3, 7]]),
            np.log1p(sectors[:, [3 * sectors.shape[1] // 4, -1]]),
            np.linalg.norm((places - xy[:, None]).mean(axis=1), axis=1) / towards.mean(axis=1),
            np.sqrt((share * np.square(apart)).sum(axis=1)),
            apart.min(axis=1),
            apart.max(axis=1),
            around.min(axis=1),
            around.max(axis=1),
            around[:, 0],
            drivers,
            drivers - np.einsum("mk,mkf->mf", weights, self.drivers[index]),
        ]
        return _Told(experts, np.column_stack(seen).astype(np.float32), deviation)
