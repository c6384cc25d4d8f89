from __future__ import annotations

import numpy as np
import pytest
from pykrige.ok import OrdinaryKriging as PyKrige
from subsidence_mapper.model.geostatistics import variogram as module
from subsidence_mapper.model.geostatistics.neighbours import Neighbours
from subsidence_mapper.model.geostatistics.variogram import (
    MODELS,
    Empirical,
    Structure,
    Variogram,
    empirical_variogram,
    fit_variogram,
)

AT = np.array([0.0, 10.0, 500.0, 2000.0, 4500.0, 9000.0])


def scattered(count, seed=0, size=10_000.0):
    return np.random.default_rng(seed).uniform(0, size, (count, 2))


def field(variogram, xy, count=1, seed=1):
    """Random fields (n, count) with a variogram."""
    apart = np.linalg.norm(xy[:, None] - xy, axis=2)
    level = variogram(np.array(3e4))
    covariance = level - variogram(apart)
    np.fill_diagonal(covariance, level)
    factor = np.linalg.cholesky(covariance + 1e-9 * level * np.eye(len(xy)))
    return factor @ np.random.default_rng(seed).normal(size=(len(xy), count))


# Models


@pytest.mark.parametrize("model", ["spherical", "exponential", "gaussian"])
def test_models_are_those_of_pykrige(model):
    ours = Variogram(1.5, (Structure(model, 12.0, 4000.0),))
    assert np.allclose(ours(AT), PyKrige.variogram_dict[model]([12.0, 4000.0, 1.5], AT))


def test_models_in_closed_form():
    assert np.allclose(Variogram(1.0, (Structure("linear", 8.0, 4000.0),))(AT), 1 + AT / 500)
    for exponent in (0.5, 1.5, 1.75, 1.3):
        stable = Structure("stable", 2.0, 4000.0, exponent)
        expected = 2 * (1 - np.exp(-3 * (AT / 4000) ** exponent))
        assert np.allclose(stable(AT), expected, rtol=1e-12)
    whole = Variogram(0.5, (stable, Structure("spherical", 3.0, 100.0)))
    assert whole(1e6) == pytest.approx(5.5)
    assert whole(0.0) == 0.5


@pytest.mark.parametrize(
    ("model", "exponent"), [("exponential", 1), ("stable", 0.5), ("matern", 1.5), ("matern", 2.5)]
)
def test_the_range_is_where_95_percent_are_reached(model, exponent):
    assert Structure(model, 1.0, 70.0, exponent)(70.0) == pytest.approx(0.95, abs=5e-4)


def test_a_variogram_in_words():
    variogram = Variogram(0.5, (Structure("stable", 3, 4000, 1.5), Structure("linear", 2, 1000)))
    assert str(variogram) == (
        "nugget 0.5; stable (exponent 1.5), sill 3, range 4,000 m; linear, 2 per km"
    )


# Measuring


def test_the_empirical_variogram_is_the_mean_of_half_squares():
    xy = np.array([[0.0, 0], [3, 0], [0, 4]])
    found = empirical_variogram(xy, np.array([1.0, 3, 7]))
    assert found.lags.tolist() == [3, 4, 5]
    assert found.semivariance.tolist() == [2, 18, 8]
    assert found.pairs.tolist() == [1, 1, 1]


def test_lags_have_pairs_enough_and_grow():
    found = empirical_variogram(scattered(150), np.random.default_rng(1).normal(size=150))
    assert len(found.pairs) == 15 and found.pairs.min() >= 30
    assert (np.diff(found.lags) > 0).all() and (np.diff(found.pairs) >= 0).all()


def test_robust_and_classical_agree_on_normal_values_and_differ_on_wild_ones():
    truth = Variogram(1.0, (Structure("exponential", 9.0, 1500.0),))
    xy = scattered(600)
    values = field(truth, xy, 40).T
    lags = empirical_variogram(xy, values[0]).lags
    both = ("matheron", "cressie_hawkins")
    for each in both:
        mean = np.mean([empirical_variogram(xy, v, each).semivariance for v in values], axis=0)
        assert mean[:8] == pytest.approx(truth(lags[:8]), rel=0.15)
    wild = values.copy()
    wild[:, ::100] += 100
    classical, robust = (
        np.mean([empirical_variogram(xy, v, each).semivariance[:5].mean() for v in wild])
        for each in both
    )
    clean = truth(lags[:5]).mean()
    assert classical > 10 * clean and robust < 2 * clean


def test_measurement_errors_are_taken_off():
    truth = Variogram(0.0, (Structure("exponential", 9.0, 3000.0),))
    xy = scattered(500)
    random = np.random.default_rng(4)
    variance = random.uniform(0, 8, 500)
    fields = field(truth, xy, 60).T + random.normal(size=(60, 500)) * np.sqrt(variance)
    found = [empirical_variogram(xy, v, variance=variance) for v in fields]
    near = np.mean([each.semivariance[:6] for each in found], axis=0)
    assert near == pytest.approx(truth(found[0].lags[:6]), abs=0.6)


