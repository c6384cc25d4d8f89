from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.drivers.water_table import (
    LeftOut,
    Piezometer,
    read_piezometers,
)
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.tasks import watertable as task
from subsidence_mapper.test.examples import RecordingMonitor

LEFT, TOP = 500_000.0, 3_600_000.0


def day(text) -> int:
    return date.fromisoformat(text).toordinal()


def days(*texts) -> np.ndarray:
    return np.array([day(text) for text in texts], float)


def well(levels, *dates) -> Piezometer:
    return Piezometer("P", np.zeros(2), days(*dates), np.array(levels, float))


def scattered(count, seed=0, size=10_000) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.array([LEFT, TOP - size]) + random.uniform(0, size, (count, 2))


# Series


def test_a_level_is_interpolated_between_its_neighbours():
    piezometer = well([10, 14, 8], "2014-01-01", "2014-01-05", "2015-01-05")
    assert piezometer.level_at(day("2014-01-02"), 0) == 11
    assert piezometer.level_at(day("2014-01-05"), 0) == 14
    assert piezometer.level_at(day("2015-01-15"), 10) == 8
    with pytest.raises(LeftOut, match="2015-01-16 is more than 10 days outside its readings"):
        piezometer.level_at(day("2015-01-16"), 10)
    with pytest.raises(LeftOut, match="2013-12-21"):
        piezometer.level_at(day("2013-12-21"), 10)


def test_a_single_reading_has_a_level_but_no_change():
    piezometer = well([10], "2014-01-01")
    assert piezometer.mean() == piezometer.level_at(day("2014-02-01"), 90) == 10
    for what in (
        lambda: piezometer.change(day("2014-01-01"), day("2014-02-01"), 90),
        piezometer.trend,
    ):
        with pytest.raises(LeftOut, match="a single reading"):
            what()


@pytest.mark.parametrize(
    ("start", "end"), [("2013-12-01", "2014-01-01"), ("2015-01-01", "2015-02-01")]
)
def test_one_reading_tells_no_change(start, end):
    piezometer = well([10, 14], "2014-01-01", "2015-01-01")
    assert piezometer.change(day("2013-12-01"), day("2015-02-01"), 90) == 4
    assert piezometer.change(day("2014-01-01"), day("2014-01-02"), 0) == pytest.approx(4 / 365)
    with pytest.raises(LeftOut, match="start and end rest on the same reading"):
        piezometer.change(day(start), day(end), 90)


def test_a_linear_trend_is_found_exactly_through_gaps_and_outliers():
    random = np.random.default_rng(0)
    at = np.sort(random.choice(4000, 120, replace=False)) + day("2010-01-01")
    levels = 50 - 0.37 * (at - at[0]) / 365.25
    piezometer = Piezometer("P", np.zeros(2), at.astype(float), levels)
    assert piezometer.trend() == pytest.approx(-0.37, abs=1e-12)
    assert piezometer.change(at[0], at[-1], 0) == pytest.approx(levels[-1] - levels[0])
    levels = levels.copy()
    levels[::10] += 100
    assert Piezometer("P", np.zeros(2), at.astype(float), levels).trend() == pytest.approx(
        -0.37, abs=0.05
    )


def test_a_daily_series_of_decades_needs_no_matrix_of_all_pairs():
    at = np.arange(20_000.0)
    piezometer = Piezometer("P", np.zeros(2), at, 3 + 0.001 * at)
    assert piezometer.trend() == pytest.approx(0.36525, abs=1e-9)


# Layouts

XY = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0]])


