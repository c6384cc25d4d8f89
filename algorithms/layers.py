"""Layers to points and aligned drivers: every rule on CRS, grid and NoData.

osgeo and numpy are imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import math
import os
import re
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from qgis.core import (
    NULL,
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeatureRequest,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsRectangle,
    QgsUnitTypes,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from ..model import protocol
from .child import JobCancelled

DEFAULT_CELL_SIZE = 30.0
MAX_CELLS = 400_000_000
MAX_GUESSED_CLASSES = 32
WGS84 = "EPSG:4326"

# Extents typed or transformed miss cell edges by rounding: a thousandth of a cell is no cell.
_TOLERANCE = 1e-3
_SAMPLE = 1024
_ROWS = 512


@dataclass(frozen=True)
class Grid:
    """Cells of `dx` x `dy` metres from the left and top edge, `width` columns, `height` rows."""

    crs: QgsCoordinateReferenceSystem
    left: float
    top: float
    dx: float
    dy: float
    width: int = 0
    height: int = 0

    @classmethod
    def from_request(cls, message: dict) -> Grid:
        """The grid that a request or a bundle's header describes."""
        left, dx, _, top, _, dy = message["transform"]
        crs = QgsCoordinateReferenceSystem.fromWkt(message["crs"])
        return cls(crs, left, top, dx, -dy, message["width"], message["height"])

    def to_request(self) -> dict:
        """The grid as it stands in a request."""
        return {
            "crs": wkt(self.crs),
            "transform": [self.left, self.dx, 0.0, self.top, 0.0, -self.dy],
            "width": self.width,
            "height": self.height,
        }

    @property
    def extent(self) -> QgsRectangle:
        """The outer edges."""
        bottom, right = self.top - self.height * self.dy, self.left + self.width * self.dx
        return QgsRectangle(self.left, bottom, right, self.top)

    def over(self, area: QgsRectangle, outward: bool = True) -> Grid:
        """The same cells over another area, which they cover (`outward`) or lie within.

        Raises
        ------
        QgsProcessingException
            If that is no cell at all, or more than `MAX_CELLS`.
        """
        column, width = _snap(area.xMinimum() - self.left, area.width(), self.dx, outward)
        row, height = _snap(self.top - area.yMaximum(), area.height(), self.dy, outward)
        if width < 1 or height < 1:
            raise QgsProcessingException(
                f"The area of the map is smaller than one cell of {self.dx:g} x {self.dy:g} m. "
                "Give a larger EXTENT or a smaller CELL_SIZE."
            )
        if width * height > MAX_CELLS:
            raise QgsProcessingException(
                f"The map would have {width:,} x {height:,} cells of {self.dx:g} x {self.dy:g} m, "
                f"more than the {MAX_CELLS:,} that can be worked on. Give a smaller EXTENT or a "
                "larger CELL_SIZE."
            )
        left, top = self.left + column * self.dx, self.top - row * self.dy
        return replace(self, left=left, top=top, width=width, height=height)

    def __str__(self) -> str:
        return (
            f"{self.width:,} x {self.height:,} cells of {self.dx:g} x {self.dy:g} m in "
            f"{title(self.crs)}"
        )


def _snap(offset: float, length: float, cell: float, outward: bool) -> tuple[int, int]:
    first, last = offset / cell, (offset + length) / cell
    if outward:
        first, last = math.floor(first + _TOLERANCE), math.ceil(last - _TOLERANCE)
    else:
        first, last = math.ceil(first - _TOLERANCE), math.floor(last + _TOLERANCE)
    return first, last - first


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


@dataclass(frozen=True)
class Points:
    """Positions (n, 2) in the grid's CRS, metres, and values (n,), mm, of the layer `name`."""

    xy: object
    values: object
    name: str

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle around the points."""
        return QgsRectangle(*self.xy.min(axis=0), *self.xy.max(axis=0))


@dataclass(frozen=True)
class Table:
    """Rows of the layer `name`: positions (n, 2), or None, and a column (n,) for each field.

    A column of numbers is float64 with NaN for NULL; any other is text with "" for NULL.
    """

    xy: object
    columns: dict
    name: str

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle around the rows' points."""
        return QgsRectangle(*self.xy.min(axis=0), *self.xy.max(axis=0))


