"""Which cells of a raster are no values, whatever its file says.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from html import escape

from qgis.core import (
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsProcessingException,
)

from ..worker.process import stop_if_cancelled
from .driver import Driver
from .grids import Grid
from .pixels import describe_inline, gdal_errors, reading, valid_cells

_MOST = 16  # different values that are taken for marks; with more of them the file is damaged
_STRIP = 2**22  # cells


def drop_marks(driver: Driver, grid: Grid, feedback) -> None:
    """Leave NaN as the driver's only NoData: for its tag, its mask and values that mean nothing.

    These are infinities, values beyond all measure, and marks such as -9999 that lie apart from all
    other values. They are counted in the log, within the grid.
    """
    from osgeo import gdal

    band = driver.band.GetRasterBand(1)
    if gdal.DataTypeIsComplex(band.DataType):
        raise QgsProcessingException(
            f"The raster {driver.name} holds complex numbers, but a map needs real ones. Save "
            "their amplitude or phase as a raster and use that."
        )
    found = _find_marks(driver, grid, feedback)
    masked = bool(band.GetMaskFlags() & gdal.GMF_PER_DATASET)
    if not (found or masked):
        return
    tag = [band.GetNoDataValue()] if masked and band.GetNoDataValue() is not None else []
    with gdal_errors(f"Opening the driver {driver.name}"):
        driver.band = _without(driver.band)
        for value in [*tag, *found]:
            driver.band = _without(driver.band, value)
    for value, count in found.items():
        feedback.pushWarning(
            f"{driver.name}: {count:,} {'cell holds' if count == 1 else 'cells hold'} {value:g}, "
            "which means no data here: NoData. Other such values can be named in NODATA."
        )


def _find_marks(driver: Driver, grid: Grid, feedback) -> dict[float, int]:
    """The values that mean nothing, and how many cells within the grid hold them.

    Such a value lies apart from all others, so it is the smallest or the largest one.
    """
    import numpy as np

    from ...model.files.fill_values import ABSURD, CODES, FillValues

    def odd(cells):
        ends = np.fmin.reduce(cells, axis=None), np.fmax.reduce(cells, axis=None)
        return [end for end in ends if abs(float(end)) >= ABSURD or float(end) in CODES], ends

    counts: Counter = Counter()
    low, high = math.inf, -math.inf
    for window in _windows(driver, grid):
        stop_if_cancelled(feedback)
        with reading(driver):
            cells = driver.band.GetRasterBand(1).ReadAsArray(*window)
        suspects, ends = odd(cells)
        if suspects:
            # Only now it matters what of it is NoData, which takes longer to find than the rest.
            cells = valid_cells(driver, window)
            while cells.size and (suspects := odd(cells)[0]):
                same = cells == suspects[0]
                counts[float(suspects[0])] += int(same.sum())
                cells = cells[~same]
                _check_few(driver, [value for value in counts if abs(value) >= ABSURD])
            ends = odd(cells)[1] if cells.size else (math.nan, math.nan)
        low, high = np.fmin(low, float(ends[0])), np.fmax(high, float(ends[1]))
    rule = FillValues(driver.name)
    if low <= high:
        rule.remove([low, high])
    values = np.array(list(counts))
    nothing = np.isnan(rule.remove(values)) | ((values < 0) & (low >= 0))
    return {value: counts[value] for value in values[nothing].tolist()}


def _check_few(driver: Driver, values: list) -> None:
    if len(values) > _MOST:
        raise QgsProcessingException(
            f"The raster {driver.name} holds many values that no quantity has, such as "
            f"{values[0]:g} and {values[1]:g}. Its file, {driver.uri}, is damaged or was read with "
            "a wrong type. Export it again."
        )


def _windows(driver: Driver, grid: Grid) -> Iterator[tuple]:
    """Windows of the driver's own cells (column, row, width, height) that cover the grid."""
    raster = driver.band
    width, height = raster.RasterXSize, raster.RasterYSize
    first_column, first_row, last_column, last_row = 0, 0, width, height
    left, dx, x_skew, top, y_skew, dy = raster.GetGeoTransform()
    with suppress(QgsCsException):
        to_driver = QgsCoordinateTransform(grid.crs, driver.crs, QgsCoordinateTransformContext())
        box = to_driver.transformBoundingBox(grid.extent)
        edges = [box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum()]
        if all(map(math.isfinite, edges)) and not (x_skew or y_skew):
            margin = 2 * max(1, grid.dx // abs(dx)) if driver.crs == grid.crs else 2
            columns = sorted((x - left) / dx for x in edges[:2])
            rows = sorted((y - top) / dy for y in edges[2:])
            first_column = max(0, math.floor(columns[0] - margin))
            last_column = min(width, math.ceil(columns[1] + margin))
            first_row = max(0, math.floor(rows[0] - margin))
            last_row = min(height, math.ceil(rows[1] + margin))
    across = last_column - first_column
    if across <= 0:
        return
    step = max(1, _STRIP // across)
    for row in range(first_row, last_row, step):
        yield first_column, row, across, min(step, last_row - row)


def _without(virtual, value: float | None = None):
    """A virtual raster of another one, with NaN for what is masked there, or for one value."""
    from osgeo import gdal

    left_out = "<UseMaskBand>true</UseMaskBand>" if value is None else f"<NODATA>{value}</NODATA>"
    wide = virtual.GetRasterBand(1).DataType in (gdal.GDT_Float64, gdal.GDT_Int32, gdal.GDT_UInt32)
    kind = gdal.GetDataTypeName(gdal.GDT_Float64 if wide else gdal.GDT_Float32)
    place = ", ".join(map(repr, virtual.GetGeoTransform()))
    text = describe_inline(virtual).GetDescription()
    return describe_inline(
        gdal.Open(
            f'<VRTDataset rasterXSize="{virtual.RasterXSize}" rasterYSize="{virtual.RasterYSize}">'
            f"<SRS>{escape(virtual.GetProjection())}</SRS><GeoTransform>{place}</GeoTransform>"
            f'<VRTRasterBand dataType="{kind}" band="1"><NoDataValue>nan</NoDataValue>'
            f"<ComplexSource><SourceFilename>{escape(text)}</SourceFilename>"
            f"<SourceBand>1</SourceBand>{left_out}</ComplexSource></VRTRasterBand></VRTDataset>"
        )
    )
