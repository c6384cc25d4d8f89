import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.methods.moving_least_squares import WEIGHTS
from subsidence_mapper.model.spatial.points import Points

CORNER = np.array([563_000.0, 3_610_000.0])


def places(n, seed=0, low=0, high=5000):
    return CORNER + np.random.default_rng(seed).uniform(low, high, (n, 2))


def plane(xy):
    x, y = ((xy - CORNER) / 1000).T
    return 4 - 3 * x + 2 * y


def bowl(xy):
    x, y = ((xy - CORNER) / 1000).T
    return plane(xy) + 0.7 * x**2 - 0.4 * x * y + 0.2 * y**2


def mls(points, **parameters):
    return make("movingleastsquares", **parameters).fit(points)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize(("degree", "surface"), [(1, plane), (2, plane), (2, bowl)])
def test_polynomials_of_its_degree_are_reproduced(degree, surface, weights, robust):
    xy, targets = places(400), places(200, 1, 500, 4500)
    method = mls(
        Points(xy, surface(xy)), degree=degree, neighbours=40, weights=weights, robust=robust
    )
    assert np.allclose(method.predict(targets).mean, surface(targets), atol=1e-9)


def test_a_plane_goes_on_beyond_the_points():
    xy = places(400)
    targets = CORNER + [[-300.0, 2500.0], [5300.0, 2500.0]]
    assert np.allclose(mls(Points(xy, plane(xy)), degree=1).predict(targets).mean, plane(targets))


@pytest.mark.parametrize(
    ("weights", "function"),
    [
        ("wendland", lambda r: (1 - r) ** 4 * (4 * r + 1)),
        ("gaussian", lambda r: np.exp(-6.25 * r**2)),
    ],
)
def test_equals_weighted_least_squares_of_numpy(weights, function):
    xy, values = places(30), np.random.default_rng(3).normal(-20, 8, 30)
    target = CORNER + [2500.0, 2500.0]
    distance = np.hypot(*(xy - target).T)
    root = np.sqrt(function(distance / (1.1 * distance.max())))
    design = np.column_stack([np.ones(30), (xy - target) / 1000])
    expected = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0][0]
    method = mls(Points(xy, values), degree=1, neighbours=30, weights=weights)
    assert method.predict(target[None]).mean[0] == pytest.approx(expected, abs=1e-9)


def test_noise_is_averaged_out():
    xy, targets = places(3000), places(500, 1, 500, 4500)
    noise = np.random.default_rng(2).normal(0, 1, 3000)
    method = mls(Points(xy, bowl(xy) + noise), degree=2, neighbours=60)
    assert np.std(method.predict(targets).mean - bowl(targets)) < 0.45


def test_a_robust_fit_ignores_wrong_points():
    xy, targets = places(1000), places(200, 1, 500, 4500)
    values = bowl(xy)
    values[::25] += 500
    points = Points(xy, values)
    worst = {
        robust: np.abs(
            mls(points, robust=robust, neighbours=40).predict(targets).mean - bowl(targets)
        )
        for robust in (False, True)
    }
    assert np.median(worst[False]) > 1
    assert np.median(worst[True]) < 1e-3


@pytest.mark.parametrize("degree", [1, 2])
def test_points_on_one_line(degree):
    along = np.linspace(0, 3000, 60)
    points = Points(CORNER + np.column_stack([along, 0.5 * along]), -along / 100)
    method = mls(points, degree=degree)
    assert np.allclose(method.predict(points.xy).mean, points.values, atol=0.2)
    beside = method.predict(points.xy[10:50] + [-100.0, 200.0]).mean
    assert np.allclose(beside, points.values[10:50], atol=1)


@pytest.mark.parametrize("degree", [1, 2])
def test_far_from_a_cluster_the_surface_stays_within_reason(degree):
    xy, values = places(100, high=100), np.random.default_rng(3).normal(-20, 5, 100)
    predicted = mls(Points(xy, values), degree=degree).predict(CORNER + [[20_000.0, 9000.0]]).mean
    assert values.min() - 50 < predicted[0] < values.max() + 50


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("degree", [1, 2])
def test_fewer_points_than_neighbours(degree, count):
    points = Points(places(count), np.arange(-10.0, -10.0 + count))
    found = mls(points, degree=degree).predict(places(40, 1))
    predicted, deviation = found.mean, found.deviation
    assert (np.abs(predicted + 10) < 30).all()
    assert deviation is None
    assert mls(points[[0]], degree=degree).predict(places(9, 1)).mean == pytest.approx(-10)


@pytest.mark.parametrize("robust", [False, True])
def test_equal_values_give_that_value(robust):
    points = Points(places(50), np.full(50, -7.0))
    assert np.allclose(mls(points, robust=robust).predict(places(50, 1)).mean, -7, atol=1e-9)


def test_points_of_one_place_are_averaged():
    xy = places(20)
    twice = Points(np.concatenate([xy, xy]), np.concatenate([np.full(20, 2.0), np.full(20, 4.0)]))
    assert np.allclose(mls(twice).predict(xy).mean, 3)


def test_what_is_unknown_is_refused():
    with pytest.raises(InputError, match="1 or 2, not 3"):
        make("movingleastsquares", degree=3)
    with pytest.raises(InputError, match="Unknown weights 'box'"):
        make("movingleastsquares", weights="box")
