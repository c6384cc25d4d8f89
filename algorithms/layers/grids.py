"""Grids, and those that rasters have."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsPointXY,
    QgsProcessingException,
    QgsRectangle,
)

from .crs import (
    TRUE_SCALE,
    degrees_from,
    describe,
    describe_scale,
    is_metric,
    is_true,
    scale,
    title,
    utm,
    wkt,
)
from .driver import Driver

MAX_CELLS = 400_000_000

# Extents typed or transformed miss cell edges by rounding: a thousandth of a cell is no cell.
_TOLERANCE = 1e-3


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
    """The grid of a raster; the feedback gets a warning if its scale is not true.

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
    if is_rotated(driver):
        raise QgsProcessingException(
            f"The raster {driver.name} is rotated. Warp it to a north-up grid and use that."
        )
    check_scale(driver.crs, box_of(driver).center(), f"The raster {driver.name}", feedback)
    return lattice_of(driver)


def lattice_of(driver: Driver) -> Grid:
    """The cells of a raster that is not rotated, whatever its CRS."""
    raster = driver.band
    left, dx, _, top, _, dy = raster.GetGeoTransform()
    width, height = raster.RasterXSize, raster.RasterYSize
    # A raster stored from the south up gives the same grid as one stored from the north down.
    return Grid(driver.crs, left, max(top, top + dy * height), dx, abs(dy), width, height)


def is_rotated(driver: Driver) -> bool:
    _, _, x_skew, _, y_skew, _ = driver.band.GetGeoTransform()
    return bool(x_skew or y_skew)


def box_of(driver: Driver) -> QgsRectangle:
    place = driver.band.GetGeoTransform(can_return_null=True)
    if place is None:
        raise QgsProcessingException(
            f"The raster {driver.name} states neither its corner nor its cell size, so its place "
            "is unknown. Georeference it, or warp it to a grid, and use that."
        )
    left, dx, x_skew, top, y_skew, dy = place
    width, height = driver.band.RasterXSize, driver.band.RasterYSize
    corners = [(0, 0), (width, 0), (0, height), (width, height)]
    xs = [left + column * dx + row * x_skew for column, row in corners]
    ys = [top + column * y_skew + row * dy for column, row in corners]
    return QgsRectangle(min(xs), min(ys), max(xs), max(ys))


def check_scale(crs, place: QgsPointXY, what: str, feedback=None) -> None:
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
        to_degrees = degrees_from(crs)
        return title(utm(to_degrees.transform(place)))
    except QgsCsException:
        return "the zone of the place"


def shared_grid(images: list[Driver]) -> Grid:
    """The grid of co-registered images, in any CRS.

    Raises
    ------
    QgsProcessingException
        If an image is on another one, or is rotated; the message says which, and how.
    """
    first, grid = images[0], _north_up(images[0])
    for image in images[1:]:
        other = _north_up(image)
        difference = _difference(grid, other)
        if difference:
            raise QgsProcessingException(
                f"The images do not share one grid: {image.name} {difference} {first.name}. "
                "Co-register the images, or resample them to one grid, first."
            )
    return grid


def _north_up(image: Driver) -> Grid:
    left, dx, x_skew, top, y_skew, dy = image.band.GetGeoTransform()
    if x_skew or y_skew:
        raise QgsProcessingException(
            f"The image {image.name} is rotated. Warp the images to one north-up grid first."
        )
    return Grid(image.crs, left, top, dx, -dy, image.band.RasterXSize, image.band.RasterYSize)


def _difference(first: Grid, other: Grid) -> str:
    """How another grid differs, in words that lead up to the first image's name."""
    if other.crs != first.crs:
        return f"is in {title(other.crs)}, not in {title(first.crs)} like"
    if (other.width, other.height) != (first.width, first.height):
        return f"has {other.width} x {other.height} cells, not {first.width} x {first.height} like"
    # Headers are rounded; what adds up to less than a hundredth of a cell is no difference.
    columns, rows = other.dx / first.dx * first.width, other.dy / first.dy * first.height
    if max(abs(columns - first.width), abs(rows - first.height)) > 0.01:
        return (
            f"has cells of {other.dx:.9g} x {other.dy:.9g}, not {first.dx:.9g} x {first.dy:.9g} "
            "like"
        )
    shift = max(abs((other.left - first.left) / first.dx), abs((other.top - first.top) / first.dy))
    return f"lies {shift:.3g} cells away from" if shift > 0.01 else ""
