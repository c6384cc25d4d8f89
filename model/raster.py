"""Rasters on disk: tiled, compressed Cloud Optimized GeoTIFFs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import Affine
from rasterio.windows import Window as RasterWindow

from .grid import Grid, Window


class SurfaceWriter:
    """Takes a surface tile by tile; on leaving the `with` block the finished file is there.

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
        self._raster.write(
            cells.astype(self._raster.dtypes[0]),
            window=RasterWindow(window.column, window.row, window.width, window.height),
        )

    def __exit__(self, failure, *_) -> None:
        self._raster.close()
        if failure is None:
            rasterio.shutil.copy(
                self._draft,
                self._path,
                driver="COG",
                compress="DEFLATE",
                predictor="NO" if self._classes else "YES",
                num_threads="ALL_CPUS",
                bigtiff="IF_SAFER",
            )
        self._draft.unlink()


def read_band(path: Path, window: Window | None = None) -> np.ndarray:
    """The first band of a raster, or a window of it, float32, NaN where there is no value."""
    if window is not None:
        window = RasterWindow(window.column, window.row, window.width, window.height)
    with rasterio.open(path) as raster:
        return raster.read(1, window=window, masked=True, out_dtype="float32").filled(np.nan)
