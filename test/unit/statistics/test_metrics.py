import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from subsidence_mapper.model.statistics.metrics import metrics


def test_metrics_equal_scikit_learn():
    random = np.random.default_rng(0)
    observed = random.normal(size=200)
    predicted = observed + random.normal(0.3, 0.5, 200)
    found = metrics(observed, predicted)
    assert found["COUNT"] == 200
    assert found["RMSE"] == pytest.approx(np.sqrt(mean_squared_error(observed, predicted)))
    assert found["MAE"] == pytest.approx(mean_absolute_error(observed, predicted))
    assert found["R2"] == pytest.approx(r2_score(observed, predicted))
    assert found["BIAS"] == pytest.approx((predicted - observed).mean())


def test_r2_of_equal_observations_is_none():
    assert metrics(np.ones(3), np.zeros(3))["R2"] is None
