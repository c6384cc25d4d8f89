"""Coordinate reference systems: which will do, and how they are called."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProcessingException,
    QgsRectangle,
    QgsUnitTypes,
)

WGS84 = "EPSG:4326"


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


def utm(place: QgsPointXY) -> QgsCoordinateReferenceSystem:
    """The UTM zone, on WGS 84, of a place in degrees."""
    zone = int((place.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if place.y() >= 0 else 32700) + zone}")