def test_rows_columns_and_a_table_give_the_same_series():
    notes = RecordingMonitor()
    rows = {
        "xy": XY[[0, 0, 1, 2]],
        "id": np.array(["a", "a", "b", "c"]),
        "when": np.array(["2014-01-01", "2014-02-01", "2014-01-01", "2014-02-01"]),
        "level": np.array([1.0, 2, 3, 4]),
    }
    columns = {
        "xy": XY,
        "id": np.array(["a", "b", "c"]),
        "D20140101": np.array([1.0, 3, np.nan]),
        "D20140201": np.array([2.0, np.nan, 4]),
    }
    table = {name: column for name, column in rows.items() if name != "xy"}
    wide = {name: column for name, column in columns.items() if name != "xy"}
    places = {"xy": XY, "id": np.array(["a", "b", "c"])}
    named = {"id_field": "id", "date_field": "when", "level_field": "level"}
    for got in (
        read_piezometers(rows, **named, monitor=notes),
        read_piezometers({**rows, "id": None}, date_field="when", level_field="level"),
        read_piezometers(columns, id_field="id"),
        read_piezometers(places, table, readings_id_field="id", **named),
        read_piezometers(places, wide, "id", readings_id_field="id"),
    ):
        assert [each.xy.tolist() for each in got] == XY.tolist()
        assert [each.days.tolist() for each in got] == [
            days("2014-01-01", "2014-02-01").tolist(),
            days("2014-01-01").tolist(),
            days("2014-02-01").tolist(),
        ]
        assert [each.levels.tolist() for each in got] == [[1, 2], [3], [4]]
    assert any(
        "3 piezometers with 4 readings from 2014-01-01 to 2014-02-01" in x for x in notes.texts
    )


def test_a_number_finds_the_same_number_as_text():
    places = {"xy": XY, "name": np.array(["0104", "105", "x"])}
    table = {
        "n": np.array([104.0, 105.0, 105.0, 999.0]),
        "when": np.array([20140101.0, 20140101, 20140101, 20140101]),
        "level": np.array([1.0, 2.0, 4.0, 7.0]),
    }
    notes = RecordingMonitor()
    got = read_piezometers(places, table, "name", "when", "level", "n", notes)
    assert [each.levels.tolist() for each in got] == [[1], [3], []]
    averaged = "Readings that fall on a day of which the piezometer has another, averaged: 1."
    assert averaged in notes.texts
    assert any("1 of 4 readings belong to no piezometer" in line for line in notes.texts)
    assert any("1 have no reading, 2 a single one" in line for line in notes.texts)


def test_levels_may_be_texts():
    ids, when = np.array(["a", "a", "b", "c"]), np.array(["2014-01-01", "2014-02-01"] * 2)
    rows = {"xy": XY[[0, 0, 1, 2]], "id": ids, "when": when}
    texts = {**rows, "level": np.array(["116.38", " -1e1 ", "", "7"])}
    notes = RecordingMonitor()
    got = read_piezometers(texts, None, "id", "when", "level", monitor=notes)
    assert [each.levels.tolist() for each in got] == [[116.38, -10], [], [7]]
    assert "1 of 4 readings have no level: skipped." in notes.texts
    columns = {"xy": XY, "D20140101": np.array(["1.5", "", "3"]), "2014_02_01": np.full(3, 2.0)}
    assert [each.levels.tolist() for each in read_piezometers(columns)] == [[1.5, 2], [2], [3, 2]]
    texts["level"] = np.array(["1,5", "dry", "1_0", "7"])
    with pytest.raises(InputError, match="3 of 4 levels in level are no numbers, .*'1,5'"):
        read_piezometers(texts, None, "id", "when", "level")


def test_no_column_of_a_date_vanishes():
    columns = {"xy": XY, "id20150101": np.ones(3), "D20150101": np.full(3, 2.0)}
    notes = RecordingMonitor()
    assert [each.levels.tolist() for each in read_piezometers(columns, monitor=notes)] == [[2]] * 3
    assert "Columns that are dates: 1. Others: id20150101." in notes.texts
    with pytest.raises(InputError, match="'D20150101' and 'D20150101_1' are the same date"):
        read_piezometers({**columns, "D20150101_1": np.ones(3)})
    with pytest.raises(InputError, match="'D20161301' is no date"):
        read_piezometers({**columns, "D20161301": np.ones(3)})


