"""METHOD=auto: which method has the smallest expected error over the map, and how that is found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..engine import LOCAL, Engine
from ..errors import InputError
from ..geostatistics.neighbours import Neighbours
from ..methods.base import Method
from ..monitor import SILENT, Monitor
from ..spatial.grid import Grid
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.applicability import Hull
from ..statistics.conformal import HeldOut, Surroundings, nearest_distance
from ..statistics.splits import MIN_FOLDS, Folds, make_folds, make_split
from .comparison import Leaderboard, Score, compare_methods

FOLDS = 5
TO_CHOOSE, TO_CALIBRATE = 1500, 5000  # test points of one kind of folds that are enough
_FEW = 100  # errors
_WIDE = 0.95  # quantile of the distances of the map's cells to the points
_NARROWER = 0.8
_AROUND = 16  # points that show how well a place is surrounded, two of each eighth of the circle
_PENALTY = 0.1  # C of logistic regression
_LARGEST_WEIGHT = 0.99  # quantile


@dataclass(frozen=True)
class Choice:
    """What holding points out has shown.

    Parameters
    ----------
    points : Points
        Those that were held out.
    stack : Stack or None
    leaderboards : list of Leaderboard
        Of the method of the map and the baseline, one for each kind of folds.
    ranked : list of Candidate
        All that were tried, the one with the smallest expected error first; empty where there was
        nothing to choose.
    chosen : Candidate
        The method of the map.
    widest : Folds
        Those whose test points are farthest from all others, with all their folds.
    """

    points: Points
    stack: Stack | None
    leaderboards: list[Leaderboard]
    ranked: list[Candidate]
    chosen: Candidate
    widest: Folds


def choose(
    methods: list[Method],
    baseline: Method,
    points: Points,
    stack: Stack | None,
    grid: Grid,
    cells: np.ndarray,
    block_size: float,
    seed: int = 0,
    monitor: Monitor = SILENT,
    engine: Engine = LOCAL,
) -> Choice:
    """Hold points out, choose the best of some methods by them, and measure its errors.

    Parameters
    ----------
    methods : list of Method
        Of a single one the errors are measured, and there is nothing to choose.
    baseline : Method
        Measured beside the one that is chosen.
    cells : ndarray (m, 2)
        Positions of cells of the map. Those beyond the outermost points do not count, because
        nothing can be held out that is as far from the others.
    block_size : float
        Side of the blocks, metres.

    Raises
    ------
    InputError
        If points are too few. And whatever made the method of the map fail.
    """
    between = Hull().fit(points.xy).contains(cells)
    cells = cells[between] if between.any() else cells
    if any(method.takes_minutes for method in methods):
        all_folds = single_splits(points, grid, block_size, seed)
        widest = block_folds(points, grid, block_size, seed)
    else:
        gap = float(np.quantile(nearest_distance(points.xy, cells), _WIDE))
        all_folds = folds_for_map(points, grid, block_size, gap, seed)
        widest = all_folds[-1]
    by_name = {method.name: method for method in [*methods, baseline]}
    known: dict = {}

    def compared(names, all_folds: list[Folds], part: Monitor) -> list[Leaderboard]:
        some = [by_name[name] for name in names]
        titles = ", ".join(method.title for method in some)
        monitor.log(f"Scoring {titles} on {', '.join(folds.title for folds in all_folds)}.")
        return compare_methods(some, points, stack, all_folds, seed, part, engine, known)

    ranked, name, done = [], methods[0].name, 0.0
    if len(methods) > 1:
        done = 0.6
        like_map = make_folds("knndm", points, grid, FOLDS, seed, targets=cells)
        few = first_folds([*all_folds, like_map], TO_CHOOSE)
        ranked = rank(compared(by_name, few, monitor.part(0, done)), cells, stack)
        name = ranked[0].name
        if ranked[0].held is not None:
            monitor.log(verdict(ranked, points.unit))
    boards = compared(
        dict.fromkeys([name, baseline.name]),
        first_folds(all_folds, TO_CALIBRATE),
        monitor.part(done, 1),
    )
    chosen = candidate(boards, name)
    if chosen.held is None:
        raise next(
            (score.problem for score in chosen.scores if score.problem),
            InputError(f"{chosen.title} gives no value at some held-out points. Choose another."),
        )
    if len(chosen.held) < _FEW:
        monitor.log(
            f"Only {len(chosen.held)} errors were measured: take the uncertainty as a rough one.",
            "warning",
        )
    return Choice(points, stack, boards, ranked, chosen, widest)


def folds_for_map(
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
    found = [
        make_folds("kfold", points, grid, FOLDS, seed),
        block_folds(points, grid, block_size, seed),
    ]
    wide = 4 * gap
    while len(found) < 3 and wide > block_size / _NARROWER:
        try:
            found.append(make_folds("block", points, grid, FOLDS, seed, float(f"{wide:.2g}")))
        except InputError:
            wide *= _NARROWER
    return found


def first_folds(all_folds: list[Folds], enough: int) -> list[Folds]:
    """Only as many folds of each kind as hold `enough` test points: more would only take time."""
    found = []
    for folds in all_folds:
        total = np.cumsum([len(split.test) for split in folds.splits])
        kept = np.searchsorted(total, enough) + 1
        found.append(replace(folds, splits=folds.splits[:kept]))
    return found


def single_splits(points: Points, grid: Grid, block_size: float, seed: int) -> list[Folds]:
    """One random split and one of blocks, for a method that takes minutes."""
    block = make_split("block", points, grid, block_size, seed)
    return [make_folds("random", points, grid, seed=seed), Folds("block", [block], block_size)]


def held_out(score: Score) -> HeldOut:
    """The errors of a method in folds of one kind, with what each fold knew around them."""
    own = score.deviation if np.isfinite(score.deviation[np.isfinite(score.error)]).all() else None
    parts = []
    for split in score.folds.splits:
        known = score.points[split.known]
        test = split.test[np.isfinite(score.error[split.test])]
        distance, spread, _ = (
            Surroundings().fit(known.xy, known.values).describe(score.points.xy[test])
        )
        error = score.error[test]
        parts.append(HeldOut(test, distance, error, spread, None if own is None else own[test]))
    return HeldOut.concatenate(parts)


@dataclass(frozen=True)
class Candidate:
    """A method that was tried.

    Parameters
    ----------
    name, title : str
    scores : list of Score
        One for each kind of folds.
    held : HeldOut or None
        The errors of all folds together; None if the method has not predicted every test point.
    expected : float
        Root mean square error over the map, mm, see `rank`; infinite if it was not asked for.
    """

    name: str
    title: str
    scores: list[Score]
    held: HeldOut | None
    expected: float


def rank(
    boards: list[Leaderboard], cells: np.ndarray, stack: Stack | None = None
) -> list[Candidate]:
    """The methods of some leaderboards, that with the smallest expected error over the map first.

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
    points = boards[0].scores[0].points
    tested = [
        _circumstances(points.xy[split.known], points.xy[split.test], stack)
        for board in boards
        for split in board.folds.splits
    ]
    weight = _weights(np.concatenate(tested), _circumstances(points.xy, cells, stack))
    names = [score.name for score in boards[0].scores]
    found = [candidate(boards, name, weight) for name in names]
    return sorted(found, key=lambda each: each.expected)


