"""Small stacks and networks that the unit tests share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
from subsidence_mapper.test.examples import make_grid


@pytest.fixture
def grid() -> Grid:
    return make_grid()


@pytest.fixture
def stack(grid) -> Stack:
    """Three smooth random channels."""
    random = np.random.default_rng(1)
    values = random.normal(size=(grid.height, grid.width, 3)).astype(np.float32)
    for axis in (0, 1):
        for _ in range(4):
            values = (values + np.roll(values, 1, axis) + np.roll(values, -1, axis)) / 3
    values = (values / values.std()).astype(np.float32)
    encodings = [Encoding(name, "continuous") for name in "abc"]
    return Stack(grid, encodings, values, np.ones(values.shape[:2], bool))


@pytest.fixture
def points(grid, stack) -> Points:
    """120 points whose displacement follows the first channel's mean around them."""
    random = np.random.default_rng(2)
    xy = np.column_stack(
        [
            500_000 + random.uniform(0, 30 * grid.width, 120),
            3_600_000 - random.uniform(0, 30 * grid.height, 120),
        ]
    )
    mean = uniform_filter(stack.values[..., 0], 21)
    values = 20 * mean[grid.cells(xy)] / mean.std() - 5
    return Points(xy, values.astype(float))


@pytest.fixture
def drivers(grid, stack):
    """The shared stack with a class driver of two channels, and a driver that is 4 everywhere."""
    land = (stack.values[..., :1] > 0).astype(np.float32)
    same = np.full_like(land, 4)
    encodings = [
        *stack.encodings,
        Encoding("land", "categorical", classes=(1, 2)),
        Encoding("same", "continuous"),
    ]
    values = np.concatenate([stack.values, land, 1 - land, same], axis=2)
    return Stack(grid, encodings, values, stack.valid)
