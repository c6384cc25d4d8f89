"""Speed and memory, as ratios in one run: `make bench`. Not part of `make test`."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.patches import patch_batches
from subsidence_mapper.model.network.presets import PAPER, STANDARD
from subsidence_mapper.model.network.training import train
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack

from .benchmark import Benchmark

DRIVERS = 9


def make_grid(height, width):
    return Grid("EPSG:32639", (500_000.0, 30.0, 0.0, 3_600_000.0, 0.0, -30.0), width, height)


@pytest.fixture(scope="module")
def stack():
    grid = make_grid(600, 600)
    values = np.random.default_rng(0).normal(size=(600, 600, DRIVERS)).astype(np.float32)
    encodings = [Encoding(f"driver{i}", "continuous") for i in range(DRIVERS)]
    return Stack(grid, encodings, values, np.ones((600, 600), bool))


@pytest.fixture(scope="module")
def points(stack):
    random = np.random.default_rng(1)
    xy = np.column_stack(
        [500_000 + random.uniform(0, 18_000, 4000), 3_600_000 - random.uniform(0, 18_000, 4000)]
    )
    return Points(xy, random.normal(size=4000))


def test_standard_trains_20_times_faster_than_paper(stack, points):
    def per_patch(preset, count):
        training, held_out = points[np.arange(count)], points[np.arange(3990, 4000)]

        def run(epochs):
            preset_of_epochs = replace(preset, epochs=epochs)
            return train(preset_of_epochs, training, held_out, stack, 0, SILENT).seconds

        # The difference of two runs leaves out the cost of the first call, such as tracing.
        return (run(3) - run(1)) / (2 * count)

    standard, paper = per_patch(STANDARD, 2048), per_patch(PAPER, 128)
    print(
        f"\nstandard {1 / standard:,.0f} patches/s, paper {1 / paper:,.1f} patches/s, "
        f"ratio {paper / standard:.0f}"
    )
    assert paper / standard >= 20


def learn(network, batches, waited):
    """One epoch; how long each batch was waited for goes into a list."""
    iterator, loss = iter(batches), 0.0
    for _ in range(len(batches)):
        start = time.perf_counter()
        batch = next(iterator)
        waited.append(time.perf_counter() - start)
        loss = network.train_on_batch(*batch)
    return loss


def test_the_input_pipeline_hardly_keeps_the_network_waiting(stack, points):
    """Patches are gathered while the network learns from those before."""
    benchmark = Benchmark("waiting", "patches")
    targets = points.values.astype(np.float32)
    for preset, count in ((STANDARD, 3840), (PAPER, 256)):
        network = build(preset, DRIVERS)
        network.compile(optimizer=preset.optimizer, loss=preset.loss, jit_compile=False)
        rows, columns = stack.grid.cells(points.xy[:count])
        batches = patch_batches(
            stack, rows, columns, preset.patch_size, preset.batch_size, targets[:count], seed=0
        )
        learn(network, batches, [])  # the first call, with its tracing, is not counted
        waited = []
        run = benchmark.run(preset.name, count, learn, network, batches, waited)
        run.waiting = sum(waited) / run.seconds
        assert run.waiting < 0.15
    benchmark.finish()
