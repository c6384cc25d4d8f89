from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.geostatistics import variogram as variograms
from subsidence_mapper.model.geostatistics.variogram import MODELS, Structure, Variogram
from subsidence_mapper.model.methods import kriging as module
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.test.examples import RecordingMonitor, both
from subsidence_mapper.test.references import by_pykrige

SPHERICAL = Variogram(0.0, (Structure("spherical", 12.0, 4000.0),))


def scattered(count, seed=0, size=10_000.0):
    return np.random.default_rng(seed).uniform(0, size, (count, 2))


def wavy(count, seed=0, noise=0.0):
    xy = scattered(count, seed)
    values = 20 + 10 * np.sin(xy[:, 0] / 2000) + 5 * np.cos(xy[:, 1] / 1500)
    return Points(xy, values + noise * np.random.default_rng(9).normal(size=count))


# Against PyKrige


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian", "linear"])
@pytest.mark.parametrize("nugget", [0.01, 2.0])
@pytest.mark.parametrize(("azimuth", "ratio"), [(0.0, 1.0), (30.0, 0.4)])
def test_equals_pykrige(model, nugget, azimuth, ratio):
    points, targets = wavy(60), scattered(50, seed=8)
    variogram = Variogram(nugget, (Structure(model, 12.0, 4000.0),))
    kriging = make("kriging", variogram=variogram, neighbours=60, azimuth=azimuth, ratio=ratio)
    found = kriging.fit(points).predict(targets)
    mean, deviation = found.mean, found.deviation
    expected, variance = by_pykrige(variogram, points, targets, azimuth, ratio)
    assert np.abs(mean - expected).max() < 1e-6
    assert np.abs(deviation**2 - variance).max() < 1e-6


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian", "linear"])
def test_equals_pykrige_with_a_fitted_variogram(model):
    points, targets = wavy(25, noise=1.0), scattered(40, seed=9)
    kriging = make("kriging", variogram=model).fit(points)
    found = kriging.predict(targets)
    mean, deviation = found.mean, found.deviation
    expected, variance = by_pykrige(kriging.variogram_, points, targets)
    assert np.abs(mean - expected).max() < 1e-6
    assert np.abs(deviation**2 - variance).max() < 1e-6


def test_each_neighbourhood_equals_pykrige_on_it():
    points, targets = wavy(300), scattered(20, seed=3)
    kriging = make("kriging", variogram=SPHERICAL, neighbours=24).fit(points)
    found = kriging.predict(targets)
    mean, deviation = found.mean, found.deviation
    for i, index in enumerate(kriging._neighbours.find(targets)):
        expected, variance = by_pykrige(SPHERICAL, points[index], targets[[i]])
        assert mean[i] == pytest.approx(expected[0], abs=1e-6)
        assert deviation[i] ** 2 == pytest.approx(variance[0], abs=1e-6)


def test_leave_one_out_equals_leaving_each_out_by_hand():
    points = wavy(15, noise=2.0)
    for model in ("spherical", "exponential", "gaussian", "linear"):
        kriging = make("kriging", variogram=model).fit(points)
        for i in range(15):
            others = points[np.arange(15) != i]
            mean, variance = by_pykrige(kriging.variogram_, others, points.xy[[i]])
            assert kriging.error_[i] == pytest.approx(mean[0] - points.values[i], abs=1e-6)
            assert kriging.error_deviation_[i] ** 2 == pytest.approx(variance[0], abs=1e-6)


# What kriging must do


def test_exact_at_the_points_without_a_nugget_and_only_then():
    points = wavy(200, noise=1.0)
    exact = make("kriging", variogram=SPHERICAL).fit(points)
    found = exact.predict(points.xy)
    mean, deviation = found.mean, found.deviation
    assert np.allclose(mean, points.values, atol=1e-8) and deviation.max() < 1e-3
    smooth = Variogram(1.0, SPHERICAL.structures)
    found = make("kriging", variogram=smooth).fit(points).predict(points.xy)
    mean, deviation = found.mean, found.deviation
    assert np.abs(mean - points.values).mean() > 0.1 and deviation.min() > 1.0


