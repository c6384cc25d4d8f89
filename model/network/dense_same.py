"""Dense evaluation of networks with 'same' padding.

The padding makes a patch's border differ from its inside, so that an activation depends on the
cell and on its place in the patch; but along each axis on few kinds of places only, as the first,
the last and all others behind the first convolution. Each kind is computed for all patches
together. Convolutions are linear: the product of a tap's weights with a kind of place is shared
too, then shifted and added wherever it is needed. So the convolution that takes nearly all the time
of the paper's network has 36 products for a cell instead of 441.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np

from ..spatial.grid import Window
from ..spatial.stack import Stack
from .backend import keras, tf
from .dense import normalise
from .device import evaluate, tile_side
from .presets import Preset

_TILE = 48  # cells on a CPU: the paper's network then takes some 0.7 GB
_PER_CELL = 300  # bytes for each filter of the widest layer


class DenseSameNetwork:
    """The weights of a trained network with padding "same", evaluated densely over windows.

    Parameters
    ----------
    network : keras.Model
        As `build.build` makes it.
    preset : Preset
    tolerance : float
        By how much the lower precision of a GPU may move the output, see `device.evaluate`.
    """

    def __init__(self, network: keras.Model, preset: Preset, tolerance: float = 0.0):
        self._network, self._tolerance = network, tolerance
        self._side = tile_side(_PER_CELL * max(preset.blocks), on_cpu=_TILE)
        self._size = preset.patch_size

    def predict(self, stack: Stack, window: Window) -> np.ndarray:
        """The network's output (height, width) at every cell of a window."""
        return evaluate(lambda tile: self._tile(stack, tile), window, self._side, self._tolerance)

    def _tile(self, stack: Stack, tile: Window) -> np.ndarray:
        before = self._size // 2
        block = stack.read(tile, before, self._size - 1 - before)
        axis = _Axis([0] * self._size)
        maps = {(0, 0): tf.convert_to_tensor(block)}
        shape = tile.height, tile.width
        flattened = False
        for layer in self._network.layers:
            count = axis.count
            if isinstance(layer, keras.layers.MaxPooling2D):
                axis = axis.behind((0, 1), 2, count // 2)
                maps = _pool(maps, axis, shape)
            elif isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (3, 3):
                # Of an odd number of places the pooling behind would not see the last.
                axis = axis.behind((-1, 0, 1), 1, count // 2 * 2)
                maps = _convolve(layer, layer.kernel, maps, axis, shape)
            elif isinstance(layer, keras.layers.Flatten):
                flattened = True
            elif isinstance(layer, keras.layers.Dense) and flattened:
                axis = axis.behind(range(count), 1, 1)
                kernel = tf.reshape(layer.kernel, (count, count, -1, layer.units))
                maps = _convolve(layer, kernel, maps, axis, shape)
                flattened = False
            elif isinstance(layer, keras.layers.BatchNormalization):
                maps = {kind: normalise(layer, values) for kind, values in maps.items()}
            elif not isinstance(layer, keras.layers.Dropout):
                maps = {kind: layer(values[None])[0] for kind, values in maps.items()}
        return maps[0, 0][..., 0].numpy()


class _Axis:
    """The places of a patch along one axis, by kind.

    The map of a kind begins, for the first patch of a tile, at the first place of that kind, and
    ends, for the last patch, at the last one.

    Parameters
    ----------
    kinds : list of int
        The kind of each place; those of one kind lie side by side.
    step : int
        Cells from one place to the next.
    sources : list of list, optional
        For each kind what it is made from: a tap's number, the kind of place that the tap falls
        on, and how many cells that is from the beginning of that kind's map.
    """

    def __init__(self, kinds: list, step: int = 1, sources: list | None = None):
        self.kinds, self.step, self.sources = kinds, step, sources or []
        self.count = len(kinds)

    def behind(self, taps, stride: int, count: int) -> _Axis:
        """The axis of `count` places made from those that are at ``stride * place + taps``."""
        seen = [
            tuple(
                self.kinds[at] if 0 <= at < self.count else None
                for at in (stride * place + tap for tap in taps)
            )
            for place in range(count)
        ]
        unlike = list(dict.fromkeys(seen))
        sources = [
            [
                (i, kind, self.step * (stride * seen.index(each) + tap - self.kinds.index(kind)))
                for i, (tap, kind) in enumerate(zip(taps, each))
                if kind is not None
            ]
            for each in unlike
        ]
        return _Axis([unlike.index(each) for each in seen], stride * self.step, sources)

    def length(self, kind: int, cells: int) -> int:
        """Cells of a kind's map along this axis, for a tile of so many cells."""
        return self.step * (self.kinds.count(kind) - 1) + cells


def _views(axis: _Axis, shape: tuple):
    """For every kind of place: all pairs of taps, their kinds, and where to cut their maps."""
    for kind in product(range(len(axis.sources)), repeat=2):
        lengths = [axis.length(each, cells) for each, cells in zip(kind, shape)]
        for row, column in product(axis.sources[kind[0]], axis.sources[kind[1]]):
            cut = tuple(slice(at[2], at[2] + size) for at, size in zip((row, column), lengths))
            yield kind, (row[0], column[0]), (row[1], column[1]), cut


def _pool(maps: dict, axis: _Axis, shape: tuple) -> dict:
    pooled: dict = {}
    for kind, _, source, cut in _views(axis, shape):
        values = maps[source][cut]
        pooled[kind] = tf.maximum(pooled[kind], values) if kind in pooled else values
    return pooled


def _convolve(layer, kernel: tf.Tensor, maps: dict, axis: _Axis, shape: tuple) -> dict:
    """Convolve with a kernel (taps, taps, channels, units), without repeated products."""
    wanted = defaultdict(list)
    for kind, tap, source, cut in _views(axis, shape):
        wanted[source, tap].append((kind, cut))
    sums: dict = {}
    for (source, tap), places in wanted.items():
        first, last = (
            [choose(getattr(cut[i], end) for _, cut in places) for i in (0, 1)]
            for choose, end in ((min, "start"), (max, "stop"))
        )
        values = maps[source][first[0] : last[0], first[1] : last[1]]
        made = tf.tensordot(values, kernel[tap], 1)
        for kind, cut in places:
            shifted = made[tuple(slice(c.start - f, c.stop - f) for c, f in zip(cut, first))]
            sums[kind] = sums[kind] + shifted if kind in sums else shifted
    return {kind: layer.activation(values + layer.bias) for kind, values in sums.items()}
