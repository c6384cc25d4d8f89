"""Splits and folds: complete, disjoint, cells whole, distances as wanted."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import wasserstein_distance
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.statistics.splits import make_folds, make_split, random_split

LEFT, TOP = 500_000.0, 3_600_000.0
NAMES = ["kfold", "block", "knndm"]


@pytest.fixture
def many(grid):
    random = np.random.default_rng(5)
    xy = random.uniform([LEFT, TOP - 1800], [LEFT + 2100, TOP], (1500, 2))
    return Points(xy, random.normal(size=1500))


@pytest.fixture
def clustered(grid):
    """Twenty villages of thirty points, up to 60 m from the middle."""
    random = np.random.default_rng(6)
    middles = random.uniform([LEFT + 60, TOP - 1740], [LEFT + 2040, TOP - 60], (20, 2))
    xy = np.repeat(middles, 30, axis=0) + random.uniform(-60, 60, (600, 2))
    return Points(xy, random.normal(size=600))


def make(name, points, grid, count=5, seed=0, **options):
    options = {"block_size": 200.0, "targets": grid.window.xy(), **options}
    return make_folds(name, points, grid, count, seed, **options)


def misfit(points, grid, folds):
    """How far distances of the test points are from those of the map's cells, metres."""
    found = []
    for split in folds.splits:
        known = np.setdiff1d(np.arange(len(points)), split.test)
        found.append(cKDTree(points.xy[known]).query(points.xy[split.test])[0])
    return wasserstein_distance(
        np.concatenate(found), cKDTree(points.xy).query(grid.window.xy())[0]
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_tested_once_and_known_otherwise(grid, many, name):
    folds = make(name, many, grid)
    assert len(folds.splits) == 5
    tested = np.concatenate([split.test for split in folds.splits])
    assert np.array_equal(np.sort(tested), np.arange(len(many)))
    for number, split in enumerate(folds.splits):
        together = np.concatenate(list(split.parts().values()))
        assert np.array_equal(np.sort(together), np.arange(len(many)))
        assert all(len(part) for part in split.parts().values())
        assert (folds.fold_of_point[split.test] == number).all()


@pytest.mark.parametrize("name", NAMES)
def test_points_of_one_cell_stay_together(grid, many, name):
    cells = many.groups(grid)
    assert len(np.unique(cells)) < len(cells)
    for split in make(name, many, grid).splits:
        train, validation, test = (set(cells[part]) for part in split.parts().values())
        assert not (train & validation or train & test or validation & test)


def test_ten_folds_come_to_80_10_10(grid, many):
    for name in ("kfold", "random"):
        for split in make(name, many, grid, count=10).splits:
            shares = [len(part) / len(many) for part in split.parts().values()]
            assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.015)


def test_random_once_tests_a_tenth(grid, many):
    folds = make("random", many, grid)
    assert len(folds.splits) == 1
    assert (folds.fold_of_point >= 0).mean() == pytest.approx(0.1, abs=0.01)
    assert folds.fold_of_point.min() == -1


@pytest.mark.parametrize("size", [200.0, 330.0])
def test_blocks_are_whole_and_folds_balanced(grid, many, size):
    folds = make("block", many, grid, block_size=size)
    assert folds.name == f"block_{size:g}"
    # Blocks are made of cells, so that a cell on their border is not cut.
    centres = np.floor((many.xy - [LEFT, TOP]) * [1, -1] / 30) * 30 + 15
    blocks = [tuple(each) for each in (centres // size).astype(int)]
    for split in folds.splits:
        parts = [{blocks[i] for i in part} for part in split.parts().values()]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert len(split.test) / len(many) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides(grid, clustered, name):
    first, again, other = (
        make(name, clustered, grid, seed=seed).fold_of_point for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_knndm_matches_the_maps_distances(grid, clustered):
    found = {name: misfit(clustered, grid, make(name, clustered, grid)) for name in NAMES}
    # Random folds have neighbours some 10 m away; cells of the map are 150 m from the points.
    assert found["kfold"] > 100
    assert found["knndm"] < 0.3 * found["kfold"]
    assert found["knndm"] < found["block"]
    for split in make("knndm", clustered, grid).splits:
        assert len(split.test) <= 0.5 * len(clustered)


def test_knndm_of_points_all_over_the_map_is_random(grid, many):
    knndm, random = (make(name, many, grid).fold_of_point for name in ("knndm", "kfold"))
    assert np.array_equal(knndm, random)


def test_folds_that_would_be_empty_are_refused(grid, many):
    with pytest.raises(InputError, match=r"fill only 4 block\(s\) of 1500 m; at least 10"):
        make("block", many, grid, count=10, block_size=1500.0)
    with pytest.raises(InputError, match="must be above 0"):
        make("block", many, grid, block_size=0.0)
    with pytest.raises(InputError, match="FOLDS was 2"):
        make("kfold", many, grid, count=2)
    few = Points(np.repeat(many.xy[:4], 10, axis=0), np.arange(40.0))
    for name in ("kfold", "knndm"):
        with pytest.raises(InputError, match=r"in 4 cell\(s\), too few for 5 folds"):
            make(name, few, grid)
    with pytest.raises(InputError, match="19 points are too few"):
        make("kfold", many[np.arange(19)], grid)
    with pytest.raises(InputError, match="Known splits: random, kfold, block, knndm"):
        make("magic", many, grid)


@pytest.mark.parametrize("name", ["random", "block"])
def test_parts_are_disjoint_complete_and_about_80_10_10(grid, many, name):
    split = make_split(name, many, grid, 200.0, seed=0)
    together = np.concatenate(list(split.parts().values()))
    assert np.array_equal(np.sort(together), np.arange(len(many)))
    shares = [len(part) / len(many) for part in split.parts().values()]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_points_of_one_cell_stay_in_one_part(grid, many):
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
