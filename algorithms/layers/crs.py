"""Coordinate reference systems: which will do, and how they are called."""

from __future__ import annotations

import math

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsPointXY,
    QgsProcessingException,
    QgsRectangle,
    QgsUnitTypes,
)

WGS84 = "EPSG:4326"
TRUE_SCALE = 0.01  # within which a projection's lengths pass for true, as in a UTM zone
USABLE_SCALE = 0.05  # beyond which they would make slopes, distances and areas wrong

_STEP = 1000.0  # metres


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


def degrees_from(crs: QgsCoordinateReferenceSystem, transforms=None) -> QgsCoordinateTransform:
    """From a CRS to longitude and latitude, by a project's choice of datum transformations."""
    wgs84 = QgsCoordinateReferenceSystem(WGS84)
    return QgsCoordinateTransform(crs, wgs84, transforms or QgsCoordinateTransformContext())


def scale(crs: QgsCoordinateReferenceSystem, place: QgsPointXY) -> float:
    """Length in a metric CRS of a metre on the ground, to the east or north, whichever is odder.

    Nearly 1 in UTM and national grids; 2 in Web Mercator at 60 degrees north. It is infinite where
    the projection has no place, and 1 in the CRS of a building site, say, that has none on earth.
    """
    to_degrees = degrees_from(crs)
    if not to_degrees.isValid():
        return 1.0
    measure = QgsDistanceArea()
    wgs84 = to_degrees.destinationCrs()
    measure.setSourceCrs(wgs84, QgsCoordinateTransformContext())
    measure.setEllipsoid(wgs84.ellipsoidAcronym())
    scales = []
    for dx, dy in ((_STEP / 2, 0), (0, _STEP / 2)):
        ends = (QgsPointXY(place.x() + side * dx, place.y() + side * dy) for side in (-1, 1))
        try:
            length = measure.measureLine(*(to_degrees.transform(end) for end in ends))
        except QgsCsException:
            return math.inf
        if not 0 < length < math.inf:
            return math.inf
        scales.append(_STEP / length)
    return max(scales, key=lambda each: abs(math.log(each)))


def is_true(crs: QgsCoordinateReferenceSystem, place: QgsPointXY) -> bool:
    """Whether a CRS is in metres that are about metres on the ground at a place."""
    return is_metric(crs) and abs(scale(crs, place) - 1) <= USABLE_SCALE


def describe_scale(crs: QgsCoordinateReferenceSystem, place: QgsPointXY) -> str:
    """What a metre of the CRS is at a place, as the end of a sentence."""
    there = scale(crs, place)
    if math.isinf(there):
        return f"{title(crs)}, which is not defined there"
    return f"{title(crs)}, whose scale there is {there:.3g}: a metre on the ground is {there:.3g} m"


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


def utm(place: QgsPointXY) -> QgsCoordinateReferenceSystem:
    """The UTM zone, on WGS 84, of a place in degrees."""
    zone = int((place.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if place.y() >= 0 else 32700) + zone}")
