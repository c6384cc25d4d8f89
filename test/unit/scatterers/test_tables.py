"""Text tables of any dialect, and what of them is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers.tables import open_table
from subsidence_mapper.model.scatterers.text_file import open_text
from subsidence_mapper.test.ps_tables import (
    LATITUDE,
    LONGITUDE,
    PACE,
    SERIES,
    YEARS,
    published,
)


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
    assert "Points whose velocity is missing; their series gave it: 6." in got.log.infos
    assert "Missing values in the time series: 6." in got.log.infos
    assert got.displacement_mm == pytest.approx(SERIES[:, -1] - SERIES[:, 1])
    assert any("without the first or the last date: 6." in line for line in got.log.warnings)


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


def test_a_fault_far_inside_a_file_is_explained(write):
    def read(table):
        file = open_text(write(table))
        source = open_table(file, "auto", {"velocity": "v_mm"}, None, block_size=4096)
        return list(source.read(Counter()))

    table = {"lon": np.tile(LONGITUDE, 500), "lat": np.tile(LATITUDE, 500), "v_mm": [1.5] * 3000}
    batches = read(table)
    assert len(batches) > 9 and sum(len(batch.xy) for batch in batches) == 3000
    table["v_mm"][2900] = "fault"
    with pytest.raises(InputError, match="In line 2902, the column v_mm of ps.csv holds 'fault'"):
        read(table)
