import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.base import Method, Prediction, positions
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.model.statistics.conformal import nearest_distance
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation import auto
from subsidence_mapper.model.validation.comparison import compare_methods
from subsidence_mapper.test.examples import make_grid


class Guess(Method):
    """The mean of what it has seen, and a standard deviation if it is given one."""

    name = title = "guess"

    def __init__(self, deviation=None, fails=False):
        self.deviation, self.fails = deviation, fails

    def _fit(self, points, stack, validation, monitor):
        if self.fails:
            raise InputError("It fails.")
        self.mean_ = points.values.mean()

    def _predict(self, target, stack):
        count = len(positions(target))
        own = None if self.deviation is None else np.full(count, float(self.deviation))
        return Prediction(np.full(count, self.mean_), own)


class Broken(Guess):
    """Fails."""

    name = "broken"


@pytest.fixture
def field():
    """400 points in 6 x 6 km whose values are smooth, on a grid of 30 m."""
    random = np.random.default_rng(0)
    grid = make_grid(200, 200)
    xy = np.column_stack(
        [500_000 + random.uniform(0, 6000, 400), 3_600_000 - random.uniform(0, 6000, 400)]
    )
    return grid, Points(xy, 30 * np.sin(xy[:, 0] / 800) + random.normal(0, 1, 400))


def all_over(grid):
    """Some cells of the map, at random."""
    return np.random.default_rng(1).permutation(grid.window.xy())[:2000]


def test_folds_are_as_far_out_as_the_map(field):
    grid, points = field
    found = auto.folds_for_map(points, grid, 600, 400, seed=0)
    assert [folds.kind for folds in found] == ["kfold", "block", "block"]
    assert [folds.block_size for folds in found] == [0, 600, 1600]
    for folds in found:
        assert len(folds.splits) == 5 and (folds.fold_of_point >= 0).all()
    for enough, count in ((1, 1), (100, 2), (1000, 5)):  # folds of 80 points, or about
        few = auto.first_folds(found, enough)
        assert [len(folds.splits) for folds in few] == [count] * 3
        assert few[0].splits[0] is found[0].splits[0]


def test_blocks_that_are_wide_enough_are_not_doubled(field):
    grid, points = field
    found = auto.folds_for_map(points, grid, 1000, 200, seed=0)
    assert [folds.block_size for folds in found] == [0, 1000]


def test_blocks_too_wide_for_five_folds_are_made_narrower_or_left_out(field):
    grid, points = field
    found = auto.folds_for_map(points, grid, 600, 3000, seed=0)
    assert 600 < found[2].block_size < 6000
    with pytest.raises(InputError, match="fill only 1 block"):
        auto.folds_for_map(points, grid, 50_000, 100, seed=0)


def test_held_out_errors_carry_what_was_known_around_them(field):
    grid, points = field
    folds = make_folds("block", points, grid, 5, 0, 1000)
    (board,) = compare_methods([Guess(7), make("idw")], points, None, [folds])
    found = {score.name: auto.held_out(score) for score in board.scores}
    assert found["idw"].own is None and (found["guess"].own == 7).all()
    for score in board.scores:
        held = found[score.name]
        assert np.array_equal(np.sort(held.index), np.arange(400))
        assert held.distance == pytest.approx(board.distance[held.index])
        assert np.array_equal(held.error, score.error[held.index])
    split = folds.splits[0]
    known = points[np.concatenate([split.train, split.validation])]
    near = np.argsort(np.hypot(*(known.xy - points.xy[split.test[0]]).T))[:8]
    assert found["idw"].spread[0] == pytest.approx(known.values[near].std())


def test_the_best_on_the_map_is_chosen_and_who_fails_comes_last(field):
    grid, points = field
    folds = [make_folds("block", points, grid, 3, 0, 600)]
    boards = compare_methods([Broken(fails=True), Guess(), make("idw")], points, None, folds)
    ranked = auto.rank(boards, all_over(grid))
    assert [each.name for each in ranked] == ["idw", "guess", "broken"]
    assert ranked[1].expected == pytest.approx(points.values.std(), rel=0.15)
    assert ranked[0].expected < 5
    assert ranked[2].held is None and np.isinf(ranked[2].expected)
    assert str(ranked[2].scores[0].problem) == "It fails."
    text = auto.verdict(ranked)
    assert text.startswith("METHOD=auto has chosen IDW, ") and "guess" in text
    assert "broken" not in text


def test_what_counts_is_the_distance_of_the_maps_cells(field):
    """A method that is good beside points and bad far out wins on a dense map only."""
    grid, points = field

    class Near(Guess):
        name = title = "near"

        def _fit(self, points, stack, validation, monitor):
            self.idw_ = make("idw", neighbours=1).fit(points, validation=validation)

        def _predict(self, target, stack):
            distance = self.idw_.tree_.query(positions(target))[0]
            return Prediction(self.idw_.predict(target).mean + np.where(distance > 150, 40, 0))

    found = auto.folds_for_map(points, grid, 1500, 100, seed=0)
    boards = compare_methods([Near(), Guess()], points, None, found)
    cells = all_over(grid)
    distance = nearest_distance(points.xy, cells)
    assert auto.rank(boards, cells[distance < 100])[0].name == "near"
    assert auto.rank(boards, cells[distance > 250])[0].name == "guess"


def test_what_counts_is_what_is_like_the_map(field):
    """Three points in four stand in a village, where one method is good, and the map is fields."""
    grid, points = field
    village = np.zeros((200, 200, 1), np.float32)
    village[:150] = 1
    stack = Stack(grid, [Encoding("village", "continuous")], village, np.ones((200, 200), bool))

    class Villager(Guess):
        name = title = "villager"
        drivers = "required"

        def _fit(self, points, stack, validation, monitor):
            self.idw_ = make("idw").fit(points, validation=validation)

        def _predict(self, target, stack):
            rows, columns = stack.grid.cells(positions(target))
            more = np.where(stack.values[rows, columns, 0], 0, 25)
            return Prediction(self.idw_.predict(target).mean + more)

    folds = [make_folds("kfold", points, grid, 5, 0)]
    boards = compare_methods([Villager(), Guess()], points, stack, folds)
    fields = all_over(grid)
    fields = fields[stack.values[grid.cells(fields)][:, 0] == 0]
    assert auto.rank(boards, fields)[0].name == "villager"
    ranked = auto.rank(boards, fields, stack)
    assert [each.name for each in ranked] == ["guess", "villager"]
    inside = stack.values[grid.cells(points.xy)][:, 0] == 0
    for each in ranked:
        error = each.scores[0].error[inside]
        assert each.expected == pytest.approx(np.sqrt(np.square(error).mean()), rel=0.1)


def test_weights_make_the_tests_like_the_map():
    """Of two normal distributions one step apart, the odds are exp(x - 1/2)."""
    random = np.random.default_rng(0)
    tested, mapped = random.normal(0, 1, (20_000, 1)), random.normal(1, 1, (20_000, 1))
    weights = auto._weights(tested, mapped)
    usual = np.exp(np.minimum(tested[:, 0], np.quantile(tested, 0.99)) - 0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights * len(tested) == pytest.approx(usual / usual.mean(), rel=0.1)
    assert weights @ tested[:, 0] == pytest.approx(1, abs=0.1)
