"""Splits into training, validation and test that keep the points of one cell together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..errors import InputError
from ..spatial.grid import Grid
from ..spatial.points import Points

SHARES = (0.8, 0.1, 0.1)
MIN_POINTS = 20
MIN_FOLDS = 3
_TRIES = 20
_CLUSTERINGS = 40
_LARGEST_FOLD = 0.5


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the training, validation and test points."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """The indices of the points that are not tested."""
        return np.concatenate([self.train, self.validation])

    def parts(self) -> dict:
        """The indices by the name of their part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def make_split(name: str, points: Points, grid: Grid, block_size: float, seed: int) -> Split:
    """Split 80/10/10 at random (`name` "random", as the paper) or by blocks ("block").

    Parameters
    ----------
    block_size : float
        Side of the square blocks, metres.

    Raises
    ------
    InputError
        If the points or the blocks are too few.
    """
    _check_count(points)
    groups = points.groups(grid)
    if name == "random":
        return random_split(groups, seed)
    if name != "block":
        raise InputError(f"Unknown split '{name}'. Known splits: random, block.")
    return block_split(groups, grid, block_size, seed)


def split_title(name: str, block_size: float) -> str:
    """What a split that `make_split` makes is called in reports."""
    return {"random": "random 80/10/10", "block": f"blocks of {block_size:g} m, 80/10/10"}.get(
        name, name
    )


def random_split(groups: np.ndarray, seed: int, shares: tuple = SHARES) -> Split:
    """Split groups at random so that the shares of points come closest to `shares`.

    Several draws are made and the best balanced is taken, as verde's block splits do: groups
    differ in size.
    """
    everything = np.arange(len(groups))
    rest, test = _draw(everything, groups, shares[2], seed)
    train, validation = _draw(rest, groups[rest], shares[1] / (shares[0] + shares[1]), seed)
    return Split(train, validation, test)


def hold_out_tenth(
    points: Points, validation: Points | None, grid: Grid, seed: int
) -> tuple[Points, Points]:
    """Training and validation points: those given, or a tenth of the points for validation."""
    if validation is not None:
        return points, validation
    parts = random_split(points.groups(grid), seed, (0.9, 0.1, 0.0))
    return points[parts.train], points[parts.validation]


def block_split(groups: np.ndarray, grid: Grid, block_size: float, seed: int) -> Split:
    """Split square blocks of `block_size` metres; a cell belongs to the block of its centre."""
    return random_split(_blocks(groups, grid, block_size, 3), seed)


@dataclass(frozen=True)
class Folds:
    """Folds of one kind.

    Parameters
    ----------
    kind : str
        "random", "kfold", "block" or "knndm".
    splits : list of Split
        Of "random" one; else one for each fold, whose test parts are disjoint and hold all points.
    block_size : float
        Of "block", metres.
    targets : ndarray (m, 2), optional
        Of "knndm": places that the map is to predict.
    """

    kind: str
    splits: list[Split]
    block_size: float = 0.0
    targets: np.ndarray | None = None

    @property
    def name(self) -> str:
        """Its name in the names of fields."""
        return f"block_{self.block_size:g}" if self.kind == "block" else self.kind

    @property
    def title(self) -> str:
        """Its name in reports."""
        if self.kind == "block" and len(self.splits) == 1:
            return f"blocks of {self.block_size:g} m, held out once"
        return {
            "random": "random 80/10/10",
            "kfold": f"{len(self.splits)} random folds",
            "block": f"{len(self.splits)} folds of blocks of {self.block_size:g} m",
            "knndm": f"{len(self.splits)} folds like the map (kNNDM)",
        }[self.kind]

    @property
    def fold_of_point(self) -> np.ndarray:
        """The number of the fold that tests each point, (n,); -1 if none does."""
        numbers = np.full(sum(map(len, self.splits[0].parts().values())), -1)
        for number, split in enumerate(self.splits):
            numbers[split.test] = number
        return numbers


