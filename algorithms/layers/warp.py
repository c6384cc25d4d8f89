"""Drivers on the working grid: warped into the job folder, linked, or stacked.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsProcessingException,
)

from ...model import protocol
from ..worker.process import is_cancelled, stop_if_cancelled
from .crs import describe, title, wkt
from .driver import Driver
from .grids import Grid
from .nodata import drop_marks
from .pixels import describe_inline, gdal_errors, reading

_ROWS = 512


def warp_drivers(
    drivers: list[Driver],
    grid: Grid,
    folder: Path,
    feedback,
    room: str = protocol.DRIVERS,
    may_be_empty: bool = False,
) -> list[dict]:
    """Bring the drivers to the grid, as float32 with NaN for NoData, into a room of the job folder.

    Continuous drivers are interpolated bilinearly and averaged where the grid is twice as coarse
    or more; categorical ones take the nearest class, or the commonest; circular ones the nearest.

    Returns
    -------
    list of dict
        `name`, `kind` and `file` of each driver, as in a request.

    Raises
    ------
    QgsProcessingException
        If a driver has no valid cell on the grid, unless it `may_be_empty`.
    JobCancelled
        When the user cancels.
    """
    feedback.setProgressText("Bringing the rasters to the working grid")
    (folder / room).mkdir()
    described = []
    for i, driver in enumerate(drivers):
        file = f"{room}/{i:02d}.tif"

        def goes_on(complete, *_, i=i):
            feedback.setProgress(100 * (i + complete) / len(drivers))
            return not is_cancelled(feedback)

        drop_marks(driver, grid, feedback)
        _warp(driver, grid, folder / file, goes_on, feedback, may_be_empty)
        described.append({"name": driver.name, "kind": driver.kind, "file": file})
    return described


def _warp(driver: Driver, grid: Grid, path: Path, goes_on, feedback, may_be_empty: bool) -> None:
    area = grid.extent
    band = driver.band.GetRasterBand(1)
    with _writing(path, 4 * grid.width * grid.height), reading(driver) as gdal:
        band.SetColorTable(None)  # a raster of decimal numbers cannot have one
        band.SetColorInterpretation(gdal.GCI_GrayIndex)
        try:
            warped = gdal.Warp(
                str(path),
                driver.band,
                **_onto(driver, grid),
                warpOptions=["NUM_THREADS=ALL_CPUS"],
                warpMemoryLimit=256,
                creationOptions=["TILED=YES", "BIGTIFF=IF_SAFER"],
                callback=goes_on,  # with `multithread` in another thread, where no Ctrl-C is heard
            )
        except RuntimeError:
            stop_if_cancelled(feedback)
            raise
        if warped is None:
            stop_if_cancelled(feedback)
            # An error in one of GDAL's threads is raised in none of ours.
            raise RuntimeError(gdal.GetLastErrorMsg())
        warped.FlushCache()
        warped = None
    with gdal_errors(f"Warping the driver {driver.name}") as gdal:
        valid = may_be_empty or _has_valid_cell(gdal.Open(str(path)))
    if not valid:
        raise QgsProcessingException(
            f"The driver {driver.name} has no valid cell in the area of the map, "
            f"{describe(area)} in {title(grid.crs)}. Check its extent and its NoData value."
        )


@contextmanager
def _writing(path: Path, size: int):
    """Take a file for written only when its `size` in bytes is there.

    Raises
    ------
    OSError
        With ENOSPC, if the disk is full, which GDAL does not always say.
    """
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if shutil.disk_usage(path.parent).free < size:
        raise full
    try:
        yield
    except QgsProcessingException as problem:
        if shutil.disk_usage(path.parent).free < size:
            raise full from problem
        raise
    if path.stat().st_size < size:
        raise full


def _onto(driver: Driver, grid: Grid) -> dict:
    """GDAL's options to warp a driver to the grid."""
    from osgeo import gdal

    area = grid.extent
    return {
        "dstSRS": wkt(grid.crs),
        "outputBounds": (area.xMinimum(), area.yMinimum(), area.xMaximum(), area.yMaximum()),
        "width": grid.width,
        "height": grid.height,
        "resampleAlg": _resampling(driver, grid),
        "outputType": gdal.GDT_Float32,
        "dstNodata": float("nan"),
        "overviewLevel": "NONE",
    }


