"""All methods on the same folds, no test label ever seen, no failure hidden."""

from dataclasses import replace

import numpy as np
import pytest
from subsidence_mapper.model.machine.memory import PeakMemory
from subsidence_mapper.model.methods.base import Method, Prediction
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.points import Points, concatenate
from subsidence_mapper.model.statistics.metrics import metrics
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation.comparison import compare_methods
from subsidence_mapper.model.validation.tuning import Tuned
from subsidence_mapper.test.examples import RecordingMonitor

LEFT, TOP = 500_000.0, 3_600_000.0


@pytest.fixture
def smooth(grid):
    """400 points on a smooth bowl with a little noise."""
    random = np.random.default_rng(3)
    xy = random.uniform([LEFT, TOP - 1800], [LEFT + 2100, TOP], (400, 2))
    far = np.linalg.norm(xy - [LEFT + 1000, TOP - 900], axis=1)
    return Points(xy, -60 * np.exp(-((far / 500) ** 2)) + random.normal(0, 0.5, 400))


class Mean(Method):
    """Remembers what it was given."""

    name, title = "mean", "Mean"
    seen: list = []

    def _fit(self, points, stack, validation, monitor):
        self.points_ = points, validation
        self.seen.append(self.points_)
        self.mean_ = concatenate(points, validation).values.mean()

    def _predict(self, target, stack):
        return Prediction(np.full(len(target), self.mean_))


class Other(Mean):
    """Another one."""

    name = "other"


class Broken(Mean):
    """Fails on the fold that tests the first point."""

    name, title, first = "broken", "Broken", None

    def _fit(self, points, stack, validation, monitor):
        if not (concatenate(points, validation).xy == self.first).all(axis=1).any():
            raise np.linalg.LinAlgError("singular matrix")
        super()._fit(points, stack, validation, monitor)


def all_folds(points, grid, names=("random", "kfold", "block")):
    return [make_folds(name, points, grid, 5, 0, 400.0) for name in names]


METHODS = [make("idw"), Mean()]


def test_every_point_is_predicted_by_the_fold_that_tests_it(grid, smooth):
    (folds,) = all_folds(smooth, grid, ["kfold"])
    (board,) = compare_methods(METHODS, smooth, None, [folds])
    idw = next(score for score in board.scores if score.name == "idw")
    for split in folds.splits:
        known = np.concatenate([split.train, split.validation])
        expected = make("idw").fit(smooth[known]).predict(smooth.xy[split.test]).mean
        assert np.allclose(idw.predicted[split.test], expected)
    assert idw.test == metrics(smooth.values, idw.predicted)
    assert idw.train["RMSE"] == 0 and idw.train["COUNT"] == sum(len(s.train) for s in folds.splits)
    assert idw.seconds > 0 and not idw.failures and idw.fitted is None


def test_the_better_method_comes_first_and_the_difference_is_tested(grid, smooth):
    for board in compare_methods(METHODS, smooth, None, all_folds(smooth, grid)):
        first, second = board.scores
        assert (first.name, second.name) == ("idw", "mean")
        assert first.test["RMSE"] < 0.5 * second.test["RMSE"]
        test = board.test_of(second, first)
        squares = np.square(first.test["RMSE"]) - np.square(second.test["RMSE"])
        assert test.difference == pytest.approx(squares)
        tested = board.folds.fold_of_point >= 0
        assert np.array_equal(np.isfinite(board.distance), tested)


def test_all_methods_see_the_same_folds(grid, smooth):
    Mean.seen = []
    folds = all_folds(smooth, grid, ["kfold"])
    compare_methods([Mean(), Other()], smooth, None, folds)
    assert len(Mean.seen) == 10
    for one, other in zip(Mean.seen[:5], Mean.seen[5:]):
        assert np.array_equal(one[0].xy, other[0].xy)
        assert np.array_equal(one[1].xy, other[1].xy)


@pytest.mark.parametrize("kind", ["random", "kfold", "block"])
def test_shuffled_test_labels_change_no_prediction(grid, smooth, kind):
    random = np.random.default_rng(0)
    (folds,) = all_folds(smooth, grid, [kind])
    for split in folds.splits:
        single = replace(folds, splits=[split])
        values = smooth.values.copy()
        values[split.test] = random.permutation(values[split.test]) + 1000
        shuffled = Points(smooth.xy, values)
        before, after = (
            {
                s.name: s.predicted[split.test]
                for s in compare_methods(METHODS, p, None, [single])[0].scores
            }
            for p in (smooth, shuffled)
        )
        assert before.keys() == after.keys() == {"idw", "mean"}
        for name in before:
            assert np.array_equal(before[name], after[name])


