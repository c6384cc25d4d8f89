"""How far predictions are from observations."""

from __future__ import annotations

import numpy as np


def metrics(observed: np.ndarray, predicted: np.ndarray) -> dict:
    """Count, RMSE, MAE and bias in the values' unit (mm), and R2.

    An error is predicted minus observed, so a positive bias means predicted too high. R2 is
    ``1 - SSE / SST`` with the observed mean of these points; None where they are all equal.
    """
    error = predicted - observed
    spread = np.square(observed - observed.mean()).sum()
    return {
        "COUNT": len(error),
        "RMSE": float(np.sqrt(np.square(error).mean())),
        "MAE": float(np.abs(error).mean()),
        "R2": float(1 - np.square(error).sum() / spread) if spread > 0 else None,
        "BIAS": float(error.mean()),
    }
