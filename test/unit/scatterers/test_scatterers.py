"""PS points of every format, with the column names as published, against known values."""

from __future__ import annotations

import struct
from datetime import date, timedelta
from types import SimpleNamespace

import h5py
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
from rasterio.crs import CRS
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.monitor import Monitor
from subsidence_mapper.model.scatterers import formats, gridded, layers, tables
from subsidence_mapper.model.scatterers.series import slopes, spans
from subsidence_mapper.model.scatterers.units import ratio
from subsidence_mapper.model.tasks import importpoints

DAYS = [date(2016, 1, 5) + timedelta(days=12 * i) for i in range(40)]
YEARS = np.array([day.toordinal() for day in DAYS]) / 365.25
PACE = np.array([-12.0, -7.0, -3.0, 2.0, 5.0, -9.0])  # mm per year
SERIES = PACE[:, None] * (YEARS - YEARS[0])  # mm, (points, dates)
SERIES = SERIES + np.random.default_rng(0).normal(0, 0.05, SERIES.shape)
FITTED = np.polyfit(YEARS - YEARS[0], SERIES.T, 1)[0]
LONGITUDE, LATITUDE = 51.5 + np.arange(6) / 100, 32.5 + np.arange(6) / 200
POINTS = range(6)
STANDARD = [
    "ps_id",
    "velocity_mm_yr",
    "displacement_mm",
    "coherence",
    "amplitude_dispersion",
    "height_m",
    "velocity_std",
]


class Log(Monitor):
    def __init__(self):
        self.lines, self.warnings = [], []

    def log(self, text, level="info"):
        (self.warnings if level == "warning" else self.lines).append(text)

    def __str__(self):
        return "\n".join([*self.lines, *self.warnings])


@pytest.fixture
def load(tmp_path):
    """Import a file; gives its fields, places, CRS, numbers and log."""

    def load(path, **parameters):
        log = Log()
        request = {"grid": None, "outputs": ["PS_POINTS"], "source": {"path": str(path)}}
        result = importpoints.run(tmp_path, {**request, "parameters": parameters}, log)
        place = tmp_path / result["files"]["PS_POINTS"]
        meta, _, geometry, columns = pyogrio.raw.read(place)
        xy = np.array([struct.unpack("<dd", each[5:21]) for each in geometry])
        place.unlink()
        fields = dict(zip(meta["fields"], columns))
        assert list(fields)[:7] == STANDARD
        return SimpleNamespace(
            **fields, fields=fields, xy=xy, crs=meta["crs"], numbers=result["numbers"], log=log
        )

    return load


@pytest.fixture
def write(tmp_path):
    """Write columns as a text table."""

    def write(columns, name="ps.csv", delimiter=",", decimal=".", encoding="utf-8"):
        def text(cell):
            return cell if isinstance(cell, str) else repr(float(cell)).replace(".", decimal)

        rows = [delimiter.join(map(text, row)) for row in zip(*columns.values())]
        path = tmp_path / name
        path.write_text("\n".join([delimiter.join(columns), *rows, ""]), encoding=encoding)
        return path

    return write


def series(name="D%Y%m%d", scale=1.0):
    return {day.strftime(name): scale * SERIES[:, i] for i, day in enumerate(DAYS)}


def published():
    """Column names of the publishers' documentation, and what is expected of them."""
    place = {"latitude": LATITUDE, "longitude": LONGITUDE}
    laea = {"easting": 4e6 + np.arange(6) * 100, "northing": 3e6 + np.arange(6) * 100}
    ids, rest = [f"id{i}" for i in POINTS], np.arange(6) / 10
    motion = {"mean_velocity": PACE, "mean_velocity_std": rest + 1, "acceleration": rest}
    return {
        "EGMS L2": {
            "pid": ids,
            "mp_type": rest,
            **place,
            **laea,
            "height": rest + 100,
            "height_wgs84": rest,
            "line": rest,
            "pixel": rest,
            "rmse": rest,
            "temporal_coherence": rest + 0.4,
            "amplitude_dispersion": rest,
            "incidence_angle": rest + 39,
            "track_angle": rest,
            "los_east": rest,
            "los_north": rest,
            "los_up": rest / 10 + 0.7,
            **motion,
            "seasonality": rest,
            **series("%Y%m%d"),
        },
        "EGMS L3": {
            "pid": ids,
            **laea,
            "height": rest + 100,
            "rmse": rest,
            **motion,
            "seasonality": rest,
            "seasonality_std": rest,
            **series("%Y%m%d"),
        },
        "SARPROZ": {
            "ID": ids,
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "HEIGHT": rest + 100,
            "HEIGHT WRT DEM": rest,
            "SIGMA HEIGHT": rest,
            "VEL": PACE,
            "SIGMA VEL": rest + 1,
            "SEASONAL": rest,
            "CUMUL.DISP.": spans(SERIES.T),
            "COHER": rest + 0.4,
            "SVET": rest,
            "LVET": rest,
            "IN": rest,
            "FIN": rest,
            "STDEV": rest,
            **series("%Y%m%d"),
        },
        "MintPy points": {
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "CODE": ids,
            "HEIGHT": rest + 100,
            "H_STDEV": rest,
            "VEL": PACE,
            "V_STDEV": rest + 1,
            "COHERENCE": rest + 0.4,
            "EFF_AREA": rest,
            **series(),
        },
        "TRE ALTAMIRA": {
            "CODE": ids,
            "LAT": LATITUDE,
            "LON": LONGITUDE,
            "HEIGHT": rest + 100,
            "VEL": PACE,
            "V_STDEV": rest + 1,
            "COHERENCE": rest + 0.4,
            **series(),
        },
        "StaMPS table": {
            "CODE": ids,
            "LON": LONGITUDE,
            "LAT": LATITUDE,
            "HEIGHT": rest + 100,
            "COHERENCE": rest + 0.4,
            "VLOS": PACE,
            "D_A": rest,
            **series(),
        },
    }