def test_coordinates_of_other_points_explain_nothing(grid, smooth):
    """The flaw in the published baselines: values paired with the places of other points."""
    shuffled = Points(np.random.default_rng(0).permutation(smooth.xy), smooth.values)
    for points, low, high in ((smooth, 0.9, 1.0), (shuffled, -0.6, 0.1)):
        for board in compare_methods(
            [make("idw")], points, None, all_folds(points, grid, ["kfold"])
        ):
            assert low < board.scores[0].test["R2"] < high


def test_a_method_that_fails_is_named_and_comes_last(grid, smooth):
    Broken.first = smooth.xy[0]
    watch = RecordingMonitor()
    methods = [Broken(), *METHODS]
    (board,) = compare_methods(methods, smooth, None, all_folds(smooth, grid, ["kfold"]), 0, watch)
    broken = board.scores[-1]
    fold = board.folds.fold_of_point[0]
    assert broken.name == "broken" and not broken.is_complete
    assert broken.failures == [f"fold {fold + 1} of 5: LinAlgError: singular matrix"]
    assert np.array_equal(np.isnan(broken.predicted), board.folds.fold_of_point == fold)
    assert [level for level, text in watch.lines if "Broken, 5 random folds: failed" in text] == [
        "warning"
    ]
    assert {score.test["COUNT"] for score in board.scores[:2]} == {400}


def test_a_method_that_always_fails_has_no_figures(grid, smooth):
    class Fail(Mean):
        name = "fail"

        def _fit(self, *_):
            raise ZeroDivisionError

    (board,) = compare_methods([Fail(), *METHODS], smooth, None, all_folds(smooth, grid, ["kfold"]))
    last = board.scores[-1]
    assert last.name == "fail" and last.test is None and last.train is None
    assert len(last.failures) == 5 and len(board.tests) == 1


def test_a_known_fold_is_not_run_again(grid, smooth):
    kfold = all_folds(smooth, grid, ["kfold"])
    first = [replace(kfold[0], splits=kfold[0].splits[:2])]
    known: dict = {}
    compare_methods([Mean()], smooth, None, first, known=known)
    Mean.seen.clear()
    (board,) = compare_methods([Mean()], smooth, None, kfold, known=known)
    assert len(Mean.seen) == len(kfold[0].splits) - 2
    (anew,) = compare_methods([Mean()], smooth, None, kfold)
    np.testing.assert_array_equal(board.scores[0].predicted, anew.scores[0].predicted)


def test_tuning_sees_no_test_label_and_suits_the_split(grid, smooth):
    (folds,) = all_folds(smooth, grid, ["block"])
    split = folds.splits[0]
    single = replace(folds, splits=[split])
    values = smooth.values.copy()
    values[split.test] = np.random.default_rng(0).permutation(values[split.test]) + 1000
    before, after = (
        compare_methods([Tuned(make("idw"), grid)], points, None, [single])[0].scores[0]
        for points in (smooth, Points(smooth.xy, values))
    )
    assert np.array_equal(before.predicted[split.test], after.predicted[split.test])
    assert before.title == "IDW" and before.tuned.startswith("power ")
    assert before.tuned.endswith("the least of 12 trials")


def test_progress_only_goes_forward(grid, smooth):
    watch = RecordingMonitor()
    compare_methods(METHODS, smooth, None, all_folds(smooth, grid), 0, watch)
    assert watch.fractions == sorted(watch.fractions)
    assert watch.fractions[-1] == pytest.approx(1)
    assert len(watch.fractions) > 20


def test_peak_memory_is_that_of_the_stretch():
    def taken(megabytes):
        memory = PeakMemory()
        np.ones(megabytes * 2**17)
        return memory.more_than(None)

    if taken(1) is None:
        pytest.skip("only Linux tells")
    assert taken(200) == pytest.approx(200, abs=30)
    assert taken(50) == pytest.approx(50, abs=30)
    assert PeakMemory().more_than(70.0) == 70.0


def test_concordance_by_its_definition():
    random = np.random.default_rng(0)
    observed = random.normal(3, 2, 300)
    predicted = 0.7 * observed + random.normal(1, 0.5, 300)
    covariance = np.cov(observed, predicted, bias=True)
    expected = (
        2 * covariance[0, 1] / (covariance.trace() + (observed.mean() - predicted.mean()) ** 2)
    )
    assert metrics(observed, predicted)["CCC"] == pytest.approx(expected)
    assert metrics(observed, observed)["CCC"] == 1
    assert metrics(observed, observed - 4)["CCC"] < 0.6
    assert metrics(np.ones(3), np.ones(3))["CCC"] is None
