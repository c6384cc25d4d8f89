"""Training that devices share gives the network that one device trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys

TRAIN_TWICE = """
import json, sys
from dataclasses import replace
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.network.presets import Dense, STANDARD
from subsidence_mapper.model.network.training import train
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding, Stack
for choose in (keras.config.set_floatx, keras.config.set_dtype_policy):
    choose("float64")  # float32's rounding would turn a ReLU here and there

random = np.random.default_rng(0)
grid = Grid("EPSG:32639", (0.0, 30.0, 0.0, 1200.0, 0.0, -30.0), 40, 40)
values = random.normal(size=(40, 40, 2)).astype("float32")
encodings = [Encoding(name, "continuous") for name in "ab"]
stack = Stack(grid, encodings, values, np.ones((40, 40), bool))
xy = random.uniform(0, 1200, (80, 2))
points = Points(xy, values[grid.cells(xy)][:, 0].astype(float))
# All points in one batch: devices draw batches in another order. No dropout: it draws too.
preset = replace(
    STANDARD, patch_size=14, blocks=(4, 8), dropout=0.0, dense=(Dense(16, 0.0),), epochs=5,
    batch_size=64,
)
parts = points[np.arange(64)], points[np.arange(64, 80)]
alone = train(preset, *parts, stack, 0, SILENT)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    shared = train(preset, *parts, stack, 0, SILENT)
pairs = zip(alone.network.get_weights(), shared.network.get_weights())
print(json.dumps({
    "largest": max(float(np.abs(one).max()) for one in alone.network.get_weights()),
    "difference": max(float(np.abs(one - other).max()) for one, other in pairs),
    "losses": [alone.history["loss"], shared.history["loss"]],
}))
"""


def test_two_devices_train_the_network_of_one():
    said = subprocess.run(
        [sys.executable, "-c", TRAIN_TWICE],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert said.returncode == 0, said.stderr[-2000:]
    found = json.loads(said.stdout.splitlines()[-1])
    alone, shared = found["losses"]
    assert alone[-1] < 0.9 * alone[0]
    assert found["difference"] < 1e-6 * found["largest"], found
