"""What a layer shows counts: filters, edits, joins and virtual fields."""

from __future__ import annotations

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerJoinInfo,
)
from qgis.PyQt.QtCore import QVariant
from subsidence_mapper.algorithms.layers import places
from subsidence_mapper.algorithms.layers.sources import check_layer, check_points
from subsidence_mapper.algorithms.layers.vectors import read_points, read_table
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.test.qgis_layers import memory_layer, source_of

UTM = QgsCoordinateReferenceSystem("EPSG:32639")


NETCDF = 9.969209968386869e36


@pytest.fixture
def make():
    """A layer in memory; rows are (x, values) or (None, values)."""

    def make(fields, rows, crs="EPSG:32639", kind="Point"):
        made = [
            (None if x is None else f"Point ({500_000 + x} 3600000)", *values) for x, values in rows
        ]
        layer = memory_layer(kind, crs, fields, made)
        QgsProject.instance().addMapLayer(layer)
        return layer

    yield make
    QgsProject.instance().removeAllMapLayers()


@pytest.fixture
def save(tmp_path):
    """Write a layer to a file and open it."""

    def save(layer, name):
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = QgsVectorFileWriter.driverForExtension(name.rpartition(".")[2])
        path = str(tmp_path / name)
        QgsVectorFileWriter.writeAsVectorFormatV3(
            layer, path, QgsCoordinateTransformContext(), options
        )
        saved = QgsVectorLayer(path, "saved", "ogr")
        QgsProject.instance().addMapLayer(saved)
        return saved

    return save


@pytest.fixture
def load(run, tmp_path):
    """Import a layer, and give ids and velocities."""

    def load(layer, velocity="v", **options):
        columns = f"ps_id=code; velocity={velocity}"
        options = {"COLUMNS": columns, "VELOCITY_UNIT": "mm", "POSITIVE": "up", **options}
        place = str(tmp_path / "imported.gpkg")
        results = run("importpspoints", LAYER=layer, PS_POINTS=place, **options)
        imported = QgsVectorLayer(results["PS_POINTS"], "imported", "ogr")
        rows = [(each["ps_id"], each["velocity_mm_yr"]) for each in imported.getFeatures()]
        assert len(rows) == results["COUNT"]
        return rows

    return load


ROWS = [(10 * i, [i % 2, 123456789012.0 + i, -1.0 - i]) for i in range(6)]


SHOWN = [(str(123456789012 + i), -1.0 - i) for i in range(6)]


@pytest.mark.parametrize("name", ["fid", "geom", "f1"])
def test_fields_that_files_take_for_themselves(load, make, name):
    layer = make([f"{name}:integer", "code:double", "v:double"], ROWS)
    assert load(layer) == SHOWN
    assert load(layer, velocity=name) == [(key, i % 2) for i, (key, _) in enumerate(SHOWN)]


@pytest.mark.parametrize("name", ["ps.gpkg", "ps.shp", "ps.geojson"])
def test_a_file_with_edits_that_are_not_saved(load, make, save, name):
    layer = save(make(["code:double", "v:double"], [(x, row[1:]) for x, row in ROWS]), name)
    assert load(layer) == SHOWN
    assert layer.startEditing()
    first, second, *_ = sorted(layer.allFeatureIds())
    layer.deleteFeature(first)
    layer.changeAttributeValue(second, layer.fields().lookupField("v"), 5.0)
    assert load(layer) == [(SHOWN[1][0], 5.0), *SHOWN[2:]]
    layer.rollBack()
    assert load(layer) == SHOWN


def test_fields_that_only_the_layer_has(load, make, save):
    layer = save(make(["code:double", "v:double"], [(x, row[1:]) for x, row in ROWS]), "ps.gpkg")
    layer.addExpressionField('"v" * 2', QgsField("twice", QVariant.Double))
    assert load(layer, velocity="twice") == [(key, 2 * value) for key, value in SHOWN]
    table = make(
        ["key:double", "w:double"], [(None, [row[1], 9.0]) for _, row in ROWS], kind="None"
    )
    join = QgsVectorLayerJoinInfo()
    join.setJoinLayer(table)
    join.setJoinFieldName("key")
    join.setTargetFieldName("code")
    layer.addJoin(join)
    assert load(layer, velocity="ps_w") == [(key, 9.0) for key, _ in SHOWN]