def test_gaps_are_counted():
    rows = {
        "xy": XY[[0, 0, 1, 2]],
        "id": np.array(["a", "a", "b", ""]),
        "when": np.array(["2014-01-01", "", "2014-01-01", "2014-02-01"]),
        "level": np.array([np.nan, 2, 3, 4]),
    }
    notes = RecordingMonitor()
    got = read_piezometers(rows, None, "id", "when", "level", monitor=notes)
    assert [each.levels.tolist() for each in got] == [[], [3]]
    for text in (
        "1 of 4 rows of PIEZOMETERS have no id: skipped.",
        "1 of 4 readings have no date: skipped.",
        "1 of 4 readings have no level: skipped.",
        "1 of 2 readings belong to no piezometer of the layer: skipped.",
    ):
        assert text in notes.texts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": np.array(["a", "a", "b"])}, "piezometer a stands at places that are 1,000 m apart"),
        ({"level": np.array(["1,5", "2", "3"])}, "1 of 3 levels in level are no numbers, .*'1,5'"),
        ({"level": np.full(3, np.nan)}, "No reading has both a date and a level"),
        ({"when": np.array(["", "", ""])}, "No reading has both a date and a level"),
    ],
)
def test_readings_that_cannot_be_used(change, message):
    rows = {
        "xy": XY,
        "id": np.array(["a", "b", "c"]),
        "when": np.array(["2014-01-01"] * 3),
        "level": np.array([1.0, 2, 3]),
        **change,
    }
    with pytest.raises(InputError, match=message):
        read_piezometers(rows, None, "id", "when", "level")


def test_ids_that_never_meet_and_columns_without_dates():
    places = {"xy": XY, "id": np.array(["a", "b", "c"]), "head": np.ones(3)}
    table = {"id": np.array(["P1"]), "when": np.array(["2014-01-01"]), "level": np.ones(1)}
    with pytest.raises(InputError, match="the readings are of 'P1' .* are called 'a'"):
        read_piezometers(places, table, "id", "when", "level", "id")
    with pytest.raises(InputError, match="neither a DATE_FIELD nor columns .* found: head, id"):
        read_piezometers(places, None, "id")


# The task


@pytest.fixture
def run(tmp_path):
    """Run the task on a field of levels; gives bands by output, the log and the report."""

    def run(
        places,
        outputs=("WATER_TABLE", "CHANGE", "REPORT"),
        grid=None,
        tile_size=512,
        **parameters,
    ):
        np.savez(tmp_path / "piezometers.npz", **places)
        grid = grid or Grid("EPSG:25830", (LEFT, 500.0, 0.0, TOP, 0.0, -500.0), 20, 20)
        notes = RecordingMonitor()
        request = {
            "grid": grid.to_dict(),
            "outputs": list(outputs),
            "piezometers": "piezometers.npz",
            "parameters": {
                "level_is": "elevation",
                "change_is": "between_dates",
                "tolerance": 90.0,
                "variogram": "auto",
                **parameters,
            },
        }
        result = task.run(tmp_path, request, notes, tile_size)
        made = {"LOG": notes.texts}
        for name, file in result["files"].items():
            if file.endswith(".html"):
                made[name] = (tmp_path / file).read_text(encoding="utf-8")
                continue
            with rasterio.open(tmp_path / file) as raster:
                made[name] = raster.read()
                made[name + "_BANDS"] = list(raster.descriptions)
        return made

    return run


def falling(count=30, rate=-0.5) -> dict:
    """Piezometers read on three days: a smooth surface that falls everywhere alike."""
    xy = scattered(count)
    level = 40 + 3 * np.sin((xy[:, 0] - LEFT) / 5000) + (xy[:, 1] - TOP) / 2000
    at = ["2014-01-01", "2015-07-01", "2018-01-01"]
    years = [(day(each) - day(at[0])) / 365.25 for each in at]
    columns = {f"D{each.replace('-', '')}": level + rate * year for each, year in zip(at, years)}
    return {"xy": xy, **columns}


