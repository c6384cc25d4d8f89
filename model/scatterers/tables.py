"""PS points in text tables, read in batches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..errors import InputError
from .cells import MISSING, make_batch, numbers
from .damage import explained
from .formats import VISUALIZER
from .layout import Batch, Layout, Source, plain, recognise, remap
from .text_file import TextFile

_LOOKED_AT = 50  # rows that show whether decimals have commas


def open_table(
    file: TextFile, key: str, mapping: dict, crs: str | None, block_size: int = 1 << 24
) -> Source:
    """Open a text table: CSV with any usual delimiter, decimal points or commas.

    Parameters
    ----------
    file : TextFile
    key : str
        The format's key or "auto".
    mapping : dict
        The user's columns, as `recognise` takes them.
    crs : str, optional
        Of x and y.
    block_size : int
        Bytes that are read at a time; no line may be longer.

    Raises
    ------
    InputError
        If it is no table, or of no known format, or says nothing about positions.
    """
    with explained(lambda problem: _damaged(file, problem)):
        encoding = file.encoding()
        delimiter, lines = file.rows(1 + _LOOKED_AT, encoding)
    header, *rows = lines or [[]]
    if len(header) < 2:
        raise InputError(
            f"{file.name} is no table: its first line should hold the names of columns, separated "
            "by comma, semicolon, tab or bar."
        )
    visualizer = all(re.fullmatch(r"export_res_\d+", plain(name)) for name in header)
    if visualizer and key in ("auto", "stamps"):
        layout = _visualizer_layout(header, rows[0] if rows else [], mapping)
    else:
        layout = recognise(header, key, mapping)
    x, y, crs = layout.find_positions(header, crs, mapping)
    wanted = [x, y, *layout.columns.values(), *layout.dates.values()]
    # Names may occur twice where nobody needs them, so columns go by their number.
    at = {column: str(header.index(column)) for column in wanted}
    types = {number: pa.float64() for number in at.values()}
    if "ps_id" in layout.columns:
        types[at[layout.columns["ps_id"]]] = pa.string()
    numeric = [int(number) for number, kind in types.items() if kind == pa.float64()]
    cells = (row[i].strip() for row in rows for i in numeric if i < len(row))
    comma = delimiter != "," and any(
        re.fullmatch(r"[-+]?\d*,\d+(e[-+]?\d+)?", cell, re.IGNORECASE) for cell in cells
    )
    reading = pa.csv.ReadOptions(
        block_size=block_size,
        column_names=[str(i) for i in range(len(header))],
        skip_rows=2 if layout.format is VISUALIZER else 1,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
    )
    converting = pa.csv.ConvertOptions(
        include_columns=list(types),
        column_types=types,
        null_values=MISSING,
        strings_can_be_null=True,
        decimal_point="," if comma else ".",
    )

    def explain(problem: Exception) -> InputError:
        return _explain(problem, file, header, delimiter, encoding, comma, block_size)

    def read(skipped: Counter) -> Iterator[Batch]:
        def skip(_) -> str:
            skipped["not as many cells as the header"] += 1
            return "skip"

        parsing = pa.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip)
        size = file.path.stat().st_size
        with explained(explain), file.open() as (text, raw):
            stream = pa.PythonFile(text, "r")
            for batch in pa.csv.open_csv(stream, reading, parsing, converting):
                if batch.num_rows:
                    named = {column: batch[name] for column, name in at.items()}
                    xy = np.column_stack([numbers(named, x), numbers(named, y)])
                    yield make_batch(layout, named, xy, raw.tell() / size)

    return Source(layout, crs, f"the columns {x} and {y}", read)


def _visualizer_layout(header: list[str], row: list[str], mapping: dict) -> Layout:
    """The layout of StaMPS-Visualizer's table.

    The manual of the Visualizer has it so: longitude, latitude and velocity, then the displacement
    of each date; the first row holds the reference's place and the dates, counted in Matlab's
    days less one.
    """
    if len(row) > len(header):
        raise InputError(
            f"The table's first row has {len(row)} cells and its header {len(header)} names. "
            "Export the table again: each date needs a column of its own."
        )
    try:
        days = {date.fromordinal(int(float(cell)) - 365): i for i, cell in enumerate(row) if i > 2}
    except (ValueError, OverflowError):
        raise InputError(
            f"The table's first row should hold dates as numbers, not {row[3:]}."
        ) from None
    if len(days) < len(row) - 3:
        raise InputError("The table's first row holds a date twice. Remove one of the columns.")
    dates = {day: header[i] for day, i in sorted(days.items())}
    columns = dict(zip(["longitude", "latitude", "velocity"], header))
    columns = remap(columns, mapping, header)
    return Layout(VISUALIZER, columns, dates, ("export_res_1, export_res_2, ...",))


def _explain(
    problem: Exception,
    file: TextFile,
    header: list,
    delimiter: str,
    encoding: str,
    comma: bool,
    block_size: int,
) -> InputError:
    """What to say where Arrow or an unpacker gives up."""
    found = re.search(r"CSV column #(\d+).*invalid value '(.*)'", str(problem), re.DOTALL)
    if found:
        at, cell = int(found[1]), found[2]
        mark = "comma" if comma else "point"
        return InputError(
            f"In line {file.line_of(at, cell, delimiter, encoding)}, the column {header[at]} of "
            f"{file.name} holds '{cell[:100]}', which is no number; decimals have a {mark}, by the "
            f"first {_LOOKED_AT} rows. Correct it, or choose another column by COLUMNS."
        )
    if "straddling" in str(problem):
        return InputError(
            f"{file.name} has a line of more than {block_size >> 20} MB, as no table of points "
            "has. Remove the column that holds so much, or correct a quote that does not end."
        )
    if "UTF8" in str(problem) or isinstance(problem, UnicodeError):
        return InputError(
            f"{file.name} begins as {encoding.removesuffix('-sig').upper()}, but holds characters "
            "that are none. Save it as UTF-8."
        )
    return _damaged(file, problem)


def _damaged(file: TextFile, problem: Exception) -> InputError:
    if isinstance(problem, PermissionError):
        return InputError(f"{file.path} may not be read. Change its permissions, or copy it.")
    if "password" in str(problem) or "encrypted" in str(problem):
        return InputError(f"{file.name} is locked by a password. Unpack it first.")
    return InputError(
        f"{file.name} cannot be read as a table: it is damaged, or of another kind. Open it in a "
        "spreadsheet and save it as CSV in UTF-8, or fetch it again."
    )