@pytest.mark.parametrize("title", published())
def test_a_format_is_known_by_its_published_columns(load, write, title):
    columns = published()[title]
    for table in (columns, dict(reversed(columns.items()))):
        got = load(write(table))
        assert f"Format: {title}, recognised by" in got.log.lines[0]
        rest = np.arange(6) / 10
        assert got.numbers == {"COUNT": 6, "DATES": 40}
        assert got.ps_id.tolist() == [f"id{i}" for i in POINTS]
        assert got.velocity_mm_yr == pytest.approx(PACE)
        assert got.displacement_mm == pytest.approx(SERIES[:, -1] - SERIES[:, 0])
        assert got.height_m == pytest.approx(rest + 100)
        assert list(got.fields)[7:] == [f"D{day:%Y%m%d}" for day in DAYS]
        assert np.column_stack(list(got.fields.values())[7:]) == pytest.approx(SERIES)
        has = {"coherence": rest + 0.4, "velocity_std": rest + 1, "amplitude_dispersion": rest}
        lacks = {
            "EGMS L2": [],
            "EGMS L3": ["coherence", "amplitude_dispersion"],
            "StaMPS table": ["velocity_std"],
        }.get(title, ["amplitude_dispersion"])
        for name, values in has.items():
            if name in lacks:
                assert np.isnan(got.fields[name]).all()
            else:
                assert got.fields[name] == pytest.approx(values)
        europe = title.startswith("EGMS")
        assert got.crs == ("EPSG:3035" if europe else "EPSG:4326")
        first = [4e6, 3e6] if europe else [LONGITUDE[0], LATITUDE[0]]
        assert got.xy[0] == pytest.approx(first)
        assert not got.log.warnings


def test_candidates_of_stamps_without_any_displacement_are_kept(load, write):
    columns = published()["StaMPS table"]
    names = ["CODE", "LON", "LAT", "HEIGHT", "COHERENCE", "D_A"]
    got = load(write({name: columns[name] for name in names}))
    assert got.numbers == {"COUNT": 6, "DATES": 0}
    assert "no time series" in str(got.log)
    assert np.isnan(got.velocity_mm_yr).all()
    assert got.amplitude_dispersion == pytest.approx(np.arange(6) / 10)


