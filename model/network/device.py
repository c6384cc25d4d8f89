"""What a network runs on: a GPU if TensorFlow sees one, else the CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from ..spatial.grid import Window
from .backend import device_lib, tf

_SHARE = 0.4  # of a GPU's memory for a tile: the weights and work space need some too
_SIDES = (16, 4096)  # cells
_SAMPLE = 16  # cells along a side: what is evaluated in full precision too
_ONE_AT_A_TIME = threading.Lock()  # the precision is that of the whole process


def device_names() -> str:
    """The GPUs by name, or "CPU"."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu)["device_name"] for gpu in gpus]
    return ", ".join(names) or "CPU"


def gpu_memory() -> int | None:
    """Bytes that TensorFlow may use of the smallest GPU; None without a GPU."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    devices = device_lib.list_local_devices()  # the only source before memory is taken
    return min(each.memory_limit for each in devices if each.device_type == "GPU")


def tile_side(per_cell: float, on_cpu: int) -> int:
    """Cells along the side of a tile that the GPU's memory holds; `on_cpu` without a GPU.

    Parameters
    ----------
    per_cell : float
        Bytes.
    """
    memory = gpu_memory()
    if memory is None:
        return on_cpu
    return int(np.clip(np.sqrt(_SHARE * memory / per_cell), *_SIDES))


def with_room(work: Callable, on_shortage: Callable[[], None]):
    """The result of ``work()``; on the CPU, after ``on_shortage()``, if a GPU lacks memory."""
    try:
        return work()
    except tf.errors.ResourceExhaustedError:
        if not tf.config.list_physical_devices("GPU"):
            raise
    on_shortage()
    with tf.distribute.OneDeviceStrategy("CPU:0").scope(), tf.device("CPU:0"):
        return work()


def evaluate(
    network: Callable[[Window], np.ndarray], window: Window, side: int, tolerance: float
) -> np.ndarray:
    """The output of a network (height, width) at a window, tile by tile.

    A GPU multiplies in TensorFloat-32 (10 bits of mantissa, sums in float32) where that is precise
    enough: the middle of each tile is evaluated in float32 too, and if the two differ by more than
    half of the tolerance, so is the whole tile.

    Parameters
    ----------
    network : callable
        From a window to the output (height, width).
    side : int
        Of the tiles, cells.
    tolerance : float
        Of the output.
    """
    output = np.empty((window.height, window.width), np.float32)
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    for tile in window.tiles(side):
        row, column = tile.row - window.row, tile.column - window.column
        part = output[row : row + tile.height, column : column + tile.width]
        part[:] = _checked(network, tile, tolerance) if on_gpu else network(tile)
    return output


def _checked(network, tile: Window, tolerance: float) -> np.ndarray:
    row, column = max(0, tile.height - _SAMPLE) // 2, max(0, tile.width - _SAMPLE) // 2
    height, width = min(_SAMPLE, tile.height), min(_SAMPLE, tile.width)
    sample = Window(tile.grid, tile.row + row, tile.column + column, height, width)
    with _ONE_AT_A_TIME:
        try:
            _round(True)
            fast = network(tile)
            _round(False)
            apart = np.abs(fast[row : row + height, column : column + width] - network(sample))
            return fast if apart.max() <= tolerance / 2 else network(tile)
        finally:
            _round(True)  # as TensorFlow has it


_round = tf.config.experimental.enable_tensor_float_32_execution
