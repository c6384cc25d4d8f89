"""Dense evaluation: one pass over a tile instead of one pass per patch.

A 'valid' network with 2 x 2 max-pooling, slid over every cell, computes the same values again and
again. Pooling with stride 1 and dilating all that follows avoids the repetition (Giusti et al.,
2013, arXiv:1302.1700; Li et al., 2014, arXiv:1412.4526). The dilation is done by moving the
four interleaved sub-images that a stride of 2 would see into the batch (space to batch), so that
every convolution stays an ordinary, fast one; at the end they are interleaved again.
"""

from __future__ import annotations

import numpy as np

from ..spatial.grid import Window
from ..spatial.stack import Stack
from .backend import keras, tf
from .device import evaluate, tile_side
from .presets import Preset

_LARGEST = 4096  # cells along a side, of a window that the CPU takes at a time
_COPIES = 4  # of the widest layer's values are in memory at a time


class DenseNetwork:
    """The weights of a trained network, evaluated densely over windows.

    Parameters
    ----------
    network : keras.Model
        As `build.build` makes it.
    preset : Preset
        With padding "valid".
    tolerance : float
        By how much the lower precision of a GPU may move the output, see `device.evaluate`.
    """

    def __init__(self, network: keras.Model, preset: Preset, tolerance: float = 0.0):
        self._network, self._tolerance = network, tolerance
        widest = max(*preset.blocks, *(layer.units for layer in preset.dense))
        self._side = tile_side(4 * _COPIES * widest, on_cpu=_LARGEST)
        self._stride = 2 ** len(preset.blocks)
        self._patch_size = preset.patch_size
        self._final_size = preset.final_size
        self._receptive_field = preset.receptive_field
        self._run = tf.function(self._evaluate, autograph=False, reduce_retracing=True)

    def predict(self, stack: Stack, window: Window) -> np.ndarray:
        """The network's output (height, width) at every cell of a window."""
        return evaluate(lambda tile: self._tile(stack, tile), window, self._side, self._tolerance)

    def _tile(self, stack: Stack, window: Window) -> np.ndarray:
        height = -(-window.height // self._stride) * self._stride
        width = -(-window.width // self._stride) * self._stride
        before = self._patch_size // 2
        block = stack.read(
            Window(window.grid, window.row, window.column, height, width),
            before,
            self._receptive_field - 1 - before,
        )
        output = self._run(tf.convert_to_tensor(block[None]))
        return output.numpy()[: window.height, : window.width]

    def _evaluate(self, values: tf.Tensor) -> tf.Tensor:
        pools = 0
        flattened = False
        for layer in self._network.layers:
            if isinstance(layer, keras.layers.MaxPooling2D):
                values = tf.nn.max_pool2d(values, 2, strides=1, padding="VALID")
                values = tf.space_to_batch(values, [2, 2], [[0, 0], [0, 0]])
                pools += 1
            elif isinstance(layer, keras.layers.Flatten):
                flattened = True
            elif isinstance(layer, keras.layers.Dense) and flattened:
                values = self._first_dense(layer, values)
                flattened = False
            elif isinstance(layer, keras.layers.BatchNormalization):
                values = normalise(layer, values)
            elif not isinstance(layer, keras.layers.Dropout):
                values = layer(values)
        for _ in range(pools):
            values = tf.batch_to_space(values, [2, 2], [[0, 0], [0, 0]])
        return values[0, :, :, 0]

    def _first_dense(self, layer: keras.layers.Dense, values: tf.Tensor) -> tf.Tensor:
        """The dense layer behind the flattening is a convolution with a kernel of that size."""
        size, units = self._final_size, layer.units
        kernel = tf.reshape(layer.kernel, (size, size, -1, units))
        output = tf.nn.conv2d(values, kernel, strides=1, padding="VALID")
        return layer.activation(output + layer.bias)


def normalise(layer: keras.layers.BatchNormalization, values: tf.Tensor) -> tf.Tensor:
    """Batch normalisation with the trained statistics.

    Called itself, a layer built behind the flattening would refuse the two spatial axes.
    """
    scale = layer.gamma / tf.sqrt(layer.moving_variance + layer.epsilon)
    return values * scale + (layer.beta - layer.moving_mean * scale)
