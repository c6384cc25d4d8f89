"""Batches of patches, gathered from the stack by index: the patches are never all in memory."""

from __future__ import annotations

import math

import keras
import numpy as np

from ..stack import Stack


class PatchBatches(keras.utils.PyDataset):
    """Batches (patches, targets) around cells of the stack.

    Parameters
    ----------
    stack : Stack
    rows, columns : ndarray (n,)
        The cells.
    size : int
        Patch size, cells.
    batch_size : int
    targets : ndarray (n,), optional
        Without them the batches are patches alone, in order.
    seed : int, optional
        Shuffles the order anew in every epoch.
    """

    def __init__(self, stack: Stack, rows, columns, size, batch_size, targets=None, seed=None):
        super().__init__()
        self._stack = stack
        self._rows = rows
        self._columns = columns
        self._size = size
        self._batch_size = batch_size
        self._targets = targets
        self._order = np.arange(len(rows))
        self._random = None if seed is None else np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._batch_size)

    def __getitem__(self, batch: int):
        start = batch * self._batch_size
        index = self._order[start : start + self._batch_size]
        patches = self._stack.patches(self._rows[index], self._columns[index], self._size)
        return patches if self._targets is None else (patches, self._targets[index])

    def on_epoch_end(self) -> None:
        """Shuffle, if a seed was given."""
        if self._random is not None:
            self._random.shuffle(self._order)
