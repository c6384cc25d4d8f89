"""importpspoints with layers and files, through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
)

STANDARD = [
    "fid",
    "ps_id",
    "velocity_mm_yr",
    "displacement_mm",
    "coherence",
    "amplitude_dispersion",
    "height_m",
    "velocity_std",
]


TABLE = (
    "CODE;LON;LAT;VEL;V_STDEV;COHERENCE;D20200101;D20210101\n"
    "a;51,5;32,5;-10;1;0,9;0;-10\n"
    "b;51,6;32,6;4;1;0,8;0;4\n"
    "c;;32,6;4;1;0,8;0;4\n"
)


@pytest.fixture
def load(run, tmp_path):
    """Import; gives the results, the new layer, and its features' values of a field."""

    def load(**parameters):
        results = run(
            "importpspoints", **{"PS_POINTS": str(tmp_path / "imported.gpkg"), **parameters}
        )
        return results, QgsVectorLayer(results["PS_POINTS"], "imported")

    yield load
    QgsProject.instance().removeAllMapLayers()


def values(layer, field):
    return [feature[field] for feature in layer.getFeatures()]


def test_a_file(load, feedback, tmp_path):
    (tmp_path / "tre.csv").write_text(TABLE)
    results, layer = load(FILE=str(tmp_path / "tre.csv"))
    assert (results["COUNT"], results["DATES"]) == (2, 2)
    fields = layer.fields().names()
    assert fields == [*STANDARD, "D20200101", "D20210101"]
    assert layer.crs().authid() == "EPSG:4326"
    assert values(layer, "velocity_mm_yr") == [-10, 4]
    assert values(layer, "displacement_mm") == [-10, 4]
    feature = next(layer.getFeatures())
    assert feature["ps_id"] == "a" and not feature["height_m"]
    assert feature.geometry().asPoint().x() == 51.5
    assert "Skipped, no position: 1." in feedback.warnings
    assert any("TRE ALTAMIRA, recognised by code, vel" in line for line in feedback.infos)


@pytest.fixture
def memory_layer():
    layer = QgsVectorLayer(
        "MultiPoint?crs=EPSG:32639&field=rate:double&field=cosU:double", "ps", "memory"
    )
    features = []
    for i, rate in enumerate([-1.0, -2.0, 3.0]):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(f"MultiPoint(({i} 4000000), ({i} 4000010))"))
        feature.setAttributes([rate, 0.5])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    return layer


def test_a_layer_in_memory_with_columns_units_sign_and_projection(load, memory_layer):
    results, layer = load(
        LAYER=memory_layer,
        COLUMNS="velocity=rate; los_up=cosU",
        VELOCITY_UNIT="cm",
        POSITIVE="subsidence",
        PROJECTION="vertical",
    )
    assert results["COUNT"] == 6
    assert values(layer, "velocity_mm_yr") == [20, 20, 40, 40, -60, -60]
    assert layer.crs().authid() == "EPSG:32639"


def test_selected_features_only(load, memory_layer):
    memory_layer.selectByIds([2])
    results, layer = load(
        LAYER=QgsProcessingFeatureSourceDefinition(memory_layer.id(), True),
        COLUMNS="velocity=rate",
        VELOCITY_UNIT="mm",
        POSITIVE="up",
    )
    assert values(layer, "velocity_mm_yr") == [-2, -2]


def test_delimited_text(load, tmp_path):
    path = tmp_path / "tre.csv"
    path.write_text(TABLE.replace(",", "."))
    uri = f"{path.as_uri()}?delimiter=;&xField=LON&yField=LAT&crs=EPSG:4326"
    results, layer = load(LAYER=QgsVectorLayer(uri, "text", "delimitedtext"))
    assert values(layer, "velocity_mm_yr")[:2] == [-10, 4]
    assert values(layer, "D20210101")[:2] == [-10, 4]


def test_the_crs_that_the_user_gives(load, feedback, tmp_path):
    """It comes to the worker as WKT."""
    path = tmp_path / "tre.csv"
    path.write_text(TABLE)
    utm = QgsCoordinateReferenceSystem("EPSG:32639")
    results, layer = load(FILE=str(path), CRS=utm)
    assert layer.crs().authid() == "EPSG:4326"
    assert any("zone 39N) is not used: the columns LON" in text for text in feedback.warnings)
    with pytest.raises(QgsProcessingException, match="zone 39N counts in metres, and these look"):
        load(FILE=str(path), CRS=utm, COLUMNS="x=LON; y=LAT")
    feedback.warnings.clear()
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    results, layer = load(FILE=str(path), CRS=wgs84, COLUMNS="x=LON; y=LAT")
    assert layer.crs().authid() == "EPSG:4326" and results["COUNT"] == 2
    assert feedback.warnings == ["Skipped, no position: 1."]


def test_what_is_refused(load, memory_layer, tmp_path):
    (tmp_path / "other.csv").write_text("lon,lat,word\n1,2,3\n")
    other = str(tmp_path / "other.csv")
    for given, message in [
        ({}, "LAYER and FILE are both empty"),
        ({"LAYER": memory_layer, "FILE": other}, "either LAYER or FILE, not both"),
        ({"FILE": other}, "Found: lon, lat, word. Needed for EGMS L2: pid"),
        ({"LAYER": memory_layer, "COLUMNS": "velocity=rate", "POSITIVE": "up"}, "VELOCITY_UNIT"),
        ({"FILE": other, "FORMAT": "magic"}, "give one of auto, egms"),
        ({"FILE": other, "PS_POINTS": str(tmp_path / "x.shp")}, "GeoPackage"),
    ]:
        with pytest.raises(QgsProcessingException, match=message):
            load(**given)
    assert not (tmp_path / "imported.gpkg").exists()


def test_donana(load, real_data):
    results, layer = load(
        LAYER=str(real_data("donana/Sentinel_Asc.shp")),
        COLUMNS="velocity=Vel; coherence=Coer; los_up=cosU",
        DISPLACEMENT_UNIT="cm",
        POSITIVE="up",
        PROJECTION="vertical",
    )
    source = QgsVectorLayer(str(real_data("donana/Sentinel_Asc.shp")))
    assert results["COUNT"] == source.featureCount() == 573
    expected = 10 * np.array(values(source, "Vel")) / np.array(values(source, "cosU"))
    assert values(layer, "velocity_mm_yr") == pytest.approx(expected)
    assert layer.crs().authid() == "EPSG:25830"
    assert layer.extent().center().x() == pytest.approx(source.extent().center().x())