def test_the_mean_of_a_known_field(run):
    places = falling(80)
    made = run(places)
    x, y = Grid("", (LEFT, 500.0, 0.0, TOP, 0.0, -500.0), 20, 20).window.xy().T
    years = np.mean(
        [
            (day(each) - day("2014-01-01")) / 365.25
            for each in ("2014-01-01", "2015-07-01", "2018-01-01")
        ]
    )
    truth = 40 + 3 * np.sin((x - LEFT) / 5000) + (y - TOP) / 2000 - 0.5 * years
    error = made["WATER_TABLE"][0].ravel() - truth
    assert np.sqrt((error**2).mean()) < 0.15
    assert made["WATER_TABLE_BANDS"] == ["water_table_m", "standard_deviation_m"]
    assert (made["WATER_TABLE"][1] > 0).all()
    # The same fall everywhere: the change is constant, and that is said.
    span = (day("2018-01-01") - day("2014-01-01")) / 365.25
    assert np.allclose(made["CHANGE"][0], -0.5 * span) and (made["CHANGE"][1] == 0).all()
    assert made["CHANGE_BANDS"] == ["change_m", "change_standard_deviation_m"]
    assert any("so is the map" in line for line in made["LOG"])


def test_the_mean_of_a_period(run):
    places = falling()
    made = run(places, ["WATER_TABLE"], start="2015-01-01", end="2018-01-01")
    late = {name: column for name, column in places.items() if name != "D20140101"}
    assert np.array_equal(made["WATER_TABLE"], run(late, ["WATER_TABLE"])["WATER_TABLE"])


def test_a_date_between_the_readings(run):
    made = run(falling(), ["WATER_TABLE"], date="2016-01-01")
    early = run(falling(), ["WATER_TABLE"], date="2014-01-01")
    fall = 0.5 * (day("2016-01-01") - day("2014-01-01")) / 365.25
    assert np.allclose(early["WATER_TABLE"][0] - made["WATER_TABLE"][0], fall, atol=1e-4)


def test_trend_and_period(run):
    made = run(falling(), ["CHANGE"], change_is="trend_per_year")
    assert np.allclose(made["CHANGE"][0], -0.5)
    assert made["CHANGE_BANDS"] == ["change_m_per_year", "change_standard_deviation_m_per_year"]
    made = run(falling(), ["CHANGE"], start="2014-07-01", end="2016-07-01")
    years = (day("2016-07-01") - day("2014-07-01")) / 365.25
    assert np.allclose(made["CHANGE"][0], -0.5 * years, atol=1e-5)


def test_a_depth_that_grows_is_a_falling_table(run):
    depth = falling()
    made = run(depth, level_is="depth")
    assert (made["CHANGE"][0] > 0).all()  # these depths shrink
    assert made["WATER_TABLE_BANDS"][0] == "depth_to_water_m"
    trend = run(depth, ["CHANGE"], level_is="depth", change_is="trend_per_year")
    assert np.allclose(trend["CHANGE"][0], 0.5)


def test_the_report_shows_variogram_and_piezometers(run):
    places = falling(12)
    places["D20180101"][3] = np.nan
    places["D20150701"][3] = np.nan
    report = run(places)["REPORT"]
    assert report.count("data:image/png") == 1  # the change is constant and has no variogram
    assert "The model: nugget" in report
    assert "it has a single reading" in report
    assert "leave-one-out RMSE" in report


def test_a_report_alone(run):
    assert "Water table, mean of 2014-01-01 to 2018-01-01" in run(falling(), ["REPORT"])["REPORT"]


def test_tiles_equal_the_whole(run):
    whole, tiled = (
        run(falling(), ["WATER_TABLE"], tile_size=size)["WATER_TABLE"] for size in (512, 7)
    )
    assert np.allclose(tiled, whole, rtol=1e-6)


