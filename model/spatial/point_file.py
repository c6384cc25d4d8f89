"""Points on disk: a GeoPackage, written as a stream because there may be millions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio

from ..errors import InputError

_GEOMETRY = "geom"
# Well-known binary of a point: byte order, type, x, y.
_WKB = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


def write_points(path: Path, crs: str, tables: Iterable[pa.Table]) -> int:
    """Write points with their fields; memory holds one table at a time.

    Parameters
    ----------
    path : Path
        A .gpkg; its layer has the same name.
    crs : str
        Well-known text or an authority's code.
    tables : iterable of pyarrow.Table
        At least one, all of one schema: float64 columns "x" and "y", and the fields.

    Returns
    -------
    int
        How many points were written, and read back.

    Raises
    ------
    InputError
        If the disk does not take them.
    """
    tables = iter(tables)
    first = next(tables)
    fields = first.drop_columns(["x", "y"]).schema
    # OGR finds the geometry by this name of the GeoArrow specification.
    geometry = pa.field(_GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    schema = pa.schema([*fields, geometry])
    count = 0
    problems = []

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal count
        try:
            for table in chain([first], tables):
                count += table.num_rows
                columns = [*table.drop_columns(["x", "y"]).columns, _wkb(table["x"], table["y"])]
                yield from pa.table(columns, schema=schema).to_batches()
        except Exception as problem:
            problems.append(problem)
            raise

    try:
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, batches()),
            path,
            layer=Path(path).stem,
            driver="GPKG",
            geometry_name=_GEOMETRY,
            geometry_type="Point",
            crs=crs,
            VERSION="1.3",  # newer ones make older QGIS warn
        )
    except Exception as failure:
        # What goes wrong in making a table comes through Arrow as a mere failure to read.
        if problems:
            raise problems[0] from None
        _check(path, count)
        raise failure
    _check(path, count)
    return count


def _check(path: Path, count: int) -> None:
    """Read back what was written, all of it: a full disk may show in nothing else.

    Raises
    ------
    InputError
        If the file does not hold as many points.
    """
    there = -1
    with suppress(RuntimeError, OSError, pa.ArrowException):
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
        columns = pyogrio.read_info(path)["fields"][:1].tolist()
        with pyogrio.open_arrow(path, columns=columns, use_pyarrow=True) as (_, reader):
            there = sum(batch.num_rows for batch in reader)
    if there != count:
        raise InputError(
            f"No more than {max(there, 0):,} points could be written to {path.parent}: the disk "
            "may be full. Free some room, and run again."
        )


def _wkb(x: pa.ChunkedArray, y: pa.ChunkedArray) -> pa.Array:
    cells = np.zeros(len(x), _WKB)
    cells["order"], cells["type"] = 1, 1
    cells["x"], cells["y"] = x.to_numpy(), y.to_numpy()
    offsets = np.arange(len(x) + 1, dtype=np.int32) * _WKB.itemsize
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(cells)]
    return pa.Array.from_buffers(pa.binary(), len(x), buffers)
