"""METHOD=auto: which method promises the smallest error over the map, and how that is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..geostatistics.neighbours import Neighbours
from ..spatial.grid import Grid
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.conformal import HeldOut, Surroundings
from ..statistics.splits import (
    MIN_FOLDS,
    Folds,
    make_folds,
    make_split,
)
from .comparison import Contest, Score

FOLDS = 5
TO_CHOOSE, TO_CALIBRATE = 1500, 5000  # test points of a way to split that are enough
_NARROWER = 0.8
_AROUND = 16  # points that tell how well a place is surrounded, two of each eighth of the circle
_PENALTY = 0.1  # C of logistic regression
_LARGEST_WEIGHT = 0.99  # quantile


def ways_to_hold_out(
    points: Points, grid: Grid, block_size: float, gap: float, seed: int
) -> list[Folds]:
    """Random folds, blocks, and blocks so wide that their middle is as far out as the map.

    Parameters
    ----------
    block_size : float
        Side of the blocks, metres.
    gap : float
        A distance, metres, that hardly any cell of the map is farther from its nearest point. A
        quarter of a block four times as wide is farther from its edge. Blocks are narrower where
        there would be too few, and left out if they were no wider than `block_size` then.
    """
    ways = [
        make_folds("kfold", points, grid, FOLDS, seed),
        block_folds(points, grid, block_size, seed),
    ]
    wide = 4 * gap
    while len(ways) < 3 and wide > block_size / _NARROWER:
        try:
            ways.append(make_folds("block", points, grid, FOLDS, seed, float(f"{wide:.2g}")))
        except InputError:
            wide *= _NARROWER
    return ways


def fewer(ways: list[Folds], enough: int) -> list[Folds]:
    """Only as many folds of each way as hold `enough` test points: more would only take time."""
    found = []
    for folds in ways:
        total = np.cumsum([len(split.test) for split in folds.splits])
        kept = np.searchsorted(total, enough) + 1
        found.append(replace(folds, splits=folds.splits[:kept]))
    return found


def ways_of_network(points: Points, grid: Grid, block_size: float, seed: int) -> list[Folds]:
    """One random split and one of blocks: a network takes minutes."""
    block = make_split("block", points, grid, block_size, seed)
    return [make_folds("random", points, grid, seed=seed), Folds("block", [block], block_size)]


def held_out(score: Score) -> HeldOut:
    """The errors of a method on one way to split, with what each fold knew around them."""
    own = score.deviation if np.isfinite(score.deviation[np.isfinite(score.error)]).all() else None
    parts = []
    for split in score.folds.splits:
        known = score.points[split.known]
        test = split.test[np.isfinite(score.error[split.test])]
        distance, spread, _ = Surroundings(known.xy, known.values)(score.points.xy[test])
        error = score.error[test]
        parts.append(HeldOut(test, distance, error, spread, None if own is None else own[test]))
    return HeldOut.together(parts)


@dataclass(frozen=True)
class Candidate:
    """A method that was tried.

    Parameters
    ----------
    name, title : str
    scores : list of Score
        One for each way to split.
    held : HeldOut or None
        The errors of all ways together; None if the method has not predicted every test point.
    expected : float
        Root mean square error over the map, mm, see `rank`; infinite if it was not asked for.
    """

    name: str
    title: str
    scores: list[Score]
    held: HeldOut | None
    expected: float


def rank(contests: list[Contest], cells: np.ndarray, stack: Stack | None = None) -> list[Candidate]:
    """The methods of some contests, the one that promises the smallest error over the map first.

    A held-out point counts the more, the more it is like the map's cells and the less it is like
    other held-out points, in how far known points are and in the drivers: else villages, where the
    points are, would decide on a map of fields (importance-weighted cross-validation, Sugiyama et
    al., 2007, Journal of Machine Learning Research 8, 985-1005).

    Parameters
    ----------
    cells : ndarray (m, 2)
        Positions of cells of the map.
    stack : Stack, optional
        Its drivers; without, distances alone count.
    """
    points = contests[0].scores[0].points
    tested = [
        _circumstances(points.xy[split.known], points.xy[split.test], stack)
        for contest in contests
        for split in contest.folds.splits
    ]
    weight = _weights(np.concatenate(tested), _circumstances(points.xy, cells, stack))
    names = [score.name for score in contests[0].scores]
    found = [candidate(contests, name, weight) for name in names]
    return sorted(found, key=lambda each: each.expected)


def candidate(contests: list[Contest], name: str, weight: np.ndarray | None = None) -> Candidate:
    """A method of some contests; of weights (n,) of all tests comes what is expected of it."""
    scores = [score for contest in contests for score in contest.scores if score.name == name]
    held, expected = None, np.inf
    if all(score.is_complete for score in scores):
        held = HeldOut.together([held_out(score) for score in scores])
        if weight is not None:
            expected = float(np.sqrt((weight * np.square(held.error)).sum()))
    return Candidate(name, scores[0].title, scores, held, expected)


def _circumstances(known: np.ndarray, xy: np.ndarray, stack: Stack | None) -> np.ndarray:
    """What decides how hard it is to tell the values at places (m, 2) from known points (n, 2)."""
    around = known[Neighbours(known, _AROUND).find(xy)]
    apart = np.linalg.norm(around - xy[:, None], axis=2)
    distances = np.log1p(np.column_stack([apart.min(axis=1), apart.mean(axis=1)]))
    # With their squares the odds can be best at some distance, neither near nor far.
    distances = np.hstack([distances, np.square(distances)])
    if stack is None:
        return distances
    return np.hstack([distances, np.nan_to_num(stack.values[stack.grid.cells(xy)])])


def _weights(tested: np.ndarray, mapped: np.ndarray) -> np.ndarray:
    """How much tests (n, f) count for places of the map (m, f): (n,), 1 in all.

    The odds that logistic regression gives that a test is a place of the map.
    """
    # Imported here, because only METHOD=auto needs it.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=1000))
    is_map = np.repeat([True, False], [len(mapped), len(tested)])
    regression.fit(np.concatenate([mapped, tested]), is_map)
    odds = np.exp(regression.decision_function(tested))
    weights = np.minimum(odds, np.quantile(odds, _LARGEST_WEIGHT))
    return weights / weights.sum()


def verdict(ranked: list[Candidate], unit: str = "mm") -> str:
    """What METHOD=auto has chosen, and why."""
    best, *others = [each for each in ranked if each.held is not None]
    rest = ", ".join(f"{each.title} {each.expected:.2f} {unit}" for each in others)
    return (
        f"METHOD=auto has chosen {best.title}, whose errors at held-out points promise the "
        f"smallest error over the map between the points: {best.expected:.2f} {unit} (RMSE)"
        + (f"; {rest}." if rest else ".")
    )


def block_folds(points: Points, grid: Grid, size: float, seed: int) -> Folds:
    """Five folds of blocks, or three where there are no more blocks."""
    try:
        return make_folds("block", points, grid, FOLDS, seed, size)
    except InputError:
        return make_folds("block", points, grid, MIN_FOLDS, seed, size)
