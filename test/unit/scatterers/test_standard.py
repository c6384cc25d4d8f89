"""How any table of PS becomes the standard one: positions, motion, what is skipped or refused."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio.crs import CRS
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers.series import slopes, spans
from subsidence_mapper.test.ps_tables import (
    DAYS,
    FITTED,
    LATITUDE,
    LONGITUDE,
    PACE,
    POINTS,
    SERIES,
    YEARS,
    published,
)

WGS84_WKT, UTM_WKT = (CRS.from_epsg(code).to_wkt(version="WKT2_2019") for code in (4326, 32639))


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
    assert "Points whose velocity is missing; their series gave it: 1." in got.log.infos
    assert "Points whose displacement is missing; their series gave it: 2." in got.log.infos
    assert any("without the first or the last date: 1." in line for line in got.log.warnings)
    assert "their series gave it" not in str(load(write(published()["SARPROZ"])).log)


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
    (unused,) = [line for line in got.log.infos if line.startswith("Columns not used")]
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


def test_velocity_and_displacement_come_from_the_series_where_nothing_else_states_them(load, write):
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
    assert "Points: 4." in got.log.infos
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
