"""Piezometers: readings of any layout become series, and series become one value each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.stats import theilslopes

from ..dates import find_dates, parse_days
from ..errors import InputError
from ..files.columns import as_numbers, as_text
from ..files.fill_values import FillValues
from ..monitor import SILENT, Monitor

DAYS_PER_YEAR = 365.25

_SAME_PLACE = 1.0
_MOST_FOR_A_TREND = 1000


class LeftOut(Exception):
    """Why a piezometer has no value."""


@dataclass(frozen=True)
class Piezometer:
    """A well with its readings.

    Parameters
    ----------
    name : str
    xy : ndarray (2,)
        Metres.
    days : ndarray (n,)
        Days of the readings (proleptic ordinals, as `datetime.date` counts), ascending, all
        different.
    levels : ndarray (n,)
        Metres.
    """

    name: str
    xy: np.ndarray
    days: np.ndarray
    levels: np.ndarray

    def between(self, start: float, end: float) -> Piezometer:
        """With the readings of a period only, both ends included."""
        inside = (self.days >= start) & (self.days <= end)
        return replace(self, days=self.days[inside], levels=self.levels[inside])

    def level_at(self, day: float, tolerance: float) -> float:
        """Level on a day: linear between the neighbouring readings, the nearest one beyond them.

        Raises
        ------
        LeftOut
            If the day lies more than `tolerance` days before the first or after the last reading.
        """
        self._needs(1)
        if not self.days[0] - tolerance <= day <= self.days[-1] + tolerance:
            raise LeftOut(f"{iso(day)} is more than {tolerance:g} days outside its readings")
        return float(np.interp(day, self.days, self.levels))

    def mean(self) -> float:
        """Mean of the readings."""
        self._needs(1)
        return float(self.levels.mean())

    def change(self, start: float, end: float, tolerance: float) -> float:
        """Level at the end minus level at the start.

        Raises
        ------
        LeftOut
            If a level is missing, or both are the same reading, so that there is no change to see.
        """
        self._needs(2)
        change = self.level_at(end, tolerance) - self.level_at(start, tolerance)
        if end <= self.days[0] or start >= self.days[-1]:
            raise LeftOut("start and end rest on the same reading")
        return change

    def trend(self) -> float:
        """Metres per year by Theil and Sen: the median slope between any two readings.

        Sen (1968, doi:10.1080/01621459.1968.10480934). Gaps do not matter to it, and up to 29 % of
        the readings may be wrong. Long series are first averaged to 1000 groups of neighbours,
        which leaves a linear trend as it is.
        """
        self._needs(2)
        groups = min(len(self.days), _MOST_FOR_A_TREND)
        days, levels = (
            [group.mean() for group in np.array_split(column, groups)]
            for column in (self.days, self.levels)
        )
        return float(theilslopes(levels, days).slope) * DAYS_PER_YEAR

    def _needs(self, count: int) -> None:
        if len(self.days) < count:
            raise LeftOut("it has a single reading" if len(self.days) else "it has no readings")


def iso(day: float) -> str:
    """A day as YYYY-MM-DD."""
    return date.fromordinal(int(day)).isoformat()


def read_piezometers(
    places: dict,
    readings: dict | None = None,
    id_field: str | None = None,
    date_field: str | None = None,
    level_field: str | None = None,
    readings_id_field: str | None = None,
    monitor: Monitor = SILENT,
) -> list[Piezometer]:
    """Put the readings to their piezometers.

    Everything that is skipped or averaged is counted in the log.

    Parameters
    ----------
    places : dict
        `xy` (n, 2) and columns (n,) of the piezometers.
    readings : dict, optional
        Columns of a table of readings; without it the readings are in `places`.
    id_field, readings_id_field : str
        Say in `places` and in `readings` which piezometer a row is of. Without `id_field` the
        position does.
    date_field, level_field : str
        For one row per reading; without them each column whose name is a date holds the levels of
        that date.

    Raises
    ------
    InputError
        If dates or levels cannot be read, an id stands at two places, or no reading finds its
        piezometer.
    """
    if id_field:
        names = as_text(places[id_field])
    else:
        names = np.array([f"{x:.2f}, {y:.2f}" for x, y in places["xy"]])
    ids = _ids(names)
    first = _first_rows(ids, places["xy"], id_field, monitor)
    table, row_ids = places, ids
    if readings is not None:
        table, row_ids = readings, _ids(as_text(readings[readings_id_field]))
    rows = _rows(table, row_ids, date_field, level_field, monitor)
    owner, days, levels = _known(rows, first, monitor)
    order = np.argsort(owner, kind="stable")
    owner, days, levels = owner[order], days[order], levels[order]
    piezometers = []
    for key, row in first.items():
        own = slice(np.searchsorted(owner, key), np.searchsorted(owner, key, "right"))
        each, inverse, count = np.unique(days[own], return_inverse=True, return_counts=True)
        mean = np.bincount(inverse, levels[own], len(each)) / count
        piezometers.append(Piezometer(str(names[row]), places["xy"][row], each, mean))
    counts = np.array([len(each.days) for each in piezometers])
    if counts.sum() < len(days):
        monitor.log(
            "Readings that fall on a day of which the piezometer has another, averaged: "
            f"{len(days) - counts.sum():,}.",
            "warning",
        )
    monitor.log(
        f"{len(counts):,} piezometers with {counts.sum():,} readings from {iso(days.min())} to "
        f"{iso(days.max())}; {(counts == 0).sum():,} have no reading, {(counts == 1).sum():,} a "
        "single one."
    )
    return piezometers


def _ids(names: np.ndarray) -> np.ndarray:
    """Names that compare: a number may stand as text with leading zeros elsewhere."""
    return np.array([re.sub(r"^0+(?=\d+$)", "", name) for name in names], str)


def _first_rows(ids: np.ndarray, xy: np.ndarray, id_field, monitor: Monitor) -> dict:
    """The first row of each piezometer, by id."""
    _count(monitor, ids == "", f"rows of PIEZOMETERS have no {id_field}")
    first: dict[str, int] = {}
    for row in np.flatnonzero(ids != ""):
        apart = np.hypot(*(xy[row] - xy[first.setdefault(str(ids[row]), int(row))]))
        if apart > _SAME_PLACE:
            raise InputError(
                f"The piezometer {ids[row]} stands at places that are {apart:,.0f} m apart. "
                f"Correct {id_field} or the positions, or leave ID_FIELD empty."
            )
    return first


def _known(readings: tuple, first: dict, monitor: Monitor) -> tuple:
    """Only the readings that have a date, a level and a piezometer; the others are counted."""
    owner, days, levels = readings
    _count(monitor, np.isnan(days), "readings have no date")
    _count(monitor, ~np.isfinite(levels), "readings have no level")
    whole = ~np.isnan(days) & np.isfinite(levels)
    if not whole.any():
        raise InputError("No reading has both a date and a level. Check DATE_FIELD, LEVEL_FIELD.")
    stray = ~np.isin(owner, list(first))
    if stray[whole].all():
        raise InputError(
            f"No reading belongs to a piezometer: the readings are of {str(owner[0])!r} and the "
            f"like, the piezometers are called {next(iter(first), '')!r} and the like. Check "
            "ID_FIELD and READINGS_ID_FIELD."
        )
    _count(monitor, stray[whole], "readings belong to no piezometer of the layer")
    kept = whole & ~stray
    return owner[kept], days[kept], levels[kept]


def _count(monitor: Monitor, affected: np.ndarray, what: str) -> None:
    if affected.any():
        monitor.log(f"{affected.sum():,} of {len(affected):,} {what}: skipped.", "warning")


def _rows(table: dict, ids: np.ndarray, date_field, level_field, monitor: Monitor) -> tuple:
    """Id, day (NaN if empty) and level (NaN if empty) of each reading."""
    if date_field:
        dates = parse_days(as_text(table[date_field]), date_field)
        days = np.array([day.toordinal() if day else np.nan for day in dates], float)
        levels = _meaning(_levels(table, level_field), f"the field {level_field}", monitor)
        return ids, days, levels
    columns = find_dates(table)
    others = ", ".join(sorted(set(table) - {"xy", *columns.values()}))
    if not columns:
        raise InputError(
            "The readings have neither a DATE_FIELD nor columns named by dates (D20141009, "
            f"20141009 or 2014-10-09). Columns found: {others}."
        )
    monitor.log(f"Columns that are dates: {len(columns):,}. Others: {others or 'none'}.")
    days = np.repeat([float(day.toordinal()) for day in columns], len(ids))
    levels = np.concatenate([_levels(table, name) for name in columns.values()])
    levels = _meaning(levels, "the columns of dates", monitor)
    # An empty cell of such a table is a gap, not a reading that is missing.
    filled = ~np.isnan(levels)
    return np.tile(ids, len(columns))[filled], days[filled], levels[filled]


def _meaning(levels: np.ndarray, title: str, monitor: Monitor) -> np.ndarray:
    fill = FillValues(title)
    levels = fill.remove(levels)
    for sentence in fill.sentences():
        monitor.log(sentence, "warning")
    return levels


def _levels(table: dict, field: str) -> np.ndarray:
    levels, wrong = as_numbers(table[field])
    if wrong:
        raise InputError(
            f"{len(wrong):,} of {len(levels):,} levels in {field} are no numbers, for instance "
            f"'{wrong[0]}'. Give them in metres, with a decimal point; leave gaps empty."
        )
    return levels
