"""Batches of patches, gathered from the stack by index: the patches are never all in memory."""

from __future__ import annotations

import numpy as np

from ..spatial.stack import Stack
from .backend import tf


def patch_batches(
    stack: Stack,
    rows: np.ndarray,
    columns: np.ndarray,
    size: int,
    batch_size: int,
    targets: np.ndarray | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of patches around cells of the stack.

    Not a Keras PyDataset: TensorFlow runs that as a generator, for which it sets malloc to give
    memory back immediately, and fetching it again from the system doubled the time of an epoch.

    Parameters
    ----------
    stack : Stack
    rows, columns : ndarray (n,)
        The cells.
    size : int
        Patch size, cells.
    batch_size : int
    targets : ndarray (n,), optional
        With them the batches are pairs (patches, targets).
    seed : int, optional
        Shuffles the order anew in every epoch; without it the order is kept.
    """
    order = tf.data.Dataset.range(len(rows))
    if seed is not None:
        order = order.shuffle(len(rows), seed=seed, reshuffle_each_iteration=True)

    def gather(index: tf.Tensor):
        patches = tf.numpy_function(
            lambda i: stack.patches(rows[i], columns[i], size), [index], tf.float32
        )
        patches.set_shape((None, size, size, len(stack.channels)))
        return patches if targets is None else (patches, tf.gather(targets, index))

    return order.batch(batch_size).map(gather).prefetch(1)
