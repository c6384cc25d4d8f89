"""The driver stack: aligned rasters become encoded channels, window by window."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow
from scipy import ndimage

from ..errors import InputError
from ..monitor import SILENT, Monitor
from .grid import Grid, Window, patch_index
from .points import Points
from .raster import reading

MAX_CLASSES = 64
_ROWS, _STRIP = 256, 2**23  # rows of a strip at most, and cells
_SAMPLE = 1_000_000
_BLOCK = 512  # cells along each axis that are encoded at a time
_REACH = 128  # cells: no pixel of a map sees a filled cell farther from a valid one


@dataclass(frozen=True)
class Encoding:
    """How the cells of one driver become channels; a bundle remembers it.

    Parameters
    ----------
    name : str
    kind : str
        "continuous": one channel, ``arcsinh((value - offset) / scale)``, which is linear for the
        bulk of the cells and logarithmic for the long tail that stream power, say, has. "unit":
        one channel, ``(value - offset) / scale``. "circular": degrees, two channels, sine and
        cosine, both 0 where there is no direction (the aspect of a flat cell), which is not a
        missing value. "categorical": one channel of 0 and 1 for each class; a class that was not
        there in training gives zeros.
    offset, scale : float
        In the driver's unit, for "continuous" and "unit".
    classes : tuple of int
        For a categorical driver.
    """

    name: str
    kind: str
    offset: float = 0.0
    scale: float = 1.0
    classes: tuple = ()

    @classmethod
    def from_dict(cls, message: dict) -> Encoding:
        """The encoding that a bundle's header describes."""
        return cls(**{**message, "classes": tuple(message["classes"])})

    def to_dict(self) -> dict:
        """The encoding as it stands in a bundle's header."""
        return {**asdict(self), "classes": list(self.classes)}

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in order."""
        if self.kind == "circular":
            return [f"{self.name} (sine)", f"{self.name} (cosine)"]
        if self.kind == "categorical":
            return [f"{self.name} = {code}" for code in self.classes]
        return [self.name]

    def encode(self, raw: np.ndarray) -> np.ndarray:
        """Raw cells (h, w) to channels (h, w, k); NaN stays NaN unless circular."""
        if self.kind == "circular":
            angle = np.radians(raw)
            return np.nan_to_num(np.stack([np.sin(angle), np.cos(angle)], axis=-1))
        if self.kind == "categorical":
            one_hot = (raw[..., None] == np.array(self.classes, raw.dtype)).astype(raw.dtype)
            one_hot[np.isnan(raw)] = np.nan
            return one_hot
        scaled = (raw - self.offset) / self.scale
        return (scaled if self.kind == "unit" else np.arcsinh(scaled))[..., None]


class Stack:
    """Encoded channels of every driver over the whole grid.

    Parameters
    ----------
    grid : Grid
    encodings : list of Encoding
    values : ndarray (height, width, channels), float32, or Path
        The channels, or the file of an array; a missing cell holds the value of a valid one near.
    valid : ndarray (height, width), bool, or Path
        Whether every driver is there; where not, the map has no value.
    """

    def __init__(
        self,
        grid: Grid,
        encodings: list[Encoding],
        values: np.ndarray | Path,
        valid: np.ndarray | Path,
    ):
        self.grid = grid
        self.encodings = encodings
        self._values = values
        self._valid = valid

    @property
    def values(self) -> np.ndarray:
        """The channels (height, width, channels).

        A file is mapped anew at each use, else all that was ever read would stay in memory.
        """
        return _mapped(self._values)

    @property
    def valid(self) -> np.ndarray:
        """Whether every driver is there, (height, width)."""
        return _mapped(self._valid)

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in order."""
        return [channel for encoding in self.encodings for channel in encoding.channels]

    @property
    def channels_of_driver(self) -> dict[str, slice]:
        """Where the channels of each driver stand, by its name."""
        groups, first = {}, 0
        for encoding in self.encodings:
            groups[encoding.name] = slice(first, first + len(encoding.channels))
            first = groups[encoding.name].stop
        return groups

    def patches(self, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
        """Gather the patches (n, size, size, channels) around cells; see `grid` on even sizes."""
        row = patch_index(rows - size // 2, size, self.grid.height)
        column = patch_index(columns - size // 2, size, self.grid.width)
        return self.values[row[:, :, None], column[:, None, :]]

    def read(self, window: Window, before: int = 0, after: int = 0) -> np.ndarray:
        """The channels of a window with `before` and `after` more cells on each axis."""
        row = patch_index([window.row - before], before + window.height + after, self.grid.height)
        column = patch_index(
            [window.column - before], before + window.width + after, self.grid.width
        )
        return self.values[row[0][:, None], column[0][None, :]]

    def filled_share(self, window: Window, size: int) -> np.ndarray:
        """Share of the patch's cells that lack a driver, around each cell of a window, (h, w)."""
        row, column = max(0, window.row - size), max(0, window.column - size)
        bottom, right = window.row + window.height + size, window.column + window.width + size
        missing = ~self.valid[row:bottom, column:right]
        share = ndimage.uniform_filter(missing.astype(np.float32), size)[window.row - row :]
        return share[: window.height, window.column - column :][:, : window.width]

    def on_valid_cells(self, points: Points) -> np.ndarray:
        """Whether all drivers are there at each point, (n,)."""
        return self.valid[self.grid.cells(points.xy)]


def read_stack(
    drivers: list[dict],
    grid: Grid,
    folder: Path,
    scaling: str = "standard",
    encodings: list[Encoding] | None = None,
    monitor: Monitor = SILENT,
) -> Stack:
    """Encode the drivers of a request into a memory-mapped stack.

    Parameters
    ----------
    drivers : list of dict
        `name`, `kind` and `file` of each, in the grid's cells, NaN where missing.
    grid : Grid
    folder : Path
        The job folder; the stack is written there.
    scaling : str
        "standard": each kind as `Encoding` says, about the median and in units of half the range
        of the middle 68 % of the valid cells (one standard deviation, if they are normal).
        "unit": every driver, whatever its kind, from 0 to 1 by its minimum and maximum over
        the whole raster, as the paper does.
    encodings : list of Encoding, optional
        Those of a trained model, in the same order as the drivers; else they are made here.

    Raises
    ------
    InputError
        If a driver has no valid cell, or more than 64 classes.
    """
    encodings = encodings or [
        make_encoding(driver, folder, grid, scaling, monitor.part(0.3 * i / len(drivers), 0.3))
        for i, driver in enumerate(drivers)
    ]
    shape = grid.height, grid.width
    values, valid = folder / "stack.npy", folder / "valid.npy"
    _allocate(values, (*shape, sum(len(encoding.channels) for encoding in encodings)), np.float32)
    _allocate(valid, shape, bool)
    blocks = list(grid.tiles(_BLOCK))
    empty = {driver["name"] for driver in drivers}
    with ExitStack() as files:
        rasters = [files.enter_context(_open(folder / each["file"], grid)) for each in drivers]
        for i, block in enumerate(blocks):
            nearest, channels = _NearestValid(block), []
            known = np.ones((block.height, block.width), bool)
            for driver, encoding, raster in zip(drivers, encodings, rasters):
                raw = _read(raster, block)
                if encoding.kind != "circular":
                    missing = np.isnan(raw)
                    raw = nearest.filled(raw, missing, raster)
                    if driver["kind"] != "circular":
                        known &= ~missing
                if encoding.kind == "circular" or not missing.all():
                    empty.discard(driver["name"])
                channels.append(encoding.encode(raw))
            cells = np.concatenate(channels, axis=2)
            cells[np.isnan(cells)] = 0  # too far from any valid cell to be seen
            _mapped(values, "r+")[block.slices] = cells
            _mapped(valid, "r+")[block.slices] = known
            monitor.progress(0.3 + 0.7 * (i + 1) / len(blocks))
    if empty:
        raise _no_valid_cell(sorted(empty)[0])
    return Stack(grid, encodings, values, valid)


def make_encoding(
    driver: dict, folder: Path, grid: Grid, scaling: str, monitor: Monitor = SILENT
) -> Encoding:
    """Derive the encoding of one driver from its valid cells, in one pass over the raster."""
    name, kind = driver["name"], "unit" if scaling == "unit" else driver["kind"]
    step = max(1, grid.window.size // _SAMPLE)
    low, high = np.inf, -np.inf
    sample, classes = [], set()
    for _, raw in _strips(folder / driver["file"], grid):
        cells = raw[~np.isnan(raw)].astype(np.float64)
        if not cells.size:
            continue
        low, high = min(low, cells.min()), max(high, cells.max())
        sample.append(cells[::step].copy())
        if kind == "categorical":
            classes.update(np.unique(cells).tolist())
            if len(classes) > MAX_CLASSES:
                raise InputError(
                    f"Driver '{name}' was to be categorical but has more than {MAX_CLASSES} "
                    "classes. Reclassify it, or do not list it under CATEGORICAL."
                )
    if not sample:
        raise _no_valid_cell(name)
    if kind == "unit":
        return Encoding(name, kind, float(low), float(high - low) or 1.0)
    if kind == "continuous":
        cells = np.concatenate(sample)
        lower, median, upper = np.quantile(cells, [0.16, 0.5, 0.84])
        scale = (upper - lower) / 2 or cells.std() or 1.0
        return Encoding(name, kind, float(median), float(scale))
    return Encoding(name, kind, classes=tuple(int(code) for code in sorted(classes)))


class _NearestValid:
    """Fills a block's missing cells from the nearest valid one; equal holes share the search.

    It looks `_REACH` cells beyond the block. A pixel of the map has all drivers itself, so what
    it sees of a hole is nearer to a valid cell than the patch is wide.
    """

    def __init__(self, block: Window):
        grid, row, column = block.grid, max(0, block.row - _REACH), max(0, block.column - _REACH)
        bottom, right = block.row + block.height + _REACH, block.column + block.width + _REACH
        self._around = Window(
            grid, row, column, min(bottom, grid.height) - row, min(right, grid.width) - column
        )
        rows, columns = block.slices
        self._block = (
            slice(rows.start - row, rows.stop - row),
            slice(columns.start - column, columns.stop - column),
        )
        self._missing: np.ndarray | None = None

    def filled(self, raw: np.ndarray, missing: np.ndarray, raster) -> np.ndarray:
        """The block's cells without its holes, where a valid cell is near enough."""
        if not missing.any():
            return raw
        around = _read(raster, self._around)
        missing = np.isnan(around)
        if missing.all():
            return raw
        if self._missing is None or not np.array_equal(missing, self._missing):
            index = ndimage.distance_transform_edt(
                missing, return_distances=False, return_indices=True
            )
            self._missing, self._source = missing, index[:, self._block[0], self._block[1]]
        return around[self._source[0], self._source[1]]


def _strips(path: Path, grid: Grid):
    """The raster's rows, a strip at a time: (window, float32 array with NaN where missing)."""
    rows = max(1, min(_ROWS, _STRIP // grid.width))
    with _open(path, grid) as raster:
        for row in range(0, grid.height, rows):
            window = Window(grid, row, 0, min(rows, grid.height - row), grid.width)
            yield window, _read(raster, window)


def _open(path: Path, grid: Grid) -> rasterio.DatasetReader:
    raster = rasterio.open(path)
    if (raster.width, raster.height) != (grid.width, grid.height):
        raster.close()
        raise InputError(
            f"{path} has {raster.width} x {raster.height} cells, the working grid has "
            f"{grid.width} x {grid.height}."
        )
    return raster


def _read(raster: rasterio.DatasetReader, window: Window) -> np.ndarray:
    part = RasterWindow(window.column, window.row, window.width, window.height)
    with reading(Path(raster.name).name):
        return raster.read(1, window=part, out_dtype="float32")


def _no_valid_cell(name: str) -> InputError:
    return InputError(
        f"Driver '{name}' has no valid cell on the working grid. Check its extent and NoData."
    )


def _mapped(array: np.ndarray | Path, mode: Literal["r", "r+"] = "r") -> np.ndarray:
    return np.load(array, mmap_mode=mode) if isinstance(array, Path) else array


def _allocate(path: Path, shape: tuple, dtype: type) -> None:
    """Make the file of an array whose room on disk is really taken.

    A sparse file on a full disk would end the worker with SIGBUS at some later write; this
    raises OSError now.
    """
    np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.path.getsize(path))
