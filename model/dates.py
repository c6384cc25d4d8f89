"""Days in texts: in the cells of a table, in the names of its columns, in the names of layers.

Only the standard library is imported here, so that QGIS can ask before it reads any raster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date

from .errors import InputError

# Readers number the columns of one name, so D20150101_1 is a second D20150101.
_COLUMN = re.compile(
    r"(?:[dx]|date|level)?_?((\d{4})([-_./]?)(\d\d)\3(\d\d))(?:[_.]\d\d?)?", re.IGNORECASE
)
_PREFIX = re.compile(r"(?:(?:[dx]|date|level)_?)?(?=\d)", re.IGNORECASE)
_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
_YEAR_IN_NAME = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_TIME = r"(?:(?:[T ]|, )\d\d?:.*|[T_]\d{4,6}Z?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})(?:(\d\d)(\d\d)|([-_/.])(\d\d?)\4(\d\d?)){_TIME}")
_YEAR_LAST = re.compile(rf"(\d\d?)([-_/.])(\d\d?)\2(\d{{4}}){_TIME}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_D, _M, _Y = r"(?P<day>\d\d?)", rf"(?P<month>{_MONTH})", r"(?P<year>\d{4})"
_NAMED = tuple(
    re.compile(form + _TIME, re.IGNORECASE)
    for form in (
        rf"{_D}[-_/. ]*{_M}[-_/., ]*{_Y}",
        rf"{_M}[-_/. ]*{_D}[-_/., ]+{_Y}",
        rf"{_Y}[-_/. ]*{_M}[-_/. ]*{_D}",
    )
)
_LIKE_A_DATE = re.compile(
    rf"(?<!\d)((19|20)\d\d[-_/. ]?\d\d|\d\d?([-_/. ])(\d\d?|{_MONTH})\3(19|20)?\d\d)(?!\d)"
    r"|(?<!\d)(19|20)\d\d\.\d+",
    re.IGNORECASE,
)


def find_dates(columns: Iterable[str]) -> dict[date, str]:
    """The columns that are dates, in order of time.

    Such as D20141009, 20141009, 2014-10-09, 09-Oct-2014, 09/10/2014 or with a time of day; where
    the year comes last, the columns together show whether the day or the month comes first.

    Raises
    ------
    InputError
        If one is no day of the calendar, two are the same day, or day and month cannot be
        distinguished.
    """
    texts = {}
    for column in columns:
        name = column.strip()
        prefix = _PREFIX.match(name)
        text = name[prefix.end() :] if prefix else name
        found = _COLUMN.fullmatch(name)
        if found or any(form.fullmatch(text) for form in (_YEAR_FIRST, _YEAR_LAST, *_NAMED)):
            texts[column] = found[1] if found else text
    day_first = _day_first(texts.values(), "the names of columns")
    days: dict[date, str] = {}
    for column, text in texts.items():
        day = parse_day(text, day_first)
        if day is None:
            raise InputError(
                f"'{column}' is no date: expected year, month and day, as in D20141009. Rename or "
                "remove it."
            )
        if day in days:
            raise InputError(f"'{days[day]}' and '{column}' are the same date. Remove one of them.")
        days[day] = column
    return dict(sorted(days.items()))


def like_dates(columns: Iterable[str]) -> list[str]:
    """The columns whose names look like dates in a form that is not read."""
    return [column for column in columns if _LIKE_A_DATE.search(column)]


def parse_days(texts: Iterable[str], field: str) -> list[date | None]:
    """The days in a column of texts, None where empty.

    The year comes first (ISO 8601 and its relatives; a time of day is dropped), or last if the
    month has its English name or the column as a whole shows whether the day or the month comes
    first.

    Raises
    ------
    InputError
        If a text is no date, or day and month cannot be distinguished.
    """
    texts = list(texts)
    counts = Counter(texts)
    day_first = _day_first(counts, field)
    days = {text: parse_day(text, day_first) for text in counts}
    wrong = [text for text, day in days.items() if text and day is None]
    if wrong:
        raise InputError(
            f"{sum(counts[text] for text in wrong):,} of {len(texts):,} dates in {field} cannot be "
            f"read, for instance '{wrong[0]}'. Give dates as YYYY-MM-DD."
        )
    return [days[text] for text in texts]


def _day_first(texts: Iterable[str], where: str) -> bool:
    """Whether the day comes before the month in the texts whose year is last."""
    last = [found for found in map(_YEAR_LAST.fullmatch, texts) if found]
    day_first = any(int(found[1]) > 12 for found in last)
    month_first = any(int(found[3]) > 12 for found in last)
    if not day_first and not month_first:
        day_first = all(found[2] == "." for found in last)  # nobody writes months first with points
    if last and day_first == month_first:
        raise InputError(
            f"Day and month in {where} are ambiguous, for instance in '{last[0][0]}'. Give "
            "dates as YYYY-MM-DD."
        )
    return day_first


def parse_day(text: str, day_first: bool | None = None) -> date | None:
    """The day that a text is, None if it is none; the year comes last only with `day_first`."""
    if found := _YEAR_FIRST.fullmatch(text):
        return _date(found[1], found[2] or found[5], found[3] or found[6])
    if found := next(filter(None, (form.fullmatch(text) for form in _NAMED)), None):
        month = _MONTHS.index(found["month"][:3].lower()) + 1
        return _date(found["year"], month, found["day"])
    found = None if day_first is None else _YEAR_LAST.fullmatch(text)
    return found and _date(found[4], *found.group(*((3, 1) if day_first else (1, 3))))


def date_in(name: str) -> str | None:
    """The first day in a name, as YYYY-MM-DD: YYYYMMDD, or parted by -, _ or dots.

    In the names of Landsat and Sentinel-2 products that is the day the scene was taken.
    """
    days = (_date(*found.group(1, 3, 4)) for found in _IN_NAME.finditer(name))
    return next((day.isoformat() for day in days if day), None)


def year_in(name: str) -> str | None:
    """The year in a name, YYYY, if there is one and only one."""
    years = set(_YEAR_IN_NAME.findall(name))
    return years.pop() if len(years) == 1 else None


def _date(year: str, month: str | int, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
