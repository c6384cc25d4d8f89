"""How far predictions are from observations."""

from __future__ import annotations

import numpy as np

UNRELATED = 0.1  # R2 below which predictions say next to nothing of observations


def metrics(observed: np.ndarray, predicted: np.ndarray) -> dict:
    """Count, RMSE, MAE and bias in the values' unit (mm), R2, and Lin's concordance CCC.

    An error is predicted minus observed, so a positive bias means predicted too high. R2 is
    ``1 - SSE / SST`` with the observed mean of these points; None where they are all equal. CCC
    (Lin, 1989, doi:10.2307/2532051) is 1 where predicted equals observed and lower on any other
    line, however close to it the points lie; None where all of both are equal.
    """
    error = predicted - observed
    spread = np.square(observed - observed.mean()).sum()
    apart = np.square(error).sum()
    # 2 cov / (var + var + BIAS^2), whose numerator is its denominator less the mean squared error.
    width = spread + np.square(predicted - predicted.mean()).sum() + len(error) * error.mean() ** 2
    return {
        "COUNT": len(error),
        "RMSE": float(np.sqrt(apart / len(error))),
        "MAE": float(np.abs(error).mean()),
        "R2": float(1 - apart / spread) if spread > 0 else None,
        "CCC": float(1 - apart / width) if width > 0 else None,
        "BIAS": float(error.mean()),
    }
