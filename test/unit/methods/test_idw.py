import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.base import sentences
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.points import Points

SQUARE = Points(np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]]), np.array([1.0, -2.0, 3.0, 6.0]))


def test_exact_at_its_points_and_keeps_signs():
    found = make("idw").fit(SQUARE).predict(SQUARE.xy)
    predicted, deviation = found.mean, found.deviation
    assert predicted.tolist() == SQUARE.values.tolist()
    assert deviation is None


def test_closed_form_at_the_centre_and_on_an_edge():
    idw = make("idw", power=2).fit(SQUARE)
    assert idw.predict(np.array([[5.0, 5.0]])).mean[0] == pytest.approx(2.0)
    weights = 1 / np.array([4.0, 64.0, 104.0, 164.0])
    expected = (weights * SQUARE.values).sum() / weights.sum()
    assert idw.predict(np.array([[2.0, 0.0]])).mean[0] == pytest.approx(expected)


def test_equals_the_full_sum_on_random_points():
    random = np.random.default_rng(0)
    points = Points(random.uniform(0, 1000, (50, 2)), random.normal(size=50))
    targets = random.uniform(0, 1000, (40, 2))
    distance = np.linalg.norm(targets[:, None] - points.xy[None], axis=2)
    weights = distance**-3.0
    expected = (weights * points.values).sum(1) / weights.sum(1)
    predicted = make("idw", power=3, neighbours=50).fit(points).predict(targets).mean
    assert np.allclose(predicted, expected, rtol=1e-12)


def test_beyond_the_radius_there_is_no_value():
    idw = make("idw", radius=4.0).fit(SQUARE)
    targets = np.array([[1.0, 0.0], [5.0, 5.0]])
    found = idw.predict(targets)
    assert found.mean[0] == 1.0
    assert np.isnan(found.mean[1])
    (note,) = sentences(found.notes)
    assert note.startswith("1 cells or points have no measurement within the radius of 4 m")
    assert not sentences(make("idw", radius=40.0).fit(SQUARE).predict(targets).notes)


def test_duplicate_points_are_averaged():
    points = Points(np.array([[0.0, 0], [0, 0], [9, 9]]), np.array([2.0, 4.0, 100.0]))
    assert make("idw").fit(points).predict(np.array([[0.0, 0.0]])).mean.tolist() == [3.0]


def test_more_duplicates_than_neighbours_neither_hide_points_nor_lose_values():
    crowd = Points(np.r_[np.zeros((30, 2)), [[3.0, 0.0]]], np.r_[np.arange(30.0), 100.0])
    predicted = (
        make("idw", neighbours=2).fit(crowd).predict(np.array([[0.0, 0.0], [1.5, 0.0]])).mean
    )
    assert predicted.tolist() == [14.5, (14.5 + 100) / 2]


def test_one_point_gives_its_value_everywhere():
    point = Points(np.array([[0.0, 0.0]]), np.array([-7.0]))
    assert make("idw").fit(point).predict(np.array([[50.0, 80.0]])).mean.tolist() == [-7.0]


def test_unknown_methods_are_refused():
    with pytest.raises(InputError, match="Known methods: .*cnn, .*idw"):
        make("magic")
