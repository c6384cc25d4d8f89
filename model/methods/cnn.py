"""The convolutional network on driver patches, the paper's method."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import InstanceOf

from ..errors import InputError
from ..files.schema import Seed, Word
from ..network.dense import DenseNetwork
from ..network.dense_same import DenseSameNetwork
from ..network.device import with_room
from ..network.model_file import load_model, save_model
from ..network.patches import patch_batches
from ..network.presets import Preset, make_preset
from ..network.training import TrainedNetwork, train
from ..spatial.grid import Window
from ..statistics.splits import hold_out_tenth
from .base import LearningCurve, Method, Notes, Prediction, positions

_PATCH_BYTES = 64e6
_NO_ROOM = "The GPU has too little memory"
_CLOSE = 0.1  # mm: what a GPU's lower precision may change


class CNN(Method):
    """A convolutional network on patches of the drivers (doi:10.5194/gmd-18-6903-2025).

    Parameters
    ----------
    preset : str or Preset
        "standard" or "paper", or one of them with changes, see `network.presets.make_preset`. A
        name is replaced by the preset itself.
    seed : int
    """

    name = "cnn"
    title = "CNN"
    drivers = "required"
    takes_minutes = True
    holds_back = True
    has_model = True

    def __init__(self, preset: Word | InstanceOf[Preset] = "standard", seed: Seed = 0):
        self.preset = make_preset(preset) if isinstance(preset, str) else preset
        self.seed = seed

    @classmethod
    def trained(cls, preset: Preset, trained: TrainedNetwork, seed: int = 0) -> CNN:
        """A fitted method from a preset and a network that is trained already."""
        method = cls(preset, seed)
        method.uses_drivers_ = True
        method._keep(trained)
        return method

    @classmethod
    def load(cls, path: Path) -> tuple[CNN, dict, np.ndarray]:
        """A fitted method from a model file, the file's header, and its points (n, 2)."""
        preset, trained, header, xy = load_model(path)
        return cls.trained(preset, trained), header, xy

    @property
    def scaling(self) -> str:
        """See `Method`."""
        return self.preset.scaling

    @property
    def footprint(self) -> int:
        """See `Method`."""
        return self.preset.patch_size

    def __getstate__(self):
        # A compiled function cannot travel.
        return {name: value for name, value in vars(self).items() if name != "_dense"}

    def __setstate__(self, state):
        vars(self).update(state)
        if "trained_" in state:
            self._keep(self.trained_)

    def _fit(self, points, stack, validation, monitor):
        points, validation = hold_out_tenth(points, validation, stack.grid, self.seed)
        given = self.preset, points, validation, stack, self.seed, monitor
        text = f"{_NO_ROOM}: the CPU trains the network, which takes long."
        self._keep(with_room(partial(train, *given), partial(monitor.log, text, "warning")))

    def _keep(self, trained: TrainedNetwork) -> None:
        self.trained_ = trained
        dense = DenseNetwork if self.preset.padding == "valid" else DenseSameNetwork
        self._dense = dense(trained.network, self.preset, _CLOSE / trained.target_scale)

    def _predict(self, target, stack):
        notes: Notes = Counter()
        if isinstance(target, Window):
            note = f"{_NO_ROOM}: the CPU has mapped {{count:,}} cells."
            predict = partial(self._dense.predict, stack, target)
            output = with_room(predict, lambda: notes.update({note: target.size})).ravel()
        else:
            rows, columns = stack.grid.cells(positions(target))
            output = self._by_patches(rows, columns, stack)
        if not np.isfinite(output).all():
            raise InputError(
                f"The network gives {np.count_nonzero(~np.isfinite(output)):,} values that are no "
                "numbers: its weights are not those of a training, or a driver lies far beyond "
                "what it was trained on. Train it again, and check the drivers."
            )
        scale, offset = self.trained_.target_scale, self.trained_.target_offset
        return Prediction(offset + scale * output, notes=notes)

    @property
    def learning_curve(self) -> LearningCurve:
        """See `Method`."""
        trained = self.trained_
        return LearningCurve(trained.history, trained.best_epoch, self.preset.loss, trained.seconds)

    def settings(self):
        """The preset's values."""
        return self.preset.to_dict()

    def save(self, path, stack, intervals, points, about):
        """See `Method`."""
        encodings = stack.encodings
        save_model(path, self.preset, self.seed, self.trained_, encodings, intervals, points, about)

    def _by_patches(self, rows, columns, stack) -> np.ndarray:
        size = self.preset.patch_size
        per_patch = 4 * size**2 * len(stack.channels)
        batch = int(max(1, min(1024, _PATCH_BYTES // per_patch)))
        batches = patch_batches(stack, rows, columns, size, batch)
        if not len(rows):
            return np.empty(0)
        return self.trained_.network.predict(batches, verbose=0)[:, 0].astype(float)
