"""Any file and any table ends in points or in one InputError."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from subsidence_mapper.model.dates import find_dates, like_dates, parse_days
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.files.fill_values import CODES, FillValues
from subsidence_mapper.model.scatterers.formats import STANDARD
from subsidence_mapper.model.scatterers.layout import parse_mapping
from subsidence_mapper.model.scatterers.standard import Standardizer
from subsidence_mapper.model.spatial.point_file import write_points
from subsidence_mapper.model.tasks.importpoints import open_source
from subsidence_mapper.test.examples import RecordingMonitor

# The folder is the same for all examples, which is what is wanted.
one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLE = "lon,lat,VEL,D20200101,D20210101,id\n51.5,32.5,-1.5,0,-1.5,7\n51.6,32.6,-9999,0,,8\n"


def points(path, **parameters):
    """How many points a file gives; -1 if it is refused."""
    monitor = RecordingMonitor()
    try:
        source = open_source({"path": str(path)}, parameters)
        standard = Standardizer(source, parameters, monitor)
        count = sum(table.num_rows for table in standard.tables())
        standard.log_counts()
    except InputError as problem:
        text = str(problem)
        assert len(text) > 10 and "Traceback" not in text
        return -1
    assert count > 0 and all(monitor.texts)
    return count


cells = st.one_of(
    st.sampled_from(
        ["", "1", "-9999", "1,5", "0.7", "1e306", "-3.4e38", "inf", "nan", "NULL", "x", '"', "51.5"]
        + ["32.5", "2020-01-01", "1.234,5", "0x10", "1_000", "\x00", "\u0661", "é", "'", " 7 "]
    ),
    st.floats().map(repr),
    st.text(max_size=4),
)
names = st.one_of(
    st.sampled_from(
        [
            "lon",
            "lat",
            "x",
            "y",
            "VEL",
            "vel",
            "coherence",
            "CODE",
            "V_STDEV",
            "height",
            "id",
            "pid",
        ]
        + ["mean_velocity", "los_up", "D20200101", "20210101", "03-Jan-2017", "03/01/2017", "fid"]
        + ["export_res_1", "export_res_2", "export_res_3", "velocity_mm", "displacement", "Field1"]
        + ["D20209999", "temporal_coherence", "incidence_angle", "easting", "northing", ""]
    ),
    st.text(max_size=6),
)
options = st.fixed_dictionaries(
    {"positive": st.sampled_from(["auto", "up", "subsidence"])},
    optional={
        "velocity_unit": st.sampled_from(["auto", "mm", "cm", "m", "inch"]),
        "displacement_unit": st.sampled_from(["auto", "mm", "m"]),
        "columns": st.sampled_from(["velocity=VEL", "x=lon; y=lat", "displacement=D20200101"]),
        "crs": st.sampled_from(["EPSG:4326", "EPSG:32639"]),
        "format": st.sampled_from(["auto", "tre", "stamps", "table", "egms"]),
        "projection": st.sampled_from(["line_of_sight", "vertical"]),
    },
)


@one_folder
@given(
    st.lists(names, max_size=8),
    st.lists(st.lists(cells, max_size=8), max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]),
    options,
)
def test_property_any_table_ends_in_points_or_one_sentence(
    tmp_path, header, rows, delimiter, encoding, parameters
):
    text = "\n".join(delimiter.join(row) for row in [header, *rows])
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding, "replace"))
    points(path, **parameters)


@one_folder
@given(st.integers(1, 6), st.data())
def test_property_a_whole_table_gives_all_its_rows(tmp_path, count, data):
    places = st.tuples(st.floats(50, 52), st.floats(31, 33), st.floats(-900, 900))
    rows = data.draw(st.lists(places, min_size=count, max_size=count))
    delimiter, decimal = data.draw(st.sampled_from([",.", ";.", ";,", "\t,"]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32"]))
    lines = [delimiter.join(f"{cell:.9f}".replace(".", decimal) for cell in row) for row in rows]
    text = "\n".join([delimiter.join(["lon", "lat", "v_mm"]), *lines]).encode(encoding)
    for name, content in (
        ("whole.csv", text),
        ("whole.txt.gz", gzip.compress(text)),
        ("whole.zip", zipped("a/whole.dat", text)),
    ):
        (tmp_path / name).write_bytes(content)
        assert points(tmp_path / name, columns="velocity=v_mm", positive="up") == count


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


@one_folder
@given(st.binary(max_size=300), st.sampled_from([".csv", ".csv.gz", ".zip", ".gpkg", ".h5", ".x"]))
@example(TABLE.encode(), ".csv")
def test_property_any_bytes_end_in_points_or_one_sentence(tmp_path, content, suffix):
    path = tmp_path / f"bytes{suffix}"
    path.write_bytes(content)
    points(path, positive="up", velocity_unit="mm")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of good files of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    values = np.arange(50.0)
    columns = {"x": 51 + values / 100, "y": 32 + values / 100, "v_mm": values}
    write_points(folder / "whole.gpkg", "EPSG:4326", [pa.table(columns)])
    text = (TABLE * 3).encode()
    (folder / "whole.csv").write_bytes(text)
    (folder / "whole.csv.gz").write_bytes(gzip.compress(text))
    (folder / "whole.zip").write_bytes(zipped("a.csv", text))
    return folder


@one_folder
@given(
    st.sampled_from([".gpkg", ".csv", ".csv.gz", ".zip"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    st.floats(0, 1),
)
def test_property_damaged_files_end_in_points_or_one_sentence(
    tmp_path, whole, suffix, damages, length
):
    content = bytearray((whole / f"whole{suffix}").read_bytes())
    for place, byte in damages:
        content[int(place * len(content))] = byte
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[: round(length * len(content)) if length > 0.5 else None])
    points(path, columns="velocity=v_mm" if suffix == ".gpkg" else "", positive="up")


@given(st.text(max_size=40))
@example('velocity="a;b"; x=')
def test_property_columns_are_a_mapping_or_one_sentence(text):
    try:
        mapping = parse_mapping(text)
    except InputError as problem:
        assert "COLUMNS holds" in str(problem)
    else:
        assert mapping.keys() <= {*STANDARD}


@given(
    st.dictionaries(
        st.sampled_from(STANDARD),
        st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), max_size=9),
    )
)
def test_property_columns_in_quotes_come_back_as_they_were(mapping):
    text = ";".join(f'{name} = "{column}"' for name, column in mapping.items())
    assert parse_mapping(text) == mapping


@given(st.lists(st.one_of(names, st.text(max_size=12)), max_size=6))
def test_property_dates_are_found_or_one_sentence(columns):
    like_dates(columns)
    for parse in (find_dates, lambda texts: parse_days(texts, "when")):
        try:
            parse(columns)
        except InputError as problem:
            assert len(str(problem)) > 10


@given(
    st.lists(
        st.one_of(
            st.floats(-900, 900), st.floats(), st.sampled_from(sorted(CODES)), st.just(-9999.0)
        ),
        max_size=30,
    )
)
def test_property_what_is_taken_out_is_counted_and_nothing_ordinary_is(values):
    fill = FillValues("the field v")
    given_, left = np.array(values, float), fill.remove(values)
    gone = np.isnan(left) & ~np.isnan(given_)
    np.testing.assert_array_equal(left[~gone], given_[~gone])
    assert not (np.abs(given_[gone]) < 900).any()
    assert (np.abs(left[~np.isnan(left)]) < 1e15).all()
    assert sum(fill.counts.values()) == gone.sum()
    said = " ".join(fill.sentences())
    assert all(f"{value:.10g}" in said for value, _ in fill.counts.most_common(5))
    assert ("of this kind too" in said) == (len(fill.counts) > 5)
