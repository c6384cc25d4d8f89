"""The convolutional network on driver patches, the paper's method."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import InputError
from ..files.schema import Seed, Word
from ..monitor import SILENT
from ..network.dense import DenseNetwork
from ..network.dense_same import DenseSameNetwork
from ..network.device import with_room
from ..network.patches import patch_batches
from ..network.presets import make_preset
from ..network.training import TrainedNetwork, train
from ..spatial.grid import Window
from ..statistics.splits import random_split
from .base import Method, positions

_PATCH_BYTES = 64e6
_NO_ROOM = "The GPU has too little memory"
_CLOSE = 0.1  # mm: what a GPU's lower precision may change


class CNN(Method):
    """A convolutional network on patches of the drivers (doi:10.5194/gmd-18-6903-2025).

    Parameters
    ----------
    preset : str
        "standard" or "paper".
    seed : int
    **changes
        Values of the preset to change, see `network.presets.Preset`.

    Attributes
    ----------
    counted_ : int
        How many cells the CPU has mapped in the place of a GPU without enough memory.
    """

    name = "cnn"
    title = "CNN"
    needs_stack = True

    def __init__(self, preset: Word = "standard", seed: Seed = 0, **changes):
        self.preset = make_preset(preset, **changes)
        self.seed = seed

    @classmethod
    def trained(cls, preset, trained: TrainedNetwork) -> CNN:
        """A fitted method from a preset and the network of a bundle."""
        method = cls.__new__(cls)
        method.preset, method.seed = preset, 0
        method.keep(trained)
        return method

    @property
    def scaling(self) -> str:
        return self.preset.scaling

    def __reduce__(self):
        return CNN.trained, (self.preset, self.trained_)  # a compiled function cannot travel

    def fit(self, points, stack=None, validation=None, monitor=SILENT):
        if validation is None:
            parts = random_split(points.groups(stack.grid), self.seed, (0.9, 0.1, 0.0))
            points, validation = points[parts.train], points[parts.validation]
        given = self.preset, points, validation, stack, self.seed, monitor
        told = f"{_NO_ROOM}: the CPU trains the network, which takes long."
        self.keep(with_room(partial(train, *given), partial(monitor.log, told, "warning")))
        return self

    def keep(self, trained: TrainedNetwork) -> None:
        """Take a trained network in the place of fitting one."""
        self.trained_ = trained
        dense = DenseNetwork if self.preset.padding == "valid" else DenseSameNetwork
        self._dense = dense(trained.network, self.preset, _CLOSE / trained.target_scale)

    def predict(self, target, stack=None):
        if isinstance(target, Window):
            output = self._map(target, stack).ravel()
        else:
            output = self._by_patches(*stack.grid.cells(positions(target)), stack)
        if not np.isfinite(output).all():
            raise InputError(
                f"The network gives {np.count_nonzero(~np.isfinite(output)):,} values that are no "
                "numbers: its weights are not those of a training, or a driver lies far beyond "
                "what it was trained on. Train it again, and check the drivers."
            )
        return self.trained_.target_offset + self.trained_.target_scale * output, None

    def remarks(self):
        if not self.counted_:
            return []
        return [f"{_NO_ROOM}: the CPU has mapped {self.counted_:,} cells."]

    def _map(self, window: Window, stack) -> np.ndarray:
        def count():
            self.counted_ += window.size

        return with_room(partial(self._dense.predict, stack, window), count)

    def _by_patches(self, rows, columns, stack) -> np.ndarray:
        size = self.preset.patch_size
        per_patch = 4 * size**2 * stack.values.shape[2]
        batch = int(max(1, min(1024, _PATCH_BYTES // per_patch)))
        batches = patch_batches(stack, rows, columns, size, batch)
        if not len(rows):
            return np.empty(0)
        return self.trained_.network.predict(batches, verbose=0)[:, 0].astype(float)
