"""`selectpspoints` with real layers."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsProcessingException,
    QgsVectorLayer,
)
from subsidence_mapper.test.qgis_layers import memory_layer

LEFT, TOP, CELL = 500_000.0, 3_600_000.0, 30.0


STANDARD = ["amplitude_dispersion", "coherence", "velocity_std"]


@pytest.fixture
def make_layer():
    """A layer in memory from rows of WKT (or None) and values."""

    def make(rows, fields, kind="Point", crs="EPSG:32639"):
        return memory_layer(kind, crs, fields, rows)

    return make


@pytest.fixture
def standard(make_layer):
    """Points 0, 1, 2 ... with the three standard fields."""

    def make(*rows):
        points = [(f"Point ({500_000 + i} 3600000)", i, *row) for i, row in enumerate(rows)]
        return make_layer(points, ["n:integer", *(f"{field}:double" for field in STANDARD)])

    return make


@pytest.fixture
def select(run, tmp_path):
    """Run selectpspoints and give the numbers `n` of the points that remain, and the results."""

    def select(layer, **options):
        results = run("selectpspoints", INPUT=layer, PS_POINTS=str(tmp_path / "s.gpkg"), **options)
        chosen = QgsVectorLayer(results["PS_POINTS"])
        assert results["COUNT"] == chosen.featureCount()
        assert results["COUNT"] + results["REMOVED"] == layer.featureCount()
        column = "n" if chosen.fields().lookupField("n") >= 0 else "fid"
        return [feature[column] for feature in chosen.getFeatures()], results

    return select


def test_limits_belong_to_what_is_kept_and_each_rule_is_counted(select, standard, feedback):
    layer = standard(
        (0.25, 0.7, 2.0),  # 0: on every limit
        (0.26, 0.9, 1.0),  # 1: too dispersed
        (0.30, 0.5, 1.0),  # 2: that, and incoherent
        (0.10, 0.69, 1.0),  # 3: incoherent
        (0.10, 0.9, 2.1),  # 4: uncertain
        (0.10, None, 9.0),  # 5: coherence unknown, and uncertain
        (0.0, 1.0, 0.0),  # 6: perfect
        (float("nan"), 1.0, 0.0),  # 7: dispersion unknown
    )
    kept, results = select(layer, MAX_VELOCITY_STD=2)
    assert kept == [0, 6]
    assert (results["COUNT"], results["REMOVED"]) == (2, 6)
    assert feedback.warnings == []
    assert feedback.infos[-1].splitlines() == [
        "2 of 8 points remain.",
        "amplitude_dispersion at most 0.25: not fulfilled by 2, unknown (NULL) for 1; removed "
        "after the rules before: 3",
        "coherence at least 0.7: not fulfilled by 2, unknown (NULL) for 1; removed after the rules "
        "before: 2",
        "velocity_std at most 2: not fulfilled by 2, unknown (NULL) for 0; removed after the rules "
        "before: 1",
    ]


def test_defaults_and_zero_as_no_rule(select, standard):
    layer = standard((0.3, 0.9, None), (0.2, 0.6, None), (None, 0.9, None), (0.2, 0.9, None))
    assert select(layer)[0] == [3]
    assert select(layer, MAX_DISPERSION=0)[0] == [0, 2, 3]
    assert select(layer, MIN_COHERENCE=0)[0] == [1, 3]
    assert select(layer, MAX_DISPERSION=0.35, MIN_COHERENCE=0.65)[0] == [0, 3]
    assert select(layer, MAX_DISPERSION=0, MIN_COHERENCE=0, MAX_VELOCITY_STD=0)[1]["REMOVED"] == 0


def test_fields_geometry_and_crs_are_kept(run, make_layer, tmp_path):
    fields = ["ps_id:string", "coherence:double", "D20200101:double", "seen:integer", "day:date"]
    place = "MultiPointZ ((1 2 3),(4 5 6))"
    layer = make_layer([(place, "a", 0.9, None, 3, None)], fields, "MultiPointZ", "EPSG:3035")
    results = run("selectpspoints", INPUT=layer, PS_POINTS=str(tmp_path / "chosen.gpkg"))
    chosen = QgsVectorLayer(results["PS_POINTS"])
    assert [field.name() for field in chosen.fields()][1:] == [
        field.split(":")[0] for field in fields
    ]
    assert (chosen.crs().authid(), chosen.wkbType()) == ("EPSG:3035", layer.wkbType())
    feature = next(chosen.getFeatures())
    assert feature.geometry().equals(next(layer.getFeatures()).geometry())
    assert feature.attributes()[1:] == next(layer.getFeatures()).attributes()


def test_a_field_that_is_not_there_or_empty_is_a_warning(select, standard, make_layer, feedback):
    rows = [("Point (0 0)", 0, 0.9), ("Point (1 0)", 1, 0.1)]
    assert select(make_layer(rows, ["n:integer", "coherence:double"]))[0] == [0]
    assert feedback.warnings == [
        "The layer has no field amplitude_dispersion: its rule is not applied."
    ]
    feedback.warnings.clear()
    assert select(standard((None, 0.9, None), (None, 0.1, None)))[0] == [0]
    assert feedback.warnings == [
        "The field amplitude_dispersion is NULL for every point: its rule is not applied."
    ]


def test_a_field_by_another_name(select, make_layer, feedback):
    rows = [("Point (0 0)", 0, 0.9), ("Point (1 0)", 1, 0.1)]
    layer = make_layer(rows, ["n:integer", "Coer:double"])
    assert select(layer, COHERENCE_FIELD="Coer")[0] == [0]
    assert "Coer at least 0.7: not fulfilled by 1" in feedback.infos[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"COHERENCE_FIELD": "coh"},
            "field coh of the layer ps does not exist; COHERENCE_FIELD must be a number. Numeric "
            "fields: n, amplitude_dispersion, coherence, velocity_std",
        ),
        ({"MIN_COHERENCE": 1.5}, "MIN_COHERENCE .* was 1.5; give a number from 0 to 1"),
        ({"MAX_DISPERSION": -1}, "MAX_DISPERSION .* was -1; give a number from 0"),
        ({"MIN_DATES": 0}, "MIN_DATES .* was 0; give a whole number from 1 to 1000000000"),
        ({"PS_POINTS": "/proc/none/s.gpkg"}, "PS_POINTS cannot be written to"),
    ],
)
def test_what_is_refused(run, standard, tmp_path, options, message):
    given = {"INPUT": standard((0.1, 0.9, 1)), "PS_POINTS": str(tmp_path / "s.gpkg"), **options}
    with pytest.raises(QgsProcessingException, match=message):
        run("selectpspoints", **given)


def test_a_field_of_texts_is_refused(select, make_layer):
    layer = make_layer([("Point (0 0)", 0, "0.9")], ["n:integer", "coherence:string"])
    with pytest.raises(QgsProcessingException, match="field coherence .* is of type"):
        select(layer)


def test_nothing_remains(select, standard, tmp_path):
    with pytest.raises(QgsProcessingException) as problem:
        select(standard((0.3, 0.9, 1), (0.1, 0.2, 1), (0.1, None, 1)))
    text = str(problem.value)
    assert text.startswith("No point fulfils all rules. Relax one. 0 of 3 points remain.")
    assert "amplitude_dispersion at most 0.25: not fulfilled by 1" in text
    assert "coherence at least 0.7: not fulfilled by 1, unknown (NULL) for 1; removed" in text
    assert not (tmp_path / "s.gpkg").exists()


def test_cancelled_leaves_nothing(run, standard, feedback, tmp_path):
    feedback.cancel()
    place = tmp_path / "s.gpkg"
    with pytest.raises(QgsProcessingException, match="^Cancelled. Nothing was written.$"):
        run("selectpspoints", INPUT=standard((0.1, 0.9, 1)), PS_POINTS=str(place))
    assert not place.exists()


def test_dates(select, make_layer, feedback):
    fields = ["n:integer", "D20200101:double", "D20200113:double", "D20200125:integer"]
    others = ["D2020:double", "XD20200101:double", "D20200201:string"]
    rows = [
        (None, 0, 1.0, None, None, 1.0, 1.0, "1"),
        (None, 1, 1.0, 0.0, None, None, None, ""),
        (None, 2, 1.0, 2.0, 3, None, None, ""),
        (None, 3, None, None, 3, 1.0, 1.0, "1"),
    ]
    layer = make_layer(rows, [*fields, *others])
    assert select(layer, MIN_DATES=1)[0] == [0, 1, 2, 3]
    assert select(layer, MIN_DATES=2)[0] == [1, 2]
    assert select(layer, MIN_DATES=3)[0] == [2]
    assert "at least 3 of 3 dates: not fulfilled by 3" in feedback.infos[-1]
    with pytest.raises(QgsProcessingException, match="at least 4 of 3 dates: not fulfilled by 4"):
        select(layer, MIN_DATES=4)


def test_dates_of_a_layer_without_a_series(select, standard, feedback):
    assert select(standard((0.1, 0.9, 1)), MIN_DATES=5)[0] == [0]
    assert "no numeric field called DYYYYMMDD" in feedback.warnings[0]


@pytest.fixture
def scattered(make_layer):
    """A hundred points in a square of 1 km, with their positions."""
    xy = np.random.default_rng(0).uniform(0, 1000, (100, 2)) + (LEFT, TOP)
    rows = [(f"Point ({x!r} {y!r})", i) for i, (x, y) in enumerate(xy.tolist())]
    return make_layer(rows, ["n:integer"]), xy - (LEFT, TOP)


def square(left, bottom, right, top):
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    return "((" + ", ".join(f"{LEFT + x} {TOP + y}" for x, y in corners) + "))"


def test_an_area_of_several_parts_and_overlaps(select, scattered, make_layer):
    layer, (x, y) = scattered[0], scattered[1].T
    parts = f"{square(0, 0, 400, 400)}, {square(600, 600, 1000, 1000)}"
    area = make_layer(
        [(f"MultiPolygon ({parts})",), (f"MultiPolygon ({square(200, 200, 700, 700)})",), (None,)],
        [],
        "MultiPolygon",
    )
    inside = (x < 400) & (y < 400) | (x > 600) & (y > 600)
    inside |= (x > 200) & (x < 700) & (y > 200) & (y < 700)
    assert 20 < inside.sum() < 80
    assert select(layer, AREA=area)[0] == np.flatnonzero(inside).tolist()


def test_an_area_in_another_crs(select, scattered, make_layer):
    """Its edges bend by millimetres between the systems; no point lies that near to one."""
    layer, xy = scattered
    area = make_layer([(f"Polygon {square(300, 100, 900, 800)}",)], [], "Polygon")
    shape = next(area.getFeatures()).geometry()
    degrees = QgsCoordinateReferenceSystem("EPSG:4326")
    shape.transform(QgsCoordinateTransform(area.crs(), degrees, QgsCoordinateTransformContext()))
    there = make_layer([(shape.asWkt(12),)], [], "Polygon", "EPSG:4326")
    edges = np.abs(np.concatenate([xy[:, :1] - [300, 900], xy[:, 1:] - [100, 800]], axis=1))
    assert edges.min() > 0.1
    assert select(layer, AREA=there)[0] == select(layer, AREA=area)[0]


def test_the_border_belongs_to_the_area_and_no_place_is_unknown(select, make_layer, feedback):
    rows = [(f"Point ({LEFT} {TOP})", 0), (f"Point ({LEFT - 1} {TOP})", 1), (None, 2)]
    area = make_layer([(f"Polygon {square(0, 0, 9, 9)}",)], [], "Polygon")
    assert select(make_layer(rows, ["n:integer"]), AREA=area)[0] == [0]
    assert "in ps: not fulfilled by 1, unknown (NULL) for 1; removed" in feedback.infos[-1]


def test_areas_that_are_refused(select, scattered, make_layer):
    line = make_layer([("Polygon ((0 0, 1 1, 0 0))",)], [], "Polygon")
    with pytest.raises(QgsProcessingException, match="has no polygon with an area"):
        select(scattered[0], AREA=line)
    nowhere = make_layer([(f"Polygon {square(0, 0, 9, 9)}",)], [], "Polygon", crs="")
    with pytest.raises(QgsProcessingException, match="no valid coordinate reference system"):
        select(scattered[0], AREA=nowhere)


def test_donana(run, real_data, tmp_path, feedback):
    """573 points whose coherence is called Coer, checked by another road."""
    layer = QgsVectorLayer(str(real_data("donana/Sentinel_Asc.shp")))
    results = run(
        "selectpspoints",
        INPUT=layer,
        COHERENCE_FIELD="Coer",
        MIN_COHERENCE=0.9,
        MIN_DATES=10,
        PS_POINTS=str(tmp_path / "s.gpkg"),
    )
    layer.setSubsetString('"Coer" >= 0.9')
    assert 0 < results["COUNT"] == layer.featureCount() < 573
    assert "not fulfilled by 0, unknown (NULL) for 0" in feedback.infos[-1].splitlines()[-1]
