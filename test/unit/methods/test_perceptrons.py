"""Networks on drivers alone: they learn, do not see what is held out, and do not run away."""

import numpy as np
import pytest
from subsidence_mapper.model.methods.perceptrons import Perceptrons

GROUPS = np.repeat(np.arange(10), 60)


def features(seed, count=600):
    """32 that tell the same two things, each with errors of its own."""
    random = np.random.default_rng(seed)
    two = np.tile(random.normal(size=(count, 2)), 16)
    return (two + 0.2 * random.normal(size=two.shape)) / np.hypot(1, 0.2), two


def truth(two):
    return 30 + 10 * two[:, 0] * np.abs(two[:, 1])


@pytest.fixture(scope="module")
def known():
    seen, two = features(0)
    return seen, truth(two)


@pytest.fixture(scope="module")
def fitted(known):
    return Perceptrons().fit(*known, GROUPS)


def rmse(error):
    return np.sqrt(np.square(error).mean())


def test_they_learn_what_no_plane_says(known, fitted):
    seen, values = known
    new, two = features(1, 5000)
    plane = np.linalg.lstsq(np.column_stack([seen, np.ones(600)]), values, rcond=None)[0]
    by_plane = np.column_stack([new, np.ones(5000)]) @ plane
    error = rmse(fitted.predict(new) - truth(two))
    assert error < 0.65 * rmse(by_plane - truth(two))
    assert 0.8 * error < rmse(fitted.held_out_ - values) < 1.25 * error


def test_what_is_held_out_is_not_seen(known, fitted):
    seen, values = known
    fold = np.isin(GROUPS, GROUPS[fitted.held_out_ == fitted.held_out_[0]])
    changed = np.where(fold, values + 1000, values)
    other = Perceptrons().fit(seen, changed, GROUPS)
    assert np.array_equal(other.held_out_[fold], fitted.held_out_[fold])
    assert rmse(other.held_out_[~fold] - fitted.held_out_[~fold]) > 1


def test_two_runs_with_one_seed_are_equal_and_with_another_are_not(known, fitted):
    new, _ = features(2, 50)
    assert np.array_equal(Perceptrons().fit(*known, GROUPS).predict(new), fitted.predict(new))
    assert rmse(Perceptrons(seed=1).fit(*known, GROUPS).predict(new) - fitted.predict(new)) > 0.01


def test_the_values_unit_does_not_matter(known, fitted):
    seen, values = known
    new, _ = features(2, 50)
    metres = Perceptrons().fit(seen, 5 + values / 1000, GROUPS).predict(new)
    assert 1000 * (metres - 5) == pytest.approx(fitted.predict(new), abs=0.1)


def test_far_out_counts_as_five_deviations(fitted):
    far = np.array([np.full(32, 5.0), np.full(32, 1e6)])
    assert np.ptp(fitted.predict(far)) == 0
    assert fitted.predict(np.empty((0, 32))).shape == (0,)
