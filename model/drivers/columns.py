"""Columns of tables as texts that can be compared."""

from __future__ import annotations

import numpy as np


def as_text(column: np.ndarray) -> np.ndarray:
    """A column as stripped texts: 12 for 12.0, an empty text for NaN."""
    if column.dtype.kind == "f":
        column = np.array(["" if np.isnan(value) else f"{value:.15g}" for value in column], str)
    return np.char.strip(column.astype(str))