def test_stamps_visualizer(load, tmp_path):
    # The manual: a row with the reference and the dates, in Matlab's days less one, goes before.
    days = [day.toordinal() + 366 - 1 for day in DAYS]
    rows = [[51.0, 32.0, "NaN", *days]]
    rows += [[LONGITUDE[i], LATITUDE[i], PACE[i], *SERIES[i]] for i in POINTS]
    header = [f"export_res_{i:2}" for i in range(1, 44)]
    path = tmp_path / "stamps.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    got = load(path)
    assert got.numbers == {"COUNT": 6, "DATES": 40}
    assert got.D20160117 == pytest.approx(SERIES[:, 1])
    assert got.velocity_mm_yr == pytest.approx(PACE)
    assert got.xy == pytest.approx(np.column_stack([LONGITUDE, LATITUDE]))
    assert load(path, columns="velocity=").velocity_mm_yr == pytest.approx(FITTED)
    for text, message in [
        (days[0], "holds a date twice"),
        ("soon", "should hold dates as numbers"),
    ]:
        rows[0][4] = text
        path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
        with pytest.raises(InputError, match=message):
            load(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_text_tables_of_any_dialect(load, write, delimiter, decimal, encoding):
    if delimiter == decimal:
        decimal = "."
    columns = {**published()["SARPROZ"], "Höhe": ["é"] * 6}
    path = write(columns, "ps.txt", delimiter, decimal, encoding)
    assert load(path).velocity_mm_yr == pytest.approx(PACE)


def test_decimal_commas_are_known_by_the_first_fifty_rows(load, write):
    count = 60
    table = {"ID": ["7,5"] * count, "lon": ["51"] * count, "lat": ["32"] * count}
    table["v_mm"] = ["1"] * 49 + ["-1,5e-1"] + ["2"] * 10
    options = {"columns": "ps_id=ID; velocity=v_mm", "positive": "up"}
    got = load(write(table, delimiter=";"), **options)
    assert got.velocity_mm_yr[[0, 49, 50]].tolist() == [1, -0.15, 2]
    # A comma in a column of texts is none of a number.
    table["v_mm"][49] = "-0.15"
    got = load(write(table, delimiter=";"), **options)
    assert got.velocity_mm_yr[49] == -0.15 and got.ps_id[0] == "7,5"
    table["v_mm"][49:51] = "3", "1,5"
    message = "In line 52, the column v_mm of ps.csv holds '1,5', .* decimals have a point, by the"
    with pytest.raises(InputError, match=message):
        load(write(table, delimiter=";"), **options)


def test_missing_values_in_all_their_spellings(load, write):
    texts = ["", "NaN", "NULL", "-9999", "N/A", "null"]
    columns = published()["TRE ALTAMIRA"]
    got = load(write({**columns, "COHERENCE": texts, "VEL": texts, "D20160105": texts}))
    assert np.isnan(got.coherence).all()
    assert np.isnan(got.D20160105).all()
    assert got.velocity_mm_yr == pytest.approx(np.polyfit(YEARS[1:], SERIES[:, 1:].T, 1)[0])
    assert "Points whose velocity is missing; their series gave it: 6." in got.log.lines
    assert "Missing values in the time series: 6." in got.log.lines
    assert got.displacement_mm == pytest.approx(SERIES[:, -1] - SERIES[:, 1])
    assert any("without the first or the last date: 6." in line for line in got.log.warnings)


def test_a_point_gets_from_its_series_what_it_alone_lacks(load, write):
    columns = {**published()["SARPROZ"]}
    columns["VEL"] = ["", *PACE[1:]]
    columns["CUMUL.DISP."] = [*spans(SERIES.T)[:4], "NaN", "-9999"]
    columns["D20160105"] = columns.pop("20160105")
    columns["D20160105"] = [*columns["D20160105"][:5], ""]
    got = load(write(columns))
    assert got.velocity_mm_yr == pytest.approx([FITTED[0], *PACE[1:]])
    expected = SERIES[:, -1] - SERIES[:, [0, 0, 0, 0, 0, 1]].diagonal()
    assert got.displacement_mm == pytest.approx(expected)
    assert "Points whose velocity is missing; their series gave it: 1." in got.log.lines
    assert "Points whose displacement is missing; their series gave it: 2." in got.log.lines
    assert any("without the first or the last date: 1." in line for line in got.log.warnings)
    assert "their series gave it" not in str(load(write(published()["SARPROZ"])).log)


WGS84_WKT, UTM_WKT = (CRS.from_epsg(code).to_wkt(version="WKT2_2019") for code in (4326, 32639))


@pytest.mark.parametrize("asked", ["EPSG:4326", WGS84_WKT])
def test_a_format_that_states_its_crs_goes_before_the_users(load, write, asked):
    path = write(published()["EGMS L2"])
    got = load(path, crs=asked)
    assert got.crs == "EPSG:3035" and got.xy[0].tolist() == [4e6, 3e6]
    (warning,) = got.log.warnings
    assert "the columns easting and northing are in EPSG:3035" in warning
    assert warning.startswith(f"CRS ({'EPSG:4326' if asked != WGS84_WKT else 'WGS 84'}) is not")
    got = load(path, crs=asked, columns="x=longitude; y=latitude")
    assert CRS.from_user_input(got.crs) == CRS.from_epsg(4326)
    assert got.xy[0] == pytest.approx([LONGITUDE[0], LATITUDE[0]])
    assert not got.log.warnings
    (unused,) = [line for line in got.log.lines if line.startswith("Columns not used")]
    assert "easting" in unused and "longitude" not in unused
    same = load(path, crs=CRS.from_epsg(3035).to_wkt(version="WKT2_2019"))
    assert not same.log.warnings


def test_a_crs_that_longitude_and_latitude_cannot_use_is_reported(load, write):
    path = write(published()["TRE ALTAMIRA"])
    got = load(path, crs=UTM_WKT)
    assert got.crs == "EPSG:4326"
    assert got.log.warnings[0].startswith("CRS (WGS 84 / UTM zone 39N) is not used: the columns L")
    assert not load(path, crs=WGS84_WKT).log.warnings


@pytest.mark.parametrize(
    ("crs", "factor", "message"),
    [
        ("EPSG:32639", 1, "x = 51.525, y = 32.5125, .* EPSG:32639 counts in metres"),
        (UTM_WKT, 1, "WGS 84 / UTM zone 39N counts in metres, and these look like degrees"),
        ("EPSG:4326", 1e4, "x = 515250, y = 325125, .* EPSG:4326 counts in degrees"),
        (WGS84_WKT, 1e4, "WGS 84 counts in degrees"),
        ("EPSG:4258", 1e4, "EPSG:4258 counts in degrees"),
        ("EPSG:32639", 1e4, None),
        (WGS84_WKT, 1, None),
    ],
)
def test_positions_that_their_crs_cannot_have_are_refused(load, write, crs, factor, message):
    path = write({"x": factor * LONGITUDE, "y": factor * LATITUDE, "v_mm": PACE})
    options = {"columns": "velocity=v_mm", "positive": "up", "crs": crs}
    if not message:
        assert load(path, **options).numbers["COUNT"] == 6
        return
    with pytest.raises(InputError, match=message):
        load(path, **options)


def test_single_positions_beyond_the_globe_are_skipped_in_any_geographic_crs(load, write):
    places = {"x": [*LONGITUDE[:5], 5e5], "y": [*LATITUDE[:5], 4e6]}
    path = write({**places, "v_mm": PACE})
    got = load(path, columns="velocity=v_mm", positive="up", crs=WGS84_WKT)
    assert got.log.warnings == ["Skipped, no position: 1."]


def test_velocity_and_displacement_come_from_the_series_where_nothing_else_tells(load, write):
    gaps = np.random.default_rng(2).random(SERIES.shape) < 0.3
    gaps[:, [0, -1]] = False
    gaps[1, :-1], gaps[2] = True, True
    table = {"lon": LONGITUDE, "lat": LATITUDE}
    for i, day in enumerate(DAYS):
        table[f"{day}"] = ["" if gaps[k, i] else SERIES[k, i] for k in POINTS]
    got = load(write(table), displacement_unit="mm", positive="up")
    assert "Skipped, no velocity, displacement or series: 1." in got.log.warnings
    assert got.ps_id.tolist() == ["1", "2", "4", "5", "6"]
    for row, k in enumerate([0, 1, 3, 4, 5]):
        known = ~gaps[k]
        if k == 1:
            assert np.isnan(got.velocity_mm_yr[row]) and np.isnan(got.displacement_mm[row])
        else:
            fitted = np.polyfit(YEARS[known] - YEARS[0], SERIES[k, known], 1)[0]
            assert got.velocity_mm_yr[row] == pytest.approx(fitted)
            assert got.displacement_mm[row] == pytest.approx(SERIES[k, -1] - SERIES[k, 0])
    whole = np.ones((40, 6))
    assert np.allclose(slopes(YEARS, whole * YEARS[:, None] * 3), 3)
    assert np.isnan(slopes(YEARS[:1], whole[:1])).all()


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("cm", 10), ("m", 1000), ("inch", 25.4)])
@pytest.mark.parametrize("positive", ["up", "subsidence"])
def test_units_and_sign_as_the_user_says(load, write, unit, factor, positive):
    sign = -1 if positive == "subsidence" else 1
    table = {"x": LONGITUDE * 1e4, "y": LATITUDE * 1e5, "rate": sign * PACE / factor}
    table["error"] = np.full(6, 1 / factor)
    path = write({**table, **series(scale=sign / 10)})  # the series is in cm
    got = load(
        path,
        columns="velocity=rate; velocity_std = error",
        velocity_unit=unit,
        displacement_unit="cm",
        positive=positive,
        crs="EPSG:32639",
    )
    assert got.crs == "EPSG:32639"
    assert got.velocity_mm_yr == pytest.approx(PACE)
    assert got.velocity_std == pytest.approx(np.ones(6))
    assert got.D20160117 == pytest.approx(SERIES[:, 1])


