"""What a map rests on, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from scipy.spatial.distance import cdist
from subsidence_mapper.model.maps.trust import TRUST, write_trust
from subsidence_mapper.model.statistics.applicability import (
    Applicability,
    Hull,
    TrustDistances,
    classify,
)
from subsidence_mapper.model.statistics.conformal import Surroundings


def test_trust_bands(drivers, points, tmp_path):
    drivers.valid[10:13, 20:23] = False
    folds = np.arange(120) % 5
    channels = drivers.values[drivers.grid.cells(points.xy)]
    found = Applicability().fit(channels, np.array([1.0, 1, 1, 0, 0, 0]), folds)
    given = (
        drivers.grid,
        drivers,
        Surroundings().fit(points.xy, points.values),
        TrustDistances(60, 150, 400),
    )
    shares = write_trust(*given, Hull().fit(points.xy), found, 5, tmp_path / "trust.tif")
    with rasterio.open(tmp_path / "trust.tif") as raster:
        assert raster.descriptions == tuple(TRUST)
        bands = dict(zip(TRUST, raster.read().astype(float)))
    at = drivers.grid.window.xy()
    distance = cdist(at, points.xy).min(axis=1)
    assert bands["distance_to_ps_m"].ravel() == pytest.approx(distance, rel=1e-5)
    index = found.dissimilarity(drivers.values.reshape(-1, 6))
    assert bands["dissimilarity_index"].ravel() == pytest.approx(index, rel=1e-5)
    inside = index <= found.threshold_
    assert np.array_equal(bands["inside_area_of_applicability"].ravel(), inside)
    classes = classify(
        TrustDistances(60, 150, 400), distance, Hull().fit(points.xy).contains(at), inside
    )
    assert np.array_equal(bands["trust_class"].ravel(), classes)
    assert len(set(classes)) >= 3
    assert bands["filled_driver_share"][11, 21] == pytest.approx(9 / 25)
    assert shares == {code: pytest.approx((classes == code).mean()) for code in (1, 2, 3, 4)}
    write_trust(
        drivers.grid, None, *given[2:], Hull().fit(points.xy), None, 1, tmp_path / "bare.tif"
    )
    with rasterio.open(tmp_path / "bare.tif") as raster:
        assert np.isnan(raster.read([2, 3])).all()
        bare = classify(
            TrustDistances(60, 150, 400),
            distance,
            Hull().fit(points.xy).contains(at),
            np.ones(len(at), bool),
        )
        assert np.array_equal(raster.read(1).ravel(), bare)