def test_filters_selections_and_limits(load, make, save):
    layer = save(make(["code:double", "v:double"], [(x, row[1:]) for x, row in ROWS]), "ps.gpkg")
    layer.setSubsetString("v < -3")
    assert load(layer) == SHOWN[3:]
    layer.setSubsetString("")
    layer.selectByIds(sorted(layer.allFeatureIds())[1:3])
    assert load(QgsProcessingFeatureSourceDefinition(layer.id(), True)) == SHOWN[1:3]
    assert load(QgsProcessingFeatureSourceDefinition(layer.id(), False, 4)) == SHOWN[:4]


def test_a_delimited_text_layer_with_decimal_commas(load, tmp_path):
    text = "code;x;y;v\na;51,5;32,5;-1,5\nb;51,6;32,6;-2,25\n"
    (tmp_path / "ps.csv").write_text(text)
    mapping = "ps_id=code; velocity=v; x=x; y=y"
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    uri = f"{(tmp_path / 'ps.csv').as_uri()}?delimiter=;&geomType=none"
    for layer in (QgsVectorLayer(uri, "text", "delimitedtext"), str(tmp_path / "ps.csv")):
        if not isinstance(layer, str):
            QgsProject.instance().addMapLayer(layer)
        assert load(layer, COLUMNS=mapping, CRS=wgs84) == [("a", -1.5), ("b", -2.25)]
    layer = QgsVectorLayer(f"{uri}&useHeader=no", "text", "delimitedtext")
    QgsProject.instance().addMapLayer(layer)
    with pytest.raises(QgsProcessingException, match="first line was taken for data. Give .* FILE"):
        load(layer, COLUMNS="")
    QgsProject.instance().removeAllMapLayers()


def test_a_crs_that_gdal_calls_undefined_is_none(load, make, run, tmp_path):
    from osgeo import ogr

    path = str(tmp_path / "lost.gpkg")
    data = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    table = data.CreateLayer("lost", None, ogr.wkbPoint)
    for name in ("code", "v"):
        table.CreateField(ogr.FieldDefn(name, ogr.OFTReal))
    for x, (_, code, v) in ROWS:
        feature = ogr.Feature(table.GetLayerDefn())
        feature["code"], feature["v"] = code, v
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({500_000 + x} 3600000)"))
        table.CreateFeature(feature)
    del feature, table, data
    for given in ({"LAYER": path}, {"FILE": path}):
        options = {"COLUMNS": "ps_id=code; velocity=v", "VELOCITY_UNIT": "mm", "POSITIVE": "up"}
        place = str(tmp_path / "imported.gpkg")
        with pytest.raises(QgsProcessingException, match="CRS"):
            run("importpspoints", PS_POINTS=place, **given, **options)
        results = run("importpspoints", PS_POINTS=place, CRS=UTM, **given, **options)
        layer = QgsVectorLayer(results["PS_POINTS"], "imported", "ogr")
        assert results["COUNT"] == 6 and layer.crs().authid() == "EPSG:32639"
    with pytest.raises(
        QgsProcessingException, match="The layer lost has no valid coordinate refer"
    ):
        run("idw", PS_POINTS=path, VALUE_FIELD="v", SURFACE=str(tmp_path / "s.tif"))


