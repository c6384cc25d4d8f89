import gc
import os
import platform
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.dense import DenseNetwork
from subsidence_mapper.model.network.dense_same import DenseSameNetwork
from subsidence_mapper.model.network.patches import patch_batches
from subsidence_mapper.model.network.presets import (
    ACTIVATIONS,
    PAPER,
    STANDARD,
    make_preset,
    weight_shapes,
)
from subsidence_mapper.model.network.training import TrainedNetwork, _Report, train
from subsidence_mapper.model.spatial.grid import Window
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.test.examples import RecordingMonitor, randomised
from tensorflow.python.framework.func_graph import FuncGraph


def by_patches(network, stack, window, size):
    rows, columns = stack.grid.cells(window.xy())
    batches = patch_batches(stack, rows, columns, size, 256)
    return network.predict(batches, verbose=0).reshape(window.height, window.width)


def assert_equal_to_1e_5(dense, patchwise):
    assert np.std(patchwise) > 1e-3 * np.abs(patchwise).max()
    assert np.abs(dense - patchwise).max() <= 1e-5 * np.abs(patchwise).max()


def test_paper_preset_is_the_published_network():
    network = build(PAPER, channels=9)
    assert network.count_params() == 20_916_385
    assert len(network.layers) == 31


def test_paper_preset_is_trained_as_published():
    assert (PAPER.patch_size, PAPER.padding, PAPER.blocks) == (30, "same", (32, 32, 1024))
    assert (PAPER.loss, PAPER.optimizer, PAPER.learning_rate) == ("mse", "adam", 1e-4)
    assert (PAPER.batch_size, PAPER.epochs, PAPER.scaling) == (128, 150, "unit")


@pytest.mark.parametrize("patch_size", [22, 29, 30, 33, 46])
def test_dense_equals_patchwise_at_the_edges_and_inside(stack, patch_size):
    preset = replace(STANDARD, patch_size=patch_size)
    network = randomised(build(preset, 3))
    for window in (Window(stack.grid, 0, 0, 9, 13), Window(stack.grid, 51, 30, 9, 40)):
        dense = DenseNetwork(network, preset).predict(stack, window)
        assert_equal_to_1e_5(dense, by_patches(network, stack, window, patch_size))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("dense_network", "changes"),
    [
        (DenseNetwork, {"blocks": (8, 16), "patch_size": 12}),
        (DenseSameNetwork, {"blocks": (8, 16), "patch_size": 13, "padding": "same"}),
    ],
)
def test_dense_equals_patchwise_whatever_the_activation(stack, activation, dense_network, changes):
    preset = make_preset("standard", activation=activation, **changes)
    network = randomised(build(preset, 3))
    window = Window(stack.grid, 51, 30, 9, 40)
    patchwise = by_patches(network, stack, window, preset.patch_size)
    assert_equal_to_1e_5(dense_network(network, preset).predict(stack, window), patchwise)
    activations = [getattr(layer, "activation", None) for layer in network.layers]
    found = [each.__name__ for each in activations if each is not None]
    assert found == [activation] * (2 * len(preset.blocks) + 2) + ["linear"]


def test_dense_equals_patchwise_across_tile_seams(stack):
    network = randomised(build(STANDARD, 3))
    dense = DenseNetwork(network, STANDARD)
    together = np.empty((stack.grid.height, stack.grid.width))
    for tile in stack.grid.tiles(24):
        together[tile.slices] = dense.predict(stack, tile)
    whole = by_patches(network, stack, stack.grid.window, STANDARD.patch_size)
    assert_equal_to_1e_5(together, whole)


def test_dense_equals_patchwise_on_a_trained_network(stack, points):
    method = CNN(make_preset("standard", epochs=3)).fit(points, stack)
    window = Window(stack.grid, 10, 20, 30, 30)
    dense = method.predict(window, stack).mean.reshape(30, 30)
    patchwise = method.predict(window.xy(), stack).mean.reshape(30, 30)
    assert_equal_to_1e_5(dense, patchwise)


