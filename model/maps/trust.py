"""What a map rests on at each cell, written tile by tile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..spatial.grid import Grid
from ..spatial.raster import SurfaceWriter
from ..spatial.stack import Stack
from ..statistics.applicability import (
    CLASSES,
    Applicability,
    Hull,
    TrustDistances,
    classify,
)
from ..statistics.conformal import Surroundings
from .surface import TILE

TRUST = [
    "trust_class",
    "dissimilarity_index",
    "inside_area_of_applicability",
    "ps_per_km2",
    "distance_to_ps_m",
    "filled_driver_share",
]


def write_trust(
    grid: Grid,
    stack: Stack | None,
    surroundings: Surroundings,
    limits: TrustDistances,
    hull: Hull,
    applicability: Applicability | None,
    patch_size: int,
    path: Path,
) -> dict[int, float]:
    """Write what the map rests on at each cell, and give the share of the cells in each class.

    Bands: the class of trust, see `applicability.classify`; the dissimilarity index of the
    drivers, and 1 inside the area of applicability, 0 outside it (both without a value where there
    are no drivers, whose lack is then no reason for distrust); PS per km2 in the circle that holds
    the 8 nearest; distance to the nearest PS, metres; share of the patch's cells, 0 to 1, where a
    driver had no value and was filled from the nearest cell (0 for a method without drivers).
    """
    counts = np.zeros(max(CLASSES) + 1)
    kinds = ["categorical"] + ["auxiliary"] * (len(TRUST) - 1)
    with SurfaceWriter(path, grid, TRUST, kinds) as writer:
        for tile in grid.tiles(TILE):
            distance, _, density = surroundings.describe(tile.xy())
            share = np.zeros(tile.size)
            if stack is not None:
                share = stack.filled_share(tile, patch_size).ravel()
            index = inside = np.full(tile.size, np.nan)
            if applicability is not None:
                index = applicability.dissimilarity(
                    stack.values[tile.slices].reshape(tile.size, -1)
                )
                inside = (index <= applicability.threshold_).astype(float)
            found = classify(limits, distance, hull.contains(tile.xy()), inside != 0)
            counts += np.bincount(found, minlength=len(counts))
            writer.write(tile, found, index, inside, density, distance, share)
    return {code: float(counts[code] / counts.sum()) for code in CLASSES}