def test_virtual_layers_that_run_sql_or_fetch_are_refused(run, make, save, tmp_path, feedback):
    save(make(["v:double"], [(x, row[2:]) for x, row in ROWS]), "ps.gpkg")
    for name, inside, reason in (
        (
            "sql",
            '<SrcSQL dialect="sqlite">select *, load_extension("x") from ps</SrcSQL>',
            "SrcSQL",
        ),
        ("net", "<SrcLayer>http://127.0.0.1:9/</SrcLayer>", "http://"),
    ):
        path = tmp_path / f"{name}.vrt"
        path.write_text(
            f'<OGRVRTDataSource><OGRVRTLayer name="ps"><SrcDataSource>{tmp_path}/ps.gpkg'
            f"</SrcDataSource>{inside}</OGRVRTLayer></OGRVRTDataSource>"
        )
        layer = QgsVectorLayer(str(path), name, "ogr")
        with pytest.raises(QgsProcessingException, match=f"virtual layer that leads .*{reason}"):
            check_layer(layer, feedback)
    check_layer(QgsVectorLayer(str(tmp_path / "ps.gpkg"), "ps", "ogr"), feedback)
    assert not feedback.warnings


class TestReading:
    """Values and errors of points."""

    @pytest.fixture
    def read(self, make, feedback):
        def read(values, errors=None, field="V", error_field="E", **options):
            pairs = zip(values, errors or [1.0] * len(values))
            layer = make(
                ["v:double", "e:double", "t:string"],
                [(10 * i, [value, error, "x"]) for i, (value, error) in enumerate(pairs)],
                **options,
            )
            layer = source_of(layer)
            check_points(layer, field)
            context = QgsProject.instance().transformContext()
            return read_points(layer, field, UTM, context, feedback, error_field)

        return read

    @pytest.mark.parametrize(
        "code", [-9999.0, -99999.0, -3.4028234663852886e38, 1e20, NETCDF, 1e306]
    )
    def test_codes_for_nothing(self, read, feedback, code):
        points = read([1.0, -12.0, code, 5.0, code])
        assert points.values.tolist() == [1, -12, 5] and len(points.xy) == 3
        assert feedback.warnings == [
            f"In the field V 2 values are {code:.10g}, which means no value beside -12 to 5: taken "
            "as NULL.",
            "Points without a number in V, skipped: 2.",
        ]

    def test_errors(self, read, feedback):
        points = read([1.0, 2.0, 3.0, 4.0, 5.0], [0.5, -9999.0, -2.0, 1.5, None])
        assert points.errors.tolist() == [0.5, 1, 1, 1.5, 1]
        assert feedback.warnings == [
            "In the field E 1 value is -9999, which means no value beside -2 to 1.5: taken as "
            "NULL.",
            "Negative standard deviations in E: 1, down to -2. They are taken as NULL.",
            "Points without a standard deviation in E: 3. The median of the others, 1, is taken.",
        ]

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ({"error_field": "sd"}, "field sd of the layer ps does not exist; the standard dev"),
            ({"error_field": "t"}, "field t of the layer ps is of type string; the standard dev"),
            ({"field": "t"}, "field t of the layer ps is of type string; displacement must be a"),
            ({"field": "w"}, "field w of the layer ps does not exist; .* Numeric fields: v, e"),
        ],
    )
    def test_fields_that_are_not_there(self, read, names, message):
        with pytest.raises(QgsProcessingException, match=message):
            read([1.0, 2.0], **names)

    def test_positions_that_are_none_of_the_crs(self, make, feedback):
        layer = make(["v:double"], [(0, [1.0]), (10, [2.0])], crs="EPSG:4326")
        context = QgsProject.instance().transformContext()
        message = "ps, x 500000 to 500010, y .*, are none of its coordinate .* EPSG:4326. Set"
        with pytest.raises(QgsProcessingException, match=message):
            read_points(source_of(layer), "v", UTM, context, feedback)


def test_why_positions_are_missing_can_be_cancelled(make, feedback):
    """The features are read once to tell the CRS, once for their values, once for the reasons."""

    class Cancelling(QgsProcessingFeatureSource):
        passes = 0

        def getFeatures(self, *arguments):  # noqa: N802
            self.passes += 1
            if self.passes == 3:
                feedback.cancel()
            return super().getFeatures(*arguments)

    layer = make(["v:double"], [(0, [1.0]), (None, [2.0]), (10, [3.0])])
    source = Cancelling(layer, QgsProcessingContext())
    context = QgsProject.instance().transformContext()
    with pytest.raises(JobCancelled):
        read_points(source, "v", UTM, context, feedback)
    assert not feedback.warnings


