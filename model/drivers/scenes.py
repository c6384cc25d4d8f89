"""Which bands were taken on the same day, by their names.

Only the standard library is imported here, so that QGIS can ask before it reads any raster.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from ..dates import date_in, parse_day, year_in
from ..errors import InputError


def read_dates(text: str, count: int) -> list[str]:
    """The days that a user lists, one for each of `count` scenes, as YYYY-MM-DD."""
    parts = [part.strip() for part in re.split("[,;\n]", text) if part.strip()]
    days = []
    for part in parts:
        day = parse_day(part)
        if day is None:
            raise InputError(
                f"DATES holds '{part}', which is no day. Write days as YYYY-MM-DD, separated by "
                "commas."
            )
        days.append(day)
    if len(days) != count:
        raise InputError(
            f"DATES holds {len(days)} dates, but RED has {count} scenes. Give one for each, in the "
            "order of RED, or leave it empty if the layers' names hold them."
        )
    return [day.isoformat() for day in days]


def match(names: dict[str, list[str]], dates: str = "") -> tuple[Sequence[str | None], dict]:
    """Find the bands of each scene.

    Bands go together by the days in their names, or by the years, or by their order where names
    hold neither.

    Parameters
    ----------
    names : dict of str to list of str
        The layers' names by parameter; that of RED comes first and gives the scenes' order.
    dates : str
        What DATES holds; empty to read the days from the names of RED.

    Returns
    -------
    days : list of str or None
        YYYY-MM-DD of each scene; None if it is not known.
    order : dict of str to list of int
        By parameter, which of its layers belongs to each scene.

    Raises
    ------
    InputError
        If there are not as many of one band as of another, if a day is there twice or has not all
        bands, or if `dates` cannot be understood.
    """
    first, *others = names
    count = len(names[first])
    for other in others:
        if len(names[other]) != count:
            raise InputError(
                f"{first} has {count} rasters, {other} has {len(names[other])}. Give one of each "
                "for every date."
            )
    days = {name: [date_in(layer) for layer in layers] for name, layers in names.items()}
    for name, found in days.items():
        _refuse_twice(found, f"The names of {name}'s layers")
    order = {first: list(range(count))}
    for other in others:
        keys = days[first], days[other]
        if None in keys[0] or None in keys[1]:
            keys = (
                [_year(layer) for layer in names[first]],
                [_year(layer) for layer in names[other]],
            )
        if None in keys[0] or None in keys[1]:
            order[other] = list(range(count))
            continue
        if len(set(keys[0])) < count:  # several of one year: their order counts
            _refuse_other_years(names, first, other, keys)
            order[other] = list(range(count))
            continue
        lacking = sorted(filter(None, set(keys[0]) ^ set(keys[1])))
        if lacking:
            raise InputError(
                f"{first} and {other} are not of the same days: only one of them has "
                f"{', '.join(lacking)}. Give both for every date."
            )
        order[other] = [keys[1].index(key) for key in keys[0]]
    if dates.strip():
        listed = read_dates(dates, count)
        _refuse_twice(listed, "DATES")
        return listed, order
    return days[first], order


def _year(layer: str) -> str | None:
    day = date_in(layer)
    return day[:4] if day else year_in(layer)


def _refuse_other_years(names: dict, first: str, other: str, years: tuple) -> None:
    for one, another, year, other_year in zip(names[first], names[other], *years):
        if year != other_year:
            raise InputError(
                f"{first} and {other} go together by their order, but {one} is of {year} and "
                f"{another} of {other_year}. Give both in one order, or name the layers like "
                "red_20140715."
            )


def _refuse_twice(days: Sequence[str | None], where: str) -> None:
    twice = sorted({day for day in days if day and days.count(day) > 1})
    if twice:
        raise InputError(
            f"{where} hold {', '.join(twice)} more than once. Give one scene for each date; merge "
            "neighbouring tiles of one day first."
        )


def decimal_year(day: str) -> float:
    """A day, YYYY-MM-DD, as a year with its fraction."""
    taken = date.fromisoformat(day)
    start, end = date(taken.year, 1, 1), date(taken.year + 1, 1, 1)
    return taken.year + (taken - start).days / (end - start).days