def make_folds(
    name: str,
    points: Points,
    grid: Grid,
    count: int = 10,
    seed: int = 0,
    block_size: float = 0.0,
    targets: np.ndarray | None = None,
) -> Folds:
    """Make the folds of "random" (once 80/10/10, as the paper), "kfold", "block" or "knndm".

    Parameters
    ----------
    count : int
        Number of folds, 3 at least. Of the points that a fold does not test, a ninth is taken
        for validation, so that shares come to 80/10/10 with ten folds.
    block_size : float
        Side of the square blocks of "block", metres.
    targets : ndarray (m, 2)
        Places that the map is to predict, for "knndm".

    Raises
    ------
    InputError
        If there are fewer points, cells or blocks than folds need.
    """
    _check_count(points)
    if count < MIN_FOLDS:
        raise InputError(f"FOLDS was {count}; at least {MIN_FOLDS} are needed.")
    cells = points.groups(grid)
    if name == "random":
        return Folds(name, [random_split(cells, seed)])
    if name == "kfold":
        return Folds(name, k_folds(cells, count, seed))
    if name == "block":
        blocks = _blocks(cells, grid, block_size, count)
        return Folds(name, k_folds(blocks, count, seed), block_size)
    if name != "knndm":
        raise InputError(f"Unknown split '{name}'. Known splits: random, kfold, block, knndm.")
    if targets is None:
        raise ValueError("knndm needs the places that the map is to predict")
    return Folds(name, knndm_folds(points.xy, cells, targets, count, seed), targets=targets)


def k_folds(groups: np.ndarray, count: int, seed: int) -> list[Split]:
    """Folds of about equally many points that keep groups (n,) together."""
    found, groups = np.unique(groups, return_inverse=True)
    if len(found) < count:
        raise InputError(
            f"The points lie in {len(found)} cell(s), too few for {count} folds. Give more points, "
            "a smaller CELL_SIZE or fewer FOLDS."
        )
    # Imported here and below, because it takes half a second in which nothing would be shown.
    from sklearn.model_selection import GroupKFold

    # GroupKFold deals out groups by size and then by number, so numbers make the draw.
    numbers = np.random.default_rng(seed).permutation(len(found))[groups.ravel()]
    folds = GroupKFold(count).split(numbers, groups=numbers)
    return [_with_validation(rest, test, numbers, seed) for rest, test in folds]


