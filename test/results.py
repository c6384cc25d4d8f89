"""What a run has written."""

from __future__ import annotations

from osgeo import gdal
from qgis.core import QgsVectorLayer


def cells(path):
    """The cells of a raster, (rows, columns) or (bands, rows, columns)."""
    return gdal.Open(str(path)).ReadAsArray()


def rows(path):
    """A dictionary for each feature of a layer."""
    layer = QgsVectorLayer(str(path), "table")
    assert layer.isValid()
    names = layer.fields().names()
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]