def candidate(boards: list[Leaderboard], name: str, weight: np.ndarray | None = None) -> Candidate:
    """A method of some leaderboards; of weights (n,) of all tests comes what is expected of it."""
    scores = [score for board in boards for score in board.scores if score.name == name]
    held, expected = None, np.inf
    if all(score.is_complete for score in scores):
        held = HeldOut.concatenate([held_out(score) for score in scores])
        if weight is not None:
            expected = float(np.sqrt((weight * np.square(held.error)).sum()))
    return Candidate(name, scores[0].title, scores, held, expected)


def _circumstances(known: np.ndarray, xy: np.ndarray, stack: Stack | None) -> np.ndarray:
    """What makes it hard to predict the values at places (m, 2) from known points (n, 2)."""
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
        f"METHOD=auto has chosen {best.title}, whose expected error over the map "
        f"between the points is the smallest: {best.expected:.2f} {unit} (RMSE)"
        + (f"; {rest}." if rest else ".")
    )


def block_folds(points: Points, grid: Grid, size: float, seed: int) -> Folds:
    """Five folds of blocks, or three where there are no more blocks."""
    try:
        return make_folds("block", points, grid, FOLDS, seed, size)
    except InputError:
        return make_folds("block", points, grid, MIN_FOLDS, seed, size)