def test_without_a_likeness_it_is_the_mean_and_its_variance():
    points = wavy(30, noise=5.0)
    flat = Variogram(7.0, (Structure("linear", 0.0, 1000.0),))
    found = make("kriging", variogram=flat).fit(points).predict(scattered(4, seed=6))
    mean, deviation = found.mean, found.deviation
    assert mean == pytest.approx(np.full(4, points.values.mean()))
    assert deviation**2 == pytest.approx(np.full(4, 7 * (1 + 1 / 30)))


def test_measurement_errors_are_filtered():
    """Equal errors are a nugget, but for the standard deviation, which is then that of the truth.

    A point whose error is enormous has no say.
    """
    points, targets = wavy(40, noise=1.0), scattered(30, seed=4)
    noisy = Points(points.xy, points.values, np.full(40, 1.5))
    found = make("kriging", variogram=SPHERICAL, neighbours=40).fit(noisy).predict(targets)
    mean, deviation = found.mean, found.deviation
    nugget = Variogram(1.5, SPHERICAL.structures)
    expected, variance = by_pykrige(nugget, points, targets)
    assert np.allclose(mean, expected, atol=1e-6)
    assert np.allclose(deviation**2, variance - 1.5, atol=1e-6)
    variance = np.zeros(40)
    variance[7] = 1e12
    without = make("kriging", variogram=SPHERICAL, neighbours=40).fit(points[np.arange(40) != 7])
    ignored = make("kriging", variogram=SPHERICAL, neighbours=40).fit(
        Points(points.xy, points.values, variance)
    )
    assert np.allclose(ignored.predict(targets).mean, without.predict(targets).mean, atol=1e-3)


def test_the_standard_deviation_is_that_of_the_errors():
    """On fields that have the variogram; also with the one that is fitted to each."""
    xy, inside = scattered(260, seed=2), scattered(40, seed=3)
    whole = np.concatenate([xy, inside])
    truth = Variogram(1.0, (Structure("exponential", 9.0, 5000.0),))
    covariance = 10 - truth(np.linalg.norm(whole[:, None] - whole, axis=2))
    np.fill_diagonal(covariance, 10)
    fields = np.linalg.cholesky(covariance) @ np.random.default_rng(1).normal(size=(300, 30))
    for variogram, low, high in ((truth, 0.93, 1.07), ("exponential", 0.85, 1.25)):
        ratios = []
        for field in fields.T:
            kriging = make("kriging", variogram=variogram).fit(Points(xy, field[:260]))
            found = kriging.predict(inside)
            mean, deviation = found.mean, found.deviation
            ratios.append(np.square((mean - field[260:]) / deviation).mean())
        assert low < np.mean(ratios) < high


def test_a_shift_shifts_and_a_factor_scales():
    points, targets = wavy(80, noise=1.0), scattered(20, seed=5)
    found = make("kriging").fit(points).predict(targets)
    mean, deviation = found.mean, found.deviation
    for far, factor in (([5e5, 3.6e6], -3.0),):
        moved = Points(points.xy + far, 100 + factor * points.values)
        found = make("kriging").fit(moved).predict(targets + far)
        again, spread = found.mean, found.deviation
        assert np.allclose(again, 100 + factor * mean, atol=1e-4)
        assert np.allclose(spread, abs(factor) * deviation, atol=1e-4)


def test_the_right_anisotropy_predicts_better():
    xy = scattered(300)
    values = np.sin((xy[:, 0] - 0.3 * xy[:, 1]) / 700)
    azimuth = np.degrees(np.arctan2(0.3, 1))
    rmse = [
        make("kriging", variogram="spherical", azimuth=azimuth + turn, ratio=0.3)
        .fit(Points(xy, values))
        .rmse_
        for turn in (0, 90)
    ]
    isotropic = make("kriging", variogram="spherical").fit(Points(xy, values)).rmse_
    assert rmse[0] < 0.7 * isotropic < isotropic < rmse[1]


def test_the_model_is_chosen_by_what_it_predicts():
    points = wavy(150, noise=0.5)
    chosen = make("kriging").fit(points)
    every = [make("kriging", variogram=model).fit(points) for model in MODELS]
    best = max(every, key=module.OrdinaryKriging._likelihood)
    assert chosen.variogram_.structures == best.variogram_.structures
    assert chosen.rmse_ == best.rmse_
    few = make("kriging").fit(wavy(9))
    assert few.variogram_.structures[0].model == "linear" and few.variogram_.nugget == 0