@pytest.mark.parametrize(
    ("patch_size", "blocks"),
    [(8, (8, 12, 16)), (13, (6, 8)), (22, (8,)), (30, (8, 12, 16)), (31, (8, 12, 16))],
)
def test_a_dense_same_network_equals_patchwise(stack, patch_size, blocks):
    preset = replace(PAPER, patch_size=patch_size, blocks=blocks, dense=STANDARD.dense)
    network = randomised(build(preset, 3))
    for window in (Window(stack.grid, 0, 0, 5, 7), Window(stack.grid, 10, 67, 50, 3)):
        dense = DenseSameNetwork(network, preset).predict(stack, window)
        assert_equal_to_1e_5(dense, by_patches(network, stack, window, patch_size))


def test_a_map_by_a_same_network_is_that_of_its_patches(stack):
    preset = replace(PAPER, patch_size=12, blocks=(8, 8), dense=STANDARD.dense)
    network = randomised(build(preset, 3))
    method = CNN.trained(preset, TrainedNetwork(network, 5.0, 2.0, {}, 1, 0.0))
    window = Window(stack.grid, 50, 60, 6, 8)
    dense, patchwise = (method.predict(each, stack).mean for each in (window, window.xy()))
    assert_equal_to_1e_5(dense - 5, patchwise - 5)


def test_training_learns_a_function_of_the_patch(stack, points):
    method = CNN(make_preset("standard", epochs=40, batch_size=16, dropout=0.0))
    predicted = method.fit(points, stack).predict(points.xy, stack).mean
    residual = predicted - points.values
    assert np.square(residual).mean() < 0.3 * points.values.var()


@pytest.mark.parametrize("patience", [2, 8])
def test_the_best_validation_epoch_is_kept_and_soon_the_last(stack, points, patience):
    training = points[np.arange(100)]
    unlearnable = np.random.default_rng(0).normal(0, 20, 20)
    validation = Points(points.xy[100:], unlearnable)
    preset = replace(STANDARD, epochs=8, learning_rate=1e-2, batch_size=16, patience=patience)
    trained = train(preset, training, validation, stack, 0, SILENT)
    losses = trained.history["validation_loss"]
    assert trained.best_epoch == np.argmin(losses) + 1 < len(losses)
    assert len(losses) == min(preset.epochs, trained.best_epoch + patience)
    rows, columns = stack.grid.cells(validation.xy)
    output = trained.network.predict(
        patch_batches(stack, rows, columns, preset.patch_size, 8), verbose=0
    )[:, 0]
    predicted = trained.target_offset + trained.target_scale * output
    assert np.square(predicted - validation.values).mean() == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_the_history_tells_the_rmse_in_mm_whatever_the_loss(stack, points, loss):
    seen = []
    preset = replace(STANDARD, epochs=3, loss=loss)
    known, rest = points[np.arange(100)], points[np.arange(100, 120)]
    watch = lambda history: seen.append(history["validation_rmse"][-1])  # noqa: E731
    trained = train(preset, known, rest, stack, 0, SILENT, watch)
    assert seen == trained.history["validation_rmse"]
    predicted = CNN.trained(preset, trained).predict(rest.xy, stack).mean
    rmse = np.sqrt(np.square(predicted - rest.values).mean())
    assert seen[trained.best_epoch - 1] == pytest.approx(rmse, rel=1e-4)


def test_who_watches_can_end_the_training(stack, points):
    class EnoughError(Exception):
        pass

    def watch(history):
        if len(history["loss"]) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        train(STANDARD, points, points, stack, 0, SILENT, watch)


