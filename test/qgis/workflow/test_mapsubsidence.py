"""`mapsubsidence` with real layers, alone and in a model."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterFeatureSource,
    QgsVectorLayer,
)
from subsidence_mapper.test.results import cells

CELL, LEFT, TOP = 50.0, 500_000.0, 3_600_000.0


def test_map_by_idw_without_drivers(run, region, tmp_path):
    results = run(
        "mapsubsidence",
        PS_POINTS=region["points"],
        VALUE_FIELD="mm",
        METHOD="idw",
        CELL_SIZE=CELL,
        BLOCK_SIZE=600,
        SURFACE=str(tmp_path / "surface.tif"),
        UNCERTAINTY=str(tmp_path / "uncertainty.tif"),
        TRUST=str(tmp_path / "trust.tif"),
        ERROR_POINTS=str(tmp_path / "points.gpkg"),
        REPORT=str(tmp_path / "report.html"),
        MODEL=str(tmp_path / "model.zip"),
    )
    assert "MODEL" not in results and not (tmp_path / "model.zip").exists()
    assert 0 < results["RMSE"] < region["values"].std()
    assert 0 < results["BLOCK_RMSE"] < 2 * region["values"].std()
    assert QgsVectorLayer(results["ERROR_POINTS"]).featureCount() == 300
    within = (cells(results["UNCERTAINTY"])[1] <= cells(results["SURFACE"])).mean()
    assert within == 1 and set(np.unique(cells(results["TRUST"])[0])) <= {1, 2, 3, 4}
    surface = gdal.Open(results["SURFACE"])
    left, cell, _, top, _, _ = surface.GetGeoTransform()
    column, row = ((region["places"][0] - [left, top]) / [cell, -cell]).astype(int)
    assert surface.ReadAsArray()[row, column] == pytest.approx(region["values"][0], abs=1)


def test_the_network_needs_drivers(run, region, tmp_path):
    with pytest.raises(QgsProcessingException, match="METHOD cnn learns from .*DRIVERS is empty"):
        run(
            "mapsubsidence",
            PS_POINTS=region["points"],
            VALUE_FIELD="mm",
            METHOD="cnn",
            SURFACE=str(tmp_path / "surface.tif"),
        )


def test_an_empty_layer(run, make_points, tmp_path):
    with pytest.raises(QgsProcessingException, match="The layer ps has no features"):
        run("idw", PS_POINTS=make_points([], []), VALUE_FIELD="mm", SURFACE=str(tmp_path / "s.tif"))


def test_positions_that_are_not_on_earth(run, make_points, feedback, tmp_path):
    points = make_points([(51, 32), (51.001, 32.001), (51, 1e9)], [1.0, 2.0, 3.0], "EPSG:4326")
    run("idw", PS_POINTS=points, VALUE_FIELD="mm", SURFACE=str(tmp_path / "s.tif"))
    assert any("cannot be brought from EPSG:4326" in text for text in feedback.warnings)


def test_drivers_that_are_not_on_earth(run, region, write_raster, tmp_path):
    with pytest.raises(QgsProcessingException, match="Check that each layer has the right CRS"):
        run(
            "mapsubsidence",
            PS_POINTS=region["points"],
            VALUE_FIELD="mm",
            DRIVERS=[write_raster("metres", np.ones((9, 9)), LEFT, TOP, 50, 4326)],
            SURFACE=str(tmp_path / "s.tif"),
        )


def test_a_chain_in_the_modeler(region, feedback, tmp_path):
    model = QgsProcessingModelAlgorithm("chain", "tests")
    model.addModelParameter(
        QgsProcessingParameterFeatureSource("PS", "PS"), QgsProcessingModelParameter("PS")
    )
    source = QgsProcessingModelChildParameterSource
    points = {
        "PS_POINTS": [source.fromModelParameter("PS")],
        "VALUE_FIELD": [source.fromStaticValue("mm")],
    }
    idw = QgsProcessingModelChildAlgorithm("subsidence:idw")
    idw.setChildId("idw")
    for name, value in points.items():
        idw.addParameterSources(name, value)
    idw.addParameterSources("CELL_SIZE", [source.fromStaticValue(CELL)])
    model.addChildAlgorithm(idw)
    error = QgsProcessingModelChildAlgorithm("subsidence:errormap")
    error.setChildId("error")
    for name, value in points.items():
        error.addParameterSources(name, value)
    error.addParameterSources("SURFACE", [source.fromChildOutput("idw", "SURFACE")])
    output = QgsProcessingModelOutput("POINTS", "POINTS")
    output.setChildId("error")
    output.setChildOutputName("ERROR_POINTS")
    error.setModelOutputs({"POINTS": output})
    model.addChildAlgorithm(error)
    model.initAlgorithm()
    place = str(tmp_path / "points.gpkg")
    parameters = {"PS": region["points"], "error:POINTS": place}
    results, fine = model.run(parameters, QgsProcessingContext(), feedback)
    assert fine
    layer = QgsVectorLayer(place)
    assert layer.featureCount() == 300
    assert np.abs([feature["error"] for feature in layer.getFeatures()]).mean() < 1


@pytest.mark.parametrize(
    "extent",
    [
        "nan,nan,nan,nan [EPSG:32639]",
        "500000,501000,3600000,inf [EPSG:32639]",
        "500000,500000,3600000,3600000 [EPSG:32639]",
        "501000,500000,3600000,3599000 [EPSG:999999]",
        "500000,501000,3599000,3600000 [EPSG:999999]",
        "500000,501000",
        "everywhere",
    ],
)
def test_an_extent_that_is_no_area(run, region, tmp_path, extent):
    with pytest.raises(QgsProcessingException, match="EXTENT .*was .*"):
        run(
            "idw",
            PS_POINTS=region["points"],
            VALUE_FIELD="mm",
            EXTENT=extent,
            SURFACE=str(tmp_path / "s.tif"),
        )