def test_of_models_that_predict_as_well_the_best_fit_is_kept():
    random, xy = np.random.default_rng(2), scattered(60, 2)
    likeness = np.exp(-cdist(xy, xy) / 2000)
    points = Points(xy, np.linalg.cholesky(likeness) @ random.normal(size=60))
    fitted = [make("kriging", variogram=model).fit(points) for model in MODELS]
    # The log likelihood of errors under their standard deviations, at its best scale.
    likelihoods = [
        -30 * np.log(each.calibration_) - np.log(each.error_deviation_).sum() for each in fitted
    ]
    equals = [
        each.variogram_
        for each, likelihood in zip(fitted, likelihoods)
        if likelihood > max(likelihoods) - 1
    ]
    kept = make("kriging").fit(points).variogram_
    assert 1 < len(equals) < len(MODELS)
    assert kept.misfit == min(each.misfit for each in equals)
    assert kept.misfit < fitted[np.argmax(likelihoods)].variogram_.misfit


def test_validation_points_are_used_and_chunks_change_nothing():
    points, targets = wavy(120), scattered(300, seed=5)
    whole = make("kriging", variogram="spherical").fit(points)
    parts = make("kriging", variogram="spherical").fit(
        points[np.arange(100)], validation=points[np.arange(100, 120)]
    )
    few = np.hstack([both(whole.predict(targets[i : i + 30])) for i in range(0, 300, 30)])
    assert np.allclose(both(parts.predict(targets)), few, atol=1e-9)
    assert both(parts.predict(targets[:0])).shape == (2, 0)


# What a user may give


def test_points_of_one_place_are_averaged():
    points, notes = wavy(30), RecordingMonitor()
    twins = Points(
        np.concatenate([points.xy, points.xy[:3]]),
        np.concatenate([points.values, points.values[:3] + 4]),
    )
    kriging = make("kriging", variogram=SPHERICAL).fit(twins, monitor=notes)
    assert np.allclose(kriging.predict(points.xy[:3]).mean, points.values[:3] + 2)
    assert any("33 points lie in 30 places" in text for text in notes.texts)


@pytest.mark.parametrize("model", ["auto", *MODELS])
@pytest.mark.parametrize(
    "xy",
    [
        [[0, 0], [700, 0]],
        [[0, 0], [1000, 0], [0, 1000]],
        [[0, 0], [1000, 0], [500, 866.0254037844386]],
        np.column_stack([np.arange(40.0) ** 1.5, np.zeros(40)]),
        np.column_stack([np.arange(40.0), np.arange(40.0)]) * 100,
        scattered(60, size=1e-3),
        np.concatenate([scattered(30), scattered(30) + 1e-7]),
    ],
    ids=["two", "three", "regular", "line", "diagonal", "cluster", "nearly twins"],
)
def test_odd_places_give_finite_maps(model, xy):
    xy = np.array(xy, float)
    values = 7 + np.arange(len(xy)) % 5.0
    found = (
        make("kriging", variogram=model)
        .fit(Points(xy, values))
        .predict(np.array([[300.0, 200.0], [9000.0, 9000.0]]))
    )
    mean, deviation = found.mean, found.deviation
    assert np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all()
    assert (mean > 3).all() and (mean < 15).all()


@pytest.mark.parametrize("count", [2, 50])
def test_constant_values(count):
    notes = RecordingMonitor()
    kriging = make("kriging").fit(Points(scattered(count), np.full(count, -3.5)), monitor=notes)
    found = kriging.predict(scattered(7, seed=2))
    mean, deviation = found.mean, found.deviation
    assert (mean == -3.5).all() and (deviation == 0).all()
    assert any("so is the map" in text for text in notes.texts)


def test_one_place_says_nothing_of_how_far_it_may_be_wrong():
    notes, place = RecordingMonitor(), np.full((5, 2), 70.0)
    kriging = make("kriging").fit(Points(place, np.arange(5.0)), monitor=notes)
    found = kriging.predict(scattered(7, seed=2))
    mean, deviation = found.mean, found.deviation
    assert (mean == 2).all() and np.isnan(deviation).all()
    assert any("in one place, with the mean 2: so is the map" in text for text in notes.texts)


