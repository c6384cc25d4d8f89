"""Systems of ordinary kriging against the textbook's matrix, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.geostatistics.kriging import KrigingSystems

PLACES, TARGET = np.random.default_rng(0).uniform(0, 10, (12, 2)), np.array([[4.0, 6.0]])
BETWEEN = np.linalg.norm(PLACES[:, None] - PLACES, axis=2)  # a linear variogram
TOWARDS = np.linalg.norm(PLACES - TARGET, axis=1)


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_weights_are_those_of_the_textbook(noise):
    """Isaaks and Srivastava (1989), p. 287: semivariances bordered by ones; noise is a nugget."""
    system = np.ones((13, 13))
    system[:12, :12] = BETWEEN - noise * np.eye(12)
    system[12, 12] = 0
    solved = np.linalg.solve(system, np.append(TOWARDS, 1))
    weights, variance = KrigingSystems(BETWEEN[None], noise).weights(TOWARDS[None])
    assert weights[0] == pytest.approx(solved[:12], abs=1e-6)
    assert variance[0] == pytest.approx(solved @ np.append(TOWARDS, 1), abs=1e-6)
    assert weights.sum() == pytest.approx(1)


def test_an_estimate_is_the_weighted_mean_and_the_root_of_the_variance():
    values = np.random.default_rng(1).normal(-20, 5, (1, 12))
    systems = KrigingSystems(BETWEEN[None], noise=np.full((1, 12), 0.2))
    weights, variance = systems.weights(TOWARDS[None])
    mean, deviation = systems.estimate(values, TOWARDS[None, :, None])[:, 0, 0]
    assert mean == pytest.approx((weights * values).sum())
    assert deviation == pytest.approx(np.sqrt(variance[0]))


def test_of_many_neighbourhoods_some_are_asked():
    both = KrigingSystems(np.stack([BETWEEN, 3 * BETWEEN]))
    values, towards = np.arange(12.0)[None], TOWARDS[None, :, None]
    alone = KrigingSystems(3 * BETWEEN[None]).estimate(values, 3 * towards)
    chosen = both.estimate(values, 3 * towards, np.array([False, True]))
    assert np.array_equal(chosen, alone)
