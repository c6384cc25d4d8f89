"""Each number with each bad number, each input with each bad file, each output at each bad place.

The tables come from the algorithms' own definitions, so that a new parameter is in them at once.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
)
from subsidence_mapper.algorithms.provider import SubsidenceProvider
from subsidence_mapper.test.feedback import Feedback

SIZE, CELL, LEFT, TOP = 30, 600.0, 500_000.0, 3_600_000.0

PROVIDER = SubsidenceProvider()
PROVIDER.refreshAlgorithms()
DEFINITIONS = [
    (algorithm.name(), definition)
    for algorithm in PROVIDER.algorithms()
    for definition in algorithm.parameterDefinitions()
]

DRIVEN = {
    "PS_POINTS": "points.gpkg",
    "VALUE_FIELD": "mm",
    "SURFACE": "out/s.tif",
    "DRIVERS": ["dem.tif", "wells.tif"],
}
# Parameters with which an algorithm would run; others get `needed`.
GOOD = {
    "hybrid": DRIVEN,
    "amplitudedispersion": {
        "IMAGES": ["a.tif", "b.tif", "c.tif"],
        "DISPERSION": "out/d.tif",
        "CANDIDATES": "out/c.gpkg",
    },
    "comparemethods": {
        "PS_POINTS": "points.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": ["dem.tif"],
        "METHODS": ["forest"],
        "LEADERBOARD": "out/l.gpkg",
    },
    "driverimportance": {
        "PS_POINTS": "points.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": ["dem.tif"],
        "IMPORTANCE": "out/i.gpkg",
    },
    "driverstack": {"DRIVERS": ["dem.tif", "wells.tif"], "STACK": "out/st.tif"},
    "errormap": {
        "SURFACE": "dem.tif",
        "PS_POINTS": "points.gpkg",
        "VALUE_FIELD": "mm",
        "ERROR_SURFACE": "out/e.tif",
    },
    "importpspoints": {"FILE": "table.csv", "PS_POINTS": "out/p.gpkg"},
    "landusedriver": {
        "IMAGE": "dem.tif",
        "TRAINING": "zones.gpkg",
        "CLASS_FIELD": "name",
        "LAND_USE": "out/l.tif",
    },
    "mapsubsidence": {**DRIVEN, "METHOD": "forest"},
    "ndvidriver": {"RED": ["a.tif"], "NIR": ["b.tif"], "NDVI": "out/n.tif"},
    "predictsurface": {"MODEL": "model.zip", "DRIVERS": ["dem.tif"], "SURFACE": "out/s.tif"},
    "selectpspoints": {"INPUT": "points.gpkg", "MAX_DISPERSION": 0, "PS_POINTS": "out/p.gpkg"},
    "terraindrivers": {"DEM": "dem.tif", "SLOPE": "out/s.tif"},
    "trainmodel": {
        "PS_POINTS": "points.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": ["dem.tif"],
        "MODEL": "out/m.zip",
    },
    "tunemodel": {
        "PS_POINTS": "points.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": ["dem.tif"],
        "MODEL": "out/m.zip",
    },
    "watertable": {
        "PIEZOMETERS": "points.gpkg",
        "ID_FIELD": "id",
        "DATE_FIELD": "date",
        "LEVEL_FIELD": "mm",
        "DATE": "2020-01-01",
        "WATER_TABLE": "out/w.tif",
    },
    "welldistance": {"WELLS": "points.gpkg", "DISTANCE": "out/d.tif"},
    "zonesummary": {
        "ZONES": "zones.gpkg",
        "SURFACES": ["dem.tif"],
        "SUMMARY": "out/z.gpkg",
    },
}
BY_KIND = {
    "raster": "dem.tif",
    "multilayer": ["dem.tif", "wells.tif"],
    "source": "points.gpkg",
    "field": "mm",
    "rasterDestination": "out/r.tif",
}


def needed(algorithm) -> dict:
    """Something good for each parameter that has to be given."""
    optional = QgsProcessingParameterDefinition.Flag.FlagOptional
    return {
        each.name(): BY_KIND[each.type()]
        for each in algorithm.parameterDefinitions()
        if not each.flags() & optional and each.defaultValue() is None
    }


for algorithm in PROVIDER.algorithms():
    if algorithm.name() not in {*GOOD, "runtime"}:
        GOOD[algorithm.name()] = needed(algorithm)
# What else an input wants, or takes the place of.
COLUMNS = {"COLUMNS": "displacement=mm", "POSITIVE": "up", "DISPLACEMENT_UNIT": "mm"}
OTHERWISE = {("importpspoints", "LAYER"): {"FILE": None, **COLUMNS}}

BAD_NUMBERS = [
    *(
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e308",
        "1e999",
        "-1e999",
        "1e12",
        "-1e12",
        "30,5",
        "abc",
        "1_0",
        "0x10",
        "५",
    ),
    *(float("nan"), float("inf"), 1e308, 10**12, [1, 2]),
]
BAD_RASTERS = [
    *("empty.tif", "text.tif", "noise.tif", "half.tif", "hole.vrt", "python.vrt", "folder.tif"),
    *("missing.tif", "nocrs.tif", "nodata.tif", "points.gpkg"),
]
AS_REFERENCE = ["half.tif", "hole.vrt", "nodata.tif"]  # whose cells do not matter
AS_TABLE = {
    ("selectpspoints", "INPUT"): ["noplace.gpkg"],
    ("watertable", "READINGS"): ["lines.gpkg", "noplace.gpkg"],
}
BAD_VECTORS = [
    *("empty.gpkg", "text.gpkg", "missing.gpkg", "nothing.gpkg", "lines.gpkg", "noplace.gpkg"),
    *("dem.tif", "folder.tif"),
]
BAD_FILES = [
    "pipe.gpkg",
    "empty.gpkg",
    "noise.tif",
    "folder.tif",
    "missing.csv",
    "dem.tif",
    "empty.zip",
]
BAD_PLACES = {
    "a folder": "folder{}",
    "below a file": "table.csv/o{}",
    "a device": "/dev/null",
    "a pipe": "pipe{}",
    "no disk": "/vsimem/o{}",
    "too long a name": "é" * 130 + "{}",
    "an input": None,
}
SUFFIXES = {
    "rasterDestination": ".tif",
    "vectorDestination": ".gpkg",
    "sink": ".gpkg",
    "fileDestination": ".html",
}


def names(kinds) -> list[tuple[str, str]]:
    return [(name, each.name()) for name, each in DEFINITIONS if each.type() in kinds]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Good files and bad ones."""
    folder = tmp_path_factory.mktemp("world")
    utm = osr.SpatialReference()
    utm.ImportFromEPSG(32639)
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for name, cells in {
        "dem": 100.0 + rows + 3 * np.sin(columns / 5),
        "wells": np.hypot(rows - 9, columns - 20),
        **{each: random.rayleigh(1, (SIZE, SIZE)) + 0.1 for each in "abc"},
        "nocrs": rows * 1.0,
        "nodata": np.full((SIZE, SIZE), -1.0),
    }.items():
        raster = gdal.GetDriverByName("GTiff").Create(
            str(folder / f"{name}.tif"), *cells.shape[::-1], 1, gdal.GDT_Float32
        )
        raster.SetGeoTransform((LEFT, CELL, 0, TOP, 0, -CELL))
        if name != "nocrs":
            raster.SetProjection(utm.ExportToWkt())
        if name == "nodata":
            raster.GetRasterBand(1).SetNoDataValue(-1)
        raster.GetRasterBand(1).WriteArray(cells)
    raster = None
    half = (folder / "dem.tif").read_bytes()
    (folder / "half.tif").write_bytes(half[: len(half) // 2])
    virtual = gdal.Translate("", str(folder / "dem.tif"), format="VRT").GetMetadata("xml:VRT")[0]
    (folder / "hole.vrt").write_text(re.sub(r">[^<]*dem\.tif<", ">gone.tif<", virtual))
    code = (
        "<PixelFunctionType>f</PixelFunctionType>"
        "<PixelFunctionLanguage>Python</PixelFunctionLanguage>"
        "<PixelFunctionCode><![CDATA[def f(*a, **k): pass]]></PixelFunctionCode>"
    )
    (folder / "python.vrt").write_text(
        virtual.replace(
            "<VRTRasterBand ", '<VRTRasterBand subClass="VRTDerivedRasterBand" '
        ).replace("<ColorInterp", f"{code}<ColorInterp")
    )
    for name in ("empty.tif", "empty.gpkg", "empty.zip"):
        (folder / name).write_bytes(b"")
    for name in ("text.tif", "text.gpkg"):
        (folder / name).write_text("this is no layer\n" * 100)
    (folder / "noise.tif").write_bytes(random.bytes(5000))
    for suffix in set(SUFFIXES.values()):
        (folder / f"folder{suffix}").mkdir()
        os.mkfifo(folder / f"pipe{suffix}")
    east = LEFT + CELL * random.uniform(1, SIZE - 1, 60)
    north = TOP - CELL * random.uniform(1, SIZE - 1, 60)
    lines = [f"{x:.1f},{y:.1f},{-x % 50:.2f}" for x, y in zip(east, north)]
    (folder / "table.csv").write_text("\n".join(["x,y,displacement_mm", *lines]))
    _write(folder / "points.gpkg", utm, [f"POINT ({x} {y})" for x, y in zip(east, north)])
    corner = [(LEFT + CELL * 10 * i, TOP - CELL * 10 * j) for i in range(3) for j in range(3)]
    squares = [
        f"POLYGON (({x} {y}, {x + 5400} {y}, {x + 5400} {y - 5400}, {x} {y - 5400}, {x} {y}))"
        for x, y in corner
    ]
    _write(folder / "zones.gpkg", utm, squares)
    _write(folder / "lines.gpkg", utm, ["LINESTRING (500100 3599000, 501000 3598000)"] * 3)
    _write(folder / "nothing.gpkg", utm, [])
    _write(folder / "noplace.gpkg", utm, [None] * 5)
    return folder


def _write(path: Path, crs, shapes: list) -> None:
    package = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    first = ogr.CreateGeometryFromWkt((shapes or [None])[0] or "POINT (0 0)")
    layer = package.CreateLayer(path.stem, crs, first.GetGeometryType())
    layer.CreateField(ogr.FieldDefn("mm", ogr.OFTReal))
    for name in ("id", "name", "date"):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    for i, shape in enumerate(shapes):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("mm", i * 7 % 11 + 0.5)
        feature.SetField("id", f"p{i}")
        feature.SetField("name", "ab"[i % 2])
        feature.SetField("date", "2020-01-01")
        if shape:
            feature.SetGeometry(ogr.CreateGeometryFromWkt(shape))
        layer.CreateFeature(feature)


@pytest.fixture(scope="module")
def model(provider, world):
    """A model of one driver, trained for one epoch."""
    points, dem, model = (str(world / name) for name in ("points.gpkg", "dem.tif", "model.zip"))
    parameters = {"PS_POINTS": points, "VALUE_FIELD": "mm", "DRIVERS": [dem], "MODEL": model}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("subsidence:trainmodel")
    feedback = Feedback()
    algorithm.run({**parameters, "EPOCHS": 1}, QgsProcessingContext(), feedback)
    assert not feedback.errors


@pytest.fixture
def given(world, model, tmp_path):
    """Good parameters of an algorithm, with their whole paths."""

    def whole(value):
        if isinstance(value, list):
            return [whole(each) for each in value]
        if isinstance(value, str) and re.search(r"\.\w{3,4}$", value):
            return str((tmp_path if value.startswith("out/") else world) / value)
        return value

    return lambda name: {key: whole(value) for key, value in GOOD[name].items()}


@pytest.fixture
def refused(provider, world, monkeypatch, tmp_path):
    """Run an algorithm that must refuse what it gets, with one sentence and nothing left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    context = QgsProcessingContext()

    def refused(name, parameters) -> str:
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"subsidence:{name}")
        fine, text = algorithm.checkParameterValues(parameters, context)
        if fine:
            feedback = Feedback()
            results, fine = algorithm.run(parameters, context, feedback)
            assert not fine, f"it gave {results}"
            (text,) = feedback.errors
        assert not re.search(r"Traceback|unexpected| object at 0x|is kept|0x[0-9a-f]{6}", text), (
            text
        )
        assert text.endswith((".", "?")) and len(text) < 1500
        assert not list(tmp_path.iterdir())
        return text

    yield refused
    context.temporaryLayerStore().removeAllMapLayers()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_good_passes_the_checks(provider, world, given, name):
    """Else a refusal below could have another reason than the parameter that is spoiled."""
    context = QgsProcessingContext()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"subsidence:{name}")
    assert algorithm.checkParameterValues(given(name), context) == (True, "")
    context.temporaryLayerStore().removeAllMapLayers()


@pytest.mark.parametrize(("name", "parameter"), names({"number"}))
def test_bad_numbers(refused, name, parameter):
    definition = dict((each.name(), each) for algorithm, each in DEFINITIONS if algorithm == name)[
        parameter
    ]
    low, high = definition.minimum(), definition.maximum()
    bad = [*BAD_NUMBERS, low - 1, high * 2]
    if definition.dataType() == QgsProcessingParameterNumber.Integer:
        bad += ["2.7", low + 0.5]
    for number in bad:
        text = refused(name, {parameter: number})
        assert text.startswith(f"{parameter} (") and f"from {low:.10g} to {high:.10g}" in text


@pytest.mark.parametrize(("name", "parameter"), names({"boolean", "crs", "datetime", "enum"}))
def test_words_that_mean_nothing(refused, name, parameter):
    for word in ("maybe", "yes", "2", "EPSG:999999", "2020-13-45"):
        assert refused(name, {parameter: word}).startswith(f"{parameter} (")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_needed_is_named(refused, given, name):
    """Also where a default would take its place, if it is given as nothing."""
    for algorithm, definition in DEFINITIONS:
        optional = definition.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
        if algorithm == name and not (optional or definition.isDestination()):
            for nothing in [None, ""] if definition.defaultValue() is None else [""]:
                text = refused(name, {**given(name), definition.name(): nothing})
                assert text.startswith(f"{definition.name()} ({definition.description()}) is empty")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_unknown_parameters(refused, given, name):
    known = [each.name() for algorithm, each in DEFINITIONS if algorithm == name]
    for wrong in (known[0].lower(), known[-1] + "S", "CELLSIZE"):
        text = refused(name, {**given(name), wrong: "30"})
        assert text.startswith(f"{wrong} is no parameter of this algorithm.")
    assert f"Did you mean {known[0]}?" in refused(name, {known[0].lower(): 1})


@pytest.mark.parametrize("bad", BAD_RASTERS)
@pytest.mark.parametrize(("name", "parameter"), names({"raster", "multilayer"}))
def test_bad_rasters(refused, given, world, name, parameter, bad):
    if parameter == "REFERENCE" and bad in AS_REFERENCE:
        pytest.skip("a reference gives its grid only")
    value, good = str(world / bad), given(name).get(parameter)
    if isinstance(good, list):
        value = [*good, value] if len(good) > 1 else [value]
    text = refused(name, {**given(name), parameter: value})
    assert parameter in text or Path(bad).stem in text or bad == "nodata.tif" and "NoData" in text


@pytest.mark.parametrize("bad", BAD_VECTORS)
@pytest.mark.parametrize(("name", "parameter"), names({"source"}))
def test_bad_vectors(refused, given, world, name, parameter, bad):
    if bad in AS_TABLE.get((name, parameter), ()):
        pytest.skip("it is taken for a table, which needs no position")
    parameters = {
        **given(name),
        **OTHERWISE.get((name, parameter), {}),
        parameter: str(world / bad),
    }
    text = refused(name, parameters)
    nowhere = bad == "noplace.gpkg" and "position" in text
    assert parameter in text or Path(bad).stem in text or nowhere


@pytest.mark.parametrize("bad", BAD_FILES)
@pytest.mark.parametrize(("name", "parameter"), names({"file"}))
def test_bad_files(refused, given, world, name, parameter, bad):
    if parameter == "STUDY" and bad.startswith("missing"):
        pytest.skip("a study that is not there is made")
    text = refused(name, {**given(name), parameter: str(world / bad)})
    assert parameter in text or Path(bad).stem in text


@pytest.mark.parametrize("kind", BAD_PLACES)
@pytest.mark.parametrize(("name", "parameter"), names(SUFFIXES))
def test_bad_places(refused, given, world, name, parameter, kind):
    definition = dict((each.name(), each) for algorithm, each in DEFINITIONS if algorithm == name)[
        parameter
    ]
    suffix, good = SUFFIXES[definition.type()], given(name)
    if kind == "an input":
        paths = [each for value in good.values() for each in np.atleast_1d(value).tolist()]
        place = next(path for path in paths if str(path).startswith(str(world)))
    else:
        place = BAD_PLACES[kind].format(suffix)
        place = place if place.startswith("/") else str(world / place)
    before = {each.name: each.stat().st_mtime_ns for each in world.iterdir()}
    text = refused(name, {**good, parameter: place})
    assert parameter in text
    assert {each.name: each.stat().st_mtime_ns for each in world.iterdir()} == before
    assert not Path(os.devnull).is_file()


def test_what_is_good_is_taken(provider, given):
    """The refusals above are about what is bad: the rest of the parameters works."""
    context = QgsProcessingContext()
    for name in ("idw", "driverstack", "errormap", "selectpspoints", "welldistance", "zonesummary"):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"subsidence:{name}")
        parameters = given(name)
        assert algorithm.checkParameterValues(parameters, context) == (True, "")
        _, fine = algorithm.run(
            parameters, context, QgsProcessingFeedback(False), catchExceptions=False
        )
        assert fine
    context.temporaryLayerStore().removeAllMapLayers()
