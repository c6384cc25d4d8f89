import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.catalogue import CATALOGUE, make
from subsidence_mapper.model.methods.idw import IDW
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.validation.tuning import Tuned, tune


@pytest.fixture
def smooth(grid):
    random = np.random.default_rng(4)
    xy = random.uniform([500_000, 3_598_200], [502_100, 3_600_000], (300, 2))
    return Points(xy, 30 * np.sin(xy[:, 0] / 300) * np.cos(xy[:, 1] / 300))


def chosen(tuning):
    """What was chosen of what was tried."""
    parameters = tuning.method.get_params()
    return {name: parameters[name] for name in tuning.tried[0]}


@pytest.mark.parametrize(
    ("split", "size"), [("random", 0), ("kfold", 0), ("block", 300), ("knndm", 0)]
)
def test_the_chosen_parameters_are_the_best_by_folds_made_here(grid, smooth, split, size):
    targets = grid.window.xy()
    tuning = tune(make("idw"), smooth, grid, split, size, targets, seed=3)
    kind = "kfold" if split == "random" else split
    folds = make_folds(kind, smooth, grid, 5, 3, size, targets).splits

    def error(parameters):
        squares = []
        for fold in folds:
            known = np.concatenate([fold.train, fold.validation])
            method = IDW(**parameters).fit(smooth[known])
            difference = method.predict(smooth.xy[fold.test]).mean - smooth.values[fold.test]
            squares.extend(difference**2)
        return np.sqrt(np.mean(squares))

    assert len(tuning.tried) == 12
    assert tuning.rmse == pytest.approx([error(parameters) for parameters in tuning.tried])
    assert chosen(tuning) == tuning.tried[np.argmin(tuning.rmse)]


def test_a_smooth_surface_and_pure_noise_want_different_parameters(grid, smooth):
    noise = Points(smooth.xy, np.random.default_rng(0).normal(size=len(smooth)))
    assert tune(make("rbf"), smooth, grid).method.smoothing == 0
    assert tune(make("rbf"), noise, grid).method.smoothing == 1
    assert chosen(tune(make("idw"), noise, grid)) == {"power": 1, "neighbours": 32}
    assert tune(make("idw"), smooth, grid).method.power > 1
    assert tune(make("movingleastsquares"), smooth, grid).method.degree == 2
    assert chosen(tune(make("movingleastsquares"), noise, grid)) == {"degree": 1, "neighbours": 50}


def test_the_same_seed_gives_the_same_choice(grid, smooth):
    first, again = (tune(make("idw"), smooth, grid, seed=1) for _ in range(2))
    assert first.rmse == again.rmse and chosen(first) == chosen(again)
    assert first.rmse != tune(make("idw"), smooth, grid, seed=2).rmse


def test_parameters_that_are_not_tuned_stay(grid, smooth):
    tuning = tune(make("idw", radius=150.0), smooth, grid)
    assert tuning.method.radius == 150.0
    assert [set(each) for each in tuning.tried] == 12 * [{"power", "neighbours"}]


def test_what_has_nothing_to_tune_is_left_as_it_is(grid, smooth):
    tuning = tune(make("kriging", neighbours=9), smooth, grid)
    assert tuning.method.neighbours == 9
    assert tuning.rmse == [] and str(tuning) == "nothing to tune"


def test_it_says_what_was_chosen(grid, smooth):
    tuning = tune(make("idw"), smooth, grid)
    power, neighbours = tuning.method.power, tuning.method.neighbours
    assert str(tuning) == (
        f"power {power}, neighbours {neighbours}; inner RMSE {min(tuning.rmse):.2f}, "
        "the least of 12 trials"
    )


def test_forests_are_tuned_on_drivers(grid, stack, points):
    tuning = tune(make("forest", trees=10), points, grid, stack=stack)
    assert tuning.method.trees == 10
    assert min(tuning.rmse) < points.values.std()


def test_too_few_points_or_blocks_are_refused(grid, smooth):
    with pytest.raises(InputError, match="19 points are too few"):
        tune(make("idw"), smooth[np.arange(19)], grid)
    with pytest.raises(InputError, match="block"):
        tune(make("idw"), smooth, grid, "block", 5000.0)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_grids_hold_parameters_of_their_methods(name):
    grid = make(name).GRID
    for key, values in grid.items():
        assert hasattr(make(name), key)
        for value in values:
            assert getattr(make(name, **{key: value}), key) == value


def test_a_tuned_method_keeps_its_seed(grid, stack, points):
    tuned = Tuned(make("forest", trees=5, seed=3), grid).fit(points, stack)
    assert tuned.method_.seed == 3 and tuned.uses_drivers_
    assert tuned.tuned == str(tuned.tuning_) and "the least of 4 trials" in tuned.tuned