def test_one_transform_serves_all_features(make, feedback, monkeypatch):
    made = []

    def transform(*arguments):
        made.append(QgsCoordinateTransform(*arguments))
        return made[-1]

    monkeypatch.setattr(places, "QgsCoordinateTransform", transform)
    layer = make(["v:double"], [(None, [0.0]), *((i, [1.0 + i]) for i in range(50))])
    context = QgsProject.instance().transformContext()
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    points = read_points(source_of(layer), "v", wgs84, context, feedback)
    assert len(points.xy) == 50 and len(made) == 1
    assert points.xy[0] == pytest.approx([51.0, 32.5374], abs=1e-4)
    assert feedback.warnings == ["Points without a position, skipped: 1."]


def test_a_text_of_megabytes_is_refused_before_it_takes_memory(make, feedback):
    layer = make(["t:string(0)"], [(i, ["x" * 3_000_000 if i == 50 else "a"]) for i in range(100)])
    context = QgsProject.instance().transformContext()
    with pytest.raises(QgsProcessingException, match="field t .* holds a text of 3,000,000 char"):
        read_table(source_of(layer), ["t"], UTM, context, feedback)
    table = read_table(source_of(layer), [], UTM, context, feedback)
    assert len(table.xy) == 100


def test_a_long_text_among_many_rows_is_refused_before_it_takes_memory(make, feedback):
    layer = make(["t:string(0)"], [], kind="MultiPoint")
    for text in ("a" * 1000, "b"):
        feature = QgsFeature(layer.fields())
        places = [QgsPointXY(500_000 + i, 3_600_000) for i in range(150_000)]
        feature.setGeometry(QgsGeometry.fromMultiPointXY(places))
        feature.setAttributes([text])
        assert layer.dataProvider().addFeatures([feature])[0]
    context = QgsProject.instance().transformContext()
    message = "field t of the layer ps holds a text of 1,000 char.* 300,000 rows up to 894 are"
    with pytest.raises(QgsProcessingException, match=message):
        read_table(source_of(layer), ["t"], UTM, context, feedback)
    assert layer.dataProvider().deleteFeatures([1])
    table = read_table(source_of(layer), ["t"], UTM, context, feedback)
    assert table.columns["t"].tolist() == ["b"] * 150_000
    layer = make(["t:string(0)"], [(0, ["a" * 1000]), (10, ["b"])])
    table = read_table(source_of(layer), ["t"], UTM, context, feedback)
    assert table.columns["t"].tolist() == ["a" * 1000, "b"]


