import numpy as np
import pytest
from subsidence_mapper.model.geostatistics.neighbours import Neighbours
from subsidence_mapper.model.machine.cache import SHARED, Cache
from subsidence_mapper.model.methods import features
from subsidence_mapper.model.methods.catalogue import make


def counted(monkeypatch, owner, name):
    calls, work = [], getattr(owner, name)

    def noted(*given, **more):
        calls.append(given)
        return work(*given, **more)

    monkeypatch.setattr(owner, name, noted)
    return calls


def test_the_same_is_worked_out_once():
    calls, once = [], Cache(1e6).get

    def total(a, b, power):
        calls.append(power)
        return a**power + b

    a, b = np.arange(6.0), np.ones(6)
    first = once(total, a, b, 2)
    assert first.tolist() == [1, 2, 5, 10, 17, 26]
    assert once(total, a.copy(), b.copy(), 2) is first
    assert calls == [2]
    for other in ((a, b, 3), (a + 1, b, 2), (a.astype(np.float32), b, 2), (a[:, None], b, 2)):
        assert np.array_equal(once(total, *other), other[0] ** other[2] + b)
    assert len(calls) == 5
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 7


def test_what_was_not_asked_for_long_is_forgotten():
    calls, cache = [], Cache(3 * 80)

    def work(number):
        calls.append(number)
        return np.full(10, number)

    for number in (1, 2, 3, 1, 4, 1, 2):
        assert cache.get(work, number).tolist() == [number] * 10
    assert calls == [1, 2, 3, 4, 2]
    assert cache.nbytes == 3 * 80
    nothing = Cache(0)
    assert nothing.get(work, 5)[0] == 5 and nothing.nbytes == 0


def test_methods_share_the_neighbours_of_a_fold_and_the_drivers_means(points, stack, monkeypatch):
    SHARED.clear()
    found = counted(monkeypatch, Neighbours, "find")
    gathered = counted(monkeypatch, type(stack), "patches")
    known, order = points[np.arange(100)], np.random.default_rng(0).permutation(120)
    make("kriging").fit(known).predict(points.xy)
    calls = len(found)
    assert calls == 2
    for trend in ("linear", "forest"):
        method = make("regressionkriging", trend=trend).fit(known, stack)
        predicted = method.predict(points.xy, stack).mean
        assert np.allclose(method.predict(points.xy[order], stack).mean, predicted[order])
        assert len(found) == 3 and len(gathered) == 3 * len(features.SIZES)


def test_no_positions_have_no_values(points):
    found = make("kriging").fit(points).predict(np.empty((0, 2)))
    mean, deviation = found.mean, found.deviation
    assert mean.shape == deviation.shape == (0,)
