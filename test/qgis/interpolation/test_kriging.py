"""Kriging with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.results import cells

LEFT, TOP, CELL, SIZE = 500_000.0, 3_600_000.0, 50.0, 30


@pytest.fixture
def given(make_points, write_raster, tmp_path):
    """Points on cell centres of a smooth surface; the raster is a driver that explains it."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    truth = -30 * np.exp(-np.hypot(rows - 12, columns - 18) / 10)
    at = np.random.default_rng(0).permutation(SIZE**2)[:120]
    places = [(LEFT + CELL * (i % SIZE + 0.5), TOP - CELL * (i // SIZE + 0.5)) for i in at]
    return {
        "truth": truth,
        "at": at,
        "driver": write_raster("pull", truth.astype("float32") * 2 + 7, LEFT, TOP, CELL),
        "parameters": {
            "PS_POINTS": make_points(places, truth.ravel()[at].tolist()),
            "VALUE_FIELD": "mm",
            "SURFACE": str(tmp_path / "surface.tif"),
            "STANDARD_DEVIATION": str(tmp_path / "deviation.tif"),
            "REPORT": str(tmp_path / "report.html"),
        },
    }


def test_ordinary_kriging(run, given, feedback):
    results = run(
        "kriging", **given["parameters"], REFERENCE=given["driver"], VARIOGRAM="exponential"
    )
    surface, deviation = cells(results["SURFACE"]), cells(results["STANDARD_DEVIATION"])
    assert surface.shape == deviation.shape == (SIZE, SIZE)
    assert np.sqrt(np.square(surface - given["truth"]).mean()) < 1.0
    exact = given["truth"].ravel()[given["at"]]
    assert np.allclose(surface.ravel()[given["at"]], exact, atol=0.5)
    others = np.delete(deviation.ravel(), given["at"])
    assert deviation.ravel()[given["at"]].max() < others.mean()
    report = open(results["REPORT"], encoding="utf-8").read()
    assert "The model: nugget" in report and report.count("data:image/png") == 2
    assert any("Variogram: nugget" in line for line in feedback.infos)


def test_an_uncertain_point_is_passed_by(run, given, make_points, feedback):
    parameters = given["parameters"]
    values = given["truth"].ravel()[given["at"]].copy()
    values[7] += 40  # a bad measurement
    places = [(f.geometry().asPoint().x(), f.geometry().asPoint().y()) for f in features(given)]
    layer = make_points(places, values.tolist(), field="mm:double&field=sd:double")
    parameters = {**parameters, "PS_POINTS": layer, "VARIOGRAM": "exponential"}
    with pytest.raises(QgsProcessingException, match="sd holds no standard deviation"):
        run("kriging", ERROR_FIELD="sd", **parameters)
    errors = {f.id(): {1: 30.0 if i == 7 else 0.01} for i, f in enumerate(layer.getFeatures()) if i}
    assert layer.dataProvider().changeAttributeValues(errors)
    run("kriging", ERROR_FIELD="sd", **parameters)
    at_point = gdal.Open(parameters["SURFACE"]).ReadAsArray().ravel()[given["at"][7]]
    truth = given["truth"].ravel()[given["at"][7]]
    assert abs(at_point - truth) < 5 < abs(values[7] - truth)
    assert any("without a standard deviation in sd: 1." in text for text in feedback.warnings)


def features(given):
    return given["parameters"]["PS_POINTS"].getFeatures()


def test_regression_kriging(run, given, feedback):
    options = {"DRIVERS": [given["driver"]], "TREND": "linear", "UNIT": "mm/yr"}
    results = run("regressionkriging", **given["parameters"], **options)
    raster = gdal.Open(results["STANDARD_DEVIATION"])
    assert raster.GetRasterBand(1).GetDescription() == "standard_deviation_mm_per_yr"
    surface = cells(results["SURFACE"])
    plain = run("kriging", **given["parameters"], REFERENCE=given["driver"])
    error = [
        np.sqrt(np.square(each - given["truth"]).mean())
        for each in (surface, cells(plain["SURFACE"]))
    ]
    assert error[0] < 0.8
    assert any("The trend explains" in line for line in feedback.infos)


def test_what_is_refused(run, given):
    with pytest.raises(QgsProcessingException, match="VARIOGRAM .* was 'cubic'; give one of auto"):
        run("kriging", **given["parameters"], VARIOGRAM="cubic")
    with pytest.raises(
        QgsProcessingException, match="RATIO .* was 0; give a number from 0.01 to 1"
    ):
        run("kriging", **given["parameters"], RATIO=0)
