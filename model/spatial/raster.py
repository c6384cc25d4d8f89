"""Rasters on disk: tiled, compressed Cloud Optimized GeoTIFFs."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.windows import Window as RasterWindow

from ..errors import InputError
from .grid import Grid, Window

_PROBLEMS = (RasterioError, CPLE_BaseError)


class SurfaceWriter:
    """Takes a surface tile by tile; on leaving the `with` block the finished file is there.

    What was written is read back and compared before it counts, since libraries do not
    report every full disk. Overviews never mix classes or directions.

    Parameters
    ----------
    path : Path
    grid : Grid
    bands : list of str
        Names of the bands, with their units.
    kinds : list of str, optional
        Kind of each band as a driver: continuous, circular or categorical, or auxiliary if it is
        none, such as a standard deviation. It is written as the band's metadata item KIND.
    classes : dict of int to (str, str), optional
        Name and colour (#rrggbb) by code: the raster then has one band of whole numbers up to
        255 with these colours, in which 0 is no value.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        bands: list[str],
        kinds: list[str] | None = None,
        classes: dict | None = None,
    ):
        self._path = Path(path)
        self._draft = self._path.with_suffix(".draft.tif")
        self._grid = grid
        self._bands = bands
        self._kinds = kinds or (["categorical"] if classes else [])
        self._classes = classes
        cell = 1 if classes else 4
        self._size = grid.width * grid.height * len(bands) * cell

    def __enter__(self) -> SurfaceWriter:
        self._raster = rasterio.open(
            self._draft,
            "w",
            driver="GTiff",
            crs=self._grid.crs,
            transform=Affine.from_gdal(*self._grid.transform),
            width=self._grid.width,
            height=self._grid.height,
            count=len(self._bands),
            dtype="uint8" if self._classes else "float32",
            nodata=0 if self._classes else np.nan,
            tiled=True,
            bigtiff="if_safer",
        )
        self._raster.descriptions = self._bands
        for band, kind in enumerate(self._kinds, 1):
            self._raster.update_tags(band, KIND=kind)
        if self._classes:
            colours = {code: bytes.fromhex(c[1:]) for code, (_, c) in self._classes.items()}
            self._raster.write_colormap(1, {code: (*rgb, 255) for code, rgb in colours.items()})
        return self

    def write(self, window: Window, *bands: np.ndarray) -> None:
        """Write one window; each band holds window.size cells, NaN where there is no value."""
        cells = np.stack([np.reshape(band, (window.height, window.width)) for band in bands])
        with writing(self._draft, self._size, whole=False):
            self._raster.write(cells.astype(self._raster.dtypes[0]), window=_place(window))

    def __exit__(self, failure, *_) -> None:
        try:
            with writing(self._draft, self._size, whole=failure is None):
                self._raster.close()
            if failure is None:
                with writing(self._path, self._size, whole=False):
                    self._finish()
        finally:
            self._draft.unlink()

    def _finish(self) -> None:
        rasterio.shutil.copy(
            self._draft,
            self._path,
            driver="COG",
            compress="DEFLATE",
            predictor="NO" if self._classes else "YES",
            overview_resampling=self._resampling,
            num_threads="ALL_CPUS",
            bigtiff="IF_SAFER",
        )
        with (
            rasterio.open(self._draft) as draft,
            rasterio.open(self._path, num_threads="ALL_CPUS") as final,
        ):
            for band, rows in product(final.indexes, _strips(final)):
                written, read = (each.read(band, window=rows) for each in (draft, final))
                if not np.array_equal(written, read, equal_nan=True):
                    raise RasterioError("It reads otherwise than it was written.")

    @property
    def _resampling(self) -> str:
        if set(self._kinds) <= {"continuous", "auxiliary"}:
            return "AVERAGE"
        return "MODE" if self._classes else "NEAREST"


@contextmanager
def writing(path: Path, size: int, whole: bool = True) -> Iterator[None]:
    """Take a raster that is being written for done only when it is.

    Parameters
    ----------
    path : Path
    size : int
        Bytes of its cells.
    whole : bool
        Whether they are all on disk, uncompressed, when the `with` block is left.

    Raises
    ------
    OSError
        With ENOSPC, if the disk is full.
    InputError
        If writing fails and there is room.
    """
    try:
        yield
        if whole and path.stat().st_size < size:
            raise RasterioError("Part of it is missing.")
    except _PROBLEMS as problem:
        free = shutil.disk_usage(path.parent).free
        if free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from problem
        raise InputError(
            f"{path} cannot be written, though its disk has {free / 1e6:,.0f} MB free: {problem} "
            "Check the disk and what you may write on it."
        ) from problem


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Name the raster whose pixels cannot be read.

    Raises
    ------
    InputError
    """
    try:
        yield
    except _PROBLEMS as problem:
        reason = str(problem.__cause__ or problem).rstrip(".")
        raise InputError(
            f"The raster {name} cannot be read: {reason}. Its file, or one that it rests on, is "
            "damaged, incomplete or gone. Download or copy it again."
        ) from problem


def read_band(path: Path, window: Window | None = None) -> np.ndarray:
    """The first band of a raster, or a window of it, float32, NaN where there is no value."""
    place = None if window is None else _place(window)
    with reading(path.name), rasterio.open(path) as raster:
        return raster.read(1, window=place, masked=True, out_dtype="float32").filled(np.nan)


def _place(window: Window) -> RasterWindow:
    return RasterWindow(window.column, window.row, window.width, window.height)


def _strips(raster: rasterio.DatasetReader) -> Iterator[RasterWindow]:
    """Rows of whole blocks, from the top."""
    height = raster.block_shapes[0][0]
    for row in range(0, raster.height, height):
        yield RasterWindow(0, row, raster.width, min(height, raster.height - row))
