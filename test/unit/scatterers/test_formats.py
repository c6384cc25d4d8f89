"""PS points of every format, by the column names that the publishers document."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers import layout
from subsidence_mapper.test.ps_tables import (
    DAYS,
    FITTED,
    LATITUDE,
    LONGITUDE,
    PACE,
    POINTS,
    SERIES,
    published,
)


@pytest.mark.parametrize("title", published())
def test_a_format_is_known_by_its_published_columns(load, write, title):
    columns = published()[title]
    for table in (columns, dict(reversed(columns.items()))):
        got = load(write(table))
        assert f"Format: {title}, recognised by" in got.log.infos[0]
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


@pytest.mark.parametrize(("key", "title"), [("auto", "TRE ALTAMIRA"), ("stamps", "StaMPS table")])
def test_a_table_with_the_columns_of_two_formats(key, title):
    columns = ["CODE", "LON", "LAT", "HEIGHT", "COHERENCE", "VEL", "V_STDEV"]
    assert layout.recognise(columns, key, {"velocity": "VEL"}).format.title == title


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
        ("1e12", "should hold dates as numbers"),
    ]:
        rows[0][4] = text
        path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
        with pytest.raises(InputError, match=message):
            load(path)
    path.write_text("\n".join(",".join(map(str, row)) for row in [header[:-1], *rows]))
    with pytest.raises(InputError, match="first row has 43 cells and its header 42 names"):
        load(path)


def test_a_column_whose_name_holds_a_semicolon(load, write):
    table = {"lon": LONGITUDE, "lat": LATITUDE, "v; mm": PACE, "d=mm;": 6 * PACE, '5"': PACE}
    path = write(table, delimiter="\t")
    columns = 'velocity= "v; mm" ; displacement="d=mm;"; height="lat"'
    units = {"velocity_unit": "mm", "displacement_unit": "mm"}
    got = load(path, columns=columns, positive="up", **units)
    assert got.velocity_mm_yr == pytest.approx(PACE)
    assert got.displacement_mm == pytest.approx(6 * PACE)
    assert got.height_m == pytest.approx(LATITUDE)
    mapping = layout.parse_mapping('velocity=5"; height=6"; x=""')
    assert mapping == {"velocity": '5"', "height": '6"', "x": ""}
    with pytest.raises(InputError, match="holds 'mm'; .* a semicolon goes in double quotes"):
        load(path, columns="velocity=v; mm", positive="up", **units)


def test_what_was_imported_can_be_imported_again(load, write):
    first = load(write(published()["EGMS L2"]))
    table = {"x": first.xy[:, 0], "y": first.xy[:, 1]}
    table.update({name: list(column) for name, column in first.fields.items()})
    again = load(write(table), positive="up", displacement_unit="mm", crs="EPSG:3035")
    for name, column in first.fields.items():
        assert (again.fields[name] == column).all(), name


def test_stamps_export(load, real_data):
    got = load(real_data("formats/stamps_visualizer_export.csv"))
    assert got.numbers == {"COUNT": 97, "DATES": 41}
    # The last acquisition before the Maoxian landslide of 24 June 2017.
    assert list(got.fields)[-1] == "D20170619"
    assert got.velocity_mm_yr[0] == pytest.approx(0.893294)
    assert got.xy[0] == pytest.approx([103.6593, 32.07623])
    assert not got.log.warnings
