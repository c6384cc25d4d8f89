"""PS points in text tables and vector files, read in batches."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyogrio

from ..errors import InputError
from .formats import (
    POSITIONS,
    Batch,
    Format,
    Layout,
    Source,
    list_columns,
    plain,
    recognise,
    remap,
)

MISSING = ["", "NaN", "nan", "NULL", "null", "NA", "N/A", "None", "-", "-9999", "-9999.0"]
_BLOCK = 1 << 24
_LOOKED_AT = 50  # rows that tell whether decimals have commas
_ROWS = 8192
_VISUALIZER = Format("stamps", "StaMPS-Visualizer", ("export_res_1", "export_res_2"))


def open_table(path: Path, key: str, mapping: dict, crs: str | None) -> Source:
    """Open a text table: CSV with any usual delimiter, decimal points or commas.

    Parameters
    ----------
    path : Path
    key : str
        The format's key or "auto".
    mapping : dict
        The user's columns, as `recognise` takes them.
    crs : str, optional
        Of x and y.

    Raises
    ------
    InputError
        If it is no table, or of no known format, or says nothing about positions.
    """
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    try:
        # Not bytes.decode, which would mind a character that is cut at the end.
        codecs.getincrementaldecoder("utf-8")().decode(head)
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "latin-1"
    with open(path, newline="", encoding=encoding) as file:
        lines = list(islice(file, 1 + _LOOKED_AT))
    delimiter = max("\t;,|", key="".join(lines[:1]).count)
    header, *rows = [_cells(line, delimiter) for line in lines] or [[]]
    if len(header) < 2:
        raise InputError(
            f"{path.name} is no table: its first line should hold the names of columns, separated "
            "by comma, semicolon, tab or bar."
        )
    visualizer = all(re.fullmatch(r"export_res_\d+", plain(name)) for name in header)
    if visualizer and key in ("auto", "stamps"):
        layout = _visualizer_layout(header, rows[0] if rows else [], mapping)
    else:
        layout = recognise(header, key, mapping)
    x, y, crs = _positions(layout, header, crs, mapping)
    skipped: Counter = Counter()

    def skip(_) -> str:
        skipped["not as many cells as the header"] += 1
        return "skip"

    wanted = [x, y, *layout.columns.values(), *layout.dates.values()]
    # Names may occur twice where nobody needs them, so columns go by their number.
    at = {column: str(header.index(column)) for column in wanted}
    types = {number: pa.float64() for number in at.values()}
    if "ps_id" in layout.columns:
        types[at[layout.columns["ps_id"]]] = pa.string()
    numeric = [int(number) for number, kind in types.items() if kind == pa.float64()]
    numbers = (row[i].strip() for row in rows for i in numeric if i < len(row))
    comma = delimiter != "," and any(
        re.fullmatch(r"[-+]?\d*,\d+(e[-+]?\d+)?", number, re.IGNORECASE) for number in numbers
    )
    reading = pa.csv.ReadOptions(
        block_size=_BLOCK,
        column_names=[str(i) for i in range(len(header))],
        skip_rows=2 if layout.format is _VISUALIZER else 1,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
    )
    parsing = pa.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=skip)
    converting = pa.csv.ConvertOptions(
        include_columns=list(types),
        column_types=types,
        null_values=MISSING,
        strings_can_be_null=True,
        decimal_point="," if comma else ".",
    )

    def read() -> Iterator[Batch]:
        size = path.stat().st_size
        try:
            with pa.OSFile(str(path)) as file:
                for batch in pa.csv.open_csv(file, reading, parsing, converting):
                    if batch.num_rows:
                        named = {column: batch[name] for column, name in at.items()}
                        xy = np.column_stack([_numbers(named, x), _numbers(named, y)])
                        yield _batch(layout, named, xy, file.tell() / size)
        except pa.ArrowInvalid as problem:
            with open(path, newline="", encoding=encoding, errors="replace") as file:
                table = (_cells(line, delimiter) for line in file)
                raise InputError(_explain(str(problem), table, path.name, comma)) from None

    return Source(layout, crs, f"the columns {x} and {y}", read, skipped)


def open_vector(
    path: Path, layer: str | None, key: str, mapping: dict, crs: str | None, asked: str | None
) -> Source:
    """Open a vector file: points, multipoints taken as their points, or a table of positions.

    Parameters
    ----------
    path, layer : Path, str
    key, mapping
        As of `open_table`.
    crs : str, optional
        The layer's, if the file need not tell.
    asked : str, optional
        What the user gave for sources that do not tell.

    Raises
    ------
    InputError
        As `open_table` does; also if the layer is not of points.
    """
    try:
        info = pyogrio.read_info(path, layer=layer)
    except pyogrio.errors.DataSourceError as problem:
        raise InputError(f"{path.name} cannot be read: {problem}") from None
    found = [str(name) for name in info["fields"]]
    layout = recognise(found, key, mapping)
    kind = info["geometry_type"]
    skipped: Counter = Counter()
    x = y = None
    if kind is None:
        x, y, crs = _positions(layout, found, asked, mapping)
        places = f"the columns {x} and {y}"
    else:
        if "Point" not in kind and kind != "Unknown":
            raise InputError(
                f"{path.name} holds {kind} features; PS points are Point or MultiPoint."
            )
        layout.unused += [layout.columns.pop(name) for name in POSITIONS if name in layout.columns]
        crs = crs or info["crs"] or asked
        if not crs:
            raise InputError(f"{path.name} does not tell its CRS. Give it as CRS.")
        places = f"the {kind} geometries"
    wanted = [*layout.columns.values(), *layout.dates.values(), *([x, y] if kind is None else [])]
    wanted = list(dict.fromkeys(wanted))
    count = info["features"]

    def read() -> Iterator[Batch]:
        done = 0
        with pyogrio.open_arrow(
            path, layer=layer, columns=wanted, batch_size=_ROWS, use_pyarrow=True
        ) as (meta, reader):
            geometry = meta["geometry_name"] or "wkb_geometry"
            for batch in reader:
                named = {name: batch[name] for name in wanted}
                if kind is None:
                    xy = np.column_stack([_numbers(named, x), _numbers(named, y)])
                else:
                    rows, xy = read_places(batch[geometry])
                    skipped["no position"] += batch.num_rows - len(np.unique(rows))
                    if len(rows) != batch.num_rows or (np.diff(rows) != 1).any():
                        named = {
                            name: column.take(pa.array(rows)) for name, column in named.items()
                        }
                done += batch.num_rows
                if len(xy):
                    yield _batch(layout, named, xy, done / max(count, done))

    return Source(layout, crs, places, read, skipped)


def read_places(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Positions in well-known binary of points and multipoints.

    Returns
    -------
    rows : ndarray (points,)
        Which element each point is of; without those that have none.
    xy : ndarray (points, 2)

    Raises
    ------
    InputError
        If another geometry is among them.
    """
    wkb = pa.concat_arrays([wkb]).cast(pa.large_binary())
    lengths = pc.binary_length(wkb).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.frombuffer(wkb.buffers()[1], np.int64)[wkb.offset :][: len(wkb)]
    octets = np.frombuffer(wkb.buffers()[2] or b"", np.uint8)
    kinds = np.zeros(len(wkb), np.uint32)
    there = np.flatnonzero(lengths)
    kinds[there] = octets[offsets[there, None] + np.arange(1, 5)].view("<u4")[:, 0]
    rows, places = [], []
    for kind, length in {*zip(kinds[there].tolist(), lengths[there].tolist())}:
        # Z and M are told by flags in OGR's old way, by thousands in ISO's.
        base, beyond = kind & 0xFFFFFFF, (kind >> 31) + (kind >> 30 & 1)
        size = 16 + 8 * (beyond + (0, 1, 1, 2)[base // 1000 % 4])
        if base % 1000 not in (1, 4):
            raise InputError("The layer holds other geometries than points. Give points.")
        head = 9 if base % 1000 == 4 else 0
        members = (length - head) // (5 + size)
        point = np.dtype([("head", "V5"), ("xy", "<f8", 2), ("rest", f"V{size - 16}")])
        if not members:
            continue
        at = np.flatnonzero((kinds == kind) & (lengths == length))
        cells = octets[offsets[at, None] + np.arange(head, length)]
        places.append(cells.view(point)["xy"].reshape(-1, 2))
        rows.append(np.repeat(at, members))
    if not rows:
        return np.empty(0, int), np.empty((0, 2))
    order = np.argsort(np.concatenate(rows), kind="stable")
    return np.concatenate(rows)[order], np.concatenate(places)[order]


def _positions(
    layout: Layout, found: list[str], crs: str | None, mapping: dict
) -> tuple[str, str, str]:
    taken = layout.take_positions(crs, named=not mapping.keys().isdisjoint("xy"))
    if taken is None:
        raise InputError(
            "No columns hold the positions. Tell by COLUMNS which do, as longitude and latitude, "
            f"or as x and y. {list_columns(found)}"
        )
    return taken


def _visualizer_layout(header: list[str], row: list[str], mapping: dict) -> Layout:
    """The layout of StaMPS-Visualizer's table.

    The manual of the Visualizer has it so: longitude, latitude and velocity, then the displacement
    of each date; the first row holds the reference's place and the dates, counted in Matlab's
    days less one.
    """
    try:
        days = {date.fromordinal(int(float(cell)) - 365): i for i, cell in enumerate(row) if i > 2}
    except ValueError:
        raise InputError(
            f"The table's first row should hold dates as numbers, not {row[3:]}."
        ) from None
    if len(days) < len(row) - 3:
        raise InputError("The table's first row holds a date twice. Remove one of the columns.")
    dates = {day: header[i] for day, i in sorted(days.items())}
    columns = dict(zip(["longitude", "latitude", "velocity"], header))
    columns = remap(columns, mapping, header)
    return Layout(_VISUALIZER, columns, dates, ("export_res_1, export_res_2, ...",))


def _batch(layout: Layout, named: dict, xy: np.ndarray, done: float) -> Batch:
    """Some rows as a batch; `named` has the columns by the source's own names."""
    columns = {
        name: named[column] if name == "ps_id" else _numbers(named, column)
        for name, column in layout.columns.items()
    }
    series = np.empty((len(layout.dates), len(xy)))
    for values, column in zip(series, layout.dates.values()):
        values[:] = _numbers(named, column)
    return Batch(xy, columns, series, done)


def _numbers(named: dict, column: str) -> np.ndarray:
    """A column as float64, NaN where missing."""
    cells = named[column]
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        cells = pc.utf8_trim_whitespace(cells)
        cells = pc.if_else(pc.is_in(cells, pa.array(MISSING, cells.type)), None, cells)
    try:
        cells = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        raise InputError(
            f"The column {column} does not hold numbers. Choose another one."
        ) from None
    return cells.to_numpy(zero_copy_only=False)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _explain(problem: str, table: Iterator[list[str]], name: str, comma: bool) -> str:
    match = re.search(r"CSV column #(\d+).*invalid value '(.*)'", problem)
    if not match:
        return f"{name} cannot be read as a table: {problem}."
    at, cell = int(match.group(1)), match.group(2)
    column = next(table)[at]
    cells = (row[at].strip() if at < len(row) else None for row in table)
    lines = (line for line, each in enumerate(cells, 2) if each == cell.strip())
    mark = "comma" if comma else "point"
    return (
        f"In line {next(lines, '?')}, the column {column} of {name} holds '{cell}', which is no "
        f"number; decimals have a {mark}, by the first {_LOOKED_AT} rows. Correct it, or choose "
        "another column by COLUMNS."
    )
