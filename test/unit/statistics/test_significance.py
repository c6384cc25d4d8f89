"""The paired test is right where errors are alike in the neighbourhood; the t-test is not."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist, squareform
from subsidence_mapper.model.statistics.significance import compare, compare_all, holm

SIDE = 50_000.0


@pytest.fixture(scope="module")
def field():
    """150 clustered places, and a way to draw errors with a range of a fifth of the area."""
    random = np.random.default_rng(1)
    middles = random.uniform(0, SIDE, (15, 2))
    xy = np.repeat(middles, 10, axis=0) + random.normal(0, 1500, (150, 2))
    covariance = np.exp(-squareform(pdist(xy)) / 7000) + 1e-9 * np.eye(150)
    root = np.linalg.cholesky(covariance)
    return xy, lambda: root @ random.normal(size=150) + 0.3 * random.normal(size=150)


def rejected(field, repeats, worse=1.0):
    """How often two methods differ significantly at 5 %: by this test, and by the t-test."""
    xy, draw = field
    found = []
    for _ in range(repeats):
        each = compare("a", "b", xy, np.square([draw(), worse * draw()]))
        found.append([each.p < 0.05, each.p_plain < 0.05])
    return np.mean(found, axis=0)


def test_equal_methods_are_distinguished_in_about_one_of_twenty_runs(field):
    spatial, plain = rejected(field, 300)
    assert 0.01 < spatial < 0.09
    assert plain > 0.3


def test_dense_places_with_small_errors_neither_hide_nor_make_differences():
    """As PS are: dense where the ground is quiet."""
    random = np.random.default_rng(5)
    dense = random.uniform(0.45 * SIDE, 0.55 * SIDE, (90, 2))
    xy = np.concatenate([dense, random.uniform(0, SIDE, (90, 2))])
    size = np.repeat([0.3, 1.0], 90)
    field = xy, lambda: size * random.normal(size=180)
    assert rejected(field, 200)[0] < 0.09
    assert rejected(field, 60, worse=1.7)[0] > 0.8


def test_a_method_with_larger_errors_is_found_worse(field):
    # 150 errors that are alike tell no more than about ten would; as many independent ones do.
    assert rejected(field, 60, worse=2.0)[0] > 0.3
    random = np.random.default_rng(4)
    independent = field[0], lambda: random.normal(size=150)
    assert rejected(independent, 60, worse=1.8)[0] > 0.9


def test_independent_errors_give_the_t_test(field):
    xy, _ = field
    random = np.random.default_rng(3)
    losses = [np.square(random.normal(size=(2, 150))) for _ in range(40)]
    found = [compare("a", "b", xy, each) for each in losses]
    ours, plain = (np.array([getattr(each, name) for each in found]) for name in ("p", "p_plain"))
    assert np.median([each.effective for each in found]) > 75
    assert np.median(np.abs(ours - plain)) < 0.1
    assert plain[0] == pytest.approx(stats.ttest_rel(*losses[0]).pvalue)


def test_alike_errors_count_as_few_points(field):
    xy, draw = field
    effective = [compare("a", "b", xy, np.square([draw(), draw()])).effective for _ in range(20)]
    assert 3 < np.median(effective) < 50


def test_many_points_are_drawn_from():
    random = np.random.default_rng(0)
    xy = random.uniform(0, SIDE, (3000, 2))
    found = compare("a", "b", xy, np.square(random.normal(0, [[1.0], [1.3]], (2, 3000))))
    assert found.p < 1e-4 and found.effective > 1000


def test_points_in_one_place_count_as_one(field):
    same = np.ones((30, 2))
    losses = np.square(np.random.default_rng(0).normal(size=(2, 30)))
    found = compare("a", "b", same, losses)
    assert found.effective == 1 and 0 < found.p <= 1


def test_pairs_are_named_signed_and_corrected(field):
    xy, draw = field
    errors = {"good": draw(), "bad": 3 * draw(), "worse": 6 * draw()}
    found = {(each.first, each.second): each for each in compare_all(xy, errors)}
    assert list(found) == [("good", "bad"), ("good", "worse"), ("bad", "worse")]
    for (first, second), each in found.items():
        squares = np.square(errors[first]).mean() - np.square(errors[second]).mean()
        assert each.difference == pytest.approx(squares) and squares < 0
        assert each.p <= each.adjusted <= 3 * each.p
        assert each.is_significant == (each.adjusted < 0.05)


def test_points_that_one_method_does_not_know_are_left_out(field):
    xy, draw = field
    errors = {"a": draw(), "b": draw(), "none": np.full(150, np.nan)}
    errors["a"][:50] = np.nan
    (found,) = compare_all(xy, errors)
    expected = (np.square(errors["a"]) - np.square(errors["b"]))[50:].mean()
    assert found.difference == pytest.approx(expected)


def test_equal_predictions_do_not_differ(field):
    xy, draw = field
    error = draw()
    (found,) = compare_all(xy, {"a": error, "b": error.copy()})
    assert (found.difference, found.p, found.adjusted) == (0, 1, 1)


def test_holm_by_hand():
    # 0.01 * 4, then 0.02 * 3, then 0.03 * 2 = 0.06 and 0.04 * 1, which may not be below it.
    assert holm(np.array([0.03, 0.01, 0.04, 0.02])).tolist() == pytest.approx(
        [0.06, 0.04, 0.06, 0.06]
    )
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]
    assert holm(np.empty(0)).size == 0