def test_one_unit_tells_the_other_by_the_series(load, write):
    path = write({"lon": LONGITUDE, "lat": LATITUDE, "v": PACE / 10, **series()})
    for known in ({"displacement_unit": "mm"}, {"velocity_unit": "cm"}):
        got = load(path, columns="velocity=v", positive="up", **known)
        assert got.velocity_mm_yr == pytest.approx(PACE)
        assert got.D20160117 == pytest.approx(SERIES[:, 1])
        assert "Units: velocity in cm/yr, displacement in mm." in got.log.lines


def test_a_unit_that_could_not_be_checked_is_reported(load, write):
    few = {name: values[:4] for name, values in published()["SARPROZ"].items()}
    told = [line for line in load(write(few)).log.lines if "could not be checked" in line]
    assert [line.split(":")[0] for line in told] == [
        "The unit of the velocity could not be checked against the series",
        "The unit of the displacement could not be checked against the series",
    ]
    assert told[0].endswith("among the first 4.")
    table = {"lon": LONGITUDE, "lat": LATITUDE, "v_mm": PACE, "d_mm": PACE[::-1]}
    got = load(write(table), columns="velocity=v_mm; displacement=d_mm", positive="up")
    assert "velocity could not be checked against the displacement" in str(got.log)
    for whole in (published()["SARPROZ"], {**table, "d_mm": 6 * PACE}):
        columns = "" if "VEL" in whole else "velocity=v_mm; displacement=d_mm"
        positive = "auto" if "VEL" in whole else "up"
        got = load(write(whole), columns=columns, positive=positive)
        assert "could not be checked" not in str(got.log)


