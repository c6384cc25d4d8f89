import numpy as np
import pytest
from subsidence_mapper.model.statistics.conformal import (
    HeldOut,
    Intervals,
    Surroundings,
    conformal_quantile,
    cross_coverage,
    nearest_distance,
)


def errors(count, law, seed=0):
    """Held-out errors whose standard deviation follows a law of the distance, 0 to 1,000 m."""
    random = np.random.default_rng(seed)
    distance = random.uniform(0, 1000, count)
    return HeldOut(np.arange(count), distance, random.normal(0, law(distance)))


@pytest.mark.parametrize(
    ("count", "coverage", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (99, 0.9, 90), (100, 0.9, 91), (3, 0.5, 2)],
)
def test_the_quantile_is_the_score_of_rank_n_plus_1_times_coverage(count, coverage, rank):
    scores = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    assert conformal_quantile(scores, coverage) == rank


def test_the_quantile_of_too_few_scores_is_the_largest():
    assert conformal_quantile(np.array([2.0, 7.0, 1.0])) == 7


@pytest.mark.parametrize("count", [9, 25, 60])
def test_a_new_score_is_covered_as_often_as_the_theory_says(count):
    """In ceil((n + 1) 0.9) / (n + 1) of all draws, exactly, whatever the distribution."""
    scores = np.random.default_rng(1).standard_cauchy((4000, count + 1)) ** 2
    covered = sum(row[-1] <= conformal_quantile(row[:-1]) for row in scores)
    share = np.ceil(round(0.9 * (count + 1), 9)) / (count + 1)
    bound = 4 * np.sqrt(share * (1 - share) / 4000)
    assert covered / 4000 == pytest.approx(share, abs=bound)


def test_a_known_law_is_recovered_and_never_decreases():
    intervals = Intervals.fit(errors(40_000, lambda distance: 2 + distance / 100))
    at = np.array([50.0, 300.0, 900.0])
    deviation, half_width = intervals.predict(at)
    assert deviation == pytest.approx(2 + at / 100, rel=0.1)
    assert half_width == pytest.approx(1.645 * (2 + at / 100), rel=0.1)
    for curve in (intervals.deviation, intervals.half_width):
        assert (np.diff(curve) >= 0).all()
    assert intervals.predict(5000.0) == (intervals.deviation[-1], intervals.half_width[-1])


def test_errors_that_shrink_with_the_distance_give_one_width():
    held = errors(3000, lambda distance: 20 - distance / 100)
    intervals = Intervals.fit(held)
    assert set(intervals.half_width) == {conformal_quantile(np.abs(held.error))}
    rms = np.sqrt(np.square(held.error).mean())
    assert intervals.deviation == pytest.approx(np.full(20, rms))


def test_few_errors_make_one_bin():
    held = HeldOut(np.arange(3), np.array([10.0, 20, 30]), np.array([3.0, -4, 0]))
    deviation, half_width = Intervals.fit(held).predict(np.array([0.0, 20, 99]))
    assert deviation == pytest.approx(np.full(3, np.sqrt(25 / 3)))
    assert half_width.tolist() == [4, 4, 4]


def test_the_scale_follows_neighbours_and_the_methods_own_deviation():
    """Errors as large as the geometric mean of both: the intervals find the factor."""
    random = np.random.default_rng(3)
    spread, own = random.uniform(0, 30, (2, 20_000))
    distance = random.uniform(0, 1000, 20_000)
    floor = 8.0  # about the median error; the fit takes its own
    error = random.normal(0, 0.7 * np.sqrt((spread + floor) * (own + floor)))
    intervals = Intervals.fit(HeldOut(np.arange(20_000), distance, error, spread, own))
    deviation, half_width = intervals.predict(distance, spread, own)
    assert half_width == pytest.approx(1.645 * deviation, rel=0.15)
    for wide in (spread > 20, spread < 10, own > 20, own < 10):
        assert (np.abs(error) <= half_width)[wide].mean() == pytest.approx(0.9, abs=0.015)


def test_errors_of_nothing_give_no_width():
    held = HeldOut(np.arange(30), np.arange(30.0), np.zeros(30), np.ones(30))
    assert np.allclose(Intervals.fit(held).predict(np.arange(5.0), np.ones(5)), 0)


def test_cross_coverage_of_exchangeable_errors_is_90_percent_in_every_class():
    held = errors(8000, lambda distance: 1 + distance / 50, seed=4)
    rows = cross_coverage(held, np.arange(8000) % 5)
    assert len(rows) == 9 and rows[-1]["count"] == 8000
    assert [row["count"] for row in rows[:-1]] == [1000] * 8
    assert rows[-1]["share"] == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 8000))
    for row in rows[:-1]:
        assert row["share"] == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 1000))
        assert row["from"] < row["to"]
    assert (np.diff([row["width"] for row in rows[:-1]]) > 0).all()


def test_cross_coverage_uses_no_error_of_the_group_that_it_checks():
    """One group's errors are ten times the others': by those it would be covered, it is not."""
    held = errors(4000, lambda distance: np.ones(len(distance)))
    group = np.arange(4000) % 4
    larger = HeldOut(held.index, held.distance, held.error * np.where(group == 0, 10, 1))
    (share,) = {row["share"] for row in cross_coverage(larger, group)[-1:]}
    inside = [(np.abs(larger.error[group == 0]) <= 1.645).mean(), 1, 1, 1]
    assert share == pytest.approx(np.mean(inside), abs=0.02)


def test_cross_coverage_needs_two_groups():
    assert cross_coverage(errors(50, np.ones_like), np.zeros(50, int)) == []


def test_surroundings_equal_a_search_by_hand():
    random = np.random.default_rng(5)
    xy, values, at = random.uniform(0, 5000, (60, 2)), random.normal(size=60), np.array([[9.0, 8]])
    distance, spread, density = Surroundings().fit(xy, values).describe(at)
    apart = np.hypot(*(xy - at).T)
    nearest = np.argsort(apart)[:8]
    assert distance == pytest.approx(apart.min())
    assert spread == pytest.approx(np.std(values[nearest]))
    assert density == pytest.approx(8 / (np.pi * (apart[nearest].max() / 1000) ** 2))
    assert Surroundings().fit(xy).describe(at)[1] is None


def test_fewer_than_eight_points_are_enough():
    two = Surroundings().fit(np.zeros((2, 2)), np.array([1.0, 3.0]))
    distance, spread, density = two.describe(np.ones((1, 2)))
    assert (distance[0], spread[0]) == (np.sqrt(2), 1)
    assert density[0] == pytest.approx(2e6 / (2 * np.pi))


def test_a_bundles_curve_comes_back():
    intervals = Intervals.fit(errors(500, lambda distance: 1 + distance / 100))
    again = Intervals.from_dict(intervals.to_dict())
    at = np.linspace(0, 2000, 9)
    assert np.array_equal(again.predict(at), intervals.predict(at))


def test_errors_of_several_folds_are_put_together():
    one, two = errors(4, np.ones_like, 1), errors(3, np.ones_like, 2)
    both = HeldOut.concatenate([one, two])
    assert len(both) == 7 and both.spread is None
    assert np.array_equal(both[np.arange(4, 7)].error, two.error)


def test_nearest_distance():
    known = np.array([[0.0, 0.0], [30.0, 40.0]])
    assert nearest_distance(known, np.array([[0.0, 3.0], [30.0, 0.0]])).tolist() == [3.0, 30.0]
