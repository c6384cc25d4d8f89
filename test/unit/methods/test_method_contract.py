"""The rules that every method of the catalogue keeps; `methods.base.Method` says them in words."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.base import Prediction, sentences
from subsidence_mapper.model.methods.catalogue import CATALOGUE, make
from subsidence_mapper.model.network.presets import make_preset
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.test.examples import make_grid

GRID = make_grid(50, 50)
# Smaller than as they come, so that the whole suite takes seconds.
QUICK = {
    "cnn": {"preset": make_preset("standard", epochs=1, patch_size=24)},
    "forest": {"trees": 20},
    "boosting": {"max_trees": 40},
    "hybrid": {"lessons": 500, "trees": 20},
}
WITHOUT = [row.name for row in CATALOGUE.values() if row.drivers != "required"]
LEARNING = [row.name for row in CATALOGUE.values() if row.drivers != "none"]
# Cells of a window share neighbourhoods where that changes little, see `geostatistics.blocks`.
SHARING = ("kriging", "regressionkriging", "hybrid")
CASES = [(name, True) for name in CATALOGUE] + [(name, False) for name in WITHOUT]


def new(name):
    return make(name, **QUICK.get(name, {}))


def smooth_field(seed):
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 6, 50), np.linspace(0, 6, 50))
    return np.sin(x + random.uniform(0, 6)) * np.cos(y + random.uniform(0, 6))


@pytest.fixture(scope="module")
def stack():
    """A driver, another, and land use."""
    fields = [smooth_field(0), smooth_field(1), (smooth_field(2) > 0).astype(float)]
    values = np.stack([*fields, 1 - fields[2]], axis=-1).astype(np.float32)
    encodings = [
        Encoding("water", "continuous"),
        Encoding("height", "continuous"),
        Encoding("use", "categorical", classes=(1, 0)),
    ]
    return Stack(GRID, encodings, values, np.ones((50, 50), bool))


@pytest.fixture(scope="module")
def constant(stack):
    """Drivers that are the same everywhere."""
    encodings = [Encoding("flat", "continuous"), Encoding("level", "continuous")]
    return Stack(GRID, encodings, np.full((50, 50, 2), 0.5, np.float32), stack.valid)


@pytest.fixture(scope="module")
def points(stack):
    random = np.random.default_rng(3)
    xy = [500_000, 3_600_000] + random.uniform(0, 1500, (260, 2)) * [1, -1]
    values = 10 * stack.values[..., 0].astype(float)[GRID.cells(xy)]
    return Points(xy, values + random.normal(0, 0.5, 260) - 8)


@pytest.fixture(scope="module")
def other(points):
    """Other points with other values, fewer of them."""
    return Points(points.xy[:220] + 1.0, 3 - 2 * points.values[:220])


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: f"{case[0]}-{'stack'[: 5 * case[1]]}"
)
def case(request, points, stack):
    """A method's name, its stack, and the method fitted with it."""
    name, has_stack = request.param
    given = stack if has_stack else None
    return name, given, new(name).fit(points, given)


def equal(one: Prediction, two: Prediction) -> bool:
    """Whether two predictions are the same to the last digit."""
    if (one.deviation is None) != (two.deviation is None) or one.notes != two.notes:
        return False
    columns = [(one.mean, two.mean)]
    if one.deviation is not None:
        columns.append((one.deviation, two.deviation))
    return all(np.array_equal(a, b, equal_nan=True) for a, b in columns)


@pytest.mark.parametrize("name", CATALOGUE)
class TestParameters:
    def test_they_are_given_back_and_make_the_same_method(self, name, points, stack):
        method = new(name)
        parameters = method.get_params()
        assert parameters.keys() >= QUICK.get(name, {}).keys()
        again = type(method)(**parameters)
        assert again is not method and again.get_params() == parameters
        usual = make(name).get_params()
        for key in usual.keys() - QUICK.get(name, {}).keys():
            assert parameters[key] == usual[key]

    def test_a_clone_is_not_fitted_and_may_differ(self, name, points, stack):
        method = new(name)
        method.fit(points, stack)
        clone = method.clone()
        assert type(clone) is type(method) and clone.get_params() == method.get_params()
        assert not [each for each in vars(clone) if each.endswith("_")]
        for parameter, values in method.GRID.items():
            changed = method.clone(**{parameter: values[-1]})
            expected = {**method.get_params(), parameter: values[-1]}
            assert changed.get_params() == expected

    def test_it_does_not_predict_before_it_is_fitted(self, name, points):
        with pytest.raises(ValueError, match="is not fitted yet"):
            new(name).predict(points.xy)

    def test_an_unknown_one_is_refused(self, name):
        with pytest.raises(InputError, match="the parameter .*NEIGHBORS is not known"):
            make(name, neighbors=3)

    def test_its_row_says_what_the_class_does(self, name):
        method, row = make(name), CATALOGUE[name]
        assert (method.name, method.title, method.drivers) == (row.name, row.title, row.drivers)
        assert row.drivers in ("none", "optional", "required")
        assert row.help.endswith(".") and method.footprint >= 1


