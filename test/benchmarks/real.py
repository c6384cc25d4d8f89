"""Measured places and values, and the grid of the paper's map."""

from __future__ import annotations

import numpy as np
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.points import Points

GRID = Grid("EPSG:32639", (510_500.0, 30.0, 0.0, 3_634_000.0, 0.0, -30.0), 3164, 3043)


def places(real_data):
    """54,207 real places (n, 2), metres."""
    table = np.loadtxt(real_data("isfahan/ps_locations.csv"), delimiter=",", skiprows=1)
    return np.unique(table[:, :2], axis=0)


def read(path, x, y, value, scale=1.0):
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    xy = scale * np.column_stack([table[x], table[y]]).astype(float)
    return Points(xy, table[value].astype(float)), table
