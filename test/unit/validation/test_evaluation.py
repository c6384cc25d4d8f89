import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.statistics.metrics import metrics
from subsidence_mapper.model.statistics.splits import make_split, random_split


@pytest.fixture
def many(grid):
    random = np.random.default_rng(5)
    low, high = [500_000, 3_600_000 - 30 * grid.height], [500_000 + 30 * grid.width, 3_600_000]
    return Points(random.uniform(low, high, (3000, 2)), random.normal(size=3000))


@pytest.mark.parametrize("name", ["random", "block"])
def test_parts_are_disjoint_complete_and_about_80_10_10(grid, many, name):
    split = make_split(name, many, grid, 200.0, seed=0)
    together = np.concatenate(list(split.parts().values()))
    assert np.array_equal(np.sort(together), np.arange(len(many)))
    shares = [len(part) / len(many) for part in split.parts().values()]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_points_of_one_cell_stay_together(grid, many):
    groups = many.groups(grid)
    assert len(np.unique(groups)) < len(groups)
    split = make_split("random", many, grid, 0, seed=0)
    cells = [set(groups[part]) for part in split.parts().values()]
    assert not (cells[0] & cells[1] or cells[0] & cells[2] or cells[1] & cells[2])


def test_blocks_are_held_out_whole(grid, many):
    split = make_split("block", many, grid, 300.0, seed=0)
    blocks = [
        {
            (int(x // 300), int(y // 300))
            for x, y in (many.xy[part] - [500_000, 3_600_000]) * [1, -1]
        }
        for part in split.parts().values()
    ]
    assert not (blocks[0] & blocks[1] or blocks[0] & blocks[2] or blocks[1] & blocks[2])


def test_splits_depend_on_the_seed_alone(grid, many):
    first, again, other = (make_split("random", many, grid, 0, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_too_few_points_cells_or_blocks_are_refused(grid, many):
    with pytest.raises(InputError, match="19 points are too few"):
        make_split("random", many[np.arange(19)], grid, 0, 0)
    one_cell = Points(np.repeat(many.xy[:1], 30, axis=0), np.arange(30.0))
    with pytest.raises(InputError, match="lie in one cell"):
        make_split("random", one_cell, grid, 0, 0)
    with pytest.raises(InputError, match="fill only 1 block"):
        make_split("block", many, grid, 1e6, 0)
    with pytest.raises(InputError, match="must be above 0"):
        make_split("block", many, grid, 0, 0)


def test_no_test_part_where_none_is_wanted():
    split = random_split(np.arange(100), 0, (0.9, 0.1, 0.0))
    assert [len(part) for part in split.parts().values()] == [90, 10, 0]


def test_metrics_equal_scikit_learn():
    random = np.random.default_rng(0)
    observed = random.normal(size=200)
    predicted = observed + random.normal(0.3, 0.5, 200)
    found = metrics(observed, predicted)
    assert found["COUNT"] == 200
    assert found["RMSE"] == pytest.approx(np.sqrt(mean_squared_error(observed, predicted)))
    assert found["MAE"] == pytest.approx(mean_absolute_error(observed, predicted))
    assert found["R2"] == pytest.approx(r2_score(observed, predicted))
    assert found["BIAS"] == pytest.approx((predicted - observed).mean())


def test_r2_of_equal_observations_is_none():
    assert metrics(np.ones(3), np.zeros(3))["R2"] is None
