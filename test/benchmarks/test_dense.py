"""Dense evaluation of both presets beside patch by patch: `make bench`."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.presets import PAPER, STANDARD
from subsidence_mapper.model.network.training import TrainedNetwork
from subsidence_mapper.model.spatial.grid import Grid, Window
from subsidence_mapper.model.spatial.stack import Encoding, Stack

from .benchmark import Benchmark

DRIVERS = 9


def method_and_stack(preset, drivers=DRIVERS):
    grid = Grid("EPSG:32639", (500_000.0, 30.0, 0.0, 3_600_000.0, 0.0, -30.0), 400, 400)
    values = np.random.default_rng(0).normal(size=(400, 400, drivers)).astype(np.float32)
    encodings = [Encoding(f"driver{i}", "continuous") for i in range(drivers)]
    stack = Stack(grid, encodings, values, np.ones((400, 400), bool))
    trained = TrainedNetwork(build(preset, drivers), 0.0, 1.0, {}, 1, 0.0)
    return CNN.trained(preset, trained), stack


def compare(benchmark, size, window, method, stack):
    """A window patch by patch, and densely."""

    def predicted(target):
        return method.predict(target, stack).mean

    # The first call, with its tracing, is not counted.
    predicted(window), predicted(window.xy()[:8])
    benchmark.run("patch by patch", size, predicted, window.xy())
    dense = benchmark.run("dense", size, predicted, window)
    assert dense.difference < 1e-5 * np.abs(predicted(window)).max()
    return dense


@pytest.mark.parametrize(
    ("preset", "sides", "least"), [(STANDARD, (32, 64, 128, 256), 50), (PAPER, (12, 24, 48), 4)]
)
def test_dense_beside_patch_by_patch(preset, sides, least):
    method, stack = method_and_stack(preset)
    benchmark = Benchmark(f"dense_{preset.name}", "cells")
    for side in sides:
        window = Window(stack.grid, 100, 100, side, side)
        dense = compare(benchmark, window.size, window, method, stack)
    benchmark.finish()
    assert dense.ratio >= least


def test_cost_by_channels():
    benchmark = Benchmark("channels", "channels")
    for channels in (3, 9, 27):
        method, stack = method_and_stack(STANDARD, channels)
        compare(benchmark, channels, Window(stack.grid, 100, 100, 128, 128), method, stack)
    benchmark.finish()