class TestPrediction:
    def test_it_is_a_value_for_each_position(self, case, points):
        _, stack, method = case
        found = method.predict(points.xy[:30], stack)
        assert isinstance(found, Prediction)
        assert found.mean.shape == (30,) and np.isfinite(found.mean).all()
        if found.deviation is not None:
            assert found.deviation.shape == (30,) and (found.deviation >= 0).all()
        assert all(isinstance(text, str) for text in sentences(found.notes))

    def test_it_is_nearer_to_the_points_than_their_mean(self, case, points):
        name, stack, method = case
        if name == "cnn":
            pytest.skip("one epoch teaches it next to nothing; test_network trains it")
        error = method.predict(points.xy, stack).mean - points.values
        assert np.sqrt(np.square(error).mean()) < 0.7 * points.values.std()

    def test_no_position_has_no_value(self, case):
        _, stack, method = case
        found = method.predict(np.empty((0, 2)), stack)
        assert found.mean.shape == (0,)
        assert found.deviation is None or found.deviation.shape == (0,)
        assert sentences(found.notes) == []

    def test_a_window_is_its_cells(self, case):
        name, stack, method = case
        window = Window(GRID, 20, 11, 9, 13)
        whole, cells = method.predict(window, stack), method.predict(window.xy(), stack)
        apart = np.abs(whole.mean - cells.mean)
        if name in SHARING:
            apart /= cells.deviation
            assert np.sqrt(np.square(apart).mean()) < 0.1 and np.quantile(apart, 0.99) < 0.3
        else:
            # A feature may fall on the other side of a tree's cut by its last digit.
            assert (apart < 1e-3).mean() > 0.97
        assert (whole.deviation is None) == (cells.deviation is None)

    def test_predicting_changes_nothing(self, case, points):
        _, stack, method = case
        first = method.predict(points.xy[:40], stack)
        method.predict(Window(GRID, 0, 0, 10, 10), stack)
        assert equal(method.predict(points.xy[:40], stack), first)

    def test_its_order_does_not_matter(self, case, points):
        _, stack, method = case
        there = method.predict(points.xy[:40], stack).mean
        assert np.allclose(method.predict(points.xy[:40][::-1], stack).mean, there[::-1], atol=1e-5)


class TestFit:
    def test_the_same_seed_gives_the_same_values(self, case, points):
        name, stack, method = case
        again = new(name).fit(points, stack)
        target = points.xy[:40] + 7
        assert equal(again.predict(target, stack), method.predict(target, stack))

    def test_nothing_is_left_of_an_earlier_fit(self, case, points, other):
        name, stack, _ = case
        method = new(name).fit(other, stack)
        assert method.fit(points, stack) is method
        target = points.xy[:40] + 7
        expected = new(name).fit(points, stack).predict(target, stack)
        assert equal(method.predict(target, stack), expected)

    def test_points_and_stack_are_left_as_they_were(self, case, points):
        name, stack, _ = case
        xy, values = points.xy.copy(), points.values.copy()
        cells = None if stack is None else copy.deepcopy(stack.values)
        new(name).fit(points, stack).predict(GRID.window, stack)
        assert np.array_equal(points.xy, xy) and np.array_equal(points.values, values)
        assert stack is None or np.array_equal(stack.values, cells)

    def test_validation_points_are_learned_from(self, case, points):
        name, stack, _ = case
        if name == "cnn":
            pytest.skip("they tell it when to stop, and it has one epoch here")
        part = np.arange(len(points)) % 5 == 0
        strange = Points(points.xy[part], points.values[part] + 50)
        usual, other = (
            new(name).fit(points[~part], stack, each).predict(points.xy, stack).mean
            for each in (points[part], strange)
        )
        assert np.isfinite(usual).all() and (other - usual).mean() > 1

    def test_it_says_whether_it_uses_drivers(self, case):
        name, stack, method = case
        assert method.uses_drivers_ == (stack is not None and CATALOGUE[name].drivers != "none")


class TestPickling:
    def test_before_and_after_fit(self, case, points):
        name, stack, method = case
        fresh = pickle.loads(pickle.dumps(new(name)))
        assert fresh.get_params() == new(name).get_params()
        travelled = pickle.loads(pickle.dumps(method))
        assert travelled.get_params() == method.get_params()
        here, there = (each.predict(points.xy[:40], stack) for each in (method, travelled))
        assert np.allclose(here.mean, there.mean, rtol=1e-6, atol=1e-6)
        assert travelled.uses_drivers_ == method.uses_drivers_


@pytest.mark.parametrize("name", LEARNING)
class TestDrivers:
    def test_constant_ones_say_nothing_and_do_no_harm(self, name, points, constant):
        method = new(name).fit(points, constant)
        found = method.predict(GRID.window, constant).mean
        assert np.isfinite(found).all()
        low, high = points.values.min(), points.values.max()
        assert (found > low - np.ptp(points.values)).all()
        assert (found < high + np.ptp(points.values)).all()

    def test_a_map_needs_those_that_were_learned_from(self, name, points, stack):
        method = new(name).fit(points, stack)
        with pytest.raises(InputError, match="has learned from drivers. Give DRIVERS"):
            method.predict(points.xy)

    def test_without_them_it_is_refused_or_works(self, name, points):
        if CATALOGUE[name].drivers == "required":
            with pytest.raises(InputError, match="learns from driver rasters. Give DRIVERS"):
                new(name).fit(points)
        else:
            assert np.isfinite(new(name).fit(points).predict(points.xy).mean).all()


@pytest.mark.parametrize(
    "name", [row.name for row in CATALOGUE.values() if row.drivers == "optional"]
)
def test_what_was_learned_of_drivers_goes_with_them(name, points, stack):
    again, alone = new(name).fit(points, stack).fit(points), new(name).fit(points)
    learned = [{each for each in vars(one) if each.endswith("_")} for one in (again, alone)]
    assert learned[0] == learned[1]
    target = points.xy[:40] + 7
    assert equal(again.predict(target), alone.predict(target))