def test_a_column_whose_name_holds_a_semicolon(load, write):
    table = {"lon": LONGITUDE, "lat": LATITUDE, "v; mm": PACE, "d=mm;": 6 * PACE, '5"': PACE}
    path = write(table, delimiter="\t")
    columns = 'velocity= "v; mm" ; displacement="d=mm;"; height="lat"'
    units = {"velocity_unit": "mm", "displacement_unit": "mm"}
    got = load(path, columns=columns, positive="up", **units)
    assert got.velocity_mm_yr == pytest.approx(PACE)
    assert got.displacement_mm == pytest.approx(6 * PACE)
    assert got.height_m == pytest.approx(LATITUDE)
    mapping = formats.parse_mapping('velocity=5"; height=6"; x=""')
    assert mapping == {"velocity": '5"', "height": '6"', "x": ""}
    with pytest.raises(InputError, match="holds 'mm'; .* a semicolon goes in double quotes"):
        load(path, columns="velocity=v; mm", positive="up", **units)


def test_the_end_of_a_columns_name_states_its_unit(load, write):
    path = write({"lon": LONGITUDE, "lat": LATITUDE, "sunk_cm": -PACE, "v_mm_yr": -PACE})
    columns = "displacement=sunk_cm; velocity=v_mm_yr"
    got = load(path, columns=columns, positive="subsidence")
    assert got.displacement_mm == pytest.approx(10 * PACE)
    assert got.velocity_mm_yr == pytest.approx(PACE)


def test_what_was_imported_can_be_imported_again(load, write):
    first = load(write(published()["EGMS L2"]))
    table = {"x": first.xy[:, 0], "y": first.xy[:, 1]}
    table.update({name: list(column) for name, column in first.fields.items()})
    again = load(write(table), positive="up", displacement_unit="mm", crs="EPSG:3035")
    for name, column in first.fields.items():
        assert (again.fields[name] == column).all(), name


def test_projection_to_the_vertical(load, write):
    columns = published()["EGMS L2"]
    columns["los_up"][0] = 0
    up = load(write(columns), projection="vertical")
    cosine = columns["los_up"][1:]
    assert "Skipped, no line of sight: 1." in up.log.warnings
    assert "nothing moves horizontally" in str(up.log)
    assert up.velocity_mm_yr == pytest.approx(PACE[1:] / cosine)
    assert up.displacement_mm == pytest.approx((SERIES[:, -1] - SERIES[:, 0])[1:] / cosine)
    assert up.velocity_std == pytest.approx(columns["mean_velocity_std"][1:] / cosine)
    assert up.D20160117 == pytest.approx(SERIES[1:, 1] / cosine)
    angle = load(write(columns), format="egms", columns="los_up=", projection="vertical")
    cosine = np.cos(np.radians(columns["incidence_angle"]))
    assert angle.velocity_mm_yr == pytest.approx(PACE / cosine)
    for column, message in [("los_up=track_angle", "at most 1"), ("los_up=", "in degrees")]:
        columns.update(track_angle=np.full(6, 39.0), incidence_angle=np.full(6, 0.7))
        with pytest.raises(InputError, match=message):
            load(write(columns), format="egms", columns=column, projection="vertical")


def test_egms_l3_is_vertical_as_it_is(load, write):
    got = load(write(published()["EGMS L3"]), projection="vertical")
    assert got.velocity_mm_yr == pytest.approx(PACE)
    assert "vertical as they are" in str(got.log)
    east = load(write(published()["EGMS L3"], "EGMS_L3_E32N34_100km_E_2018_2022_1.csv"))
    assert east.log.warnings == ["By its name this file holds east-west motion, not vertical."]
    up = load(write(published()["EGMS L3"], "EGMS_L3_E32N34_100km_U_2018_2022_1.csv"))
    assert not up.log.warnings


def test_nothing_is_skipped_without_being_counted(load, write):
    columns = published()["TRE ALTAMIRA"]
    columns["LAT"] = ["", "91", *LATITUDE[2:]]
    path = write(columns)
    with open(path, "a") as file:
        file.write("too,few,cells\n")
    got = load(path)
    assert got.ps_id.tolist() == ["id2", "id3", "id4", "id5"]
    assert sorted(got.log.warnings) == [
        "Skipped, no position: 2.",
        "Skipped, not as many cells as the header: 1.",
    ]
    assert "Points: 4." in got.log.lines
    columns["LAT"] = [""] * 6
    with pytest.raises(InputError, match="No point can be used. Skipped: no position: 6."):
        load(write(columns))


