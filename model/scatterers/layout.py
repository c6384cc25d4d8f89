"""What the columns of a source are, and its points in batches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from ..dates import find_dates
from ..errors import InputError
from .formats import FORMATS, POSITIONS, STANDARD, TABLE, WGS84, Format

_TABLES = [each for each in FORMATS if each.known_by == "columns"]


@dataclass
class Layout:
    """What the columns of one source are.

    Parameters
    ----------
    format : Format
    columns : dict
        Standard name to the source's own name.
    dates : dict
        Date to the source's own name, in the order of time.
    recognised_by : tuple of str
        By what the format was known.
    unused : list of str
    cut : int
        After how many letters the names may have been cut; 0: they are whole.
    """

    format: Format
    columns: dict[str, str]
    dates: dict[date, str]
    recognised_by: tuple = ()
    unused: list = field(default_factory=list)
    cut: int = 0

    def find_positions(
        self, found: list[str], crs: str | None, mapping: dict[str, str]
    ) -> tuple[str, str, str]:
        """Take the columns of positions out of the others.

        Parameters
        ----------
        found : list of str
            The names of all columns.
        crs : str, optional
            Of x and y, from the user.
        mapping : dict
            The user's columns: where they name x and y, `crs` goes before the format's.

        Returns
        -------
        tuple of str
            The columns and their CRS.

        Raises
        ------
        InputError
            If there are none, or only x and y without a CRS.
        """
        named = not mapping.keys().isdisjoint("xy")
        there = {name: self.columns.pop(name) for name in POSITIONS if name in self.columns}
        crs = crs if crs and named else self.format.crs or crs
        if crs and there.keys() >= {"x", "y"}:
            taken = there.pop("x"), there.pop("y"), crs
        elif there.keys() >= {"longitude", "latitude"}:
            taken = there.pop("longitude"), there.pop("latitude"), WGS84
        elif there.keys() >= {"x", "y"}:
            raise InputError(
                f"The table does not state the CRS of {there['x']} and {there['y']}. Give it as "
                "CRS."
            )
        else:
            raise InputError(
                "No columns hold the positions. Name them in COLUMNS, as longitude and "
                f"latitude, or as x and y. {list_columns(found)}"
            )
        self.unused += [column for column in there.values() if column not in taken]
        return taken


@dataclass
class Batch:
    """Some points of a source, as they are there.

    Parameters
    ----------
    xy : ndarray (n, 2)
    columns : dict
        Standard name to ndarray (n,), NaN where missing; `ps_id` may be any array of texts.
    series : ndarray (dates, n)
    done : float
        Which share of the source is read after this batch.
    """

    xy: np.ndarray
    columns: dict[str, Any]
    series: np.ndarray
    done: float


@dataclass
class Source:
    """PS points of one file.

    Parameters
    ----------
    layout : Layout
    crs : str
        Of the positions.
    places : str
        Where the positions come from, for the log.
    read : callable
        Gives an iterator of Batch; the number of rows that it leaves out, by reason, it counts in
        the Counter that it is given.
    notes : list of str
        What else the user should be warned of.
    """

    layout: Layout
    crs: str
    places: str
    read: Callable[[Counter], Iterator[Batch]]
    notes: list = field(default_factory=list)

    def is_like(self, other: Source) -> bool:
        """Whether one can be read after the other as if it were one source."""
        mine, its = self.layout, other.layout
        same = (mine.format, mine.columns, mine.dates) == (its.format, its.columns, its.dates)
        return same and self.crs == other.crs


def plain(name: str) -> str:
    """A column's name without what does not matter."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def parse_mapping(text: str) -> dict[str, str]:
    """Read the user's "velocity=Vel; los_up=cosU"; nothing after the sign leaves a column out.

    A column may be in double quotes, and must be where its name holds a semicolon.

    Raises
    ------
    InputError
        If a name is not one of `STANDARD`.
    """
    mapping = {}
    for entry in filter(str.strip, re.findall(r'(?:=\s*"[^"]*"|[^;])+', text)):
        name, sign, column = (part.strip() for part in entry.partition("="))
        if not sign or name not in STANDARD:
            raise InputError(
                f"COLUMNS holds '{entry.strip()}'; expected name=column, separated by semicolons, "
                f"with a name of {', '.join(STANDARD)}. A column whose name holds a semicolon goes "
                "in double quotes."
            )
        quoted = re.fullmatch('"(.*)"', column, re.DOTALL)
        mapping[name] = quoted[1] if quoted else column
    return mapping


