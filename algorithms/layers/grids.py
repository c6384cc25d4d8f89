"""The working grid: its CRS, its cells and its area."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsFeatureRequest,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRectangle,
)

from ..worker.process import stop_if_cancelled
from . import DEFAULT_CELL_SIZE
from .crs import (
    TRUE_SCALE,
    WGS84,
    describe,
    describe_scale,
    is_metric,
    is_true,
    scale,
    title,
    utm,
    wkt,
)

if TYPE_CHECKING:
    from .rasters import Driver
    from .vectors import Points, Table

MAX_CELLS = 400_000_000

# Extents typed or transformed miss cell edges by rounding: a thousandth of a cell is no cell.
_TOLERANCE = 1e-3

_WIDE = 6  # degrees: what one UTM zone serves
_DEGREE = 111_000  # metres
_FAR = 10  # times the median distance


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
            If that is no cell at all, or more than `MAX_CELLS`, or cells or area have no size.
        """
        if not (0 < self.dx < math.inf and 0 < self.dy < math.inf):
            raise QgsProcessingException(
                f"Cells of {self.dx:g} x {self.dy:g} m have no size. Give a positive CELL_SIZE, or "
                "another REFERENCE."
            )
        if not all(map(math.isfinite, [self.left, self.top, *_sides(area)])):
            raise QgsProcessingException(
                f"The area of the map, {describe(area)} in {title(self.crs)}, has no place on "
                "earth. Give another EXTENT."
            )
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


def _sides(area: QgsRectangle) -> list[float]:
    return [area.xMinimum(), area.yMinimum(), area.xMaximum(), area.yMaximum()]


def _snap(offset: float, length: float, cell: float, outward: bool) -> tuple[int, int]:
    first, last = offset / cell, (offset + length) / cell
    if outward:
        first, last = math.floor(first + _TOLERANCE), math.ceil(last - _TOLERANCE)
    else:
        first, last = math.ceil(first - _TOLERANCE), math.floor(last + _TOLERANCE)
    return first, last - first


