"""Columns of tables as texts that can be compared, and as numbers."""

from __future__ import annotations

import numpy as np


def as_text(column: np.ndarray) -> np.ndarray:
    """A column as stripped texts: 12 for 12.0, an empty text for NaN."""
    if column.dtype.kind == "f":
        column = np.array([number_text(value) for value in column.tolist()], str)
    return np.char.strip(column.astype(str))


def number_text(value: float) -> str:
    """A number as it is written by hand: 12 for 12.0, all digits of an identity, empty for NaN."""
    if value != value:
        return ""
    return f"{value:.0f}" if abs(value) < 2**53 and value.is_integer() else f"{value:.15g}"


def as_numbers(column: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A column as float64 (n,), NaN where it is empty or no number, and the texts that are none.

    Tables without types, such as CSV, hold numbers as texts; those have a decimal point.
    """
    if column.dtype.kind == "f":
        return column, []
    texts = as_text(column).tolist()
    numbers = [_number(text) for text in texts]
    wrong = [text for text, number in zip(texts, numbers) if text and number is None]
    return np.array([np.nan if number is None else number for number in numbers], float), wrong


def _number(text: str) -> float | None:
    # Python reads 1_000 as a number, other programs do not.
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