def test_two_points_that_differ_are_not_known_well():
    pair = Points(np.array([[0.0, 0.0], [700.0, 0.0]]), np.array([-20.0, 20.0]))
    found = make("kriging").fit(pair).predict(np.array([[300.0, 200.0]]))
    mean, deviation = found.mean, found.deviation
    assert mean == pytest.approx(0)
    assert deviation == pytest.approx(20 * np.sqrt(1 + 1 / 2))  # noise, and the mean of two


def test_values_that_are_nothing_but_noise_are_reported():
    noise = np.random.default_rng(1).normal(size=300)
    for values, expected in ((noise, 1), (wavy(300).values, 0)):
        notes = RecordingMonitor()
        make("kriging").fit(Points(scattered(300), values), monitor=notes)
        assert sum("hardly more alike" in text for text in notes.texts) == expected


def test_a_variogram_that_does_not_fit(monkeypatch):
    def fails(*_):
        raise RuntimeError("too many iterations")

    monkeypatch.setattr(variograms, "nnls", fails)
    points, notes = wavy(60), RecordingMonitor()
    found = make("kriging").fit(points, monitor=notes).predict(scattered(5, seed=1))
    mean, deviation = found.mean, found.deviation
    assert np.isfinite(mean).all()
    assert np.allclose(deviation, points.values.std() * np.sqrt(1 + 1 / 32))
    assert any("No variogram fits" in text for text in notes.texts)
    assert any("little more than a mean of points" in text for text in notes.texts)


def test_errors_that_explain_everything():
    points, notes = wavy(60), RecordingMonitor()
    drowned = Points(points.xy, points.values, np.full(60, 1e6))
    mean = make("kriging").fit(drowned, monitor=notes).predict(scattered(5, seed=1)).mean
    assert np.isfinite(mean).all() and np.ptp(mean) < np.ptp(points.values)
    assert any("little more than a mean of points" in text for text in notes.texts)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"variogram": "magic"}, "Unknown variogram model 'magic'. Known models: auto, spherical"),
        ({"ratio": 0}, "The ratio of the ranges was 0"),
        ({"ratio": 2}, "The ratio of the ranges was 2"),
    ],
)
def test_parameters_that_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        make("kriging", **given)


# Regression kriging


# Eighty points teach a forest less than they teach a line.
@pytest.mark.parametrize(("trend", "share"), [("linear", 0.8), ("forest", 0.95)])
def test_a_trend_in_the_drivers_is_found(stack, points, trend, share):
    """Values are a mean of the first channel: the drivers tell what the points alone cannot."""
    held_out = np.arange(120) % 3 == 0
    notes = RecordingMonitor()
    regression = make("regressionkriging", trend=trend)
    regression.fit(points[~held_out], stack, monitor=notes)
    plain = make("kriging").fit(points[~held_out])
    errors = [
        np.square(each.predict(points.xy[held_out], stack).mean - points.values[held_out]).mean()
        for each in (regression, plain)
    ]
    assert errors[0] < share * errors[1]
    assert any("The trend explains" in text for text in notes.texts)


def test_regression_kriging_is_trend_plus_kriging_of_unseen_residuals(stack, points):
    method = make("regressionkriging", trend="forest").fit(points, stack)
    window = stack.grid.window
    found = method.predict(window, stack)
    mean, deviation = found.mean, found.deviation
    assert mean.shape == deviation.shape == (window.size,)
    trend = method.trend_.predict(method._features(window, stack))
    assert np.allclose(method.kriging_.predict(window).mean + trend, mean)
    seen = method.trend_.predict(method._features(points.xy, stack))
    left = method.kriging_.points_
    assert len(left) == 120
    # What a forest leaves of points it has not seen is larger than what it leaves of its own.
    assert left.values.std() > 1.2 * (points.values - seen).std()


def test_regression_kriging_without_anything_to_learn(stack, points):
    flat = Points(points.xy, np.full(120, 5.0))
    found = make("regressionkriging").fit(flat, stack).predict(points.xy, stack)
    mean, deviation = found.mean, found.deviation
    assert np.allclose(mean, 5) and np.allclose(deviation, 0, atol=1e-6)
    one_cell = Points(np.repeat(points.xy[:1], 9, axis=0), np.arange(9.0))
    with pytest.raises(InputError, match="All points lie in one cell"):
        make("regressionkriging").fit(one_cell, stack)
    with pytest.raises(InputError, match="Unknown trend 'cubic'. Known trends: linear, forest"):
        make("regressionkriging", trend="cubic")
