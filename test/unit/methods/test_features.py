import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.methods.features import SIZES, features
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.model.spatial.points import Points


def test_a_window_gives_what_its_cells_give(grid, stack):
    for window in (Window(grid, 12, 20, 15, 18), Window(grid, 0, 0, 9, 7), grid.window):
        assert np.allclose(
            features(window, stack), features(window.xy(), stack), rtol=1e-5, atol=1e-6
        )


def test_means_are_those_of_the_square_around_the_cell(grid, stack):
    seen = features(Window(grid, 30, 40, 1, 1), stack, (1, 5, 21), coordinates=False)[0]
    values = stack.values
    expected = [
        values[30, 40],
        values[28:33, 38:43].mean((0, 1)),
        values[20:41, 30:51].mean((0, 1)),
    ]
    assert np.allclose(seen, np.concatenate(expected), atol=1e-6)
    assert len(seen) == 3 * len(SIZES)


def test_at_the_edge_cells_are_reflected(grid, stack):
    seen = features(Window(grid, 0, 0, 1, 1), stack, (3,), coordinates=False)[0]
    rows = columns = [1, 0, 1]
    assert np.allclose(seen, stack.values[rows][:, columns].mean((0, 1)), atol=1e-6)


def test_coordinates_are_kilometres_from_the_corner(grid, stack):
    place = np.array([[500_000 + 600.0, 3_600_000 - 900.0]])
    seen = features(place, stack, (1,))[0, -4:]
    assert np.allclose(seen, [0.6, -0.9, -0.3 / np.sqrt(2), 1.5 / np.sqrt(2)])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("forest", {"trees": 30}),
        ("forest", {"kind": "extra", "trees": 30, "coordinates": False}),
        ("boosting", {"max_trees": 60, "learning_rate": 0.1}),
    ],
)
class TestTrees:
    def test_the_drivers_are_learned_from(self, name, parameters, grid, stack, points):
        method = make(name, **parameters).fit(points[np.arange(90)], stack)
        predicted = method.predict(points.xy[90:], stack).mean
        observed = points.values[90:]
        assert np.corrcoef(predicted, observed)[0, 1] > 0.8
        # Without their drivers the points say nothing of one another.
        shuffled = Points(points.xy, np.random.default_rng(0).permutation(points.values))
        method = make(name, **parameters).fit(shuffled[np.arange(90)], stack)
        assert np.corrcoef(method.predict(points.xy[90:], stack).mean, observed)[0, 1] < 0.6

    def test_a_map_by_windows_is_the_map_by_points(self, name, parameters, grid, stack, points):
        method = make(name, **parameters).fit(points, stack)
        window = Window(grid, 5, 8, 20, 30)
        by_window, by_points = (method.predict(each, stack).mean for each in (window, window.xy()))
        # A feature may fall on the other side of a cut by its last digit.
        assert np.mean(np.isclose(by_window, by_points)) > 0.98

    def test_the_seed_decides(self, name, parameters, grid, stack, points):
        first, again = (make(name, **parameters).fit(points, stack) for _ in range(2))
        window = grid.window
        assert np.array_equal(first.predict(window, stack).mean, again.predict(window, stack).mean)

    def test_no_prediction_beyond_the_data(self, name, parameters, grid, stack, points):
        predicted = make(name, **parameters).fit(points, stack).predict(grid.window, stack).mean
        margin = 0 if name == "forest" else 0.2 * np.ptp(points.values)
        assert predicted.min() >= points.values.min() - margin - 1e-9
        assert predicted.max() <= points.values.max() + margin + 1e-9

    def test_nothing_to_predict(self, name, parameters, stack, points):
        method = make(name, **parameters).fit(points, stack)
        assert len(method.predict(np.empty((0, 2)), stack).mean) == 0

    def test_equal_values_give_that_value(self, name, parameters, stack, points):
        flat = Points(points.xy, np.full(len(points), -7.0))
        predicted = make(name, **parameters).fit(flat, stack).predict(points.xy, stack).mean
        assert np.allclose(predicted, -7)


def test_the_spread_of_a_forest_is_that_of_its_trees(stack, points):
    method = make("forest", trees=25).fit(points, stack)
    found = method.predict(points.xy, stack)
    mean, deviation = found.mean, found.deviation
    trees = [tree.predict(features(points.xy, stack)) for tree in method.forest_]
    assert np.allclose(mean, np.mean(trees, axis=0))
    assert np.allclose(deviation, np.std(trees, axis=0))
    assert (deviation > 0).any()


def test_boosting_stops_by_the_validation_points_and_then_learns_from_them(stack, points):
    noise = Points(points.xy, np.random.default_rng(0).normal(size=len(points)))
    train, validation = noise[np.arange(90)], noise[np.arange(90, 120)]
    stopped = make("boosting").fit(train, stack, validation)
    assert stopped.trees_ < 100  # nothing to learn
    real = make("boosting").fit(points[np.arange(90)], stack, points[np.arange(90, 120)])
    changed = Points(points.xy[90:], points.values[90:] + 40)
    other = make("boosting", max_trees=real.trees_)
    other.fit(points[np.arange(90)], stack, changed)
    at = points.xy[90:]
    assert (other.predict(at, stack).mean - real.predict(at, stack).mean).mean() > 5


def test_unknown_forests_are_refused():
    with pytest.raises(InputError, match="Unknown forest 'rain'"):
        make("forest", kind="rain")
