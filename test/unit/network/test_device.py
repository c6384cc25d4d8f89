"""What is done with a GPU, on a computer without one: TensorFlow is made to say that it has one."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from subsidence_mapper.model.maps.surface import predict_tile
from subsidence_mapper.model.methods import cnn
from subsidence_mapper.model.methods.base import sentences
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.network import device
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.presets import make_preset
from subsidence_mapper.model.network.training import TrainedNetwork
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.test.examples import RecordingMonitor

OUT_OF_MEMORY = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
is_fast = tf.config.experimental.tensor_float_32_execution_enabled


@pytest.fixture
def trained():
    preset = make_preset("standard", blocks=(4, 8), patch_size=12)
    return CNN.trained(preset, TrainedNetwork(build(preset, 3), 5.0, 2.0, {}, 1, 0.0))


@pytest.fixture
def gpu(monkeypatch, trained):  # without a GPU the network is built without XLA
    """GPUs of 8 and of 2 GB."""
    listed = [
        SimpleNamespace(device_type=kind, memory_limit=size)
        for kind, size in (("CPU", 1e6), ("GPU", 8e9), ("GPU", 2e9))
    ]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: listed[1:])
    monkeypatch.setattr(device.device_lib, "list_local_devices", lambda: listed)


def test_without_a_gpu_tiles_are_those_of_the_cpu():
    assert device.gpu_memory() is None
    assert device.tile_side(1e3, on_cpu=48) == 48
    assert device.device_names() == "CPU"


def test_a_tile_fits_the_smallest_gpu(gpu):
    assert device.gpu_memory() == 2e9
    side = device.tile_side(5e3, on_cpu=48)
    assert side**2 * 5e3 <= 0.4 * 2e9 < (side + 1) ** 2 * 5e3
    assert device.tile_side(1e12, on_cpu=48) == 16


@pytest.mark.parametrize(("error", "kept"), [(0.049, True), (0.051, False)])
def test_low_precision_stays_only_where_it_is_near_enough(grid, gpu, error, kept):
    def network(tile):
        exact = np.add.outer(np.arange(tile.height), np.arange(tile.width)) + tile.row + tile.column
        return exact + error * is_fast()

    window = Window(grid, 3, 5, 50, 41)
    found = device.evaluate(network, window, 24, tolerance=0.1)
    exact = np.add.outer(np.arange(50), np.arange(41)) + 8
    assert np.allclose(found - exact, error * kept, atol=1e-5)
    assert is_fast()


def test_without_a_gpu_nothing_is_evaluated_twice(grid):
    asked = []

    def network(tile):
        asked.append((tile.height, tile.width))
        return np.zeros((tile.height, tile.width))

    device.evaluate(network, Window(grid, 0, 0, 30, 20), 24, tolerance=0.1)
    assert asked == [(24, 20), (6, 20)]


def test_what_may_differ_is_a_tenth_of_a_millimetre(trained):
    assert trained._dense._tolerance * trained.trained_.target_scale == pytest.approx(0.1)


def test_a_gpu_that_runs_out_of_memory_leaves_the_map_to_the_cpu(trained, stack, gpu, monkeypatch):
    window, inner = Window(stack.grid, 4, 6, 20, 30), trained._dense.predict
    expected = inner(stack, window).ravel() * 2 + 5

    class CPU:
        inside = False

        def __init__(self, name):
            assert name == "CPU:0"

        def __enter__(self):
            CPU.inside = True

        def __exit__(self, *_):
            CPU.inside = False

    def predict(stack, window):
        if not CPU.inside:
            raise OUT_OF_MEMORY
        return inner(stack, window)

    monkeypatch.setattr(tf, "device", CPU)
    monkeypatch.setattr(trained._dense, "predict", predict)
    found = predict_tile(window, trained, stack)
    assert np.allclose(found.mean, expected, atol=1e-5)
    assert sentences(found.notes) == [
        "The GPU has too little memory: the CPU has mapped 600 cells."
    ]


def test_without_a_gpu_running_out_of_memory_is_an_error(trained, stack, monkeypatch):
    def predict(stack, window):
        raise OUT_OF_MEMORY

    monkeypatch.setattr(trained._dense, "predict", predict)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        trained.predict(stack.grid.window, stack)


def test_a_gpu_that_runs_out_of_memory_leaves_the_training_to_the_cpu(
    trained, points, stack, gpu, monkeypatch
):
    monitor = RecordingMonitor()

    def train(*given):
        if not tf.distribute.has_strategy():
            raise OUT_OF_MEMORY
        assert tf.distribute.get_strategy().extended.worker_devices == (
            "/job:localhost/replica:0/task:0/device:CPU:0",
        )
        return trained.trained_

    monkeypatch.setattr(cnn, "train", train)
    preset = make_preset("standard", blocks=(4, 8), patch_size=12)
    method = CNN(preset).fit(points, stack, monitor=monitor)
    assert method.trained_ is trained.trained_
    assert monitor.lines == [
        ("warning", "The GPU has too little memory: the CPU trains the network, which takes long.")
    ]