@pytest.mark.parametrize(
    ("change", "parameters", "message"),
    [
        ({"D20141340": PACE}, {}, "'D20141340' is no date"),
        ({"20160105": PACE}, {}, "'D20160105' and '20160105' are the same date"),
        ({"VEL": None}, {"format": "tre"}, "not those of the format 'tre'.*CODE, LAT.*code, vel"),
        ({"VEL": None}, {"format": "tre", "columns": "velocity=speed"}, "'speed', which is not"),
        ({}, {"columns": "speed=VEL"}, "COLUMNS holds 'speed=VEL'; expected .*ps_id, x, y"),
        ({"LAT": None}, {}, "No columns hold the positions.*Found: CODE, LON"),
        ({"LAT": None, "x": PACE, "y": PACE}, {}, "does not state the CRS of x and y"),
        ({"HEIGHT": ["much"] * 6}, {}, "HEIGHT of ps.csv holds 'much', which is no number"),
        ({}, {"format": "table", "columns": "velocity=VEL"}, "does not state whether positive"),
        ({}, {"format": "table", "positive": "up"}, r"unit of the displacement \(D20160105, D2016"),
        ({}, {"projection": "vertical"}, "no column holds los_up or incidence_angle"),
        ({"VEL": PACE / 10}, {}, "should be 10 times what VEL says.*VELOCITY_UNIT to cm"),
        ({"VEL": PACE / 25.4}, {}, "should be 25.4 times.*VELOCITY_UNIT to inch"),
        ({"VEL": PACE / 1000}, {}, "should be 1e.03 times.*VELOCITY_UNIT to m"),
        ({"VEL": PACE * 10}, {}, "should be 0.1 times.*DISPLACEMENT_UNIT to cm"),
        ({"VEL": -PACE}, {}, "contradict each other: one says up"),
        ({"total": SERIES[:, -1] / 10}, {"columns": "displacement=total"}, "their units differ"),
    ],
)
def test_what_is_refused_says_why(load, write, change, parameters, message):
    columns = {**published()["TRE ALTAMIRA"], **change}
    columns = {name: values for name, values in columns.items() if values is not None}
    with pytest.raises(InputError, match=message):
        load(write(columns), **parameters)


def test_a_contradiction_can_be_mended_as_the_message_says(load, write):
    columns = {**published()["TRE ALTAMIRA"], "VEL": PACE / 10}
    assert load(write(columns), velocity_unit="cm").velocity_mm_yr == pytest.approx(PACE)
    without = load(write({**columns, "VEL": -PACE}), columns="velocity=", format="tre")
    assert without.velocity_mm_yr == pytest.approx(FITTED)


def test_displacement_over_velocity_is_a_possible_period(load, write):
    table = {"lon": LONGITUDE, "lat": LATITUDE, "v_mm": PACE, "d_mm": 6 * PACE}
    columns = "velocity=v_mm; displacement=d_mm"
    assert load(write(table), columns=columns, positive="up").numbers["COUNT"] == 6
    for factor in (-1, 10, 0.01):
        with pytest.raises(InputError, match="so the period would be"):
            load(write({**table, "d_mm": 6 * factor * PACE}), columns=columns, positive="up")


def test_a_velocity_that_no_unit_explains_is_a_warning(load, write):
    got = load(write({**published()["TRE ALTAMIRA"], "VEL": PACE * 2}))
    assert "should be 0.501 times what VEL says" in got.log.warnings[0]
    assert ratio(np.arange(4.0), np.arange(4.0)) is None
    assert ratio(np.random.default_rng(0).normal(size=99), np.ones(99)) is None


def test_tables_that_are_none(load, tmp_path):
    for text in ("", "one line\n"):
        (tmp_path / "empty.csv").write_text(text)
        with pytest.raises(InputError, match="empty.csv is no table"):
            load(tmp_path / "empty.csv")
    (tmp_path / "header.csv").write_text("CODE,LON,LAT,VEL,V_STDEV,COHERENCE\n")
    with pytest.raises(InputError, match="There are no points"):
        load(tmp_path / "header.csv")
    with pytest.raises(InputError, match="There is no file"):
        load(tmp_path / "nowhere.csv")
    (tmp_path / "text.shp").write_text("no shapefile")
    with pytest.raises(InputError, match="text.shp cannot be read"):
        load(tmp_path / "text.shp")


def test_a_fault_far_inside_a_file_is_explained(load, write, monkeypatch):
    monkeypatch.setattr(tables, "_BLOCK", 4096)
    table = {"lon": np.tile(LONGITUDE, 500), "lat": np.tile(LATITUDE, 500), "v_mm": [1.5] * 3000}
    options = {"columns": "velocity=v_mm", "positive": "up"}
    assert load(write(table), **options).numbers["COUNT"] == 3000
    table["v_mm"][2900] = "fault"
    with pytest.raises(InputError, match="In line 2902, the column v_mm of ps.csv holds 'fault'"):
        load(write(table), **options)


def point(x, y, code=1, more=()):
    return struct.pack(f"<BI{2 + len(more)}d", 1, code, x, y, *more)


def multipoint(*points, code=4):
    return struct.pack("<BII", 1, code, len(points)) + b"".join(points)


def test_places_in_well_known_binary():
    nan = float("nan")
    elements = [
        point(9, 9),
        point(1, 2),
        None,
        multipoint(point(3, 4), point(5, 6)),
        point(7, 8, 1001, (99,)),
        point(9, 10, 0x80000001, (99,)),
        multipoint(),
        multipoint(point(11, 12, 3001, (1, 2)), code=3004),
        point(nan, nan),
    ]
    rows, xy = layers.read_places(pa.array(elements, pa.binary())[1:])
    assert rows.tolist() == [0, 2, 2, 3, 4, 6, 7]
    assert xy[:-1].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    rows, xy = layers.read_places(pa.array([None], pa.binary()))
    assert len(rows) == 0 and xy.shape == (0, 2)
    with pytest.raises(InputError, match="other geometries than points"):
        layers.read_places(pa.array([struct.pack("<BII", 1, 3, 0)], pa.binary()))