def test_piezometers_at_one_place_are_averaged(run):
    places = falling(12)
    twin = {name: np.concatenate([column, column[:1]]) for name, column in places.items()}
    twin["D20140101"][-1] += 2
    ids = np.array([f"p{i}" for i in range(13)])
    made = run({**twin, "id": ids}, ["WATER_TABLE"], id_field="id", date="2014-01-01")
    assert "Piezometers that share their place with another, averaged: 1." in made["LOG"]
    places["D20140101"][0] += 1
    expected = run(places, ["WATER_TABLE"], date="2014-01-01")
    assert np.allclose(made["WATER_TABLE"], expected["WATER_TABLE"], rtol=1e-5)


def test_places_on_a_line_are_said(run):
    places = falling(12)
    places["xy"][:, 1] = TOP - 100
    assert any("lie on one line" in line for line in run(places, ["WATER_TABLE"])["LOG"])


def test_two_places_are_too_few(run):
    places = falling(5)
    for name in ("D20150701", "D20180101"):
        places[name][:3] = np.nan
    with pytest.raises(
        InputError, match="needs 3 places, but the .* is known at 2. Left out: 3 of 5 piezometers"
    ):
        run(places, ["CHANGE"])
    with pytest.raises(InputError, match="2025-01-01 is more than 90 days outside its readings"):
        run(places, ["WATER_TABLE"], date="2025-01-01")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"start": "2016-01-01", "end": "2015-01-01"},
            "from 2016-01-01 to 2015-01-01 has no length",
        ),
        ({"start": "2030-01-01"}, "readings run from 2014-01-01 to 2018-01-01"),
        ({"outputs": []}, "No output was requested"),
    ],
)
def test_what_cannot_be_mapped(run, given, message):
    with pytest.raises(InputError, match=message):
        run(falling(), **given)


def test_piezometers_that_show_no_change_are_left_out(run):
    """Not mapped as unchanged: START and END lie before the first reading of four of them."""
    places = falling(12)
    places["D20140101"][:4] = np.nan
    places["D20150501"] = np.where(np.isnan(places["D20140101"]), 1.0, np.nan)
    made = run(places, ["CHANGE", "REPORT"], start="2015-02-15", end="2015-04-15")
    assert np.allclose(made["CHANGE"][0], -0.5 * 59 / 365.25, atol=1e-5)
    reason = "start and end rest on the same reading"
    assert any(f"4 of 12 piezometers ({reason})" in line for line in made["LOG"])
    assert made["REPORT"].count(reason) == 4


def test_seasons_are_warned_of(run):
    places = falling(6)
    del places["D20180101"]
    places["D20140601"] = places.pop("D20150701")
    made = run(places, ["CHANGE"], change_is="trend_per_year")
    assert any("of 6 of 6 piezometers span less than a year" in line for line in made["LOG"])


def test_piezometers_of_donana(real_data):
    """116 monthly readings of 6 piezometers, with gaps, against a second reading of the file."""
    with open(real_data("donana/bd_piezo.txt"), newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = sorted({row["Nombre"] for row in rows})
    table = {
        "Nombre": np.array([float(row["Nombre"]) for row in rows]),
        "Fechas": np.array([row["Fechas"] for row in rows]),
        "Valores": np.array([float(row["Valores"] or "nan") for row in rows]),
    }
    places = {"xy": scattered(6), "Nombre": np.array(names)}
    notes = RecordingMonitor()
    got = read_piezometers(places, table, "Nombre", "Fechas", "Valores", "Nombre", notes)
    empty = sum(not row["Valores"] for row in rows)
    assert [each.name for each in got] == names
    assert sum(len(each.days) for each in got) == len(rows) - empty == 689
    assert f"{empty} of {len(rows)} readings have no level: skipped." in notes.texts
    for each in got:
        own = [
            float(row["Valores"]) for row in rows if row["Nombre"] == each.name and row["Valores"]
        ]
        assert each.mean() == pytest.approx(np.mean(own))
        # Least squares, a second way to a trend, agrees on how fast these fall.
        fitted = np.polyfit(each.days / 365.25, each.levels, 1)[0]
        assert each.trend() == pytest.approx(fitted, abs=0.05)
        assert each.trend() < 0
