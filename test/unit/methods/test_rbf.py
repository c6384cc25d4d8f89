import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from scipy.spatial.distance import cdist
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods import rbf
from subsidence_mapper.model.methods.base import sentences
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.methods.rbf import KERNELS
from subsidence_mapper.model.spatial.grid import Grid, Window
from subsidence_mapper.model.spatial.points import Points, average_coincident
from subsidence_mapper.test.examples import RecordingMonitor

FAR_AWAY = np.array([563_000.0, 3_610_000.0])  # as UTM coordinates are


def scattered(n=60, seed=0):
    random = np.random.default_rng(seed)
    return Points(FAR_AWAY + random.uniform(0, 5000, (n, 2)), random.normal(-30, 20, n))


@pytest.mark.parametrize("kernel", KERNELS)
def test_passes_through_its_points(kernel):
    points = scattered()
    found = make("rbf", kernel=kernel).fit(points).predict(points.xy)
    predicted, deviation = found.mean, found.deviation
    assert np.allclose(predicted, points.values, atol=1e-5)
    assert deviation is None


@pytest.mark.parametrize(
    ("kernel", "function"),
    [
        ("linear", lambda r: -r),
        ("multiquadric", lambda r: -np.sqrt(1 + (r / 700) ** 2)),
        ("inverse_multiquadric", lambda r: 1 / np.sqrt(1 + (r / 700) ** 2)),
        ("gaussian", lambda r: np.exp(-((r / 700) ** 2))),
    ],
)
def test_equals_the_system_solved_by_hand(kernel, function):
    points, targets = scattered(40), scattered(30, seed=1).xy
    count = len(points)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = function(cdist(points.xy, points.xy))
    system[count, count] = 0
    solved = np.linalg.solve(system, np.append(points.values, 0))
    expected = function(cdist(targets, points.xy)) @ solved[:count] + solved[count]
    method = make("rbf", kernel=kernel, neighbours=count, length=700.0).fit(points)
    assert np.allclose(method.predict(targets).mean, expected, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_equals_scipy_with_the_nearest_points(kernel):
    points, targets = scattered(300), scattered(50, seed=1).xy
    method = make("rbf", kernel=kernel, neighbours=20, smoothing=0.1).fit(points)
    places, spacing = points.xy - FAR_AWAY, method.spacing_
    expected = RBFInterpolator(
        places / spacing, points.values, neighbors=20, smoothing=0.1, kernel=kernel, epsilon=1
    )((targets - FAR_AWAY) / spacing)
    found = method.predict(targets)
    assert not sentences(found.notes)
    assert np.allclose(found.mean, expected, atol=1e-6)


@pytest.mark.parametrize(("kernel", "degree"), [("thin_plate_spline", 1), ("quintic", 2)])
def test_polynomials_beside_the_kernel_are_reproduced(kernel, degree):
    xy, targets = scattered(200).xy, FAR_AWAY + np.random.default_rng(3).uniform(1e3, 4e3, (50, 2))

    def surface(places):
        x, y = ((places - FAR_AWAY) / 1000).T
        return 3 + 2 * x - y + (0.5 * x * y - x**2 if degree == 2 else 0)

    method = make("rbf", kernel=kernel).fit(Points(xy, surface(xy)))
    found = method.predict(targets)
    assert np.allclose(found.mean, surface(targets), atol=1e-6)
    assert sentences(found.notes) == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_equal_values_want_no_other_kernel(kernel):
    points = scattered()
    method = make("rbf", kernel=kernel).fit(Points(points.xy, np.full(len(points), 7.0)))
    found = method.predict(points.xy + 10)
    assert np.allclose(found.mean, 7, atol=1e-3)
    assert sentences(found.notes) == []


def test_smoothing_leads_from_the_points_to_their_mean():
    points = scattered()
    gaps = []
    for smoothing in (0.0, 1.0, 1e9):
        method = make("rbf", neighbours=len(points), smoothing=smoothing).fit(points)
        gaps.append(np.abs(method.predict(points.xy).mean - points.values).max())
    assert gaps[0] < 1e-6 < gaps[1] < gaps[2]
    assert np.allclose(method.predict(points.xy).mean, points.values.mean(), atol=1e-4)


def test_smoothing_does_not_depend_on_the_unit_of_the_map():
    points, targets = scattered(), scattered(20, seed=1).xy
    method = make("rbf", smoothing=0.5).fit(points)
    larger = make("rbf", smoothing=0.5).fit(Points(1000 * points.xy, points.values))
    assert np.allclose(method.predict(targets).mean, larger.predict(1000 * targets).mean, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_points_on_one_line(kernel):
    along = np.linspace(0, 3000, 80)
    values = np.sin(along / 400) * 20 - 30
    points = Points(FAR_AWAY + np.column_stack([along, 0.5 * along]), values)
    method = make("rbf", kernel=kernel).fit(points)
    beside = points.xy + [[-50.0, 100.0]]
    found = method.predict(np.concatenate([points.xy, beside]))
    predicted = found.mean
    assert np.allclose(predicted[:80], values, atol=1e-3)
    assert predicted.min() > values.min() - 5 and predicted.max() < values.max() + 5
    if KERNELS[kernel]:
        assert sentences(found.notes)[0].startswith("160 values are of the linear kernel")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_fewer_points_than_neighbours(kernel, count):
    points = scattered(count)
    predicted = make("rbf", kernel=kernel).fit(points).predict(scattered(30, seed=1).xy).mean
    margin = 10 * np.ptp(points.values) + 1e-9
    assert (predicted >= points.values.min() - margin).all()
    assert (predicted <= points.values.max() + margin).all()
    assert np.allclose(
        make("rbf", kernel=kernel).fit(points).predict(points.xy).mean, points.values
    )


def test_a_kernel_without_a_solution_nearly_on_a_line_does_not_run_wild():
    points = scattered(50)
    flat = Points(FAR_AWAY + (points.xy - FAR_AWAY) * [1, 1e-5], points.values)
    beside = flat.xy + [0, 200.0]
    predicted = make("rbf", kernel="thin_plate_spline").fit(flat).predict(beside).mean
    assert predicted.min() > points.values.min() - 30
    assert predicted.max() < points.values.max() + 30


@pytest.mark.parametrize("kernel", KERNELS)
def test_equal_values_give_that_value(kernel):
    points = Points(scattered().xy, np.full(60, -7.0))
    predicted = make("rbf", kernel=kernel).fit(points).predict(scattered(30, seed=1).xy).mean
    assert np.allclose(predicted, -7)


def test_points_of_one_place_are_averaged_and_said_so():
    points = scattered(10)
    twice = Points(
        np.concatenate([points.xy, points.xy[:2]]), np.append(points.values, [100.0, 0.0])
    )
    log = RecordingMonitor()
    predicted = make("rbf").fit(twice, monitor=log).predict(points.xy).mean
    assert np.allclose(predicted[:2], (points.values[:2] + [100, 0]) / 2)
    assert np.allclose(predicted[2:], points.values[2:])
    assert log.texts == ["12 points lie in 10 places; points of the same place are averaged."]


def test_the_mean_of_two_measurements_has_half_their_variance():
    points = Points(np.array([[9.0, 9], [0, 0], [9, 9]]), np.arange(3.0), np.array([4.0, 1, 4]))
    found = average_coincident(points)
    assert found.xy.tolist() == [[0, 0], [9, 9]]
    assert found.values.tolist() == [1, 1] and found.variance.tolist() == [1, 2]
    assert average_coincident(found) is found


def test_a_piece_of_the_map_is_as_in_the_whole():
    method = make("rbf", kernel="cubic", neighbours=10).fit(scattered())
    targets = scattered(500, seed=2).xy
    whole = method.predict(targets).mean
    assert np.allclose(method.predict(targets[100:150]).mean, whole[100:150], atol=1e-9)


@pytest.mark.parametrize("kernel", ["linear", "thin_plate_spline"])
def test_a_map_solves_each_neighbourhood_once_and_equals_scipys(kernel, monkeypatch):
    solved, solve = [], rbf._solve

    def counted(system, right):
        solved.append(len(system))
        return solve(system, right)

    monkeypatch.setattr(rbf, "_solve", counted)
    points, grid = scattered(60), Grid("", (563_000.0, 100.0, 0, 3_615_000.0, 0, -100.0), 50, 50)
    method = make("rbf", kernel=kernel, neighbours=20).fit(points)
    mapped = method.predict(grid.window).mean
    near = method._tree.query((grid.window.xy() - method._origin) / method.spacing_, k=20)[1]
    assert sum(solved) == len({frozenset(each) for each in near.tolist()}) < 0.6 * len(mapped)
    places = (points.xy - FAR_AWAY) / method.spacing_
    expected = RBFInterpolator(places, points.values, neighbors=20, kernel=kernel)
    targets = (grid.window.xy() - FAR_AWAY) / method.spacing_
    assert np.allclose(mapped, expected(targets), atol=1e-7)
    monkeypatch.setattr(rbf, "_HELD", 3000)
    part = Window(grid, 7, 11, 20, 30)
    assert np.array_equal(method.predict(part).mean, mapped.reshape(50, 50)[part.slices].ravel())


def test_unknown_kernels_are_refused():
    with pytest.raises(InputError, match="Unknown kernel 'wave'. Known kernels: linear, thin"):
        make("rbf", kernel="wave")