def write_layer(path, geometry, kind, fields, crs="EPSG:25830"):
    pyogrio.raw.write(
        path,
        np.array(geometry, object),
        [np.asarray(values) for values in fields.values()],
        list(fields),
        geometry_type=kind,
        crs=crs,
    )
    return path


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_multipoint_layers_are_taken_as_points(load, tmp_path, suffix):
    geometry = [multipoint(point(i, 4e6), point(i, 4e6 + 1)) for i in range(5)] + [None]
    fields = {"CODE": [f"id{i}" for i in POINTS], "COHERENCE": np.ones(6), "VEL": PACE}
    fields.update(V_STDEV=np.ones(6), **series())
    path = write_layer(tmp_path / f"ps{suffix}", geometry, "MultiPoint", fields)
    got = load(path)
    assert "TRE ALTAMIRA" in got.log.lines[0]
    assert got.xy.tolist() == [[i, y] for i in range(5) for y in (4e6, 4e6 + 1)]
    assert got.velocity_mm_yr == pytest.approx(np.repeat(PACE[:5], 2))
    assert got.D20160117 == pytest.approx(np.repeat(SERIES[:5, 1], 2), rel=1e-6)
    assert got.ps_id[1] == "id0"
    assert got.crs == "EPSG:25830"
    assert got.log.warnings == ["Skipped, no position: 1."]


def test_layers_that_cannot_be_points(load, tmp_path):
    line = struct.pack("<BII4d", 1, 2, 2, 0, 0, 1, 1)
    path = write_layer(tmp_path / "lines.gpkg", [line], "LineString", {"velocity": [1.0]})
    with pytest.raises(InputError, match="lines.gpkg holds LineString features"):
        load(path, positive="up")
    path = write_layer(tmp_path / "lost.shp", [point(5e5, 4e6)], "Point", {"v_mm": [1.0]}, None)
    options = {"columns": "velocity=v_mm", "positive": "up"}
    with pytest.raises(InputError, match="lost.shp does not state its CRS"):
        load(path, **options)
    assert load(path, crs="EPSG:32639", **options).crs == "EPSG:32639"
    path = write_layer(tmp_path / "told.gpkg", [point(5e5, 4e6)], "Point", {"v_mm": [1.0]})
    (warning,) = load(path, crs="EPSG:32639", **options).log.warnings
    assert "the Point geometries are in EPSG:25830, as the file" in warning


def test_a_table_of_texts_in_a_geopackage(load, tmp_path):
    fields = {
        "lon": ["51.5", " 51.6", ""],
        "lat": ["32.5", "32.6", "1"],
        "v_mm": ["-1", "NULL", "2"],
    }
    path = tmp_path / "table.gpkg"
    columns = [np.array(values, object) for values in fields.values()]
    pyogrio.raw.write(path, None, columns, list(fields), geometry_type=None)
    got = load(path, columns="velocity=v_mm", positive="up")
    assert got.xy.tolist() == [[51.5, 32.5]]
    assert len(got.log.warnings) == 2


def cube():
    """Six points of SERIES in a grid of 3 x 4 cells; the other cells are empty."""
    cells = np.full((40, 3, 4), np.nan, "float32")
    at = np.array([0, 3, 5, 6, 8, 11])
    cells.reshape(40, -1)[:, at] = SERIES.T - SERIES[:, 0]
    return cells, np.divmod(at, 4)


@pytest.mark.parametrize("rows_at_once", [1, 100])
def test_licsbas(load, tmp_path, monkeypatch, rows_at_once):
    monkeypatch.setattr(gridded, "_VALUES", 40 * 4 * rows_at_once)
    cells, (rows, columns) = cube()
    velocity = np.full((3, 4), np.nan)
    velocity[rows, columns] = PACE
    with h5py.File(tmp_path / "cum.h5", "w") as file:
        file["imdates"] = [int(day.strftime("%Y%m%d")) for day in DAYS]
        file["cum"] = cells
        file["vel"] = velocity
        file["U.geo"] = np.full((3, 4), 0.8)
        file["corner_lat"], file["corner_lon"] = 40.0, 140.0
        file["post_lat"], file["post_lon"] = -0.001, 0.002
    got = load(tmp_path / "cum.h5", projection="vertical")
    assert "LiCSBAS" in got.log.lines[0]
    # corner_lat is the centre of the first cell.
    assert got.xy == pytest.approx(np.column_stack([140 + 0.002 * columns, 40 - 0.001 * rows]))
    assert got.crs == "EPSG:4326"
    assert got.velocity_mm_yr == pytest.approx(PACE / 0.8)
    assert got.displacement_mm == pytest.approx((SERIES[:, -1] - SERIES[:, 0]) / 0.8, rel=1e-5)
    assert got.log.warnings == ["Skipped, outside the mask, or without values: 6."]
    with h5py.File(tmp_path / "cum.h5", "a") as file:
        del file["corner_lat"]
    with pytest.raises(InputError, match="no known format. Found: .*imdates.*is not geocoded"):
        load(tmp_path / "cum.h5")
    with pytest.raises(InputError, match="is for tables and layers"):
        load(tmp_path / "cum.h5", columns="velocity=vel")


