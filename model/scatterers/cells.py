"""Cells of a source as arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from .layout import Batch, Layout

MISSING = ["", "NaN", "nan", "NAN", "-nan", "NULL", "null", "NA", "N/A", "#N/A", "None", "-"]
_COMMA = r"^[-+]?\d*,\d+([eE][-+]?\d+)?$"


def make_batch(layout: Layout, named: dict, xy: np.ndarray, done: float) -> Batch:
    """Some rows as a batch; `named` has the columns by the source's own names."""
    columns = {
        name: named[column] if name == "ps_id" else numbers(named, column)
        for name, column in layout.columns.items()
    }
    series = np.empty((len(layout.dates), len(xy)))
    for values, column in zip(series, layout.dates.values()):
        values[:] = numbers(named, column)
    return Batch(xy, columns, series, done)


def numbers(named: dict, column: str) -> np.ndarray:
    """A column as float64, NaN where missing; texts may have decimal commas.

    Raises
    ------
    InputError
        If a cell is no number.
    """
    cells = named[column]
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        cells = pc.utf8_trim_whitespace(cells)
        cells = pc.if_else(pc.is_in(cells, pa.array(MISSING, cells.type)), None, cells)
        # No cell with a point as well fits, so 1,234.5 is refused, not read as two numbers.
        comma = pc.match_substring_regex(cells, _COMMA)
        if pc.any(comma).as_py():
            cells = pc.if_else(comma, pc.replace_substring(cells, ",", "."), cells)
    try:
        return cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        raise InputError(
            f"The column {column} does not hold numbers{_example(cells)}. Choose another one."
        ) from None


def _example(cells: pa.Array) -> str:
    """The first cell that is no number, in words."""
    for cell in cells.drop_null()[:1000].to_pylist():
        try:
            float(cell)
        except (TypeError, ValueError):
            return f": it holds '{str(cell)[:40]}'"
    return f": it holds {cells.type}"
