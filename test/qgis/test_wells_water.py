"""Wells and piezometers as layers, through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsVectorLayer,
)

LEFT, TOP = 500_000.0, 3_600_000.0
MAP = {"EXTENT": "500000,505000,3595000,3600000 [EPSG:32639]", "CELL_SIZE": 100}


@pytest.fixture
def make_layer():
    """A layer in memory: a kind, fields such as "id:string", and rows of (place, *values)."""

    def make(kind, fields, rows, crs="EPSG:32639"):
        uri = f"{kind}?crs={crs}" if kind != "None" else "None?"
        layer = QgsVectorLayer(
            "&".join([uri, *(f"field={each}" for each in fields)]), "l", "memory"
        )
        for place, *values in rows:
            feature = QgsFeature(layer.fields())
            if isinstance(place, str):
                feature.setGeometry(QgsGeometry.fromWkt(place))
            elif place is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*place)))
            feature.setAttributes(values)
            assert layer.dataProvider().addFeatures([feature])[0]
        layer.updateExtents()
        return layer

    return make


def centres(size=50, cell=100.0):
    steps = cell * (np.arange(size) + 0.5)
    return np.meshgrid(LEFT + steps, TOP - steps)


def read(place):
    return gdal.Open(place).ReadAsArray()


def test_distance_and_density_of_active_wells(run, make_layer, feedback, tmp_path):
    multi = f"MultiPoint(({LEFT + 1000} {TOP - 1000}), ({LEFT + 4000} {TOP - 1000}))"
    wells = make_layer(
        "MultiPoint",
        ["active:bool", "q:double"],
        [
            (multi, True, 2.0),
            (f"MultiPoint(({LEFT + 2500} {TOP - 2500}))", False, 9.0),
            (f"MultiPoint(({LEFT + 2000} {TOP - 6000}))", True, 4.0),
            (f"MultiPoint(({LEFT + 2000} {TOP - 2000}))", None, 4.0),
        ],
    )
    results = run(
        "welldistance",
        WELLS=wells,
        FILTER_FIELD="active",
        WEIGHT_FIELD="q",
        BANDWIDTH=1500,
        **MAP,
        DISTANCE=str(tmp_path / "distance.tif"),
        DENSITY=str(tmp_path / "density.tif"),
    )
    x, y = centres()
    active = [(1000, 1000, 2.0), (4000, 1000, 2.0), (2000, 6000, 4.0)]
    apart = [np.hypot(x - LEFT - east, TOP - south - y) for east, south, _ in active]
    assert np.allclose(read(results["DISTANCE"]), np.min(apart, axis=0), rtol=1e-6)
    density = sum(
        q * 3 / (np.pi * 1.5**2) * np.maximum(1 - (far / 1500) ** 2, 0) ** 2
        for far, (_, _, q) in zip(apart, active)
    )
    assert np.allclose(read(results["DENSITY"]), density, atol=1e-5)
    assert any("By active 2 of 5 wells do not count" in text for text in feedback.infos)


def test_wells_in_degrees(run, make_layer, tmp_path):
    wells = make_layer("Point", ["id:int"], [((51.0, 32.5), 1)], "EPSG:4326")
    place = str(tmp_path / "distance.tif")
    run(
        "welldistance",
        WELLS=wells,
        CELL_SIZE=30,
        EXTENT="50.99,51.01,32.49,32.51 [EPSG:4326]",
        DISTANCE=place,
    )
    raster = gdal.Open(place)
    # 51 degrees east is the central meridian of UTM zone 39: x is 500 km there.
    left, dx, _, top, _, dy = raster.GetGeoTransform()
    rows, columns = np.unravel_index(
        raster.ReadAsArray().argmin(), (raster.RasterYSize, raster.RasterXSize)
    )
    assert abs(left + dx * (columns + 0.5) - 500_000) <= 15
    assert raster.ReadAsArray().min() < 22


def test_what_is_no_layer_of_wells(run, make_layer, tmp_path):
    out = {"DISTANCE": str(tmp_path / "distance.tif")}
    square = make_layer("Polygon", [], [("Polygon((0 0, 1 0, 1 1, 0 0))",)])
    with pytest.raises(QgsProcessingException, match="l is no point layer"):
        run("welldistance", WELLS=square, **MAP, **out)
    with pytest.raises(QgsProcessingException, match="no feature with a position"):
        run("welldistance", WELLS=make_layer("Point", ["q:double"], [(None, 1.0)]), **out)
    with pytest.raises(QgsProcessingException, match="lie in one place.* Give an EXTENT"):
        run("welldistance", WELLS=make_layer("Point", [], [((LEFT, TOP),)]), **out)
    with pytest.raises(QgsProcessingException, match="without FILTER_FIELD. Give FILTER_FIELD"):
        wells = make_layer("Point", [], [((LEFT, TOP),)])
        run("welldistance", WELLS=wells, FILTER_VALUES="yes", **MAP, **out)


def test_no_well_counts(run, make_layer, tmp_path):
    wells = make_layer("Point", ["state:string"], [((LEFT, TOP), "closed")])
    with pytest.raises(
        QgsProcessingException, match="None of the 1 wells counts: state holds closed"
    ):
        run(
            "welldistance",
            WELLS=wells,
            FILTER_FIELD="state",
            FILTER_VALUES="active",
            **MAP,
            DISTANCE=str(tmp_path / "d.tif"),
        )


PLACES = [(500, 500), (4500, 700), (2500, 2500), (800, 4200), (4000, 4400)]
LEVELS = [10.0, 20.0, 15.0, 12.0, 19.0]


def rows_of_readings(ids=str):
    for i, level in enumerate(LEVELS):
        yield ids(i), "2014-01-01", level
        yield ids(i), "2016-01-01", level - 2 - i


@pytest.fixture
def layouts(make_layer, tmp_path):
    """The same readings as rows of the points, as columns, and as tables; CSV holds only texts."""
    points = [(LEFT + east, TOP - south) for east, south in PLACES]
    rows = [(points[int(i)], i, when, level) for i, when, level in rows_of_readings()]
    columns = [
        (at, str(i), level, level - 2 - i) for i, (at, level) in enumerate(zip(points, LEVELS))
    ]
    named = {"ID_FIELD": "id", "DATE_FIELD": "when", "LEVEL_FIELD": "level"}
    places = make_layer("Point", ["id:string"], [(at, str(i)) for i, at in enumerate(points)])
    long, wide = tmp_path / "long.csv", tmp_path / "wide.csv"
    lines = ["id,when,level", *(f"{i},{when},{level}" for i, when, level in rows_of_readings())]
    long.write_text("\n".join(lines), encoding="utf-8")
    lines = ["id;D20140101;D20160101", *(";".join(map(str, row[1:])) for row in columns)]
    wide.write_text("\n".join(lines), encoding="utf-8")
    return {
        "rows": {
            "PIEZOMETERS": make_layer("Point", ["id:string", "when:date", "level:double"], rows),
            **named,
        },
        "rows without ids": {
            "PIEZOMETERS": make_layer(
                "Point", ["when:string", "level:double"], [(r[0], *r[2:]) for r in rows]
            ),
            "DATE_FIELD": "when",
            "LEVEL_FIELD": "level",
        },
        "columns": {
            "PIEZOMETERS": make_layer(
                "Point", ["id:string", "D20140101:double", "D20160101:double"], columns
            ),
        },
        "table": {
            "PIEZOMETERS": places,
            "READINGS": make_layer(
                "None",
                ["n:int", "when:datetime", "level:double"],
                [(None, *row) for row in rows_of_readings(int)],
            ),
            **named,
            "READINGS_ID_FIELD": "n",
        },
        "rows of a file": {"PIEZOMETERS": places, "READINGS": str(long), **named},
        "columns of a file": {"PIEZOMETERS": places, "READINGS": str(wide), "ID_FIELD": "id"},
    }


@pytest.mark.parametrize(
    "layout",
    ["rows", "rows without ids", "columns", "table", "rows of a file", "columns of a file"],
)
def test_every_layout_gives_the_same_maps(run, layouts, layout, tmp_path):
    results = run(
        "watertable",
        **layouts[layout],
        **MAP,
        DATE="2015-01-01",
        CHANGE_IS="between_dates",
        WATER_TABLE=str(tmp_path / "level.tif"),
        CHANGE=str(tmp_path / "change.tif"),
        REPORT=str(tmp_path / "report.html"),
    )
    level, change = read(results["WATER_TABLE"]), read(results["CHANGE"])
    assert level.shape == change.shape == (2, 50, 50)
    half = 365 / 730
    for i, (east, south) in enumerate(PLACES):
        cell = slice(None), south // 100, east // 100
        # Half a cell's diagonal beside the piezometer; so is the standard deviation not yet 0.
        assert level[cell][0] == pytest.approx(LEVELS[i] - half * (2 + i), abs=0.3)
        assert change[cell][0] == pytest.approx(-2 - i, abs=0.2)
        assert 0 < level[cell][1] < level[1].max() / 2
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The model: nugget 0; linear, " in report and "2015-01-01" in report


def test_what_is_missing_is_said(run, layouts, tmp_path):
    place = {"WATER_TABLE": str(tmp_path / "level.tif")}
    table = {name: value for name, value in layouts["table"].items() if name != "ID_FIELD"}
    with pytest.raises(QgsProcessingException, match="given without ID_FIELD"):
        run("watertable", **table, **MAP, **place)
    rows = {**layouts["rows"], "LEVEL_FIELD": None}
    with pytest.raises(QgsProcessingException, match="only one is given"):
        run("watertable", **rows, **MAP, **place)
    with pytest.raises(QgsProcessingException, match="has no field depth"):
        run("watertable", **{**rows, "LEVEL_FIELD": "depth"}, **MAP, **place)
    with pytest.raises(QgsProcessingException, match="No output is selected"):
        run("watertable", **layouts["rows"], **MAP)


def test_columns_that_are_no_dates_or_levels_are_refused(run, layouts, make_layer, tmp_path):
    place = str(tmp_path / "level.tif")
    for name, problem in [
        ("D20161301", "'D20161301' is no date"),
        ("D20140101_1", "'D20140101' and 'D20140101_1' are the same date"),
    ]:
        wide = make_layer("Point", ["D20140101:double", f"{name}:double"], [((LEFT, TOP), 1, 2)])
        with pytest.raises(QgsProcessingException, match=problem):
            run("watertable", PIEZOMETERS=wide, **MAP, WATER_TABLE=place)
    file = tmp_path / "comma.csv"
    file.write_text('id,when,level\n0,2014-01-01,"1,5"\n1,2014-01-01,2', encoding="utf-8")
    with pytest.raises(QgsProcessingException, match="1 of 2 levels in level are no numbers"):
        given = {**layouts["rows of a file"], "READINGS": str(file)}
        run("watertable", **given, **MAP, WATER_TABLE=place)


def test_piezometers_of_donana(run, real_data, feedback, tmp_path):
    places = QgsVectorLayer(str(real_data("donana/Piezometros.shp")), "piezometers")
    uri = (
        real_data("donana/bd_piezo.txt").as_uri() + "?delimiter=%5Ct&geomType=none&detectTypes=yes"
    )
    readings = QgsVectorLayer(uri, "readings", "delimitedtext")
    assert readings.featureCount() == 696
    results = run(
        "watertable",
        PIEZOMETERS=places,
        READINGS=readings,
        ID_FIELD="Nombre",
        READINGS_DATE_FIELD="Fechas",
        READINGS_LEVEL_FIELD="Valores",
        CELL_SIZE=200,
        CHANGE_IS="trend_per_year",
        WATER_TABLE=str(tmp_path / "level.tif"),
        CHANGE=str(tmp_path / "change.tif"),
        REPORT=str(tmp_path / "report.html"),
    )
    level, trend = read(results["WATER_TABLE"]), read(results["CHANGE"])
    # Levels go from 117 m in the north to 9 m in the south, and fall everywhere.
    raster = gdal.Open(results["WATER_TABLE"])
    left, dx, _, top, _, _ = raster.GetGeoTransform()
    zone = QgsCoordinateReferenceSystem.fromWkt(raster.GetProjection())
    to_map = QgsCoordinateTransform(places.crs(), zone, QgsCoordinateTransformContext())
    for feature in places.getFeatures():
        point = to_map.transform(feature.geometry().asPoint())
        cell = int((top - point.y()) / dx), int((point.x() - left) / dx)
        own = [
            row["Valores"]
            for row in readings.getFeatures()
            if str(row["Nombre"]) == feature["Nombre"]
        ]
        mean = np.mean([float(value) for value in own if isinstance(value, (int, float))])
        assert level[0][cell] == pytest.approx(mean, abs=3)
        assert level[1][cell] < 0.3 * level[1].max()
    assert "7 of 696 readings have no level: skipped." in feedback.warnings
    assert (trend[0] < 0).all() and trend[0].min() > -1