def _resampling(driver: Driver, grid: Grid) -> str:
    to_grid = QgsCoordinateTransform(driver.crs, grid.crs, QgsCoordinateTransformContext())
    here = grid.extent.center()
    there = to_grid.transform(here, Qgis.TransformDirection.Reverse)
    _, dx, _, _, _, dy = driver.band.GetGeoTransform()
    size = max(
        here.distance(to_grid.transform(QgsPointXY(there.x() + dx, there.y()))),
        here.distance(to_grid.transform(QgsPointXY(there.x(), there.y() + dy))),
    )
    coarser = min(grid.dx, grid.dy) >= 2 * size
    return {
        "continuous": "average" if coarser else "bilinear",
        "categorical": "mode" if coarser else "near",
        "circular": "near",
    }[driver.kind]


def _has_valid_cell(raster) -> bool:
    import numpy as np

    band = raster.GetRasterBand(1)
    return any(
        not np.isnan(band.ReadAsArray(0, row, band.XSize, min(_ROWS, band.YSize - row))).all()
        for row in range(0, band.YSize, _ROWS)
    )


def link_drivers(drivers: list[Driver], folder: Path, room: str = protocol.DRIVERS) -> list[dict]:
    """As `warp_drivers`, but on the drivers' own cells, as virtual rasters that copy nothing."""
    (folder / room).mkdir()
    described = []
    for i, driver in enumerate(drivers):
        file = f"{room}/{i:03d}.vrt"
        doing = f"Reading the raster {driver.name}"
        with _writing(folder / file, 1), gdal_errors(doing) as gdal:
            linked = gdal.GetDriverByName("VRT").CreateCopy(str(folder / file), driver.band)
            linked.FlushCache()
            gdal.Open(str(folder / file))
        described.append({"name": driver.name, "kind": driver.kind, "file": file})
    return described


def stack_drivers(drivers: list[Driver], grid: Grid, path: Path, feedback) -> list[dict]:
    """As `warp_drivers`, but as the bands of one virtual raster that copies nothing.

    A driver that is not on the grid is warped whenever it is read. The raster is one file, which
    can be moved: what it rests on stands inside it, and the drivers' files by their full paths.
    """
    bands = []
    for driver in drivers:
        drop_marks(driver, grid, feedback)
    with _writing(path, 1), gdal_errors(f"Making {path.name}") as gdal:
        for driver in drivers:
            band = describe_inline(driver.band)
            if not _lies_on(driver, grid):
                band = describe_inline(gdal.Warp("", band, format="VRT", **_onto(driver, grid)))
            bands.append(band)
        stack = gdal.BuildVRT(str(path), bands, separate=True, allowProjectionDifference=True)
        for number, driver in enumerate(drivers, 1):
            band = stack.GetRasterBand(number)
            band.SetDescription(driver.name)
            band.SetMetadataItem("KIND", driver.kind)
        stack.FlushCache()
        gdal.Open(str(path))
    return [
        {"name": driver.name, "kind": driver.kind, "file": path.name, "band": number}
        for number, driver in enumerate(drivers, 1)
    ]


def _lies_on(driver: Driver, grid: Grid) -> bool:
    band = driver.band
    wanted = (grid.left, grid.dx, 0, grid.top, 0, -grid.dy)
    near = (abs(a - b) < 1e-6 * grid.dx for a, b in zip(band.GetGeoTransform(), wanted))
    size = (band.RasterXSize, band.RasterYSize) == (grid.width, grid.height)
    return driver.crs == grid.crs and size and all(near)
