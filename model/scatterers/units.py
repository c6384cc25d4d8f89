"""Units and sign of PS points: stated, found from the values, or given, and checked."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..monitor import Monitor
from .layout import Batch, Layout
from .series import slopes, spans

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
MOTION = ("velocity", "displacement")
_TOLERANCE = 0.15


def choose_sign(layout: Layout, positive: str, monitor: Monitor) -> float:
    """1 if positive is up, -1 if it is subsidence.

    Raises
    ------
    InputError
        If that is neither stated by the format nor given.
    """
    if positive == "auto" and not layout.format.signed:
        raise InputError(
            "The table does not state whether positive is up or subsidence. Set POSITIVE."
        )
    turned = positive == "subsidence"
    monitor.log(f"Positive is {'subsidence; all signs are turned' if turned else 'up'}.")
    return -1.0 if turned else 1.0


def choose_units(
    layout: Layout, parameters: dict, batch: Batch, years: np.ndarray, monitor: Monitor
) -> dict[str, str]:
    """The units of velocity and displacement, checked against each other on a batch.

    Parameters
    ----------
    layout : Layout
    parameters : dict
        `velocity_unit` and `displacement_unit`: "auto" or a key of `MILLIMETRES`.
    batch : Batch
    years : ndarray (dates,)
    monitor : Monitor

    Raises
    ------
    InputError
        If a unit is neither stated nor given nor follows from the other one, or units
        contradict the values.
    """
    dates = layout.dates
    # The standard deviation of the velocity has the velocity's unit; the series the displacement's.
    needed = {
        "velocity": layout.columns.keys() & {"velocity", "velocity_std"},
        "displacement": dates or layout.columns.keys() & {"displacement"},
    }
    found: dict[str, str | None] = {}
    for name in filter(needed.get, MOTION):
        given = parameters.get(f"{name}_unit", "auto")
        found[name] = given if given != "auto" else _stated(layout, name)
    series = batch.series
    velocity, displacement = (batch.columns.get(name, np.empty(0)) for name in MOTION)
    pace = ratio(slopes(years, series), velocity) if dates and len(velocity) else None
    if pace and found["velocity"] is None and found["displacement"]:
        found["velocity"] = nearest_unit(MILLIMETRES[found["displacement"]] * abs(pace))
    elif pace and found["displacement"] is None and found["velocity"]:
        found["displacement"] = nearest_unit(MILLIMETRES[found["velocity"]] / abs(pace))
    units: dict[str, str] = {}
    for name, unit in found.items():
        if unit is None:
            raise InputError(
                f"The table does not state the unit of the {name} ({_example(layout, name)}). Set "
                f"{name.upper()}_UNIT to one of {', '.join(MILLIMETRES)}."
            )
        units[name] = unit
    quotients = {}
    if dates and len(velocity):
        scale = MILLIMETRES[units["displacement"]] / MILLIMETRES[units["velocity"]]
        quotients["velocity"] = pace and pace * scale
        _check(layout, "velocity", quotients["velocity"], units, monitor)
    if dates and len(displacement):
        quotients["displacement"] = ratio(spans(series), displacement)
        _check(layout, "displacement", quotients["displacement"], units, monitor)
    elif len(displacement) and len(velocity):
        quotients["velocity"] = ratio(displacement, velocity)
        _check_period(quotients["velocity"], units)
    for name in (name for name, quotient in quotients.items() if quotient is None):
        monitor.log(
            f"The unit of the {name} could not be checked against the "
            f"{'series' if dates else 'displacement'}: that takes five points that have both and "
            f"agree, among the first {len(batch.xy):,}."
        )
    texts = [f"{name} in {unit}{'/yr' * (name == 'velocity')}" for name, unit in units.items()]
    if texts:
        monitor.log(f"Units: {', '.join(texts)}.")
    return units


def ratio(values: np.ndarray, others: np.ndarray) -> float | None:
    """How many times the others the values are, by the larger half of them.

    Returns
    -------
    float or None
        None if there are fewer than five, or they do not agree on it within a fifth.
    """
    known = np.isfinite(values) & np.isfinite(others) & (others != 0)
    if known.sum() < 5:
        return None
    values, others = values[known], others[known]
    large = np.abs(others) >= np.median(np.abs(others))
    quotients = values[large] / others[large]
    middle = float(np.median(quotients))
    agree = np.median(np.abs(quotients - middle)) <= 0.2 * abs(middle)
    return middle if agree and middle else None


def nearest_unit(millimetres: float) -> str | None:
    """The unit of about so many millimetres, if there is one."""
    fitting = (
        unit for unit, factor in MILLIMETRES.items() if abs(millimetres / factor - 1) < _TOLERANCE
    )
    return next(fitting, None)


def _stated(layout: Layout, name: str) -> str | None:
    """The unit that the format states, or the end of the column's name."""
    if layout.format.unit:
        return layout.format.unit
    column = layout.columns.get(name, "")
    if layout.cut and len(column) == layout.cut:
        return None  # velocity_m may have been velocity_mm_yr
    words = column.lower().split("_")
    return next((word for word in words[:0:-1] if word in MILLIMETRES), None)


def _example(layout: Layout, name: str) -> str:
    """The columns whose unit is in question."""
    if name in layout.columns:
        return layout.columns[name]
    if name == "velocity":
        return layout.columns["velocity_std"]
    return ", ".join([*list(layout.dates.values())[:2], "..."])


def _check(
    layout: Layout, name: str, quotient: float | None, units: dict, monitor: Monitor
) -> None:
    """Compare a column with what follows from the series: the quotient should be 1."""
    if quotient is None or 1 / 1.5 < quotient < 1.5:
        return
    column = layout.columns[name]
    leave = f"or leave the column out with COLUMNS {name}="
    if quotient < 0:
        raise InputError(
            f"{column} and the time series contradict each other: one says up where the other says "
            f"down (median ratio {quotient:.3g}). Correct the sign of one, {leave}."
        )
    text = (
        f"By the time series, the {name} should be {quotient:.3g} times what {column} says in "
        f"{units[name]}"
    )
    fitting = (
        (name, nearest_unit(quotient * MILLIMETRES[units[name]])),
        ("displacement", nearest_unit(MILLIMETRES[units["displacement"]] / quotient)),
    )
    mend = [f"{each.upper()}_UNIT to {unit}" for each, unit in fitting if unit]
    if mend and name == "velocity":
        raise InputError(
            f"{text}: the units contradict each other. Set {' or '.join(mend)}, {leave}."
        )
    if mend:
        raise InputError(f"{text}: their units differ. Convert one of them, {leave}.")
    monitor.log(f"{text}. No unit explains that; check what {column} holds.", "warning")


def _check_period(quotient: float | None, units: dict) -> None:
    """Displacement over velocity is a time that satellites can have looked on."""
    if quotient is None:
        return
    years = quotient * MILLIMETRES[units["displacement"]] / MILLIMETRES[units["velocity"]]
    if not 0.1 < years < 45:
        raise InputError(
            f"The displacement is {years:.3g} times the velocity, so the period would be "
            f"{years:.3g} years. Check POSITIVE, VELOCITY_UNIT and DISPLACEMENT_UNIT, or leave one "
            "of them out with COLUMNS velocity= or displacement=."
        )
