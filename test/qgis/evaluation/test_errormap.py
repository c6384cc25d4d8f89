"""`errormap` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsVectorLayer
from subsidence_mapper.test.results import cells

LEFT, TOP = 500_000.0, 3_600_000.0


def test_error_map(run, write_raster, make_points, tmp_path):
    surface = np.full((10, 10), -10, "float32")
    surface[:, 5:] = np.nan
    places = [(LEFT + 45, TOP - 45), (LEFT + 75, TOP - 75), (LEFT + 105, TOP - 15)]
    results = run(
        "errormap",
        SURFACE=write_raster("surface", surface, nodata=float("nan")),
        PS_POINTS=make_points([*places, (LEFT + 285, TOP - 15)], [-12.0, -7.0, -10.0, 99.0]),
        VALUE_FIELD="mm",
        ERROR_POINTS=str(tmp_path / "points.gpkg"),
        ERROR_SURFACE=str(tmp_path / "error.tif"),
    )
    error = np.array([2.0, -3.0, 0.0])
    observed = np.array([-12.0, -7.0, -10.0])
    assert results["COUNT"] == 3
    assert results["RMSE"] == pytest.approx(np.sqrt((error**2).mean()))
    assert results["MAE"] == pytest.approx(5 / 3)
    assert results["BIAS"] == pytest.approx(-1 / 3)
    spread = ((observed - observed.mean()) ** 2).sum()
    assert results["R2"] == pytest.approx(1 - (error**2).sum() / spread)
    layer = QgsVectorLayer(results["ERROR_POINTS"])
    fields = ["observed", "predicted", "error", "absolute_error"]
    rows = [tuple(feature[field] for field in fields) for feature in layer.getFeatures()]
    assert rows == [(-12, -10, 2, 2), (-7, -10, -3, 3), (-10, -10, 0, 0)]
    between = cells(results["ERROR_SURFACE"])
    assert between.shape == (10, 10)
    assert (between[1, 1], between[2, 2], between[0, 3]) == pytest.approx((2, -3, 0), abs=0.01)
