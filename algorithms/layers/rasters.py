"""Raster layers as drivers: NoData, kinds, and the way to the working grid.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsProcessingException,
)

from ...model import protocol
from ..child import JobCancelled
from . import MAX_GUESSED_CLASSES
from .crs import check_crs, describe, title, wkt
from .files import check_files
from .grids import Grid

_SAMPLE = 1024
_ROWS = 512


@dataclass(frozen=True)
class Source:
    """What GDAL needs to open a raster layer; layers may only be touched in the main thread."""

    name: str
    uri: str
    crs: QgsCoordinateReferenceSystem

    @classmethod
    def of(cls, layer) -> Source:
        """Describe a raster layer.

        Raises
        ------
        QgsProcessingException
            If the layer has no valid CRS, or is not a file that GDAL reads.
        """
        if layer.providerType() != "gdal":
            raise QgsProcessingException(
                f"The raster layer {layer.name()} comes from '{layer.providerType()}', which "
                "cannot be read here. Save it as a GeoTIFF first and use that."
            )
        check_crs(layer.crs(), layer.name())
        return cls(layer.name(), layer.source(), layer.crs())


@dataclass
class Driver:
    """One band of a raster layer.

    Parameters
    ----------
    name : str
        The layer's name; for a layer of several bands the band's description.
    band : osgeo.gdal.Dataset
        A virtual raster of that band alone, with its CRS and NoData set.
    crs : QgsCoordinateReferenceSystem
    kind : str
        "continuous", "circular" or "categorical".
    stated : str
        The kind that the file states, as this plugin's own rasters do; else empty.
    """

    name: str
    band: object
    crs: QgsCoordinateReferenceSystem
    kind: str = "continuous"
    stated: str = ""


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


def open_drivers(
    sources: list[Source], nodata: str = "", feedback=None, names: str = "", unique: bool = True
) -> list[Driver]:
    """Open every band of every layer as a driver.

    Parameters
    ----------
    sources : list of Source
    nodata : str
        As NODATA: "name=255; other=0", or "*=255" for each driver whose file has no NoData tag.
    names : str
        As NAMES: new names in order, or "old=new; other=another". NODATA speaks of these.
    unique : bool
        Whether the drivers are told apart by name.

    Raises
    ------
    QgsProcessingException
        If two drivers have one name, a layer cannot be opened, or `nodata` or `names` cannot be
        understood.
    """
    drivers = [driver for source in sources for driver in _bands(source)]
    _rename(drivers, names)
    names = [driver.name for driver in drivers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice and unique:
        raise QgsProcessingException(
            f"More than one driver is called {', '.join(twice)}. Drivers are told apart by name: "
            "rename the layers, or the bands' descriptions."
        )
    values = _parse_nodata(nodata, names)
    for driver in drivers:
        band = driver.band.GetRasterBand(1)
        tag = band.GetNoDataValue()
        value = values.get(driver.name, values.get("*") if tag is None else None)
        if value is not None:
            band.SetNoDataValue(value)
            if feedback:
                instead = "" if tag is None else f" instead of the file's {tag:g}"
                feedback.pushInfo(f"{driver.name}: {value:g} is taken as NoData{instead}.")
    return drivers


def _bands(source: Source) -> list[Driver]:
    uri, *options = source.uri.split("|")
    options = [option[len("option:") :] for option in options if option.startswith("option:")]
    drivers = []
    check_files(uri, source.name)
    if os.path.exists(uri):
        uri = os.path.abspath(uri)  # a virtual raster must find it from anywhere
    with gdal_errors(f"Opening the raster layer {source.name}") as gdal:
        raster = gdal.OpenEx(uri, gdal.OF_RASTER, open_options=options)
        numbers = [
            number
            for number in range(1, raster.RasterCount + 1)
            if _is_driver(raster.GetRasterBand(number), gdal)
        ]
        for number in numbers:
            band = raster.GetRasterBand(number)
            name = source.name
            if len(numbers) > 1:
                name = band.GetDescription() or f"{source.name}_{number}"
            scaled = (band.GetScale() or 1, band.GetOffset() or 0) != (1, 0)
            virtual = gdal.Translate(
                "",
                raster,
                format="VRT",
                bandList=[number],
                outputSRS=wkt(source.crs),
                unscale=scaled,
                outputType=gdal.GDT_Float32 if scaled else gdal.GDT_Unknown,
            )
            stated = band.GetMetadataItem("KIND") or ""
            drivers.append(Driver(name, virtual, source.crs, stated=stated))
    return drivers


def _is_driver(band, gdal) -> bool:
    alpha = band.GetColorInterpretation() == gdal.GCI_AlphaBand
    return not alpha and band.GetMetadataItem("KIND") != "auxiliary"


def _rename(drivers: list[Driver], text: str) -> None:
    entries, old = _split(text), [driver.name for driver in drivers]
    new = dict(zip(old, old))
    if any("=" in entry for entry in entries):
        for entry in entries:
            name, equals, other = (part.strip() for part in entry.partition("="))
            if not (equals and other):
                raise QgsProcessingException(
                    f"NAMES holds '{entry}'. Write a name for each driver, separated by commas, or "
                    "old=new for some, but not both."
                )
            new[name] = other
        _check_names(new, old, "NAMES")
        entries = [new[name] for name in old]
    elif entries and len(entries) != len(old):
        raise QgsProcessingException(
            f"NAMES holds {len(entries)} names, but there are {len(old)} drivers: "
            f"{', '.join(old)}. Give one for each, or old=new for some."
        )
    for driver, name in zip(drivers, entries):
        driver.name = name


def _parse_nodata(text: str, names: list[str]) -> dict[str, float]:
    values = {}
    for entry in _split(text):
        name, _, value = (part.strip() for part in entry.rpartition("="))
        try:
            values[name] = float(value)
        except ValueError:
            raise QgsProcessingException(
                f"NODATA holds '{entry}'. Write name=value, separated by ';', for instance "
                "landcover=255, or *=255 for all drivers."
            ) from None
    _check_names(values.keys() - {"*"}, names, "NODATA")
    return values


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split("[,;\n]", text) if part.strip()]


def _check_names(given, names: list[str], parameter: str) -> None:
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise QgsProcessingException(
            f"{parameter} names {', '.join(unknown)}, which is not among the drivers: "
            f"{', '.join(names)}."
        )


def set_kinds(drivers: list[Driver], categorical: str, circular: str, feedback) -> None:
    """Decide what kind each driver is, and log it with the reason.

    Parameters
    ----------
    categorical, circular : str
        As CATEGORICAL and CIRCULAR: names separated by commas; empty to go by what the file states
        or to guess, "none" for none.
    """
    names = [driver.name for driver in drivers]
    given = {"categorical": categorical.strip(), "circular": circular.strip(), "continuous": ""}
    chosen = {}
    for kind, text in (("categorical", categorical), ("circular", circular)):
        listed = [] if text.strip().lower() == "none" else _split(text)
        _check_names(listed, names, kind.upper())
        chosen.update(dict.fromkeys(listed, kind))
    for driver in drivers:
        if driver.name in chosen:
            driver.kind, reason = chosen[driver.name], "as you said"
        elif given.get(driver.stated) == "":
            driver.kind, reason = driver.stated, "as its file says"
        elif not circular.strip() and "aspect" in driver.name.lower():
            driver.kind, reason = "circular", "its name holds 'aspect'"
        elif not categorical.strip():
            driver.kind, reason = _guess(driver)
        else:
            reason = "it is not listed as anything else"
        feedback.pushInfo(f"Driver {driver.name}: {driver.kind}, {reason}.")


def _guess(driver: Driver) -> tuple[str, str]:
    import numpy as np
    from osgeo import gdal_array

    with gdal_errors(f"Reading the driver {driver.name}"):
        raster = driver.band
        band = raster.GetRasterBand(1)
        if band.GetColorTable() is not None:
            return "categorical", "it has a colour table"
        if not np.issubdtype(gdal_array.flip_code(band.DataType), np.integer):
            return "continuous", "it holds decimal numbers"
        sample = band.ReadAsArray(
            buf_xsize=min(raster.RasterXSize, _SAMPLE), buf_ysize=min(raster.RasterYSize, _SAMPLE)
        )
        classes = np.unique(sample[sample != band.GetNoDataValue()]).size
    if classes <= MAX_GUESSED_CLASSES:
        return "categorical", f"it holds only {classes} different whole numbers"
    return "continuous", f"it holds more than {MAX_GUESSED_CLASSES} different whole numbers"


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
            return not feedback.isCanceled()

        _warp(driver, grid, folder / file, goes_on, may_be_empty)
        described.append({"name": driver.name, "kind": driver.kind, "file": file})
    return described


def _warp(driver: Driver, grid: Grid, path: Path, goes_on, may_be_empty: bool) -> None:
    area = grid.extent
    band = driver.band.GetRasterBand(1)
    with gdal_errors(f"Warping the driver {driver.name}") as gdal:
        band.SetColorTable(None)  # a raster of decimal numbers cannot have one
        band.SetColorInterpretation(gdal.GCI_GrayIndex)
        try:
            warped = gdal.Warp(
                str(path),
                driver.band,
                **_onto(driver, grid),
                multithread=True,
                warpOptions=["NUM_THREADS=ALL_CPUS"],
                warpMemoryLimit=256,
                creationOptions=["TILED=YES", "BIGTIFF=IF_SAFER"],
                callback=goes_on,
            )
        except RuntimeError:
            if goes_on(1):
                raise
            warped = None
        if warped is None:
            raise JobCancelled("Cancelled.")
        valid = may_be_empty or _has_valid_cell(warped.GetRasterBand(1))
    if not valid:
        raise QgsProcessingException(
            f"The driver {driver.name} has no valid cell in the area of the map, "
            f"{describe(area)} in {title(grid.crs)}. Check its extent and its NoData value."
        )


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


def _has_valid_cell(band) -> bool:
    import numpy as np

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
        with gdal_errors(f"Reading the raster {driver.name}") as gdal:
            linked = gdal.GetDriverByName("VRT").CreateCopy(str(folder / file), driver.band)
            linked.FlushCache()
        described.append({"name": driver.name, "kind": driver.kind, "file": file})
    return described


def stack_drivers(drivers: list[Driver], grid: Grid, path: Path) -> list[dict]:
    """As `warp_drivers`, but as the bands of one virtual raster that copies nothing.

    A driver that is not on the grid is warped whenever it is read. The raster is one file, which
    can be moved: what it rests on stands inside it, and the drivers' files by their full paths.
    """
    bands = []
    with gdal_errors(f"Making {path.name}") as gdal:
        for driver in drivers:
            band = _describe_inline(driver.band)
            if not _lies_on(driver, grid):
                band = _describe_inline(gdal.Warp("", band, format="VRT", **_onto(driver, grid)))
            bands.append(band)
        stack = gdal.BuildVRT(str(path), bands, separate=True, allowProjectionDifference=True)
        for number, driver in enumerate(drivers, 1):
            band = stack.GetRasterBand(number)
            band.SetDescription(driver.name)
            band.SetMetadataItem("KIND", driver.kind)
        stack.FlushCache()
    return [
        {"name": driver.name, "kind": driver.kind, "file": path.name, "band": number}
        for number, driver in enumerate(drivers, 1)
    ]


def _describe_inline(virtual):
    """Let a virtual raster without a file be known by its own text, by which GDAL can open it."""
    virtual.SetDescription(virtual.GetMetadata("xml:VRT")[0])
    return virtual


def _lies_on(driver: Driver, grid: Grid) -> bool:
    band = driver.band
    wanted = (grid.left, grid.dx, 0, grid.top, 0, -grid.dy)
    near = (abs(a - b) < 1e-6 * grid.dx for a, b in zip(band.GetGeoTransform(), wanted))
    size = (band.RasterXSize, band.RasterYSize) == (grid.width, grid.height)
    return driver.crs == grid.crs and size and all(near)


def name_classes(path: str, classes: dict) -> None:
    """Write the names of a raster's classes, by code, beside it, where QGIS and GDAL find them."""
    names = [classes.get(str(code), "") for code in range(max(map(int, classes)) + 1)]
    with gdal_errors(f"Naming the classes of {path}") as gdal:
        raster = gdal.Open(path)
        raster.GetRasterBand(1).SetCategoryNames(names)
        raster.FlushCache()
