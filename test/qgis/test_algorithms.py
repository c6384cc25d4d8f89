"""Every algorithm with real layers through the real worker, against what must come out."""

from __future__ import annotations

import json
import shutil
import zipfile

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
    QgsProperty,
    QgsRasterLayer,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms.values import read_numbers

SIZE, CELL, LEFT, TOP = 60, 50.0, 500_000.0, 3_600_000.0


@pytest.fixture
def region(write_raster, make_points):
    """A 3 km square whose ground sinks with the wells' pull on soft ground, -60 to 0 mm."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    wells = np.hypot(rows - 25, columns - 35).astype("float32")
    clay = (columns > SIZE // 2).astype("uint8") + 1
    sunk = -60 * np.exp(-((wells / 15) ** 2)) * np.where(clay == 2, 1, 0.4)
    generator = np.random.default_rng(0)
    at = generator.permutation(SIZE * SIZE)[:300]
    places = [(LEFT + CELL * (cell % SIZE + 0.5), TOP - CELL * (cell // SIZE + 0.5)) for cell in at]
    return {
        "truth": sunk,
        "places": np.array(places),
        "values": sunk.ravel()[at],
        "points": make_points(places, [float(value) for value in sunk.ravel()[at]]),
        "drivers": [
            write_raster("wells", wells, LEFT, TOP, CELL),
            write_raster("clay", clay, LEFT, TOP, CELL),
        ],
    }


def cells(path):
    return gdal.Open(path).ReadAsArray()


def test_idw_is_the_mean_weighted_by_inverse_distance(run, make_points, write_raster, tmp_path):
    generator = np.random.default_rng(1)
    xy = np.column_stack([LEFT + 900 * generator.random(40), TOP - 900 * generator.random(40)])
    values = generator.normal(-20, 10, 40)
    place = str(tmp_path / "idw.tif")
    run(
        "idw",
        PS_POINTS=make_points(xy.tolist(), values.tolist()),
        VALUE_FIELD="mm",
        REFERENCE=write_raster("reference", np.ones((10, 12)), LEFT, TOP, 90),
        POWER=3,
        NEIGHBOURS=40,
        SURFACE=place,
    )
    x = LEFT + 90 * (np.arange(12) + 0.5)
    y = TOP - 90 * (np.arange(10) + 0.5)
    distance = np.hypot(x[None, :, None] - xy[:, 0], y[:, None, None] - xy[:, 1])
    weights = distance**-3
    expected = (weights * values).sum(axis=2) / weights.sum(axis=2)
    assert np.allclose(cells(place), expected, atol=1e-4)
    raster = gdal.Open(place)
    assert raster.GetGeoTransform() == (LEFT, 90, 0, TOP, 0, -90)
    assert raster.GetRasterBand(1).GetDescription() == "displacement_mm"


def test_idw_knows_nothing_beyond_the_radius(run, make_points, tmp_path):
    place = str(tmp_path / "idw.tif")
    points = make_points([(LEFT, TOP), (LEFT + 1000, TOP)], [1.0, 3.0])
    options = {"VALUE_FIELD": "mm", "CELL_SIZE": 100, "RADIUS": 200, "SURFACE": place}
    run("idw", PS_POINTS=points, EXTENT="499000,502000,3599000,3601000 [EPSG:32639]", **options)
    got = cells(place)
    assert got.shape == (20, 30)
    assert np.isfinite(got).sum() == 24  # cells whose centre is within 200 m of one of two points
    assert set(np.unique(got[np.isfinite(got)])) == {1.0, 3.0}


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


def test_train_predict_and_map_of_a_part(run, region, feedback, tmp_path):
    given = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "DRIVERS": region["drivers"]}
    trained = run(
        "trainmodel",
        **given,
        PATCH_SIZE=22,
        EPOCHS=6,
        SEED=3,
        MODEL=str(tmp_path / "model.zip"),
        REPORT=str(tmp_path / "report.html"),
    )
    counts = [trained[f"{part}_COUNT"] for part in ("TRAIN", "VALIDATION", "TEST")]
    assert sum(counts) == 300 and counts[0] == 240
    assert 0 < trained["TRAIN_RMSE"] < region["values"].std()
    header = json.loads(zipfile.ZipFile(trained["MODEL"]).read("model.json"))
    assert header["drivers"] == [
        {"name": "wells", "kind": "continuous"},
        {"name": "clay", "kind": "categorical"},
    ]
    assert "mm" in (tmp_path / "report.html").read_text(encoding="utf-8")

    def predict(name, **options):
        options = {"DRIVERS": region["drivers"], **options}
        place = str(tmp_path / f"{name}.tif")
        return cells(
            run("predictsurface", MODEL=trained["MODEL"], SURFACE=place, **options)["SURFACE"]
        )

    whole = predict("whole", UNCERTAINTY=str(tmp_path / "uncertainty.tif"))
    assert whole.shape == (SIZE, SIZE)
    assert np.sqrt(((whole - region["truth"]) ** 2).mean()) < region["truth"].std()
    deviation, lower, upper = cells(str(tmp_path / "uncertainty.tif"))
    assert (deviation > 0).all() and (upper > lower).all()
    assert np.allclose((lower + upper) / 2, whole, atol=1e-3)
    # The order of the drivers does not matter; far enough from the cut, a part is as in the whole.
    area = "500010,502990,3597010,3598490 [EPSG:32639]"
    part = predict("part", EXTENT=area, DRIVERS=region["drivers"][::-1])
    assert part.shape == (30, 60)
    assert np.allclose(part[15:], whole[45:], atol=1e-3)

    wells, clay = region["drivers"]
    with pytest.raises(QgsProcessingException, match="missing: clay; not known .*: geology"):
        predict("renamed", DRIVERS=[wells, shutil.copy(clay, str(tmp_path / "geology.tif"))])
    assert not (tmp_path / "renamed.tif").exists()


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_model(run, region, tmp_path, content):
    (tmp_path / "model.zip").write_bytes(content)
    with pytest.raises(QgsProcessingException, match="model.zip is not a model of this plugin"):
        run(
            "predictsurface",
            MODEL=str(tmp_path / "model.zip"),
            DRIVERS=region["drivers"],
            SURFACE=str(tmp_path / "surface.tif"),
        )


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"METHOD": "magic"}, "METHOD .* was 'magic'; give one of auto, cnn, "),
        ({"SEED": -1}, "SEED .* was -1; give a whole number from 0 to"),
        ({"DRIVERS": ["/missing.tif"]}, "DRIVERS .*missing.tif.*not all of that can be opened"),
    ],
)
def test_values_that_are_refused_say_what_is_expected(run, region, tmp_path, given, message):
    parameters = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "SURFACE": "s.tif", **given}
    with pytest.raises(QgsProcessingException, match=message):
        run("mapsubsidence", **parameters)


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


@pytest.mark.parametrize(
    ("expression", "message"), [("10 * 3", None), ("0 / 1", "CELL_SIZE was computed as 0")]
)
def test_a_number_that_a_model_computes(run, region, tmp_path, expression, message):
    given = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "SURFACE": str(tmp_path / "s.tif")}
    given["CELL_SIZE"] = QgsProperty.fromExpression(expression)
    if message:
        with pytest.raises(QgsProcessingException, match=message):
            run("idw", **given)
    else:
        run("idw", **given)
        assert QgsRasterLayer(given["SURFACE"], "s").rasterUnitsPerPixelX() == 30


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("-50, 100", [-50, 100]), ("-50; 1e2;", [-50, 100]), (None, []), ("12.5", [12.5])],
)
def test_numbers_in_a_text(text, numbers):
    assert read_numbers(text) == numbers


@pytest.mark.parametrize("text", ["-50,5; -100", "nan", "1_0", "5 m", "inf"])
def test_texts_that_hold_something_else(text):
    with pytest.raises(ValueError):
        read_numbers(text)
