"""Files that people have: packed, of other encodings, of several layers, of other kinds."""

from __future__ import annotations

import gzip
import os
import subprocess
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import rasterio
from rasterio.transform import from_origin
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.point_file import write_points
from subsidence_mapper.model.tasks import importpoints
from subsidence_mapper.test.examples import RecordingMonitor

HEADER = "CODE,LON,LAT,VEL,V_STDEV,COHERENCE,D20200101,D20210101\n"
ROWS = [f"p{i},{51 + i / 100},{32 + i / 100},{-i},1,0.{i},0,{-i}\n" for i in range(1, 7)]
TABLE = HEADER + "".join(ROWS)
V = {"columns": "velocity=v", "velocity_unit": "mm", "positive": "up"}


@pytest.fixture
def load(tmp_path):
    """Import a file; gives its columns by name, and the warnings."""

    def load(path, source=(), **parameters):
        log = RecordingMonitor()
        source = {"path": str(path), **dict(source)}
        request = {"grid": None, "outputs": ["PS_POINTS"], "source": source}
        result = importpoints.run(tmp_path, {**request, "parameters": parameters}, log)
        place = tmp_path / result["files"]["PS_POINTS"]
        meta, _, _, columns = pyogrio.raw.read(place)
        place.unlink()
        return dict(zip(meta["fields"], columns)), log.warnings

    return load


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_encodings(load, tmp_path, encoding):
    got, warnings = load(write(tmp_path / "ps.txt", TABLE.replace(",", "\t"), encoding))
    assert got["ps_id"].tolist() == [f"p{i}" for i in range(1, 7)]
    assert got["velocity_mm_yr"].tolist() == [-1, -2, -3, -4, -5, -6] and not warnings


def test_utf16_beyond_one_block(load, tmp_path):
    rows = "".join(f"p{i},51,32,{i / 7:.9f},1,0.5,0,1\n" for i in range(100_000))
    got, _ = load(write(tmp_path / "ps.csv", HEADER + rows, "utf-16"), positive="up")
    assert len(got["ps_id"]) == 100_000 and got["ps_id"][-1] == "p99999"
    assert got["velocity_mm_yr"][-1] == pytest.approx(99_999 / 7)


