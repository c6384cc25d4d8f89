"""Raster layers, opened band by band as drivers.

osgeo is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import math
import os

from qgis.core import QgsProcessingException

from .crs import wkt
from .driver import Driver, Source, check_names, split_names
from .files import check_files
from .pixels import gdal_errors

_PLAIN = ("ENVI", "ISCE", "ROI_PAC", "netCDF")  # formats without compression, for the most part
_FARTHEST = 1e12  # no coordinate is as large, in metres or degrees


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
        Whether the drivers need different names; else equal names get numbers.
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
    called = [driver.name for driver in drivers]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice and unique:
        raise QgsProcessingException(
            f"More than one driver is called {', '.join(twice)}. Each driver needs its own name: "
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
    size = [abs(left), abs(top), abs(dx) * width, abs(dy) * height, abs(x_skew), abs(y_skew)]
    area = abs(dx * dy - x_skew * y_skew)
    if not (math.isfinite(sum(size)) and max(size) < _FARTHEST and area > 0):
        raise QgsProcessingException(
            f"The raster {name} has cells of {dx:g} x {dy:g} from x {left:g}, y {top:g}, which "
            "is no place on earth. Its georeference is damaged. Correct it, or export the raster "
            "again."
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
    entries, old = split_names(text), [driver.name for driver in drivers]
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
        check_names(new, old, "NAMES")
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
    for entry in split_names(text):
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
    check_names(values.keys() - {"*"}, names, "NODATA")
    return values


def name_classes(path: str, classes: dict) -> None:
    """Write the names of a raster's classes, by code, beside it, where QGIS and GDAL find them."""
    names = [classes.get(str(code), "") for code in range(max(map(int, classes)) + 1)]
    with gdal_errors(f"Naming the classes of {path}") as gdal:
        raster = gdal.Open(path)
        raster.GetRasterBand(1).SetCategoryNames(names)
        raster.FlushCache()
