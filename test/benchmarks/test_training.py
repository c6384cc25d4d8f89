"""Training on as many points as the paper has: `make bench`."""

from __future__ import annotations

import time

import numpy as np
from scipy.ndimage import gaussian_filter
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.network.presets import STANDARD
from subsidence_mapper.model.network.training import train
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack

from .real import GRID, places

DRIVERS, TRAINING = 9, 48_790


def test_the_papers_points_in_a_quarter_of_an_hour(real_data):
    """Real places, nine drivers of smoothed noise, and values in mm that follow from them."""
    random = np.random.default_rng(0)
    values = np.empty((GRID.height, GRID.width, DRIVERS), np.float32)
    for i in range(DRIVERS):
        noise = random.normal(size=values.shape[:2]).astype(np.float32)
        values[..., i] = gaussian_filter(noise, 2 + 2 * i)
        values[..., i] /= values[..., i].std()
    means = [gaussian_filter(values[..., i], 6) for i in range(4)]
    moved = 40 * means[0] / means[0].std() * (1 + np.tanh(means[1] / means[1].std()))
    moved += 20 * np.abs(means[2] / means[2].std()) + 10 * means[3] / means[3].std()
    xy = random.permutation(places(real_data))
    points = Points(xy, moved[GRID.cells(xy)] + random.normal(0, 3, len(xy)))
    encodings = [Encoding(f"driver{i}", "continuous") for i in range(DRIVERS)]
    stack = Stack(GRID, encodings, values, np.ones(values.shape[:2], bool))

    start, ends = time.perf_counter(), []
    trained = train(
        STANDARD,
        points[:TRAINING],
        points[TRAINING:],
        stack,
        0,
        SILENT,
        lambda history: ends.append(time.perf_counter() - start),
    )
    error, took = trained.history["validation_rmse"], ends[trained.best_epoch - 1]
    print(
        f"\n{TRAINING:,} points: the least validation error, {min(error):.1f} mm of "
        f"{points.values.std():.1f}, after {took:.0f} s, in epoch {trained.best_epoch} of "
        f"{len(error)}, which took {ends[-1]:.0f} s"
    )
    assert took < 900
