"""Drivers that values are made of count, others do not."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.methods.base import Method, Prediction
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.network.presets import make_preset
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation.importance import (
    Importance,
    PermutedPatches,
    driver_correlations,
    permutation_importance,
)
from subsidence_mapper.test.examples import make_grid

LEFT, TOP = 500_000.0, 3_600_000.0


@pytest.fixture
def land(grid):
    """Independent rough drivers of each kind: slope, aspect, land use; and an alike of slope."""
    random = np.random.default_rng(0)
    shape = (grid.height, grid.width)
    slope, noise = random.normal(size=(2, *shape))
    angle, use = random.uniform(0, 360, shape), random.integers(1, 4, shape).astype(float)
    encodings = [
        Encoding("slope", "continuous"),
        Encoding("aspect", "circular"),
        Encoding("use", "categorical", classes=(1, 2, 3)),
        Encoding("alike", "continuous"),
    ]
    raws = slope, angle, use, slope + 0.5 * noise
    values = [encoding.encode(raw) for encoding, raw in zip(encodings, raws)]
    values = np.concatenate(values, axis=-1).astype(np.float32)
    return Stack(grid, encodings, values, np.ones(shape, bool))


@pytest.fixture
def places(grid):
    random = np.random.default_rng(1)
    return random.uniform([LEFT, TOP - 30 * grid.height], [LEFT + 30 * grid.width, TOP], (600, 2))


class Linear(Method):
    """Knows the truth: weights of the cell's channels, and nothing to learn."""

    name, title, drivers = "linear", "Linear", "required"

    def __init__(self, weights):
        self.weights = np.array(weights, float)

    def _fit(self, points, stack, validation, monitor):
        pass

    def _predict(self, target, stack):
        cells = stack.patches(*stack.grid.cells(target), 1)[:, 0, 0].astype(float)
        return Prediction(cells @ self.weights)


def found_by(method, land, places, values, grid, repeats=5):
    points = Points(places, values)
    folds = make_folds("block", points, grid, 3, 0, 300.0)
    return permutation_importance(method, points, land, folds, repeats)


def test_a_driver_counts_as_it_is_used(grid, land, places):
    """Mixing up x in a * x gives a mean squared error of 2 a^2 var(x), by its very definition."""
    weights = [3.0, 0, 0, 0, 0, 0, 1.0]
    known = Linear(weights)
    truth = known.fit(Points(places, places[:, 0]), land).predict(places, land).mean
    found = found_by(known, land, places, truth, grid, 20)
    assert found.names == ["slope", "aspect", "use", "alike"]
    assert found.metrics["RMSE"] == 0
    assert (found.increases[[1, 2]] == 0).all()
    channels = land.patches(*grid.cells(places), 1)[:, 0, 0]
    expected = np.sqrt(2) * np.abs(weights)[[0, 6]] * channels[:, [0, 6]].std(axis=0)
    assert found.mean[[0, 3]] == pytest.approx(expected, rel=0.05)
    assert found.share.sum() == pytest.approx(1)
    assert (found.deviation[[0, 3]] > 0).all()