def grid_of(driver: Driver, feedback=None) -> Grid:
    """The grid of a raster; the feedback is told how true its scale is.

    Raises
    ------
    QgsProcessingException
        If it is not projected in metres that are metres on the ground there, or is rotated.
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
    _check_scale(driver.crs, _box(driver).center(), f"The raster {driver.name}", feedback)
    return _lattice_of(driver)


def _lattice_of(driver: Driver) -> Grid:
    """The cells of a raster that is not rotated, whatever its CRS."""
    raster = driver.band
    left, dx, _, top, _, dy = raster.GetGeoTransform()
    width, height = raster.RasterXSize, raster.RasterYSize
    # A raster stored from the south up gives the same grid as one stored from the north down.
    return Grid(driver.crs, left, max(top, top + dy * height), dx, abs(dy), width, height)


def _check_scale(crs, place: QgsPointXY, what: str, feedback=None) -> None:
    """Refuse metres that are none on the ground, and warn of those that are not quite."""
    if not is_true(crs, place):
        raise QgsProcessingException(
            f"{what} is in {describe_scale(crs, place)}. Slopes, distances and areas would be "
            f"wrong. Reproject it to UTM ({_zone_of(crs, place)}), and use that."
        )
    if feedback and abs(scale(crs, place) - 1) > TRUE_SCALE:
        feedback.pushWarning(
            f"{what} is in {describe_scale(crs, place)}. Slopes, distances and areas are off by "
            "as much."
        )


def _zone_of(crs, place: QgsPointXY) -> str:
    try:
        to_degrees = _to_degrees(crs, QgsCoordinateTransformContext())
        return title(utm(to_degrees.transform(place)))
    except QgsCsException:
        return "the zone of the place"


def _is_rotated(driver: Driver) -> bool:
    _, _, x_skew, _, y_skew, _ = driver.band.GetGeoTransform()
    return bool(x_skew or y_skew)


def choose_lattice(
    reference: Driver | None,
    drivers: list[Driver],
    cell_size: float | None,
    source: QgsProcessingFeatureSource,
    transforms,
    feedback=None,
    extent: QgsRectangle | None = None,
) -> Grid:
    """CRS, cell size and alignment of the working grid; its extent comes from `choose_grid`.

    REFERENCE's, else those of the first driver if it is projected in metres, else UTM where the
    drivers or most of the points are, with edges at whole multiples of the cell size. Metres must
    be about metres on the ground, which in Web Mercator they are at the equator alone. A cell size
    that the user gives takes the place of the first driver's. Only REFERENCE's has a width and a
    height. `extent` is EXTENT in degrees.
    """
    if reference:
        return grid_of(reference)
    feedback = feedback or QgsProcessingFeedback(False)
    cell = cell_size or DEFAULT_CELL_SIZE
    given = extent.center() if extent and extent.width() < 180 else None
    if not drivers:
        return Grid(utm(given or _middle(source, transforms, feedback)), 0.0, 0.0, cell, cell)
    first = drivers[0]
    here = _place(drivers, given, source, transforms, feedback)
    if is_metric(first.crs) and not _is_rotated(first):
        lattice = replace(_lattice_of(first), width=0, height=0)
        if is_true(first.crs, here):
            return replace(lattice, dx=cell_size, dy=cell_size) if cell_size else lattice
        if not cell_size and math.isfinite(scale(first.crs, here)):
            cell = float(f"{math.sqrt(lattice.dx * lattice.dy) / scale(first.crs, here):.3g}")
        feedback.pushWarning(
            f"{first.name} is in {describe_scale(first.crs, here)}. So that slopes, distances and "
            f"areas are right, the map is made in UTM, with cells of {cell:g} m."
        )
    return Grid(utm(_to_degrees(first.crs, transforms).transform(here)), 0.0, 0.0, cell, cell)


def _place(drivers: list[Driver], given, source, transforms, feedback) -> QgsPointXY:
    """Where the map will be, in the first driver's CRS.

    It is the place `given` in degrees or the middle of the points, if that lies within the drivers;
    else their middle.
    """
    crs = drivers[0].crs
    # In the driver's own CRS, where nothing is torn at the 180th meridian.
    area = common_area(drivers, crs, transforms)
    wide = _WIDE * (1 if crs.isGeographic() else _DEGREE)
    if not given and source and max(area.width(), area.height()) > wide:
        given = _middle(source, transforms, feedback)
    with suppress(QgsCsException):
        if given:
            to_degrees = _to_degrees(crs, transforms)
            there = to_degrees.transform(given, Qgis.TransformDirection.Reverse)
            return there if area.contains(there) else area.center()
    return area.center()


def _to_degrees(crs, transforms) -> QgsCoordinateTransform:
    return QgsCoordinateTransform(crs, QgsCoordinateReferenceSystem(WGS84), transforms)


def _is_far(away, wide: float):
    """Which distances from the middle are of no use for a map of the others."""
    import numpy as np

    return away > max(wide, _FAR * np.median(away))


def _middle(source: QgsProcessingFeatureSource, transforms, feedback) -> QgsPointXY:
    """Where most features of a layer are, in degrees; those far from there are named."""
    import numpy as np

    if source.sourceExtent().isNull():
        raise QgsProcessingException(
            f"The layer {source.sourceName()} has no feature with a position. Choose another one."
        )
    to_degrees = _to_degrees(source.sourceCrs(), transforms)
    with suppress(QgsCsException):
        box = to_degrees.transformBoundingBox(source.sourceExtent())
        if box.width() <= _WIDE and box.height() <= _WIDE:
            return box.center()
    request = QgsFeatureRequest().setSubsetOfAttributes([])
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    places = []
    for i, feature in enumerate(source.getFeatures(request, flags)):
        if i % 1000 == 0:
            stop_if_cancelled(feedback)
        if feature.hasGeometry():
            with suppress(QgsCsException):
                place = to_degrees.transform(feature.geometry().boundingBox().center())
                places.append((place.x(), place.y()))
    places = np.array(places).reshape(-1, 2)
    places = places[np.isfinite(places).all(axis=1) & (np.abs(places[:, 1]) <= 90)]
    if not len(places):
        raise QgsProcessingException(
            f"No feature of the layer {source.sourceName()} has a position on earth. Check the "
            "layer's CRS."
        )
    x, y = places.T
    # Degrees go round: the mean direction first, then the median about it.
    around = np.degrees(np.angle(np.exp(1j * np.radians(x)).sum()))
    middle = np.median((x - around + 180) % 360 - 180) + around, np.median(y)
    away = np.hypot((x - middle[0] + 180) % 360 - 180, y - middle[1])
    far = _is_far(away, _WIDE)
    if far.any():
        farthest = places[away.argmax()]
        feedback.pushWarning(
            f"{far.sum():,} of {len(x):,} features of {source.sourceName()} lie far from all "
            f"others, the farthest at longitude {farthest[0]:.6g}, latitude {farthest[1]:.6g}. "
            "Check their positions; the map is made where the others are."
        )
    return QgsPointXY((middle[0] + 180) % 360 - 180, middle[1])


def choose_grid(
    lattice: Grid,
    extent: QgsRectangle | None,
    drivers: list[Driver],
    places: Points | Table | None,
    transforms,
    feedback=None,
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
    feedback : QgsProcessingFeedback, optional
        Told how true the scale is; a grid in metres that are none on the ground is then refused.
    """
    grid = _lay(lattice, extent, drivers, places, transforms)
    if feedback:
        _check_scale(grid.crs, grid.extent.center(), "The map", feedback)
    return grid


def _lay(lattice: Grid, extent, drivers: list[Driver], places, transforms) -> Grid:
    if extent is None and lattice.width:
        return lattice.over(lattice.extent)
    if not drivers:
        if extent is None:
            extent = _around(places.xy)
            if extent.width() == extent.height() == 0:
                raise QgsProcessingException(
                    f"All features of the layer {places.name} lie in one place, which gives no "
                    "area for a map. Give an EXTENT or a REFERENCE."
                )
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


def _around(xy) -> QgsRectangle:
    """The smallest rectangle around positions, without those far from all others."""
    import numpy as np

    away = np.hypot(*(xy - np.median(xy, axis=0)).T)
    near = xy[~_is_far(away, _WIDE * _DEGREE)]
    return QgsRectangle(*near.min(axis=0), *near.max(axis=0))


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
    place = driver.band.GetGeoTransform(can_return_null=True)
    if place is None:
        raise QgsProcessingException(
            f"The raster {driver.name} tells neither its corner nor its cell size, so its place is "
            "unknown. Georeference it, or warp it to a grid, and use that."
        )
    left, dx, x_skew, top, y_skew, dy = place
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
