import numpy as np
import pytest
from scipy.spatial.distance import cdist
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.statistics.applicability import (
    Applicability,
    Hull,
    TrustDistances,
    classify,
    constant_drivers,
)
from subsidence_mapper.model.statistics.conformal import HeldOut
from subsidence_mapper.model.validation.importance import channel_weights


def brute_force(channels, weights, folds, targets):
    """Index of targets and threshold as Meyer and Pebesma (2021) write them, without a tree."""
    use = (weights > 0) & (channels.std(axis=0) > 0)
    placed = (channels / np.where(use, channels.std(axis=0), 1) * weights)[:, use]
    new = (targets / np.where(use, channels.std(axis=0), 1) * weights)[:, use]
    apart = cdist(placed, placed)
    mean = apart.sum() / (len(placed) * (len(placed) - 1))
    apart[folds[:, None] == folds] = np.inf
    own = apart.min(axis=1) / mean
    low, high = np.quantile(own, [0.25, 0.75])
    return cdist(new, placed).min(axis=1) / mean, own[own <= high + 1.5 * (high - low)].max()


@pytest.mark.parametrize("weights", [[1.0, 1, 1, 1], [5.0, 0.2, 0, 1]])
def test_the_index_and_its_threshold_equal_a_brute_force_search(weights):
    random = np.random.default_rng(0)
    channels = random.normal([0, 100, 3, 7], [1, 30, 2, 0], (300, 4)).astype(np.float32)
    channels[:4, :3] *= 3  # outliers, which the threshold leaves aside
    folds = random.integers(0, 5, 300)
    targets = random.normal([1, 50, 3, 7], [2, 60, 2, 5], (200, 4)).astype(np.float32)
    found = Applicability().fit(channels, np.array(weights), folds)
    index, threshold = brute_force(channels.astype(float), np.array(weights), folds, targets)
    assert found.dissimilarity(targets) == pytest.approx(index, rel=1e-4)
    assert found.threshold_ == pytest.approx(threshold, rel=1e-4)
    assert 0.1 < (index <= threshold).mean() < 0.9


def test_the_index_is_0_at_training_points_and_does_not_know_units():
    random = np.random.default_rng(1)
    channels, folds = random.normal(size=(80, 3)), np.arange(80) % 4
    one = Applicability().fit(channels, np.ones(3), folds)
    other = Applicability().fit(channels * [1000, 1, 1] + 5, np.full(3, 9.0), folds)
    at = random.normal(size=(20, 3))
    assert np.allclose(one.dissimilarity(channels), 0)
    assert np.allclose(one.dissimilarity(at), other.dissimilarity(at * [1000, 1, 1] + 5))
    assert one.threshold_ == pytest.approx(other.threshold_)


def test_where_no_weight_is_left_all_drivers_count_alike():
    random = np.random.default_rng(2)
    channels, folds = random.normal(size=(50, 2)), np.arange(50) % 5
    at = random.normal(size=(9, 2))
    none, alike = (
        Applicability().fit(channels, weights, folds) for weights in (np.zeros(2), np.ones(2))
    )
    assert np.allclose(none.dissimilarity(at), alike.dissimilarity(at))


def test_drivers_that_are_the_same_at_all_points_are_named(drivers, points):
    assert constant_drivers(drivers, points) == ["same"]


def test_weights_go_to_the_driver_that_tells_and_to_all_its_channels(drivers, points):
    many = Points(np.repeat(points.xy, 3, axis=0) + 1, np.repeat(points.values, 3))
    weights = channel_weights(many, drivers, np.repeat(np.arange(120) % 3, 3))
    assert len(weights) == 6 and (weights >= 0).all()
    assert weights[0] == weights.max() > 0
    assert weights[3] == weights[4]
    assert weights[5] == 0


def test_the_reach_follows_the_errors():
    """Errors that double their variance by 400 m and take half of the values' by 900 m."""
    random = np.random.default_rng(3)
    distance = random.uniform(0, 1500, 60_000)
    variance = np.interp(distance, [0, 400, 900, 1500], [4, 8, 50, 150])
    error = random.normal(0, np.sqrt(variance))
    xy = random.uniform(0, 1e5, (400, 2))
    values = 10 * np.sin(xy[:, 0] / 2e4) + 10 * np.cos(xy[:, 1] / 2e4)
    values *= 10 / values.std()
    limits = TrustDistances.fit(Points(xy, values), HeldOut(np.arange(60_000), distance, error))
    assert limits.near == pytest.approx(400, abs=80)
    assert limits.far == pytest.approx(900, abs=80)
    assert limits.tested == distance.max()


def test_values_that_are_not_alike_reach_no_farther_than_the_variogram():
    random = np.random.default_rng(4)
    distance, error = random.uniform(0, 5000, 2000), random.normal(0, 0.1, 2000)
    xy = random.uniform(0, 20_000, (500, 2))
    wave = np.sin(xy[:, 0] / 300) + np.sin(xy[:, 1] / 300)  # alike up to some hundred metres
    limits = TrustDistances.fit(Points(xy, wave), HeldOut(np.arange(2000), distance, error))
    assert limits.near <= limits.far < 2000


def test_classes():
    limits = TrustDistances(near=100, far=500, tested=900)
    distance = np.array([0, 100, 101, 500, 501, 900, 901, 50, 200, 200, 2000])
    between = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1], bool)
    inside = np.array([1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1], bool)
    assert classify(limits, distance, between, inside).tolist() == [1, 1, 2, 2, 3, 3, 4, 1, 3, 4, 4]


def test_between_the_outermost_points():
    square = Hull().fit(np.array([[0.0, 0], [10, 0], [10, 10], [0, 10], [5, 5]]) + 5e5)
    at = np.array([[5.0, 9], [-1, 5], [11, 11], [0.01, 0.01]]) + 5e5
    assert square.contains(at).tolist() == [True, False, False, True]
    for few in (np.zeros((2, 2)), np.column_stack([np.arange(9.0), np.arange(9.0)])):
        assert not Hull().fit(few).contains(np.array([[0.0, 0.0], [1, 1]])).any()