def test_all_channels_of_a_driver_go_together(grid, land, places):
    """Sine and cosine of one other place still make one; so do one-hot classes."""
    points = Points(places, np.zeros(len(places)))
    cells = np.unique(points.groups(grid))
    sources = np.random.default_rng(0).permutation(cells)
    rows, columns = grid.cells(places)
    groups = land.channels_of_driver
    assert groups == {
        "slope": slice(0, 1),
        "aspect": slice(1, 3),
        "use": slice(3, 6),
        "alike": slice(6, 7),
    }
    where = dict(zip(cells.tolist(), sources.tolist()))
    other = np.array([where[cell] for cell in (rows * grid.width + columns).tolist()])
    for size in (1, 4, 21):
        before = land.patches(rows, columns, size)
        elsewhere = land.patches(other // grid.width, other % grid.width, size)
        for channels in groups.values():
            after = PermutedPatches(land, channels, cells, sources).patches(rows, columns, size)
            rest = np.setdiff1d(np.arange(7), np.arange(7)[channels])
            assert np.array_equal(after[..., channels], elsewhere[..., channels])
            assert np.array_equal(after[..., rest], before[..., rest])
            assert not np.array_equal(after[..., channels], before[..., channels])
    after = PermutedPatches(land, groups["aspect"], cells, sources).patches(rows, columns, 1)
    assert np.allclose(np.square(after[..., 1:3]).sum(axis=-1), 1, atol=1e-6)
    assert np.array_equal(land.patches(rows, columns, 21), before)


@pytest.mark.parametrize(
    ("name", "parameters"), [("forest", {"trees": 60}), ("boosting", {"max_trees": 80})]
)
def test_methods_find_what_values_are_made_of(grid, land, places, name, parameters):
    rows, columns = grid.cells(places)
    values = land.values[rows, columns]
    truth = 10 * values[:, 1] + 25 * values[:, 4] - 10  # the sine of aspect, and class 2
    truth += np.random.default_rng(2).normal(0, 1, len(truth))
    method = make(name, coordinates=False, **parameters)
    found = found_by(method, land, places, truth, grid)
    assert found.metrics["R2"] > 0.8
    slope, aspect, use, alike = found.mean
    assert use > aspect > 2
    assert abs(slope) < 0.15 and abs(alike) < 0.15
    assert found.share[[1, 2]].sum() > 0.95


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("forest", {"coordinates": False, "trees": 20}),
        ("boosting", {"coordinates": False, "max_trees": 20}),
        ("cnn", {"preset": make_preset("standard", epochs=1, batch_size=40)}),
    ],
)
def test_with_every_driver_mixed_up_a_point_is_another_point(grid, stack, points, name, parameters):
    """All that a method sees of a place goes along, its surroundings too."""
    method = make(name, **parameters).fit(points[np.arange(80)], stack, points[np.arange(80, 120)])
    numbers, first = np.unique(points.groups(grid), return_index=True)
    xy = points.xy[first]
    order = np.random.default_rng(0).permutation(len(xy))
    mixed = PermutedPatches(stack, slice(0, 3), numbers, numbers[order])
    before, after = (method.predict(xy, each).mean for each in (stack, mixed))
    assert np.ptp(before) > 0
    assert np.allclose(after, before[order], rtol=1e-4, atol=1e-5)


def test_correlations_of_all_kinds(grid, land, places):
    matrix = driver_correlations(land, Points(places, np.zeros(len(places))))
    values = land.values[grid.cells(places)].astype(float)
    assert matrix[0, 3] == pytest.approx(abs(np.corrcoef(values[:, 0], values[:, 6])[0, 1]))
    assert matrix[0, 3] > 0.7
    assert np.array_equal(matrix, matrix.T) and np.allclose(np.diag(matrix), 1)
    assert matrix[:3, :3][~np.eye(3, dtype=bool)].max() < 0.3
    # Against the classes of another driver it is the root of the variance that they explain.
    code = values[:, 3:6].argmax(axis=1)
    means = np.array([values[code == c, 0].mean() for c in range(3)])[code]
    assert matrix[0, 2] == pytest.approx(means.std() / values[:, 0].std())


def test_a_driver_that_is_the_same_everywhere(places):
    grid = make_grid()
    values = np.stack([np.full((60, 70), 0.1), np.random.default_rng(0).random((60, 70))], -1)
    encodings = [Encoding("flat", "continuous"), Encoding("rough", "continuous")]
    stack = Stack(grid, encodings, values.astype(np.float32), np.ones((60, 70), bool))
    assert driver_correlations(stack, Points(places, places[:, 0])).tolist() == [[1, 0], [0, 1]]
    found = found_by(Linear([1, 1]), stack, places, places[:, 0] / 1000, grid)
    assert (found.increases[0] == 0).all() and (found.increases[1] != 0).all()


def test_shares_of_nothing_are_nothing():
    increases = np.array([[-0.1, -0.3], [0.2, -0.2]])
    found = Importance(["a", "b"], np.zeros(3), np.zeros(3), increases)
    assert found.share.tolist() == [0, 0]
    found = Importance(
        ["a", "b", "c"], np.zeros(3), np.zeros(3), np.array([[3, 3], [1, 1], [-2, 0]])
    )
    assert found.share.tolist() == [0.75, 0.25, 0]