def knndm_folds(
    xy: np.ndarray, cells: np.ndarray, targets: np.ndarray, count: int, seed: int
) -> list[Split]:
    """Folds whose test points are as far from training points as the map's cells from the points.

    Nearest neighbour distance matching in k folds (Linnenbrink et al., 2024,
    doi:10.5194/gmd-17-5897-2024): the points are clustered by k-means into ever more clusters,
    which are dealt out in turn along their first principal axis; those folds are taken whose
    distances are nearest to the map's in the Wasserstein sense. Where random folds test as far
    away as the map is, they are taken, as the authors do where points cover the map at random.

    Parameters
    ----------
    xy : ndarray (n, 2)
    cells : ndarray (n,)
        Points of one cell are kept together.
    targets : ndarray (m, 2)
        Places of the map, or a sample of them.
    """
    # Imported here, because every map is scored on folds, and few of them are these.
    from scipy.stats import wasserstein_distance
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    wanted = cKDTree(xy).query(targets)[0]
    best = k_folds(cells, count, seed)
    distances = _test_distances(xy, best)
    if distances.mean() >= wanted.mean():
        return best
    least = wasserstein_distance(distances, wanted)
    _, first, cell = np.unique(cells, return_index=True, return_inverse=True)
    places, cell = xy[first], cell.ravel()
    axis = PCA(1).fit(places)
    numbers = np.geomspace(count, max(count, len(places) // 2), _CLUSTERINGS).astype(int)
    for number in np.unique(numbers):
        means = KMeans(number, init="random", n_init=1, max_iter=50, random_state=seed).fit(places)
        clusters = means.labels_[cell]
        folds = _deal(clusters, axis.transform(means.cluster_centers_)[:, 0], count)
        sizes = np.bincount(folds, minlength=count)
        if not sizes.all() or sizes.max() > _LARGEST_FOLD * len(xy):
            continue
        splits = [
            _with_validation(
                np.flatnonzero(folds != fold), np.flatnonzero(folds == fold), clusters, seed
            )
            for fold in range(count)
        ]
        distances = _test_distances(xy, splits)
        misfit = wasserstein_distance(distances, wanted)
        if misfit < least:
            best, least = splits, misfit
        if distances.mean() < wanted.mean():
            break  # more clusters only bring the folds nearer
    return best


def _deal(clusters: np.ndarray, along: np.ndarray, count: int) -> np.ndarray:
    """The fold of each point: a large cluster is one fold, the others are dealt out in turn."""
    sizes = np.bincount(clusters, minlength=len(along))
    order = np.argsort(along)
    large = order[sizes[order] >= len(clusters) / count][: count - 1]
    fold = np.empty(len(along), np.int64)
    fold[large] = np.arange(len(large))
    small = order[~np.isin(order, large)]
    fold[small] = len(large) + np.arange(len(small)) % (count - len(large))
    return fold[clusters]


def _test_distances(xy: np.ndarray, splits: list[Split]) -> np.ndarray:
    """Distance, metres, from each test point to the nearest point that its fold has."""
    return np.concatenate([cKDTree(xy[split.known]).query(xy[split.test])[0] for split in splits])


def _with_validation(rest, test, groups: np.ndarray, seed: int) -> Split:
    train, validation = _draw(rest, groups[rest], SHARES[1] / (SHARES[0] + SHARES[1]), seed)
    return Split(train, validation, test)


def _blocks(cells: np.ndarray, grid: Grid, block_size: float, least: int) -> np.ndarray:
    """The block of each cell, at least `least` different ones; a cell's centre decides."""
    if not block_size > 0:
        raise InputError(f"BLOCK_SIZE was {block_size} m; it must be above 0.")
    rows, columns = cells // grid.width, cells % grid.width
    width, height = grid.cell_size
    block_rows = ((rows + 0.5) * height // block_size).astype(np.int64)
    block_columns = ((columns + 0.5) * width // block_size).astype(np.int64)
    blocks = block_rows * (block_columns.max() + 1) + block_columns
    count = len(np.unique(blocks))
    if count < least:
        raise InputError(
            f"The points fill only {count} block(s) of {block_size:g} m; at least {least} are "
            "needed, or a part would be empty. Use a smaller BLOCK_SIZE or fewer FOLDS."
        )
    return blocks


def _check_count(points: Points) -> None:
    if len(points) < MIN_POINTS:
        raise InputError(
            f"{len(points)} points are too few to train, validate and test: at least "
            f"{MIN_POINTS} are needed. Give more points or a larger area."
        )


def _draw(index: np.ndarray, groups: np.ndarray, share: float, seed: int):
    """Two parts of an index, the second with about `share` of the points."""
    if share == 0:
        return index, index[:0]
    count = len(np.unique(groups))
    if count < 2:
        raise InputError(
            "All points lie in one cell or one block, so none can be held out. "
            "Give more points, a smaller CELL_SIZE or a smaller BLOCK_SIZE."
        )
    from sklearn.model_selection import GroupShuffleSplit

    held_out = min(max(round(share * count), 1), count - 1)
    draws = GroupShuffleSplit(_TRIES, test_size=held_out, random_state=seed)
    kept, taken = min(
        draws.split(index, groups=groups),
        key=lambda parts: abs(len(parts[1]) / len(index) - share),
    )
    return index[kept], index[taken]
