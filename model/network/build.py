"""From a preset to a Keras network."""

from __future__ import annotations

from .backend import keras, tf
from .presets import Preset


def build(preset: Preset, channels: int) -> keras.Model:
    """The network of a preset, untrained: patches (n, size, size, channels) to (n, 1)."""
    size = preset.patch_size
    network = keras.Sequential([keras.Input((size, size, channels))])
    for filters in preset.blocks:
        for kernel in (1, 3):
            network.add(
                keras.layers.Conv2D(
                    filters, kernel, padding=preset.padding, activation=preset.activation
                )
            )
        network.add(_normalisation(preset))
        network.add(keras.layers.MaxPooling2D(2))
        network.add(keras.layers.Dropout(preset.dropout))
    network.add(keras.layers.Flatten())
    for layer in preset.dense:
        network.add(keras.layers.Dense(layer.units, activation=preset.activation))
        network.add(_normalisation(preset))
        if layer.dropout:
            network.add(keras.layers.Dropout(layer.dropout))
    network.add(keras.layers.Dense(1))
    network.jit_compile = use_xla()
    return network


def _normalisation(preset: Preset) -> keras.layers.Layer:
    # Over the whole batch also where devices share it: else another network would be trained.
    return keras.layers.BatchNormalization(
        momentum=preset.momentum, synchronized=tf.distribute.has_strategy()
    )


def spread() -> tf.distribute.Strategy:
    """How devices share a training: all of this computer's GPUs, unless a strategy is in scope.

    Not those of several computers: with `tf.distribute.MultiWorkerMirroredStrategy` Keras 3 fails
    (its issue 20585).
    """
    several = len(tf.config.list_logical_devices("GPU")) > 1
    if several and not tf.distribute.has_strategy():
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def use_xla() -> bool:
    """Whether to compile with XLA: on a CPU it trains these networks about three times slower."""
    return bool(tf.config.list_physical_devices("GPU"))
