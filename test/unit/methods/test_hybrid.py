"""The hybrid: no label seen, no driver trusted blindly, never far behind kriging."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.methods.features import features
from subsidence_mapper.model.methods.hybrid import blend
from subsidence_mapper.model.methods.hybrid.blend import Mixture, blend_weights
from subsidence_mapper.model.methods.hybrid.drivers import SIZES, DriverFeatures
from subsidence_mapper.model.methods.hybrid.space import SquareRoot, stretch
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation.comparison import compare_methods
from subsidence_mapper.test.examples import RecordingMonitor, both, make_grid

QUICK = {"lessons": 1000, "trees": 40}


def made_stack(*channels):
    grid = make_grid(100, 100)
    values = np.stack(channels, axis=-1).astype(np.float32)
    encodings = [Encoding(name, "continuous") for name in "abcdef"[: len(channels)]]
    return Stack(grid, encodings, values, np.ones(values.shape[:2], bool))


def relief(seed, cells):
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(100, 100)), cells)
    return (field - field.mean()) / field.std()


def scattered(count, seed=0):
    xy = np.random.default_rng(seed).uniform(0, 3000, (count, 2))
    return xy * [1, -1] + [500_000.0, 3_600_000.0]


@pytest.fixture(scope="module")
def stack():
    """A driver that varies between points, and one that says nothing."""
    return made_stack(relief(1, 3), relief(2, 3))


@pytest.fixture(scope="module")
def points(stack):
    """Displacement of a broad bowl and of the driver, in equal parts."""
    xy = scattered(320)
    bowl = -20 * np.exp(-np.square((xy - xy.mean(axis=0)) / 900).sum(axis=1))
    driver = stack.values[..., 0][stack.grid.cells(xy)]
    return Points(xy, bowl + 8 * driver.astype(float))


@pytest.fixture(scope="module")
def fitted(points, stack):
    return make("hybrid", **QUICK).fit(points, stack)


def rmse(error):
    return np.sqrt(np.square(error).mean())


def held_out(points, stack, names, seed=0):
    """RMSE of methods at points that three folds hold out."""
    (folds,) = [make_folds("kfold", points, make_grid(100, 100), 3, seed)]
    given = {"hybrid": QUICK}
    methods = [make(name, **given.get(name, {})) for name in names]
    (board,) = compare_methods(methods, points, stack, [folds])
    assert all(score.is_complete for score in board.scores)
    return {score.name: score.test["RMSE"] for score in board.scores}


# What it must not see


def test_labels_that_are_held_out_change_nothing(points, stack):
    split = make_folds("kfold", points, stack.grid, 5, 0).splits[0]
    values = points.values.copy()
    values[split.test] = np.random.default_rng(5).permutation(values[split.test]) + 1000
    mixed = Points(points.xy, values)
    predicted = [
        both(
            make("hybrid", **QUICK)
            .fit(each[split.train], stack, each[split.validation])
            .predict(points.xy[split.test], stack)
        )
        for each in (points, mixed)
    ]
    assert np.array_equal(*predicted)


# What it must do


def test_a_driver_that_explains_what_kriging_cannot_is_used(points, stack):
    found = held_out(points, stack, ["kriging", "hybrid"])
    assert found["hybrid"] < 0.75 * found["kriging"]


def test_in_a_wide_gap_networks_help_where_a_driver_tells_all(stack, monkeypatch):
    xy = scattered(500, 5)
    known = Points(xy, 20 * stack.values[..., 0].astype(float)[stack.grid.cells(xy)])
    east = known.xy[:, 0] > 501_800
    true = known.values[east]

    def error():
        fitted = make("hybrid", **QUICK).fit(known[np.flatnonzero(~east)], stack)
        return rmse(fitted.predict(known.xy[east], stack).mean - true)

    mixed = error()
    monkeypatch.setattr(blend, "_MOST_OF_NETWORKS", 0.0)
    assert mixed < 0.8 * error()


def test_drivers_that_say_nothing_do_little_harm(points):
    nothing = made_stack(relief(7, 3), relief(8, 10))
    found = held_out(points, nothing, ["kriging", "rbf", "hybrid"])
    assert found["hybrid"] < 1.1 * min(found["kriging"], found["rbf"])


def test_two_runs_with_one_seed_are_equal_and_with_another_are_not(points, stack, fitted):
    target = scattered(200, 3)
    first = both(fitted.predict(target, stack))
    again = both(make("hybrid", **QUICK).fit(points, stack).predict(target, stack))
    other = both(make("hybrid", seed=1, **QUICK).fit(points, stack).predict(target, stack))
    assert np.array_equal(first, again)
    assert 0 < rmse(first[0] - other[0]) < 0.5 * points.values.std()


def test_a_window_is_its_cells(fitted, stack):
    window = Window(stack.grid, 20, 31, 7, 9)
    of_window, of_cells = (both(fitted.predict(at, stack)) for at in (window, window.xy()))
    assert np.allclose(of_window, of_cells, rtol=1e-6)


def test_positive_values_mirror_negative_ones(points, stack, fitted):
    target = scattered(100, 4)
    mirrored = make("hybrid", **QUICK).fit(Points(points.xy, -points.values), stack)
    mean, opposite = fitted.predict(target, stack).mean, mirrored.predict(target, stack).mean
    assert rmse(mean + opposite) < 0.1 * points.values.std()


def test_the_deviation_is_that_of_the_errors():
    xy = scattered(1600, 6)
    values = 10 * relief(9, 6)[make_grid(100, 100).cells(xy)]
    values += np.random.default_rng(1).normal(0, 1, len(xy))
    nothing = made_stack(relief(2, 3))
    method = make("hybrid", **QUICK).fit(Points(xy[:600], values[:600]), nothing)
    found = method.predict(xy[600:], nothing)
    mean, deviation = found.mean, found.deviation
    score = (mean - values[600:]) / deviation
    assert 0.8 < rmse(score) < 1.25
    far = deviation > np.median(deviation)
    assert rmse(mean[far] - values[600:][far]) > rmse(mean[~far] - values[600:][~far])


# Bad input and limits


@pytest.mark.parametrize(
    ("count", "drivers", "said"),
    [
        (199, "those", "199 points are too few for the hybrid"),
        (320, None, "no driver that differs"),
        (320, "constant", "no driver that differs"),
    ],
)
def test_few_points_or_no_drivers_are_kriged_and_that_is_said(points, stack, count, drivers, said):
    log, few, target = RecordingMonitor(), points[np.arange(count)], scattered(40, 2)
    given = {"those": stack, "constant": made_stack(np.full((100, 100), 3.0))}.get(drivers)
    method = make("hybrid").fit(few, given, monitor=log)
    found = method.predict(target)
    mean, deviation = found.mean, found.deviation
    kriging = make("kriging").fit(few)
    found = kriging.predict(target)
    kriged, own = found.mean, found.deviation
    assert any(said in text for text in log.warnings) and not method.uses_drivers_
    assert np.array_equal(mean, kriged)
    assert deviation == pytest.approx(own * np.sqrt(kriging.calibration_))


def test_equal_values_make_an_even_map(points, stack):
    even = Points(points.xy, np.full(len(points), -7.0))
    found = make("hybrid", **QUICK).fit(even, stack).predict(points.xy, stack)
    mean, deviation = found.mean, found.deviation
    assert np.array_equal(mean, even.values) and not deviation.any()


@pytest.mark.parametrize("value", [4.5, np.nan])
def test_a_driver_that_is_constant_or_missing_is_dropped_and_that_is_said(points, stack, value):
    log = RecordingMonitor()
    more = made_stack(stack.values[..., 0], stack.values[..., 1], np.full((100, 100), value))
    method = make("hybrid", **QUICK).fit(points, more, monitor=log)
    assert log.warnings == ["Driver 'c' is constant or missing at the points and is left out."]
    target = scattered(50, 2)
    without = both(make("hybrid", **QUICK).fit(points, stack).predict(target, stack))
    assert np.array_equal(both(method.predict(target, more)), without)


def test_a_map_wants_the_drivers_that_were_learned_from(fitted):
    with pytest.raises(InputError, match="learned from drivers"):
        fitted.predict(scattered(3))


def test_points_of_one_place_are_averaged(points, stack):
    twice = Points(
        np.concatenate([points.xy, points.xy]),
        np.concatenate([points.values - 1, points.values + 1]),
    )
    target = scattered(30, 2)
    found = both(make("hybrid", **QUICK).fit(twice, stack).predict(target, stack))
    single = points[np.lexsort(points.xy.T[::-1])]
    expected = make("hybrid", **QUICK).fit(single, stack).predict(target, stack)
    assert np.allclose(found, both(expected))


def test_points_on_a_line_are_a_map_too(stack):
    along = np.linspace(0, 3000, 260)
    line = Points(np.column_stack([500_000 + along, np.full(260, 3_599_000.0)]), along / 100)
    found = make("hybrid", **QUICK).fit(line, stack).predict(line.xy + [0, 30], stack)
    mean, deviation = found.mean, found.deviation
    assert rmse(mean - line.values) < 0.5 and np.isfinite(deviation).all()


# Parts


@pytest.mark.parametrize("right, weights", [(0, [1, 0]), (1, [1 / 3, 2 / 3])])
def test_a_blend_stays_near_its_first_expert(right, weights):
    """With d between the two, the ridge is d²/4 for each: a right second has 1 / (1 + 2/4)."""
    random = np.random.default_rng(0)
    experts = random.normal(size=(1000, 2))
    middle = experts.mean(axis=1)
    weighed = blend_weights(experts - middle[:, None], experts[:, right] - middle, np.ones(1000))
    assert weighed == pytest.approx(np.array(weights), abs=1e-3)


def test_of_two_that_err_apart_is_taken_what_leaves_the_least_error():
    """Independent errors of deviation 1 and 2: a fifth; where a gap is twice as wide, half."""
    random = np.random.default_rng(0)
    each = np.arange(1_000_000)
    ours, theirs = random.normal(size=(2, len(each))) * [[1], [2]]
    mixture = Mixture().fit(
        np.array([1.0, 5.0]), [(0.1 * ours, theirs, each), (ours, theirs, each)]
    )
    assert mixture.share(np.array([1.0, 5.0, 10.0])) == pytest.approx(
        [1 / 401, 0.2, 0.5], abs=0.003
    )


def test_of_networks_half_is_taken_at_most_and_nothing_where_they_only_err_more():
    random = np.random.default_rng(0)
    ours, more = random.normal(size=(2, 1000))
    errors = [(ours, ours + more), (ours, 0.1 * more)]
    mixture = Mixture().fit(np.array([1.0, 2.0]), [(*each, np.arange(1000)) for each in errors])
    assert mixture.share(np.array([1.0, 2.0])) == pytest.approx([0, 0.5])


@pytest.mark.parametrize("groups, share", [(10_000, 0.2), (2, 0.0)])
def test_what_a_few_groups_show_of_networks_does_not_count(groups, share):
    """With two groups, of which one alone gains, the gain is as large as its standard error."""
    ours, theirs = np.random.default_rng(0).normal(size=(2, 10_000)) * [[1], [2]]
    group = np.arange(10_000) % groups
    if groups == 2:
        theirs = np.where(group == 0, 0, ours)
    mixture = Mixture().fit(np.array([1.0]), [(ours, theirs, group)])
    assert mixture.share(np.array([1.0])) == pytest.approx([share], abs=0.03)


def test_a_stretch_shortens_along_its_azimuth_and_keeps_areas():
    matrix = stretch(90, 0.5)
    east, north = np.array([1.0, 0.0]) @ matrix, np.array([0.0, 1.0]) @ matrix
    assert np.linalg.norm(north) / np.linalg.norm(east) == pytest.approx(2)
    assert abs(np.linalg.det(matrix)) == pytest.approx(1)


def test_what_a_driver_is_beyond_its_class(points):
    """The means over a square, less the classes' means weighted by their shares of the square."""
    grid = make_grid(100, 100)
    field, own = (relief(3, 5) > 0).astype(float), relief(4, 4)
    kinds = [Encoding("ndvi", "continuous"), Encoding("use", "categorical", classes=(1, 2))]
    values = np.stack([own + 5 * field, field, 1 - field], axis=-1)
    stack = Stack(grid, kinds, values.astype(np.float32), np.ones((100, 100), bool))
    drivers = DriverFeatures().fit(points.xy, stack, RecordingMonitor())
    assert drivers.size_.tolist() == np.repeat(SIZES, 4).tolist()
    beyond = drivers.transform(points.xy, stack)[:, 3::4]
    usual = own - np.where(field, own[field > 0].mean(), own[field == 0].mean())
    rest = Stack(grid, kinds[:1], usual[..., None], stack.valid)
    expected = features(points.xy, rest, SIZES, coordinates=False)
    assert np.allclose(beyond, (expected - expected.mean(axis=0)) / expected.std(axis=0), atol=1e-3)


def test_trust_is_asked_as_far_out_as_drivers_are_averaged():
    assert make("hybrid").footprint == max(SIZES) == 61


@pytest.mark.parametrize("sign", [1, -1])
def test_roots_come_back(sign):
    values = sign * np.random.default_rng(0).exponential(size=50) - 3
    root = SquareRoot().fit(values)
    assert root.inverse_transform(root.transform(values)) == pytest.approx(values)
    assert root.transform(values).min() == 0
