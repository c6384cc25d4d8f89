"""Raster layers as drivers: NoData, kinds, and the way to the working grid.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
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
from ..worker.process import is_cancelled, stop_if_cancelled
from . import MAX_GUESSED_CLASSES
from .crs import check_crs, describe, title, wkt
from .files import check_files
from .grids import Grid
from .nodata import drop_marks
from .pixels import describe_inline, gdal_errors, reading, valid_cells

_SAMPLE = 2**20  # cells
_ROWS = 512

_PLAIN = ("ENVI", "ISCE", "ROI_PAC", "netCDF")  # formats without compression, for the most part

_FARTHEST = 1e12  # no coordinate is as large, in metres or degrees


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
        return cls(_name(layer), layer.source(), layer.crs())


def _name(layer) -> str:
    """The layer's name; the file's, where QGIS has cut that at the first of several dots."""
    file = os.path.basename(layer.source().split("|")[0])
    return os.path.splitext(file)[0] if layer.name() == file.split(".")[0] else layer.name()


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
    uri : str
        How GDAL finds the layer.
    """

    name: str
    band: object
    crs: QgsCoordinateReferenceSystem
    kind: str = "continuous"
    stated: str = ""
    uri: str = ""


def open_drivers(
    sources: list[Source],
    nodata: str = "",
    feedback=None,
    names: str = "",
    unique: bool = True,
    any_kind: bool = False,
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
        Whether the drivers are told apart by name; else equal names get numbers.
    any_kind : bool
        Whether bands count too that are no drivers: transparency, and what a file states to be
        auxiliary.

    Raises
    ------
    QgsProcessingException
        If two drivers have one name, a layer cannot be opened or has no band that counts, or
        `nodata` or `names` cannot be understood.
    """
    drivers = [driver for source in sources for driver in _bands(source, feedback, any_kind)]
    _rename(drivers, names)
    names = [driver.name for driver in drivers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice and unique:
        raise QgsProcessingException(
            f"More than one driver is called {', '.join(twice)}. Drivers are told apart by name: "
            "rename the layers, or the bands' descriptions."
        )
    for name in twice:
        for number, driver in enumerate([each for each in drivers if each.name == name], 1):
            driver.name = f"{name} ({number})"
    values = parse_nodata(nodata, [driver.name for driver in drivers])
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


def _bands(source: Source, feedback, any_kind: bool) -> list[Driver]:
    uri, *options = source.uri.split("|")
    options = [option[len("option:") :] for option in options if option.startswith("option:")]
    drivers = []
    check_files(uri, source.name, feedback)
    if os.path.exists(uri):
        uri = os.path.abspath(uri)  # a virtual raster must find it from anywhere
    with gdal_errors(f"Opening the raster layer {source.name}") as gdal:
        raster = gdal.OpenEx(uri, gdal.OF_RASTER, open_options=options)
        _check_place(raster, source.name)
        _check_length(raster, source.name, gdal)
        bands = {number: raster.GetRasterBand(number) for number in _numbers(raster)}
        numbers = [number for number, band in bands.items() if any_kind or _is_driver(band, gdal)]
        if not numbers:
            raise QgsProcessingException(
                f"The raster layer {source.name} has no band to work with: each states that it is "
                "auxiliary, such as an error (KIND=auxiliary), or is transparency. Choose another "
                "layer."
            )
        alpha = [number for number, band in bands.items() if _is_alpha(band, gdal)]
        for number in numbers:
            band = bands[number]
            name = source.name
            if len(numbers) > 1:
                name = band.GetDescription() or f"{source.name}_{number}"
            scaled = (band.GetScale() or 1, band.GetOffset() or 0) != (1, 0)
            virtual = gdal.Translate(
                "",
                raster,
                format="VRT",
                bandList=[number],
                maskBand=alpha[0] if alpha else "auto",
                outputSRS=wkt(source.crs),
                unscale=scaled,
                outputType=gdal.GDT_Float32 if scaled else gdal.GDT_Unknown,
            )
            stated = band.GetMetadataItem("KIND") or ""
            drivers.append(Driver(name, virtual, source.crs, stated=stated, uri=uri))
    return drivers


def _numbers(raster) -> range:
    return range(1, raster.RasterCount + 1)


def _check_place(raster, name: str) -> None:
    """Refuse a raster whose cells have no size or no place."""
    left, dx, x_skew, top, y_skew, dy = raster.GetGeoTransform()
    width, height = raster.RasterXSize, raster.RasterYSize
    reach = [abs(left), abs(top), abs(dx) * width, abs(dy) * height, abs(x_skew), abs(y_skew)]
    area = abs(dx * dy - x_skew * y_skew)
    if not (math.isfinite(sum(reach)) and max(reach) < _FARTHEST and area > 0):
        raise QgsProcessingException(
            f"The raster {name} has cells of {dx:g} x {dy:g} from x {left:g}, y {top:g}, which "
            "is no place on earth. Its georeference is damaged: correct it, or export the raster "
            "anew."
        )


def _check_length(raster, name: str, gdal) -> None:
    """Refuse a plain file that ends before its pixels do: GDAL reads zeros beyond its end."""
    file = (raster.GetFileList() or [""])[0]
    if raster.GetDriver().ShortName not in _PLAIN or not os.path.isfile(file):
        return
    with open(file, "rb") as opened:
        packed = opened.read(4)[1:] == b"HDF" or raster.GetMetadataItem("file_compression", "ENVI")
    size = sum(gdal.GetDataTypeSize(raster.GetRasterBand(i).DataType) for i in _numbers(raster))
    needed = raster.RasterXSize * raster.RasterYSize * size // 8
    if os.path.getsize(file) < needed and packed in (False, None, "0"):
        raise QgsProcessingException(
            f"The raster {name} cannot be read: {file} has {os.path.getsize(file):,} bytes, and "
            f"its cells need {needed:,}. It is incomplete. Download or copy it again."
        )


def _is_driver(band, gdal) -> bool:
    return not _is_alpha(band, gdal) and band.GetMetadataItem("KIND") != "auxiliary"


def _is_alpha(band, gdal) -> bool:
    return band.GetColorInterpretation() == gdal.GCI_AlphaBand


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


def parse_nodata(text: str, names: list[str]) -> dict[str, float]:
    """The value of each driver by its name, or by "*", as NODATA gives them."""
    values = {}
    for entry in _split(text):
        name, _, text = (part.strip() for part in entry.rpartition("="))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (name and math.isfinite(value)):
            raise QgsProcessingException(
                f"NODATA holds '{entry}'. Write name=value, separated by ';', for instance "
                "landcover=255, or *=255 for all drivers. nan and inf are NoData without it."
            )
        values[name] = value
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

    from ...model.files.fill_values import ABSURD

    if driver.band.GetRasterBand(1).GetColorTable() is not None:
        return "categorical", "it has a colour table"
    width, height = driver.band.RasterXSize, driver.band.RasterYSize
    count = min(height, max(1, _SAMPLE // width))
    classes: set = set()
    for row in np.linspace(0, height - 1, count).astype(int).tolist():
        # Row by row: GDAL would take a thinned sample from overviews, which hold other values.
        cells = valid_cells(driver, (0, row, width, 1))
        cells = cells[np.abs(cells) < ABSURD]
        if cells.dtype.kind == "c" or (cells != np.floor(cells)).any():
            return "continuous", "it holds decimal numbers"
        classes.update(np.unique(cells).tolist())
        if len(classes) > MAX_GUESSED_CLASSES:
            return (
                "continuous",
                f"it holds more than {MAX_GUESSED_CLASSES} different whole numbers",
            )
    return "categorical", f"it holds only {len(classes)} different whole numbers"


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


def name_classes(path: str, classes: dict) -> None:
    """Write the names of a raster's classes, by code, beside it, where QGIS and GDAL find them."""
    names = [classes.get(str(code), "") for code in range(max(map(int, classes)) + 1)]
    with gdal_errors(f"Naming the classes of {path}") as gdal:
        raster = gdal.Open(path)
        raster.GetRasterBand(1).SetCategoryNames(names)
        raster.FlushCache()
