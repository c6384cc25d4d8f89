"""Small layers on disk and in memory, whose values are known by closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsApplication,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
)
from subsidence_mapper.test.feedback import Feedback
from subsidence_mapper.test.qgis_layers import memory_layer

SIZE, CELL, LEFT, TOP = 60, 50.0, 500_000.0, 3_600_000.0  # of the region


@pytest.fixture
def feedback():
    return Feedback()


@pytest.fixture
def context():
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    yield context
    # A raster that is freed after GDAL's end crashes.
    context.temporaryLayerStore().removeAllMapLayers()


@pytest.fixture
def run(provider, context, feedback):
    """Run an algorithm as QGIS does; what it refuses is raised."""

    def run(name, **parameters):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"subsidence:{name}")
        fine, problem = algorithm.checkParameterValues(parameters, context)
        if not fine:
            raise QgsProcessingException(problem)
        results, fine = algorithm.run(parameters, context, feedback, catchExceptions=False)
        assert fine
        return results

    return run


@pytest.fixture
def write_raster(tmp_path):
    """Write (bands, rows, columns) or (rows, columns) cells and give the path."""

    def write(
        name, cells, left=500_000.0, top=3_600_000.0, cell=30.0, epsg=32639, nodata=None, names=()
    ):
        cells = np.asarray(cells)
        bands = cells if cells.ndim == 3 else cells[None]
        kinds = {"f": gdal.GDT_Float32, "i": gdal.GDT_Int16, "u": gdal.GDT_Byte}
        path = str(tmp_path / f"{name}.tif")
        raster = gdal.GetDriverByName("GTiff").Create(
            path, bands.shape[2], bands.shape[1], len(bands), kinds[cells.dtype.kind]
        )
        dx, dy = cell if isinstance(cell, tuple) else (cell, cell)
        raster.SetGeoTransform((left, dx, 0, top, 0, -dy))
        if epsg:
            crs = osr.SpatialReference()
            crs.ImportFromEPSG(epsg)
            raster.SetProjection(crs.ExportToWkt())
        for i, band in enumerate(bands, 1):
            raster.GetRasterBand(i).WriteArray(band)
            if nodata is not None:
                raster.GetRasterBand(i).SetNoDataValue(nodata)
        for i, description in enumerate(names, 1):
            raster.GetRasterBand(i).SetDescription(description)
        return path

    return write


@pytest.fixture
def make_raster(write_raster):
    """A raster layer; arguments as those of `write_raster`."""

    def make(name, *args, **options):
        return QgsRasterLayer(write_raster(name, *args, **options), name)

    return make


@pytest.fixture
def make_points():
    """A point layer in memory from WKT and values, or from (n, 2) positions and values."""

    def make(places, values, crs="EPSG:32639", kind="Point", field="mm:double"):
        shapes = [
            place
            if place is None or isinstance(place, str)
            else QgsGeometry.fromPointXY(QgsPointXY(*place))
            for place in places
        ]
        return memory_layer(kind, crs, [field], zip(shapes, values))

    return make


@pytest.fixture
def region(write_raster, make_points):
    """A 3 km square whose ground sinks with the wells' pull on soft ground, -60 to 0 mm."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    wells = np.hypot(rows - 25, columns - 35).astype("float32")
    clay = (columns > SIZE // 2).astype("uint8") + 1
    sunk = -60 * np.exp(-((wells / 15) ** 2)) * np.where(clay == 2, 1, 0.4)
    generator = np.random.default_rng(0)
    at = generator.permutation(SIZE * SIZE)[:300]
    places = [(LEFT + CELL * (cell % SIZE + 0.5), TOP - CELL * (cell // SIZE + 0.5)) for cell in at]
    return {
        "truth": sunk,
        "places": np.array(places),
        "values": sunk.ravel()[at],
        "points": make_points(places, [float(value) for value in sunk.ravel()[at]]),
        "drivers": [
            write_raster("wells", wells, LEFT, TOP, CELL),
            write_raster("clay", clay, LEFT, TOP, CELL),
        ],
    }
