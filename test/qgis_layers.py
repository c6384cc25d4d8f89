"""Layers, drivers and grids as the plugin sees them."""

from __future__ import annotations

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsRasterLayer,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.algorithms.layers.rasters import open_drivers
from subsidence_mapper.algorithms.layers.warp import link_drivers, stack_drivers, warp_drivers
from subsidence_mapper.algorithms.layers.working_grid import choose_grid, choose_lattice

TRANSFORMS = QgsCoordinateTransformContext()
SIZE = 60
CELLS = (100 + np.arange(SIZE * SIZE) / 8).reshape(SIZE, SIZE).astype(np.float32)
INSIDE = np.zeros((SIZE, SIZE), bool)
INSIDE[10:50, 10:50] = True


def opened(*made, **options):
    """The drivers of raster layers, or of files, whose layer is then called rain."""
    layers = [QgsRasterLayer(each, "rain") if isinstance(each, str) else each for each in made]
    return open_drivers([Source.of(layer) for layer in layers], **options)


def memory_layer(kind, crs, fields, rows, name="ps"):
    """A layer in memory from rows of a geometry, its WKT or None, and values."""
    described = "".join(f"&field={field}" for field in fields)
    layer = QgsVectorLayer(f"{kind}?crs={crs}{described}", name, "memory")
    features = []
    for place, *values in rows:
        feature = QgsFeature(layer.fields())
        if place is not None:
            shape = QgsGeometry.fromWkt(place) if isinstance(place, str) else place
            feature.setGeometry(shape)
        feature.setAttributes(values)
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)[0]
    layer.updateExtents()
    return layer


def source_of(layer):
    return QgsProcessingFeatureSource(layer, QgsProcessingContext())


def grid_for(
    drivers=(), reference=None, cell_size=None, extent=None, points=None, crs="EPSG:32639"
):
    lattice = choose_lattice(reference, list(drivers), cell_size, points, TRANSFORMS)
    return choose_grid(lattice, extent, list(drivers), None, TRANSFORMS)


def warped(driver, grid, tmp_path, feedback, kind="continuous"):
    driver.kind = kind
    described = warp_drivers([driver], grid, tmp_path, feedback)
    assert described == [{"name": driver.name, "kind": kind, "file": "drivers/00.tif"}]
    raster = gdal.Open(str(tmp_path / "drivers/00.tif"))
    assert raster.GetGeoTransform() == (grid.left, grid.dx, 0, grid.top, 0, -grid.dy)
    assert np.isnan(raster.GetRasterBand(1).GetNoDataValue())
    return raster.ReadAsArray()


def brought(driver, folder, feedback, how="warped", cell_size=None):
    """The driver's cells on the working grid, NaN for NoData, by one of the ways to the worker."""
    folder.mkdir()
    grid = choose_lattice(None, [driver], cell_size, None, TRANSFORMS)
    grid = choose_grid(grid, None, [driver], None, TRANSFORMS)
    if how == "warped":
        (described,) = warp_drivers([driver], grid, folder, feedback)
    elif how == "stacked":
        (described,) = stack_drivers([driver], grid, folder / "stack.vrt", feedback)
    else:
        (described,) = link_drivers([driver], folder)
    raster = gdal.Open(str(folder / described["file"]))
    band = raster.GetRasterBand(described.get("band", 1))
    return np.where(band.GetMaskBand().ReadAsArray() > 0, band.ReadAsArray(), np.nan)


def kinds_of(path, feedback, categorical="", circular=""):
    """Names and kinds as the training takes them from a stack."""
    drivers = open_drivers([Source.of(QgsRasterLayer(str(path), "stack"))])
    set_kinds(drivers, categorical, circular, feedback)
    return {driver.name: driver.kind for driver in drivers}