def recognise(found: list[str], key: str = "auto", mapping: dict[str, str] | None = None) -> Layout:
    """Recognise the columns of a table.

    Parameters
    ----------
    found : list of str
        The names of the columns.
    key : str
        "auto", or the key of a format.
    mapping : dict, optional
        Standard name to column, from the user; it goes before the format.

    Raises
    ------
    InputError
        If the columns are of no format, or of another one, or are ambiguous.
    """
    mapping = mapping or {}
    by_name = {plain(column): column for column in reversed(found)}

    def fits(each: Format) -> bool:
        mapped = {mark for name in mapping for mark in each.columns.get(name, "").split("|")}
        there = by_name.keys() | (mapped if key == each.key else set())
        other = key == "auto" and each.unless and there.issuperset(each.unless)
        return key in ("auto", each.key) and there.issuperset(each.marks) and not other

    known = next(filter(fits, _TABLES), TABLE if key in ("auto", "table") else None)
    dates = find_dates(found)
    columns = {}
    for name, published in {**POSITIONS, **known.columns}.items() if known else ():
        column = next((by_name[each] for each in published.split("|") if each in by_name), None)
        if column:
            columns[name] = column
    columns = remap(columns, mapping, found)
    moving = dates or columns.keys() & {"velocity", "displacement"}
    if known is None or known is TABLE and not moving:
        if found and all(re.fullmatch(r"field_?\d+", name, re.IGNORECASE) for name in found):
            raise InputError(
                "The columns have no names: the first line was taken for data. Give the file as "
                "FILE, or load it as delimited text whose first record has the field names."
            )
        wanted = "any format" if key == "auto" else f"the format '{key}'"
        raise InputError(
            f"The columns are not those of {wanted}. {list_columns(found)} {needs(key)}"
        )
    often = Counter(found)
    twice = [column for column in columns.values() if often[column] > 1]
    if twice:
        raise InputError(f"Several columns are called {', '.join(twice)}. Rename all but one.")
    used = {*columns.values(), *dates.values()}
    unused = [column for column in found if column not in used]
    return Layout(known, columns, dates, known.marks, unused)


def remap(columns: dict[str, str], mapping: dict[str, str], found: list[str]) -> dict[str, str]:
    """The columns by standard name after the user's mapping.

    Raises
    ------
    InputError
        If a column that the user names is not there.
    """
    by_name = {plain(column): column for column in reversed(found)}
    remapped = dict(columns)
    for name, column in mapping.items():
        if column and column not in found and plain(column) not in by_name:
            raise InputError(
                f"COLUMNS takes {name} from '{column}', which is not there. {list_columns(found)}"
            )
        remapped[name] = column if column in found else by_name.get(plain(column), "")
    return {name: column for name, column in remapped.items() if column}


def list_columns(found: list[str], start: str = "Found") -> str:
    """A sentence that lists columns."""
    shown = ", ".join(found[:30])
    more = f" and {len(found) - 30} more" if len(found) > 30 else ""
    return f"{start}: {shown}{more}."


def needs(key: str = "auto") -> str:
    """A sentence that lists what the formats need."""
    wanted = [
        f"{each.title}: {', '.join(each.marks)}" for each in _TABLES if key in ("auto", each.key)
    ]
    table = "any other table: name the column of the velocity or the displacement in COLUMNS"
    return f"Needed for {'; '.join([*wanted, table])}."
