"""Pixels as GDAL gives them, and what to say when it gives none.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

from contextlib import contextmanager

from qgis.core import QgsProcessingException

from .driver import Driver


@contextmanager
def reading(driver: Driver):
    """As `gdal_errors`; what cannot be read is named with its file."""
    try:
        with gdal_errors("Reading") as gdal:
            yield gdal
    except QgsProcessingException as problem:
        raise unreadable(driver, str(problem.__cause__)) from problem


def unreadable(driver: Driver, reason: str) -> QgsProcessingException:
    """What to say when pixels of a raster cannot be read."""
    reason = reason.rstrip(".") or "GDAL does not say why"
    return QgsProcessingException(
        f"The raster {driver.name} cannot be read: {reason}. Its file, {driver.uri}, or one that "
        "it rests on, is damaged, incomplete or gone. Download or copy it again."
    )


@contextmanager
def gdal_errors(doing: str):
    """GDAL as the `with` block's value, raising its errors as a sentence that starts with `doing`.

    The switch is global in GDAL before 3.7, so other plugins get it back as it was.
    """
    from osgeo import gdal

    raised_before = gdal.GetUseExceptions()
    gdal.UseExceptions()
    try:
        yield gdal
    except RuntimeError as error:
        raise QgsProcessingException(f"{doing} failed: {error}") from error
    finally:
        if not raised_before:
            gdal.DontUseExceptions()


def valid_cells(driver: Driver, window: tuple):
    """The cells of a window (column, row, width, height) that are not NoData, (n,)."""
    import numpy as np

    with reading(driver):
        band = driver.band.GetRasterBand(1)
        cells = band.ReadAsArray(*window)
        cells = cells[band.GetMaskBand().ReadAsArray(*window) > 0]
    return cells[~np.isnan(cells)] if cells.dtype.kind in "fc" else cells


def describe_inline(virtual):
    """Let a virtual raster without a file be known by its own text, by which GDAL can open it."""
    virtual.SetDescription(virtual.GetMetadata("xml:VRT")[0])
    return virtual
