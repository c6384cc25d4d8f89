"""What follows from a time series of displacements, (dates, points) with NaN where missing."""

from __future__ import annotations

import numpy as np


def slopes(years: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Velocity of each point by least squares.

    Parameters
    ----------
    years : ndarray (dates,)
        Near zero, to keep digits.
    series : ndarray (dates, n)

    Returns
    -------
    ndarray (n,)
        Per year; NaN for points with fewer than two dates.
    """
    present = np.isfinite(series)
    if present.all():
        centred = years - years.mean()
        spread = centred @ centred
        return centred @ series / spread if spread else np.full(series.shape[1], np.nan)
    known = np.where(present, series, 0.0)
    count = present.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = years @ present / count
        spread = years**2 @ present - count * middle**2
        slope = (years @ known - middle * known.sum(axis=0)) / spread
    return np.where(count > 1, slope, np.nan)


def spans(series: np.ndarray) -> np.ndarray:
    """Last minus first value of each point, (n,); NaN with fewer than two dates: no motion seen."""
    present = np.isfinite(series)
    points = np.arange(series.shape[1])
    first = present.argmax(axis=0)
    last = len(series) - 1 - present[::-1].argmax(axis=0)
    return np.where(first < last, series[last, points] - series[first, points], np.nan)