def test_same_seed_same_network(stack, points):
    first, again, other = (
        CNN(make_preset("standard", epochs=1), seed)
        .fit(points, stack)
        .predict(points.xy, stack)
        .mean
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_every_epoch_is_reported_with_losses_and_time_left(stack, points):
    monitor = RecordingMonitor()
    CNN(make_preset("standard", epochs=2)).fit(replace(points, unit="cm"), stack, monitor=monitor)
    assert monitor.fractions == [0.5, 1.0]
    assert len(monitor.texts) == 2
    for part in ("Epoch 1/2: loss", "validation loss", "s left"):
        assert part in monitor.texts[0]
    assert monitor.texts[0].count(" cm², ") == 2


@pytest.mark.parametrize(
    ("unit", "loss", "text"),
    [
        ("mm", "mse", "loss 800 mm², validation loss 1600 mm²"),
        ("mm/yr", "mse", "loss 800 (mm/yr)², validation loss 1600 (mm/yr)²"),
        ("cm", "mae", "loss 40 cm, validation loss 80 cm"),
    ],
)
def test_losses_are_logged_in_the_unit_of_the_points(unit, loss, text):
    monitor = RecordingMonitor()
    report = _Report(replace(STANDARD, epochs=1, loss=loss), 20.0, unit, monitor, None)
    report.on_epoch_end(0, {"loss": 2.0, "val_loss": 4.0, "val_rmse": 0.5})
    assert monitor.texts == [f"Epoch 1/1: {text}, at most 0 s left"]
    assert report.history["validation_rmse"] == [10.0]


def test_no_graph_of_a_training_stays_in_memory(stack, points):
    def graphs():
        keras.utils.clear_session()  # collects garbage too
        return sum(isinstance(each, FuncGraph) for each in gc.get_objects())

    preset = replace(STANDARD, epochs=1)
    before = graphs()
    train(preset, points[np.arange(100)], points[np.arange(100, 120)], stack, 0, SILENT)
    assert graphs() == before


def test_a_diverged_training_says_so(stack, points):
    with pytest.raises(InputError, match="smaller LEARNING_RATE"):
        CNN(make_preset("standard", epochs=3, learning_rate=1e30, optimizer="sgd")).fit(
            points, stack
        )


def test_batches_are_gathered_by_index_and_shuffled_anew_by_the_seed(stack):
    cells = np.arange(50)
    ordered = list(patch_batches(stack, cells, cells, 30, 8).as_numpy_iterator())
    assert [len(batch) for batch in ordered] == [8] * 6 + [2]
    assert np.array_equal(np.concatenate(ordered), stack.patches(cells, cells, 30))

    def one_seed():
        return patch_batches(stack, cells, cells, 30, 8, cells.astype("float32"), seed=0)

    def epoch(batches):
        pairs = list(batches.as_numpy_iterator())
        order = np.concatenate([targets for _, targets in pairs]).astype(int)
        patches = np.concatenate([patches for patches, _ in pairs])
        assert np.array_equal(patches, stack.patches(order, order, 30))
        assert np.array_equal(np.sort(order), cells)
        return order.tolist()

    batches, again = one_seed(), one_seed()
    first, second = epoch(batches), epoch(batches)
    assert first != second
    assert [epoch(again), epoch(again)] == [first, second]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_size": 21}, "at least 22"),
        ({"epochs": 0}, "epochs was 0"),
        ({"loss": "best"}, "'best' is not one of mse"),
        ({"activation": "softmax"}, "'softmax' is not one of relu"),
    ],
)
def test_presets_refuse_what_cannot_work(changes, message):
    with pytest.raises(InputError, match=message):
        make_preset("standard", **changes)


def test_paper_patches_must_leave_a_cell_too():
    with pytest.raises(InputError, match="at least 8"):
        make_preset("paper", patch_size=7)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is of x86-64")
@pytest.mark.parametrize(("wish", "used"), [(None, True), ("0", False)])
def test_networks_use_onednn_on_every_cpu_unless_asked_otherwise(wish, used):
    """Else a CPU without AVX-512 would train at two thirds of the speed."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import subsidence_mapper.model.methods.cnn\n"
        "from tensorflow.python.util import _pywrap_util_port as port\n"
        "print(port.IsMklEnabled())"
    )
    given = {name: text for name, text in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    given |= {"TF_ENABLE_ONEDNN_OPTS": wish} if wish else {}
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=given)
    assert said.split() == [str(used)]


@pytest.mark.parametrize("channels", [1, 7])
@pytest.mark.parametrize("preset", [STANDARD, replace(PAPER, blocks=(4, 8), patch_size=9)])
def test_the_shapes_of_weights_are_known_before_there_are_any(preset, channels):
    built = [weight.shape for weight in build(preset, channels).get_weights()]
    assert weight_shapes(preset, channels) == built


def test_tensorflows_greeting_is_not_left_in_a_log(tmp_path):
    """Else it would be reported as the reason of whatever happens later."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\nimport subsidence_mapper.model.network.backend"
    )
    with (tmp_path / "log").open("ab") as log:
        log.write(b"before\n")
        log.flush()
        subprocess.run([sys.executable, "-c", code], stderr=log, check=True)
    assert (tmp_path / "log").read_text() == "before\n"