def test_packed_tables(load, tmp_path):
    with gzip.open(tmp_path / "ps.csv.gz", "wt") as file:
        file.write(TABLE)
    with zipfile.ZipFile(tmp_path / "ps.zip", "w") as archive:
        archive.writestr("folder/ps.csv", TABLE)
        archive.writestr("folder/readme.txt", "EGMS")
        archive.writestr("folder/ps.xml", "<a/>")
    for name in ("ps.csv.gz", "ps.zip"):
        got, warnings = load(tmp_path / name)
        assert got["velocity_mm_yr"].tolist() == [-1, -2, -3, -4, -5, -6] and not warnings


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_packed_layers(load, tmp_path, suffix):
    columns = {"x": [51.0, 51.1], "y": [32.0, 32.1], "v": [1.5, -2.0]}
    write_points(tmp_path / "ps.gpkg", "EPSG:4326", [pa.table(columns)])
    meta, _, shapes, data = pyogrio.raw.read(tmp_path / "ps.gpkg")
    (tmp_path / "made").mkdir()
    options = {"crs": meta["crs"], "geometry_type": "Point"}
    pyogrio.raw.write(tmp_path / f"made/ps{suffix}", shapes, data, meta["fields"], **options)
    with zipfile.ZipFile(tmp_path / "ps.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / "made").iterdir():
            archive.write(file, file.name)
    got, warnings = load(tmp_path / "ps.zip", **V)
    assert got["velocity_mm_yr"].tolist() == [1.5, -2.0] and not warnings
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as archive:
        archive.writestr("folder/readme.txt", "of EGMS")
        archive.writestr(f"folder/ps{suffix}", "nothing")
    with pytest.raises(InputError, match="deep.zip cannot be read.* Unpack it, and give the file"):
        load(tmp_path / "deep.zip", **V)


def test_a_packed_layer_that_points_to_other_files_is_refused(load, tmp_path):
    columns = {"x": [51.0], "y": [32.0], "v": [1.5]}
    write_points(tmp_path / "ps.gpkg", "EPSG:4326", [pa.table(columns)])
    virtual = f"""<OGRVRTDataSource><OGRVRTLayer name="ps">
        <SrcDataSource>{tmp_path / "ps.gpkg"}</SrcDataSource>
        </OGRVRTLayer></OGRVRTDataSource>"""
    with zipfile.ZipFile(tmp_path / "ps.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ps.shp", virtual)
    with pytest.raises(InputError, match="points to other files"):
        load(tmp_path / "ps.zip", **V)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", gzip.compress(TABLE.encode())[:-30], "cannot be read as a table: it is dam"),
        ("a.gpkg.gz", b"", "is packed. Unpack it"),
        ("a.zip", b"PK", "is no whole .zip"),
        ("a.csv", b"PK\x03\x04\x00\x01\x02", "holds no text, whatever its name says"),
        ("a.csv", (TABLE + ROWS[0] * 60).encode() + b"x" * 40_000_000, "line of more than 16 MB"),
        ("a.csv", b"x" * 3_000_000, "Line 1 of a.csv is longer than a million characters"),
        ("a.csv", b"a,b\n" + b'"' + b"x" * 900_000 + b'",1\n', "cell of more than 131,072 char"),
        (
            "a.csv",
            (TABLE + ROWS[0] * 50_000).encode() + b"\xe9,1,2,3,4,5,6,7\n",
            "Save it as UTF-8",
        ),
        ("a.csv", HEADER.encode() + b"a,51,32,1,1,1,0,x\n", "In line 2, the column D20210101 of a"),
        ("a.vrt", b"<OGRVRTDataSource/>", "points to other files. Give the file with the points"),
        ("a.shp", b"nothing", "a.shp cannot be read: it is damaged, or no file of points"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[', "a.geojson cannot be read"),
    ],
    ids=range(12),
)
def test_what_cannot_be_read_is_reported_in_a_sentence(load, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load(tmp_path / name)


def test_a_cell_of_20_mb_in_a_column_that_nobody_needs(load, tmp_path):
    head = HEADER.replace("\n", ",note\n")
    rows = [row.replace("\n", ",\n") for row in ROWS] * 20
    rows[-1] = rows[-1].replace(",\n", "," + "x" * 15_000_000 + "\n")
    got, _ = load(write(tmp_path / "ps.csv", head + "".join(rows)))
    assert len(got["ps_id"]) == 120


def test_a_raster_is_named_as_one(load, tmp_path):
    place = {"transform": from_origin(51, 33, 0.1, 0.1), "crs": "EPSG:4326"}
    path = tmp_path / "velocity.tif"
    with rasterio.open(path, "w", "GTiff", 2, 2, 1, dtype="float32", **place) as raster:
        raster.write(np.ones((1, 2, 2), "float32"))
    with pytest.raises(InputError, match="velocity.tif is a raster, not points.*pixels to points"):
        load(path)


def test_layers_of_one_kind_are_all_read_and_others_named(load, tmp_path):
    path = tmp_path / "ps.gpkg"
    places = {"x": [51.0, 51.1], "y": [32.0, 32.1]}
    for layer, field, values in [("a", "v", [1, 2]), ("b", "v", [3, 4]), ("c", "w", [5, 6])]:
        columns = {**places, field: np.array(values, float)}
        write_points(tmp_path / f"{layer}.gpkg", "EPSG:4326", [pa.table(columns)])
        meta, _, shapes, data = pyogrio.raw.read(tmp_path / f"{layer}.gpkg")
        options = {"crs": meta["crs"], "geometry_type": "Point", "append": path.exists()}
        pyogrio.raw.write(path, shapes, data, meta["fields"], layer=layer, **options)
    got, warnings = load(path, **V)
    assert got["velocity_mm_yr"].tolist() == [1, 2, 3, 4]
    assert warnings[0].startswith("Layers of ps.gpkg that are read: a, b. To read a single layer")
    assert "left out, because their columns are others: c." in warnings[1]
    got, warnings = load(path, {"layer": "b"}, **V)
    assert got["velocity_mm_yr"].tolist() == [3, 4] and not warnings


def test_what_each_layer_lacks_is_counted(load, tmp_path):
    places = {"x": 51 + np.arange(20) / 10, "y": np.full(20, 32.0), "v": np.ones(20)}
    write_points(tmp_path / "one.gpkg", "EPSG:4326", [pa.table(places)])
    meta, _, shapes, data = pyogrio.raw.read(tmp_path / "one.gpkg")
    for layer, lacking in (("a", 2), ("b", 7)):
        shapes[:lacking] = None
        options = {"crs": meta["crs"], "geometry_type": "Point", "append": layer == "b"}
        path = tmp_path / "ps.gpkg"
        pyogrio.raw.write(path, shapes, data, meta["fields"], layer=layer, **options)
    got, warnings = load(path, **V)
    assert len(got["ps_id"]) == 18 + 13
    assert warnings[1:] == ["Skipped, no position: 9."]


def test_columns_go_by_the_names_that_the_layer_has(load, tmp_path):
    """QGIS hands over columns by numbers; fid and geom are names like others."""
    columns = {"x": [51.0, 51.1], "y": [32.0, 32.1], "f0": [7.0, 7.0], "f1": [1.0, 2.0]}
    write_points(tmp_path / "layer.gpkg", "EPSG:4326", [pa.table(columns)])
    source = {"layer": "layer", "names": ["fid", "geom"], "title": "mine"}
    mapping = {"columns": "ps_id=fid; velocity=geom", "velocity_unit": "mm", "positive": "up"}
    got, _ = load(tmp_path / "layer.gpkg", source, **mapping)
    assert got["ps_id"].tolist() == ["7", "7"] and got["velocity_mm_yr"].tolist() == [1, 2]


def test_identities_that_are_real_numbers_keep_their_digits(load, tmp_path):
    ids = [123456789012.0, 7.0, 0.5, np.nan, 9007199254740991.0]
    columns = {"x": 51 + np.arange(5) / 10, "y": np.full(5, 32.0), "CODE": ids, "v": np.ones(5)}
    write_points(tmp_path / "ps.gpkg", "EPSG:4326", [pa.table(columns, schema=None)])
    got, _ = load(tmp_path / "ps.gpkg", **{**V, "columns": "velocity=v; ps_id=CODE"})
    assert got["ps_id"].tolist() == ["123456789012", "7", "0.5", None, "9007199254740991"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (["10,5", "-1,25", "3"], [10.5, -1.25, 3]),
        ([" 1,5e2 ", "NULL", ""], [150, np.nan, np.nan]),
    ],
)
def test_decimal_commas_in_a_layers_texts(load, tmp_path, text, values):
    columns = {"x": [51.0, 51.1, 51.2], "y": [32.0] * 3, "v": text, "d": [1.0] * 3}
    write_points(tmp_path / "ps.gpkg", "EPSG:4326", [pa.table(columns)])
    mapping = {**V, "columns": "velocity=v; displacement=d", "displacement_unit": "mm"}
    got, _ = load(tmp_path / "ps.gpkg", **mapping)
    np.testing.assert_array_equal(got["velocity_mm_yr"], values)


def test_texts_that_are_no_numbers_are_named(load, tmp_path):
    columns = {"x": [51.0, 51.1], "y": [32.0] * 2, "v": ["1,5", "1.234,5"]}
    write_points(tmp_path / "ps.gpkg", "EPSG:4326", [pa.table(columns)])
    with pytest.raises(InputError, match="v does not hold numbers: it holds '1.234,5'"):
        load(tmp_path / "ps.gpkg", **V)


def test_a_name_that_a_shapefile_cut_tells_no_unit(load, tmp_path):
    """velocity_mm_yr becomes velocity_m there, which reads like metres."""
    columns = {"x": [51.0, 51.1], "y": [32.0] * 2, "velocity_mm_yr": [-1.0, -2.0]}
    write_points(tmp_path / "whole.gpkg", "EPSG:4326", [pa.table(columns)])
    meta, _, shapes, data = pyogrio.raw.read(tmp_path / "whole.gpkg")
    path = tmp_path / "cut.shp"
    pyogrio.raw.write(path, shapes, data, ["velocity_m"], crs=meta["crs"], geometry_type="Point")
    options = {"columns": "velocity=velocity_m", "positive": "up"}
    with pytest.raises(
        InputError, match="does not state the unit of the velocity .velocity_m.. Set"
    ):
        load(path, **options)
    got, _ = load(path, **options, velocity_unit="mm")
    assert got["velocity_mm_yr"].tolist() == [-1, -2]
    table = "lon,lat,velocity_m\n51,32,0.5\n"
    got, _ = load(write(tmp_path / "ps.csv", table), **options)
    assert got["velocity_mm_yr"].tolist() == [500]


def test_codes_for_nothing_in_every_column_are_said(load, tmp_path):
    rows = [*ROWS, "p7,51.5,-9999,-99999,1,0.5,0,-1\n", "p8,51.5,32.5,-99999,9.97e36,0.5,0,-1e20\n"]
    got, warnings = load(write(tmp_path / "ps.csv", HEADER + "".join(rows)))
    assert got["ps_id"].tolist() == ["p1", "p2", "p3", "p4", "p5", "p6", "p8"]
    assert np.isnan(got["velocity_mm_yr"][6]) and np.isnan(got["velocity_std"][6])
    assert np.isnan(got["displacement_mm"][6]) and np.isnan(got["D20210101"][6])
    said = "\n".join(warnings)
    for words in (
        "In the column VEL 2 values are -99999",
        "In the column V_STDEV 1 value is 9.97e+36",
        "In the time series 1 value is -1e+20",
        "In the positions (y) 1 value is -9999",
        "Skipped, no position: 1.",
        "Points with a value on a single date, which shows no motion: 1.",
    ):
        assert words in said


def test_a_layer_that_begins_with_codes_for_nothing(load, tmp_path):
    """As one that is sorted by a column does, for more rows than are read at once."""
    heights = np.array([-999.0] * 20_000 + [*np.linspace(-50, 150, 10_000)] + [-999.0])
    count = len(heights)
    columns = {"x": np.linspace(51, 52, count), "y": np.full(count, 32.0), "v": np.ones(count)}
    columns.update(h=heights, s=np.full(count, -999.0))
    write_points(tmp_path / "all.gpkg", "EPSG:4326", [pa.table(columns)])
    meta, _, shapes, data = pyogrio.raw.read(tmp_path / "all.gpkg")
    shapes[[3, 25_000]] = None
    options = {"crs": meta["crs"], "geometry_type": "Point"}
    pyogrio.raw.write(tmp_path / "ps.gpkg", shapes, data, meta["fields"], **options)
    mapping = "velocity=v; height=h; velocity_std=s"
    got, warnings = load(tmp_path / "ps.gpkg", **{**V, "columns": mapping})
    expected = np.delete(np.where(heights == -999, np.nan, heights), [3, 25_000])
    np.testing.assert_allclose(got["height_m"], expected)
    assert (got["velocity_std"] == -999).all()
    assert sorted(warnings) == [
        "In the column h 20,000 values are -999, which means no value beside -50 to 150: taken as "
        "NULL.",
        f"In the column s {count - 2:,} values are -999, with nothing to compare with. They are "
        "kept; if they mean no value, make them NULL.",
        "Skipped, no position: 2.",
    ]


@pytest.mark.parametrize("factor", [100, 255])
def test_coherence_beyond_1_is_said(load, tmp_path, factor):
    rows = [f"p{i},51,3{i},1,1,{0.1 * i * factor},0,1\n" for i in range(1, 4)]
    got, warnings = load(write(tmp_path / "ps.csv", HEADER + "".join(rows)))
    assert got["coherence"] == pytest.approx(np.array([0.1, 0.2, 0.3]) * factor)
    (warning,) = warnings
    assert "COHERENCE should be a coherence, from 0 to 1, but 3 of 3 values are beyond" in warning


def test_one_date_shows_no_motion(load, tmp_path):
    table = "id,lon,lat,D20200101,D20210101\na,51,32,0,-20\nb,51,33,,-7\n"
    options = {"positive": "up", "displacement_unit": "mm", "columns": "ps_id=id"}
    got, warnings = load(write(tmp_path / "ps.csv", table), **options)
    np.testing.assert_array_equal(got["displacement_mm"], [-20, np.nan])
    assert np.isnan(got["velocity_mm_yr"][1]) and got["D20210101"][1] == -7
    assert any("single date, which shows no motion: 1." in warning for warning in warnings)


@pytest.mark.parametrize(
    "form",
    [
        "%d-%b-%Y",
        "D%d%b%Y",
        "%Y-%m-%dT05:30:00",
        "%Y%m%dT053000",
        "%d.%m.%Y",
        "%b %d %Y",
        "%Y/%m/%d",
    ],
)
def test_dates_of_other_forms(load, tmp_path, form):
    from datetime import date

    days = [date(2017, 1, 3), date(2017, 1, 15), date(2018, 1, 3)]
    header = "lon,lat," + ",".join(day.strftime(form) for day in days)
    options = {"positive": "up", "displacement_unit": "mm"}
    got, _ = load(write(tmp_path / "ps.csv", f"{header}\n51,32,0,1,2\n"), **options)
    assert [got[name][0] for name in ("D20170103", "D20170115", "D20180103")] == [0, 1, 2]


def test_columns_that_look_like_dates_and_are_not_read_are_said(load, tmp_path):
    table = "lon,lat,v,03-Jan-17,15-Jan-17\n51,32,1,2,3\n"
    _, warnings = load(write(tmp_path / "ps.csv", table), **V)
    assert "look like dates, but are not read: 03-Jan-17, 15-Jan-17." in warnings[0]


@pytest.mark.parametrize("kind", ["external storage", "external link", "virtual"])
def test_hdf5_that_keeps_its_data_elsewhere_is_refused(load, tmp_path, kind):
    (tmp_path / "secret").write_bytes(bytes(800))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["cum"] = np.zeros((2, 2, 2), "f4")
    with h5py.File(tmp_path / "cum.h5", "w") as file:
        if kind == "external storage":
            secret = [(str(tmp_path / "secret"), 0, 32)]
            file.create_dataset("cum", (2, 2, 2), "f4", external=secret)
        elif kind == "external link":
            file["cum"] = h5py.ExternalLink("other.h5", "cum")
        else:
            layout = h5py.VirtualLayout((2, 2, 2), "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "cum", (2, 2, 2))
            file.create_virtual_dataset("cum", layout)
    with pytest.raises(InputError, match="cum.h5 keeps cum in another file .*(secret|other.h5)"):
        load(tmp_path / "cum.h5")


def test_hdf5_whose_parts_do_not_fit_is_refused(load, tmp_path):
    with h5py.File(tmp_path / "cum.h5", "w") as file:
        file["cum"], file["imdates"] = np.zeros((2, 2, 2), "f4"), [20200101, 20210101]
        for name in ("corner_lat", "corner_lon", "post_lat", "post_lon"):
            file[name] = "north"
        file["vel"] = np.zeros((3, 2), "f4")
    with pytest.raises(InputError, match="vel has the shape"):
        load(tmp_path / "cum.h5")
    with h5py.File(tmp_path / "cum.h5", "r+") as file:
        del file["vel"]
    with pytest.raises(InputError, match="its datasets are not what its format says"):
        load(tmp_path / "cum.h5")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 2 MB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)])
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("rows", [2_000, 8_192, 30_000])
def test_a_full_disk_is_noticed(small_disk, rows):
    values = np.arange(float(rows))
    table = pa.table({"x": values, "y": values, "v": values})
    with pytest.raises(
        InputError, match="points could be written to .*small: the disk may be full"
    ):
        write_points(small_disk / "ps.gpkg", "EPSG:32639", [table] * (200_000 // rows))


def test_what_fits_is_written_and_read_back(small_disk):
    values = np.arange(1000.0)
    table = pa.table({"x": values, "y": values, "v": values})
    assert write_points(small_disk / "ps.gpkg", "EPSG:32639", [table]) == 1000