@pytest.mark.parametrize(
    ("lattice", "crs", "first"),
    [
        ({"X_FIRST": "10", "Y_FIRST": "50", "X_STEP": "0.2", "Y_STEP": "-0.4"}, 4326, (10.1, 49.8)),
        (
            {
                "X_FIRST": "500000",
                "Y_FIRST": "4000000",
                "X_STEP": "80",
                "Y_STEP": "-40",
                "X_UNIT": "meters",
                "UTM_ZONE": "33S",
            },
            32733,
            (500040, 3999980),
        ),
    ],
)
def test_mintpy_hdf_eos5(load, tmp_path, lattice, crs, first):
    cells, (rows, columns) = cube()
    path = tmp_path / "S1_IW12_128_0593_0597_20160105_20170417.he5"
    with h5py.File(path, "w") as file:
        group = file.create_group("HDFEOS/GRIDS/timeseries")
        group["observation/displacement"] = np.nan_to_num(cells[::-1]) / 1000
        group["observation/displacement"].attrs["Units"] = "meters"
        group["observation/date"] = np.array([f"{day:%Y%m%d}" for day in DAYS[::-1]], "S8")
        group["quality/mask"] = np.isfinite(cells[0])
        group["quality/temporalCoherence"] = np.arange(12.0).reshape(3, 4) / 12
        group["geometry/height"] = np.full((3, 4), 7.0)
        group["geometry/incidenceAngle"] = np.full((3, 4), 60.0)
        file.attrs.update(lattice)
    got = load(path, projection="vertical")
    assert "MintPy HDF-EOS5" in got.log.lines[0]
    assert got.crs == f"EPSG:{crs}"
    assert got.xy[0] == pytest.approx(first)
    step = [float(lattice["X_STEP"]), float(lattice["Y_STEP"])]
    assert got.xy - got.xy[0] == pytest.approx(np.column_stack([columns, rows]) * step)
    assert got.velocity_mm_yr == pytest.approx(2 * FITTED, rel=1e-4)
    assert got.coherence == pytest.approx((4 * rows + columns) / 12)
    assert got.height_m.tolist() == [7] * 6
    with h5py.File(path, "a") as file:
        for name in lattice:
            del file.attrs[name]
    with pytest.raises(InputError, match="is not geocoded"):
        load(path)


def test_a_file_that_is_no_hdf5(load, tmp_path):
    (tmp_path / "cum.h5").write_text("no")
    with pytest.raises(InputError, match="cum.h5 is no HDF5 file"):
        load(tmp_path / "cum.h5")


@pytest.mark.parametrize(("name", "count", "dates"), [("Asc", 573, 134), ("Desc", 914, 146)])
def test_donana(load, real_data, name, count, dates):
    """MultiPoint, in centimetres, which only the user knows; los_up is cosU."""
    path = real_data(f"donana/Sentinel_{name}.shp")
    columns = "ps_id=ID; velocity=Vel; coherence=Coer; los_up=cosU; height=Topo"
    with pytest.raises(InputError, match=r"unit of the velocity \(Vel\)"):
        load(path, columns=columns, positive="up")
    options = {"columns": columns, "positive": "up", "displacement_unit": "cm"}
    got = load(path, **options)
    assert got.numbers == {"COUNT": count, "DATES": dates}
    assert "Units: velocity in cm/yr, displacement in cm." in got.log.lines
    assert "Columns not used: cosN, cosE, Lon, Lat." in got.log.lines
    assert "25830" in got.crs
    days = [date(int(name[1:5]), int(name[5:7]), int(name[7:])) for name in list(got.fields)[7:]]
    years = np.array([day.toordinal() for day in days]) / 365.25
    motion = np.column_stack(list(got.fields.values())[7:])
    fitted = np.polyfit(years - years.mean(), motion.T, 1)[0]
    assert got.velocity_mm_yr == pytest.approx(fitted, abs=0.1)
    up = load(path, projection="vertical", **options)
    assert (np.abs(up.velocity_mm_yr) >= np.abs(got.velocity_mm_yr)).all()
    assert np.median(got.velocity_mm_yr / up.velocity_mm_yr) == pytest.approx(0.75, abs=0.01)
    with pytest.raises(InputError, match="should be 10 times what Vel says.*VELOCITY_UNIT to cm"):
        load(path, velocity_unit="mm", **options)


def test_stamps_export(load, real_data):
    got = load(real_data("formats/stamps_visualizer_export.csv"))
    assert got.numbers == {"COUNT": 97, "DATES": 41}
    # The last acquisition before the Maoxian landslide of 24 June 2017.
    assert list(got.fields)[-1] == "D20170619"
    assert got.velocity_mm_yr[0] == pytest.approx(0.893294)
    assert got.xy[0] == pytest.approx([103.6593, 32.07623])
    assert not got.log.warnings