def check_crs(crs: QgsCoordinateReferenceSystem, name: str) -> None:
    """Refuse a layer without a valid CRS by its name."""
    if not crs.isValid():
        raise QgsProcessingException(
            f"The layer {name} has no valid coordinate reference system (CRS), so its place is "
            "unknown. Set the layer's CRS, then run again."
        )


def is_metric(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether a CRS is projected with metres as its unit."""
    return not crs.isGeographic() and crs.mapUnits() == QgsUnitTypes.DistanceMeters


def wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """Well-known text as GDAL and PROJ read it best."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED_GDAL)


def title(crs: QgsCoordinateReferenceSystem) -> str:
    """The CRS as a user knows it."""
    return crs.authid() or crs.description() or "a custom CRS"


def describe(area: QgsRectangle) -> str:
    """An extent in words."""
    return (
        f"x {area.xMinimum():.6g} to {area.xMaximum():.6g}, "
        f"y {area.yMinimum():.7g} to {area.yMaximum():.7g}"
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


def open_drivers(
    sources: list[Source], nodata: str = "", feedback=None, names: str = ""
) -> list[Driver]:
    """Open every band of every layer as a driver.

    Parameters
    ----------
    sources : list of Source
    nodata : str
        As NODATA: "name=255; other=0", or "*=255" for each driver whose file has no NoData tag.
    names : str
        As NAMES: new names in order, or "old=new; other=another". NODATA speaks of these.

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
    if twice:
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


def grid_of(driver: Driver) -> Grid:
    """The grid of a raster.

    Raises
    ------
    QgsProcessingException
        If it is not projected in metres, or is rotated.
    """
    if not is_metric(driver.crs):
        raise QgsProcessingException(
            f"The raster {driver.name} is in {title(driver.crs)}, whose unit is not the metre. "
            "Reproject it to a CRS in metres, such as UTM, and use that."
        )
    if _is_rotated(driver):
        raise QgsProcessingException(
            f"The raster {driver.name} is rotated. Warp it to a north-up grid and use that."
        )
    raster = driver.band
    left, dx, _, top, _, dy = raster.GetGeoTransform()
    width, height = raster.RasterXSize, raster.RasterYSize
    # A raster stored from the south up gives the same grid as one stored from the north down.
    return Grid(driver.crs, left, max(top, top + dy * height), dx, abs(dy), width, height)


def _is_rotated(driver: Driver) -> bool:
    _, _, x_skew, _, y_skew, _ = driver.band.GetGeoTransform()
    return bool(x_skew or y_skew)


def utm(place: QgsPointXY) -> QgsCoordinateReferenceSystem:
    """The UTM zone, on WGS 84, of a place in degrees."""
    zone = int((place.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if place.y() >= 0 else 32700) + zone}")


def choose_lattice(
    reference: Driver | None,
    drivers: list[Driver],
    cell_size: float | None,
    source: QgsProcessingFeatureSource,
    transforms,
) -> Grid:
    """CRS, cell size and alignment of the working grid; its extent comes from `choose_grid`.

    REFERENCE's, else those of the first driver if it is projected in metres, else UTM where the
    drivers or the points are, with edges at whole multiples of the cell size. A cell size that the
    user gives takes the place of the first driver's. Only REFERENCE's has a width and a height.
    """
    if reference:
        return grid_of(reference)
    if drivers and is_metric(drivers[0].crs) and not _is_rotated(drivers[0]):
        lattice = replace(grid_of(drivers[0]), width=0, height=0)
        return replace(lattice, dx=cell_size, dy=cell_size) if cell_size else lattice
    wgs84 = QgsCoordinateReferenceSystem(WGS84)
    if drivers:
        area = common_area(drivers, wgs84, transforms)
    else:
        to_degrees = QgsCoordinateTransform(source.sourceCrs(), wgs84, transforms)
        area = to_degrees.transformBoundingBox(source.sourceExtent())
    cell = cell_size or DEFAULT_CELL_SIZE
    return Grid(utm(area.center()), 0.0, 0.0, cell, cell)


def choose_grid(
    lattice: Grid,
    extent: QgsRectangle | None,
    drivers: list[Driver],
    places: Points | Table | None,
    transforms,
) -> Grid:
    """Lay the lattice over an area, which gives the working grid.

    The area is EXTENT, else REFERENCE's own extent, else what all drivers cover, else the extent of
    `places` and a margin of a twentieth.

    Parameters
    ----------
    lattice : Grid
        From `choose_lattice`.
    extent : QgsRectangle or None
        In the lattice's CRS. EXTENT is cut to what all drivers cover and widened to whole cells.
    """
    if extent is None and lattice.width:
        return lattice.over(lattice.extent)
    if not drivers:
        if extent is None:
            extent = QgsRectangle(places.extent)
            extent.grow(max(extent.width(), extent.height()) / 20 + lattice.dx)
        return lattice.over(extent)
    common = common_area(drivers, lattice.crs, transforms)
    if extent is None:
        return lattice.over(common, outward=False)
    if not extent.intersects(common):
        raise QgsProcessingException(
            f"EXTENT ({describe(extent)}) and the drivers ({describe(common)}) have no area in "
            f"common in {title(lattice.crs)}. Give an EXTENT within the drivers."
        )
    return lattice.over(extent.intersect(common))


def common_area(drivers: list[Driver], crs, transforms) -> QgsRectangle:
    """What all drivers cover, in `crs`: the rectangle within their outlines.

    Raises
    ------
    QgsProcessingException
        If there is no such area; the message says where each driver is.
    """
    area = None
    systems = {wkt(driver.crs): driver.crs for driver in drivers}.values()
    for other in sorted(systems, key=lambda system: system != crs):
        box = None
        for driver in drivers:
            if driver.crs == other:
                box = _box(driver).intersect(box) if box else _box(driver)
        if not box.isEmpty() and area and other != crs:
            # A raster of the whole world has no outline in UTM: look only around the others.
            there = QgsCoordinateTransform(crs, other, transforms).transformBoundingBox(area)
            box = box.intersect(there.scaled(1.1))
        if not box.isEmpty():
            inner = _interior(box, QgsCoordinateTransform(other, crs, transforms))
            area = area.intersect(inner) if area else inner
        if box.isEmpty() or area.isEmpty():
            places = "; ".join(
                f"{driver.name} covers {describe(_box(driver))} in {title(driver.crs)}"
                for driver in drivers
            )
            raise QgsProcessingException(f"The drivers have no area in common: {places}.")
    return area


def _box(driver: Driver) -> QgsRectangle:
    left, dx, x_skew, top, y_skew, dy = driver.band.GetGeoTransform()
    width, height = driver.band.RasterXSize, driver.band.RasterYSize
    corners = [(0, 0), (width, 0), (0, height), (width, height)]
    xs = [left + column * dx + row * x_skew for column, row in corners]
    ys = [top + column * y_skew + row * dy for column, row in corners]
    return QgsRectangle(min(xs), min(ys), max(xs), max(ys))


def _interior(box: QgsRectangle, transform: QgsCoordinateTransform) -> QgsRectangle:
    """A rectangle within the transformed outline of another, so that no empty slivers remain."""
    if transform.isShortCircuited():
        return box
    steps = [i / 20 for i in range(21)]
    xs = [box.xMinimum() + t * box.width() for t in steps]
    ys = [box.yMinimum() + t * box.height() for t in steps]
    west = max(transform.transform(QgsPointXY(box.xMinimum(), y)).x() for y in ys)
    east = min(transform.transform(QgsPointXY(box.xMaximum(), y)).x() for y in ys)
    south = max(transform.transform(QgsPointXY(x, box.yMinimum())).y() for x in xs)
    north = min(transform.transform(QgsPointXY(x, box.yMaximum())).y() for x in xs)
    if west < east and south < north:
        return QgsRectangle(west, south, east, north)
    return transform.transformBoundingBox(box)


def warp_drivers(
    drivers: list[Driver], grid: Grid, folder: Path, feedback, room: str = protocol.DRIVERS
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
        If a driver has no valid cell on the grid.
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

        _warp(driver, grid, folder / file, goes_on)
        described.append({"name": driver.name, "kind": driver.kind, "file": file})
    return described


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


def _warp(driver: Driver, grid: Grid, path: Path, goes_on) -> None:
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
        valid = _has_valid_cell(warped.GetRasterBand(1))
    if not valid:
        raise QgsProcessingException(
            f"The driver {driver.name} has no valid cell in the area of the map, "
            f"{describe(area)} in {title(grid.crs)}. Check its extent and its NoData value."
        )


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


def check_source(source: QgsProcessingFeatureSource) -> None:
    """Refuse a vector layer that has no features, or places in no known CRS."""
    if source.wkbType() != QgsWkbTypes.NoGeometry:
        check_crs(source.sourceCrs(), _name(source))
    if source.featureCount() == 0:
        raise QgsProcessingException(
            f"The layer {_name(source)} has no features. Choose a layer that has some."
        )


def check_points(source: QgsProcessingFeatureSource, field: str) -> None:
    """Refuse a layer that can give no values at places.

    Raises
    ------
    QgsProcessingException
        If the layer has no points, or the field is not there or is not numeric.
    """
    name = _name(source)
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.PointGeometry:
        raise QgsProcessingException(f"The layer {name} is no point layer. Choose a point layer.")
    numeric = [each.name() for each in source.fields() if each.isNumeric()]
    if field not in numeric:
        column = source.fields().lookupField(field)
        kind = source.fields().at(column).typeName() if column >= 0 else ""
        raise QgsProcessingException(
            f"The field {field} of the layer {name} "
            f"{f'is of type {kind}' if kind else 'does not exist'}; displacement must be a number. "
            f"Numeric fields: {', '.join(numeric) or 'none'}."
        )
    if source.sourceExtent().isNull():
        raise QgsProcessingException(
            f"The layer {name} has no points. Choose a layer that has some."
        )


def _name(source: QgsProcessingFeatureSource) -> str:
    return source.sourceName() or "of the points"


def read_points(
    source: QgsProcessingFeatureSource, field: str, crs, transforms, feedback
) -> Points:
    """Read persistent scatterers and the values of a field into arrays.

    A multipoint counts as its points. Features without a finite number or without a geometry are
    skipped and counted in the log.

    Raises
    ------
    QgsProcessingException
        If no feature is left. `check_points` comes first.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    name, column = _name(source), source.fields().lookupField(field)
    feedback.setProgressText("Reading the points")
    request = QgsFeatureRequest().setSubsetOfAttributes([column])
    request.setDestinationCrs(crs, transforms)
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    total = max(source.featureCount(), 1)
    xs, ys, values = array("d"), array("d"), array("d")
    without_value = without_place = 0
    for i, feature in enumerate(source.getFeatures(request, flags)):
        if i % 1000 == 0:
            feedback.setProgress(100 * i / total)
            if feedback.isCanceled():
                raise JobCancelled("Cancelled.")
        value = feature.attribute(column)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            without_value += 1
            continue
        before = len(values)
        for point in feature.geometry().vertices():
            if math.isfinite(point.x()) and math.isfinite(point.y()):
                xs.append(point.x())
                ys.append(point.y())
                values.append(value)
        without_place += len(values) == before
    if without_value:
        feedback.pushWarning(f"Points without a number in {field}, skipped: {without_value:,}.")
    if without_place:
        feedback.pushWarning(f"Points without a position, skipped: {without_place:,}.")
    if not values:
        raise QgsProcessingException(
            f"The layer {name} has no point with a number in the field {field}. "
            "Choose a layer and a field that hold displacements."
        )
    return Points(np.column_stack([xs, ys]), np.array(values), name)


def read_table(
    source: QgsProcessingFeatureSource, fields: list, crs, transforms, feedback
) -> Table:
    """Read some fields of a layer, and its positions if `crs` is given.

    A multipoint counts as its points, each with the row's values. Rows without a position are
    skipped and counted in the log.

    Raises
    ------
    QgsProcessingException
        If a field does not exist, or no row has a position.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    name = _name(source)
    columns = [source.fields().lookupField(field) for field in fields]
    if -1 in columns:
        raise QgsProcessingException(
            f"The layer {name} has no field {fields[columns.index(-1)]}. It has "
            f"{', '.join(source.fields().names()) or 'none'}."
        )
    request = QgsFeatureRequest().setSubsetOfAttributes(columns)
    if crs is None:
        request.setFlags(QgsFeatureRequest.NoGeometry)
    else:
        request.setDestinationCrs(crs, transforms)
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    places, rows, without_place = array("d"), [], 0
    for feature in source.getFeatures(request, flags):
        if feedback.isCanceled():
            raise JobCancelled("Cancelled.")
        row = [feature.attribute(column) for column in columns]
        if crs is None:
            rows.append(row)
            continue
        before = len(rows)
        for point in feature.geometry().vertices():
            if math.isfinite(point.x()) and math.isfinite(point.y()):
                places.extend((point.x(), point.y()))
                rows.append(row)
        without_place += len(rows) == before
    if without_place:
        feedback.pushWarning(f"Rows of {name} without a position, skipped: {without_place:,}.")
    if not rows:
        raise QgsProcessingException(
            f"The layer {name} has no row with a position. Choose a layer that has some."
        )
    numeric = [source.fields().at(column).isNumeric() for column in columns]
    return Table(
        None if crs is None else np.array(places).reshape(-1, 2),
        {
            field: np.array([_number(row[i]) if numeric[i] else _text(row[i]) for row in rows])
            for i, field in enumerate(fields)
        },
        name,
    )


def _number(value) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _text(value) -> str:
    if isinstance(value, (QDate, QDateTime)):
        return value.toString(Qt.DateFormat.ISODate)
    return "" if value in (None, NULL) else str(value)


def save_table(table: Table, folder: Path, name: str) -> str:
    """Write a table into the job folder, and give the file's name."""
    import numpy as np

    places = {} if table.xy is None else {"xy": table.xy}
    fields = {protocol.FIELD + field: column for field, column in table.columns.items()}
    np.savez(folder / f"{name}.npz", **places, **fields)
    return f"{name}.npz"


def name_classes(path: str, classes: dict) -> None:
    """Write the names of a raster's classes, by code, beside it, where QGIS and GDAL find them."""
    names = [classes.get(str(code), "") for code in range(max(map(int, classes)) + 1)]
    with gdal_errors(f"Naming the classes of {path}") as gdal:
        raster = gdal.Open(path)
        raster.GetRasterBand(1).SetCategoryNames(names)
        raster.FlushCache()


def keep_inside(points: Points, grid: Grid, feedback) -> Points:
    """The points on the grid; the others are counted in the log.

    Raises
    ------
    QgsProcessingException
        If no point is left, or all values are equal.
    """
    area = grid.extent
    x, y = points.xy.T
    inside = (x >= area.xMinimum()) & (x <= area.xMaximum())
    inside &= (y >= area.yMinimum()) & (y <= area.yMaximum())
    count = int(inside.sum())
    if count == 0:
        raise QgsProcessingException(
            f"None of the {len(x):,} points of the layer {points.name} lies in the area of the "
            f"map: in {title(grid.crs)} the points cover {describe(points.extent)}, the map "
            f"{describe(area)}. Check the layers' CRS, and the extents of drivers and EXTENT."
        )
    if count < len(x):
        feedback.pushWarning(
            f"{len(x) - count:,} of {len(x):,} points lie outside the area of the map "
            f"({describe(area)}) and are left out."
        )
    kept = replace(points, xy=points.xy[inside], values=points.values[inside])
    if kept.values.min() == kept.values.max():
        raise QgsProcessingException(
            f"All {count:,} points in the area of the map have the value {kept.values[0]:g}, so "
            "there is nothing to learn from them. Choose another field or area."
        )
    return kept


def save_points(points: Points, folder: Path) -> str:
    """Write the points into the job folder, and give the file's name."""
    import numpy as np

    np.savez(folder / protocol.POINTS, xy=points.xy, values=points.values)
    return protocol.POINTS
