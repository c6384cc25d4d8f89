"""Units and signs: as the user says, as names say, and checked against the series."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers.units import ratio
from subsidence_mapper.test.ps_tables import (
    FITTED,
    LATITUDE,
    LONGITUDE,
    PACE,
    SERIES,
    published,
    series,
)


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
        assert "Units: velocity in cm/yr, displacement in mm." in got.log.infos


def test_a_unit_that_could_not_be_checked_is_reported(load, write):
    few = {name: values[:4] for name, values in published()["SARPROZ"].items()}
    stated = [line for line in load(write(few)).log.infos if "could not be checked" in line]
    assert [line.split(":")[0] for line in stated] == [
        "The unit of the velocity could not be checked against the series",
        "The unit of the displacement could not be checked against the series",
    ]
    assert stated[0].endswith("among the first 4.")
    table = {"lon": LONGITUDE, "lat": LATITUDE, "v_mm": PACE, "d_mm": PACE[::-1]}
    got = load(write(table), columns="velocity=v_mm; displacement=d_mm", positive="up")
    assert "velocity could not be checked against the displacement" in str(got.log)
    for whole in (published()["SARPROZ"], {**table, "d_mm": 6 * PACE}):
        columns = "" if "VEL" in whole else "velocity=v_mm; displacement=d_mm"
        positive = "auto" if "VEL" in whole else "up"
        got = load(write(whole), columns=columns, positive=positive)
        assert "could not be checked" not in str(got.log)


def test_the_end_of_a_columns_name_states_its_unit(load, write):
    path = write({"lon": LONGITUDE, "lat": LATITUDE, "sunk_cm": -PACE, "v_mm_yr": -PACE})
    columns = "displacement=sunk_cm; velocity=v_mm_yr"
    got = load(path, columns=columns, positive="subsidence")
    assert got.displacement_mm == pytest.approx(10 * PACE)
    assert got.velocity_mm_yr == pytest.approx(PACE)


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
