"""Training a network on patches around points."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from ..errors import InputError
from ..machine.memory import require
from ..monitor import Monitor
from ..spatial.points import Points, squared
from ..spatial.stack import Stack
from .backend import gradient_registry, keras, tf
from .build import build, spread, use_xla
from .patches import patch_batches
from .presets import Preset, training_memory


@dataclass(frozen=True)
class TrainedNetwork:
    """A network and what it takes to use it.

    Parameters
    ----------
    network : keras.Model
    target_offset, target_scale : float
        The displacement, mm, is ``offset + scale * output``.
    history : dict of list
        "loss" and "validation_loss" of each epoch, in the square of the points' unit for MSE and
        in their unit otherwise, and "validation_rmse" in their unit, whatever the loss.
    best_epoch : int
        Whose weights are kept, from 1.
    seconds : float
    """

    network: keras.Model
    target_offset: float
    target_scale: float
    history: dict
    best_epoch: int
    seconds: float

    def __reduce__(self):
        rest = [getattr(self, field.name) for field in fields(self)[1:]]
        return _rebuilt, (self.network.get_config(), self.network.get_weights(), *rest)


def _rebuilt(config: dict, weights: list, *rest) -> TrainedNetwork:
    network = keras.Sequential.from_config(config)
    network.set_weights(weights)
    network.jit_compile = use_xla()
    return TrainedNetwork(network, *rest)


def train(
    preset: Preset,
    points: Points,
    validation: Points,
    stack: Stack,
    seed: int,
    monitor: Monitor,
    watch: Callable[[dict], None] | None = None,
) -> TrainedNetwork:
    """Train a network until it no longer improves; the best validation epoch's weights are kept.

    Parameters
    ----------
    watch : callable, optional
        Called with the history after each epoch; what it raises ends the training.

    Raises
    ------
    InputError
        If the loss is no longer finite, or memory is too small.
    """
    channels = len(stack.channels)
    require(
        training_memory(preset, channels, len(points)),
        f"A network that sees patches of {preset.patch_size} x {preset.patch_size} cells of "
        f"{channels} channels, in batches of {min(preset.batch_size, len(points)):,},",
        "Use a smaller PATCH_SIZE or BATCH_SIZE.",
    )
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    offset, scale = 0.0, 1.0
    if preset.scale_target:
        offset, scale = float(points.values.mean()), float(points.values.std()) or 1.0

    def batches(part: Points, shuffle_seed: int | None) -> tf.data.Dataset:
        rows, columns = stack.grid.cells(part.xy)
        targets = ((part.values - offset) / scale).astype(np.float32)
        return patch_batches(
            stack, rows, columns, preset.patch_size, preset.batch_size, targets, shuffle_seed
        )

    training, held_out = batches(points, seed), batches(validation, None)
    with spread().scope():
        network = build(preset, channels)
        optimizer = type(keras.optimizers.get(preset.optimizer))(preset.learning_rate)
        network.compile(
            optimizer=optimizer,
            loss=preset.loss,
            metrics=[keras.metrics.RootMeanSquaredError("rmse")],
            jit_compile=use_xla(),
        )
    best = keras.callbacks.EarlyStopping(
        "val_loss", patience=preset.patience, restore_best_weights=True
    )
    report = _Report(preset, scale, points.unit, monitor, watch)
    start = time.monotonic()
    try:
        network.fit(
            training,
            validation_data=held_out,
            epochs=preset.epochs,
            callbacks=[keras.callbacks.TerminateOnNaN(), best, report],
            verbose=0,
            shuffle=False,
        )
    finally:
        _release_graphs()
    if not np.isfinite(report.history["validation_loss"]).all():
        raise InputError(
            "Training diverged: the loss is no longer a finite number. Use a smaller LEARNING_RATE."
        )
    return TrainedNetwork(
        network,
        offset,
        scale,
        report.history,
        int(np.argmin(report.history["validation_loss"])) + 1,
        time.monotonic() - start,
    )


def _release_graphs() -> None:
    """Let go of the graphs of trainings that are over, which TensorFlow would keep for ever.

    Its registry of gradients holds a function, and through it the graph, for each training step
    that was traced (TensorFlow's issue 61791). Nothing differentiates such a step itself.
    """
    for name in list(gradient_registry.list()):
        if name.startswith("CustomGradient-"):
            gradient_registry._registry.pop(name, None)


class _Report(keras.callbacks.Callback):
    """Reports every epoch and keeps the history in the points' unit."""

    def __init__(
        self, preset: Preset, scale: float, unit: str, monitor: Monitor, watch: Callable | None
    ):
        super().__init__()
        names = ("loss", "validation_loss", "validation_rmse")
        self.history: dict[str, list[float]] = {name: [] for name in names}
        self._preset = preset
        self._scale = scale
        square = preset.loss == "mse"
        self._loss_scale = scale**2 if square else scale
        self._loss_unit = squared(unit) if square else unit
        self._monitor = monitor
        self._watch = watch
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        loss, validation_loss = (logs[name] * self._loss_scale for name in ("loss", "val_loss"))
        self.history["loss"].append(loss)
        self.history["validation_loss"].append(validation_loss)
        self.history["validation_rmse"].append(logs["val_rmse"] * self._scale)
        done = (epoch + 1) / self._preset.epochs
        left = (time.monotonic() - self._start) * (1 / done - 1)
        text = (
            f"Epoch {epoch + 1}/{self._preset.epochs}: loss {loss:.4g} {self._loss_unit}, "
            f"validation loss {validation_loss:.4g} {self._loss_unit}, at most {left:.0f} s left"
        )
        self._monitor.log(text)
        self._monitor.progress(done)
        if self._watch:
            self._watch(self.history)