class TestSelecting:
    """selectpspoints with values and names that do not fit."""

    def test_codes_and_negative_values_are_unknown(self, make, run, feedback, tmp_path):
        values = [0.1, -9999.0, -1.0, 0.2, 0.9]
        layer = make(["amplitude_dispersion:double"], [(i, [v]) for i, v in enumerate(values)])
        place = str(tmp_path / "s.gpkg")
        results = run("selectpspoints", INPUT=layer, MIN_COHERENCE=0, PS_POINTS=place)
        assert (results["COUNT"], results["REMOVED"]) == (2, 3)
        assert feedback.warnings == [
            "In the field amplitude_dispersion 1 value is -9999, which means no value beside -1 to "
            "0.9: taken as NULL.",
            "Values of amplitude_dispersion that are negative, which none can be, and count as "
            "unknown: 1, for instance -1.",
        ]

    def test_codes_are_no_dates(self, make, run, feedback, tmp_path):
        fields = ["D20200101:double", "D20200201:double", "D20200301:double"]
        rows = [[0.0, -9999.0, None], [0.0, 1.0, -9999.0], [0.0, 1.0, 2.0], [None, None, None]]
        layer = make(fields, list(enumerate(rows)))
        place = str(tmp_path / "s.gpkg")
        options = {"MAX_DISPERSION": 0, "MIN_COHERENCE": 0, "MIN_DATES": 2}
        results = run("selectpspoints", INPUT=layer, PS_POINTS=place, **options)
        assert (results["COUNT"], results["REMOVED"]) == (2, 2)
        (warning,) = feedback.warnings
        assert warning.startswith("In the time series 2 values are -9999, which means no value")

    @pytest.mark.parametrize("factor", [100, 255])
    def test_coherence_beyond_1_is_refused(self, make, run, tmp_path, factor):
        layer = make(["coherence:double"], [(i, [i / 10 * factor]) for i in range(10)])
        with pytest.raises(QgsProcessingException, match="9 of 10 values above 1.* percent"):
            run("selectpspoints", INPUT=layer, MAX_DISPERSION=0, PS_POINTS=str(tmp_path / "s.gpkg"))

    @pytest.mark.parametrize(
        ("name", "kind", "values", "renamed"),
        [
            ("fid", "integer", [1, 1, 2], True),
            ("fid", "integer", [1, None, 2], True),
            ("fid", "string", ["a", "b", "c"], True),
            ("fid", "double", [1.5, 2.5, 3.5], True),
            ("geom", "string", ["a", "b", "c"], True),
            ("fid", "integer", [7, 8, 9], False),
            ("ogc_fid", "integer", [7, 7, 7], False),
        ],
    )
    def test_names_that_a_geopackage_takes(
        self, make, run, tmp_path, feedback, name, kind, values, renamed
    ):
        fields = [f"{name}:{kind}", "coherence:double"]
        layer = make(fields, [(i, [value, 0.9]) for i, value in enumerate(values)])
        place = str(tmp_path / "s.gpkg")
        results = run("selectpspoints", INPUT=layer, MAX_DISPERSION=0, PS_POINTS=place)
        assert results["COUNT"] == 3
        kept = f"{name}_1" if renamed else name
        selected = QgsVectorLayer(place, "selected", "ogr")
        found = [each[kept] for each in selected.getFeatures()]
        assert found == values or [each or None for each in found] == values
        assert bool(feedback.warnings) == renamed

    @pytest.mark.parametrize(
        ("ending", "message"),
        [
            ("shp", "cuts names of fields after 10 letters, here velocity_mm_yr"),
            ("csv", "no positions"),
        ],
    )
    def test_files_that_would_lose_names_or_places(self, make, run, tmp_path, ending, message):
        layer = make(["velocity_mm_yr:double", "coherence:double"], [(0, [1.0, 0.9])])
        place = tmp_path / f"s.{ending}"
        with pytest.raises(QgsProcessingException, match=f"{message}.*gpkg"):
            run("selectpspoints", INPUT=layer, MAX_DISPERSION=0, PS_POINTS=str(place))
        assert not place.exists()


def test_the_other_layers_of_a_file_are_named(make, save, tmp_path, feedback):
    path = str(tmp_path / "ps.gpkg")
    for name in ("asc", "desc"):
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.layerName = name
        if name == "desc":
            options.actionOnExistingFile = QgsVectorFileWriter.CreateOrOverwriteLayer
        layer = make(["v:double"], [(x, row[2:]) for x, row in ROWS])
        QgsVectorFileWriter.writeAsVectorFormatV3(
            layer, path, QgsCoordinateTransformContext(), options
        )
    check_layer(QgsVectorLayer(path, "ps", "ogr"), feedback)
    (warning,) = feedback.warnings
    assert "holds the layers asc, desc. The first one is taken" in warning
    assert "ps.gpkg|layername=desc." in warning
    check_layer(QgsVectorLayer(f"{path}|layername=desc", "ps", "ogr"), feedback)
    assert len(feedback.warnings) == 1
