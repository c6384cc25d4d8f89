"""The working grid: which CRS, cells and area a map has.

numpy is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from functools import reduce

from qgis.core import (
    Qgis,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRectangle,
)

from ..worker.process import stop_if_cancelled
from .crs import degrees_from, describe, describe_scale, is_metric, is_true, scale, title, utm, wkt
from .driver import Driver
from .grids import Grid, box_of, check_scale, grid_of, is_rotated, lattice_of
from .vectors import Points, Table

DEFAULT_CELL_SIZE = 30.0  # metres

_WIDE = 6  # degrees: what one UTM zone serves
_DEGREE = 111_000  # metres
_FAR = 10  # times the median distance


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
    if is_metric(first.crs) and not is_rotated(first):
        lattice = replace(lattice_of(first), width=0, height=0)
        if is_true(first.crs, here):
            return replace(lattice, dx=cell_size, dy=cell_size) if cell_size else lattice
        if not cell_size and math.isfinite(scale(first.crs, here)):
            cell = float(f"{math.sqrt(lattice.dx * lattice.dy) / scale(first.crs, here):.3g}")
        feedback.pushWarning(
            f"{first.name} is in {describe_scale(first.crs, here)}. So that slopes, distances and "
            f"areas are right, the map is made in UTM, with cells of {cell:g} m."
        )
    return Grid(utm(degrees_from(first.crs, transforms).transform(here)), 0.0, 0.0, cell, cell)


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
            to_degrees = degrees_from(crs, transforms)
            there = to_degrees.transform(given, Qgis.TransformDirection.Reverse)
            return there if area.contains(there) else area.center()
    return area.center()


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
    to_degrees = degrees_from(source.sourceCrs(), transforms)
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
    xy = np.array(places).reshape(-1, 2)
    xy = xy[np.isfinite(xy).all(axis=1) & (np.abs(xy[:, 1]) <= 90)]
    if not len(xy):
        raise QgsProcessingException(
            f"No feature of the layer {source.sourceName()} has a position on earth. Check the "
            "layer's CRS."
        )
    x, y = xy.T
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
        Warned if the scale is not true. With it a grid whose metres are none on the ground is
        refused.
    """
    grid = _lay(lattice, extent, drivers, places, transforms)
    if feedback:
        check_scale(grid.crs, grid.extent.center(), "The map", feedback)
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
    area: QgsRectangle | None = None
    systems = {wkt(driver.crs): driver.crs for driver in drivers}.values()
    for other in sorted(systems, key=lambda system: system != crs):
        first, *others = [box_of(driver) for driver in drivers if driver.crs == other]
        box = reduce(lambda common, each: each.intersect(common), others, first)
        if not box.isEmpty() and area and other != crs:
            # A raster of the whole world has no outline in UTM: look only around the others.
            there = QgsCoordinateTransform(crs, other, transforms).transformBoundingBox(area)
            box = box.intersect(there.scaled(1.1))
        if not box.isEmpty():
            inner = _interior(box, QgsCoordinateTransform(other, crs, transforms))
            area = area.intersect(inner) if area else inner
        if box.isEmpty() or area is None or area.isEmpty():
            places = "; ".join(
                f"{driver.name} covers {describe(box_of(driver))} in {title(driver.crs)}"
                for driver in drivers
            )
            raise QgsProcessingException(f"The drivers have no area in common: {places}.")
    return area


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