def test_directions_differ_where_the_field_does():
    xy = scattered(400)
    values = np.sin(xy[:, 0] / 800)  # the same all along north
    north = empirical_variogram(xy, values, azimuth=0)
    east = empirical_variogram(xy, values, azimuth=90)
    assert north.semivariance[1] < 0.3 * east.semivariance[1]
    whole = empirical_variogram(xy, values).pairs.sum()
    four = [empirical_variogram(xy, values, azimuth=each).pairs.sum() for each in (0, 45, 90, 135)]
    assert sum(four) == pytest.approx(whole, rel=0.02)


def test_many_points_are_sampled_with_short_lags():
    xy = np.concatenate([scattered(20_000, size=1e5), scattered(2_000, seed=1, size=2_000)])
    values = np.hypot(*xy.T) / 1000
    found = empirical_variogram(xy, values)
    assert found.lags[0] < 1500 and found.pairs.sum() < 1.2e6
    again = empirical_variogram(xy, values)
    assert np.array_equal(found.semivariance, again.semivariance)


# Fitting


def test_no_pair_is_counted_twice():
    xy = scattered(2000)
    pairs = np.stack(module._pairs(xy, seed=0))
    assert (pairs[0] < pairs[1]).all()
    assert np.array_equal(pairs, np.unique(pairs, axis=1))
    anchors = np.random.default_rng(0).permutation(2000)[:1500]
    both = np.isin(pairs, anchors).all(axis=0)
    assert both.sum() == 1500 * 1499 // 2
    assert 1500 < (~both).sum() < 1500 * 12


@pytest.mark.parametrize("model", MODELS)
def test_a_fit_to_the_model_itself_is_perfect(model):
    structures = {
        "linear": (Structure("linear", 12.0, 5000.0),),
        "stable": (Structure("stable", 12.0, 4000.0, 1.5),),
        "matern": (Structure("matern", 12.0, 4000.0, 2.5),),
        "nested": (Structure("spherical", 5.0, 800.0), Structure("spherical", 9.0, 4000.0)),
    }.get(model, (Structure(model, 12.0, 4000.0),))
    truth = Variogram(1.5, structures)
    lags = np.linspace(200, 5000, 15)
    found = fit_variogram(model, Empirical(lags, truth(lags), np.arange(100, 250, 10)))
    assert np.allclose(found(lags), truth(lags), rtol=0.03)
    assert found.nugget == pytest.approx(1.5, abs=0.3)
    assert [part.exponent for part in found.structures] == [part.exponent for part in structures]


@pytest.mark.parametrize("model", MODELS)
def test_a_known_variogram_is_found_in_a_field(model):
    truth = Variogram(1.5, (Structure("exponential", 12.0, 4000.0),))
    xy = scattered(150, seed=3)
    found = [
        fit_variogram(model, empirical_variogram(xy, values)) for values in field(truth, xy, 100).T
    ]
    at = np.array([500.0, 1000, 2000.0])
    assert np.mean([each(at) for each in found], axis=0) == pytest.approx(truth(at), rel=0.2)


def test_semivariances_that_fall_give_a_level_variogram():
    lags = np.linspace(100, 1000, 10)
    for model in MODELS:
        found = fit_variogram(model, Empirical(lags, 5 - lags / 500, np.full(10, 50)))
        assert found(lags[1:]) == pytest.approx(np.full(9, 4.6), abs=0.3)
    assert found.is_flat  # the linear one has no range to be flat beyond


# Neighbours


def test_sectors_reach_behind_a_cluster():
    cluster = np.column_stack([np.linspace(5, 6, 600), np.zeros(600)])
    ring = 20 * np.array([[np.cos(a), np.sin(a)] for a in np.radians(np.arange(22.5, 360, 45))])
    xy = np.concatenate([cluster, ring])
    found = Neighbours(xy, 16, 8).find(np.zeros((1, 2)))[0]
    assert set(range(601, 608)) <= set(found.tolist()) and len(set(found.tolist())) == 16
    nearest = Neighbours(xy, 16, 1).find(np.zeros((1, 2)))[0]
    assert set(nearest.tolist()) == set(range(16))


def test_the_nearest_of_each_sector_by_a_second_way():
    xy, targets = scattered(400), scattered(30, seed=5)
    for target, found in zip(targets, Neighbours(xy, 16, 8).find(targets)):
        step = xy - target
        order = np.argsort(np.hypot(*step.T))
        sector = np.floor(np.degrees(np.arctan2(*step.T[::-1])) / 45).astype(int)
        near = order[:64]
        share = {i for k, i in enumerate(near) if (sector[near[:k]] == sector[i]).sum() < 2}
        assert share <= set(found.tolist()) and len(set(found.tolist())) == 16
        for each in set(found.tolist()) - set(near.tolist()):  # from afar, for want of nearer ones
            assert sector[each] not in sector[near]


def test_a_point_is_not_its_own_neighbour():
    xy = scattered(50)
    for count in (5, 16, 49, 200):
        found = Neighbours(xy, count).find(xy, np.arange(50))
        assert found.shape == (50, min(count, 49))
        assert not (found == np.arange(50)[:, None]).any()
        assert all(len(set(row)) == len(row) for row in found.tolist())
