"""Other libraries that compute what the plugin does, as tests ask them."""

from __future__ import annotations

import numpy as np
from pykrige.ok import OrdinaryKriging as PyKrige


def by_pykrige(variogram, points, targets, azimuth=0.0, ratio=1.0):
    """Mean and variance at targets (m, 2), by ordinary kriging from all points."""
    (part,) = variogram.structures
    given = {"psill": part.sill, "range": part.range, "nugget": variogram.nugget}
    if part.model == "linear":
        given = {"slope": part.sill / part.range, "nugget": variogram.nugget}
    reference = PyKrige(
        *points.xy.T,
        points.values,
        variogram_model=part.model,
        variogram_parameters=given,
        exact_values=False,
        anisotropy_scaling=1 / ratio,
        anisotropy_angle=90 - azimuth,
    )
    mean, variance = reference.execute("points", *targets.T)
    return np.asarray(mean), np.asarray(variance)
