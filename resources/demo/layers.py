"""The grid of the demo region and all that GDAL does for it: distances, slopes, files."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
from osgeo import gdal, ogr, osr

gdal.UseExceptions()
ogr.UseExceptions()
osr.UseExceptions()

EPSG = 32639
KINDS = {np.dtype(np.uint8): gdal.GDT_Byte, np.dtype(np.uint16): gdal.GDT_UInt16}


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in metres; `left` and `top` are its outer corner."""

    left: float
    top: float
    cell_size: float
    width: int
    height: int

    @property
    def shape(self):
        """(height, width) in cells."""
        return (self.height, self.width)

    def centres(self):
        """x and y of the cell centres in m, both of shape (height, width)."""
        x = self.left + (np.arange(self.width) + 0.5) * self.cell_size
        y = self.top - (np.arange(self.height) + 0.5) * self.cell_size
        return np.meshgrid(x, y)

    def cells(self, x, y):
        """Row and column of the cells that hold the places x, y (m)."""
        row = np.floor((self.top - np.asarray(y)) / self.cell_size).astype(int)
        column = np.floor((np.asarray(x) - self.left) / self.cell_size).astype(int)
        return row, column


def projection():
    """The region's coordinate reference system."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(EPSG)
    return reference


def memory_raster(grid, values):
    """A GDAL dataset in memory with one band: whole numbers as they are, the rest as float32."""
    kind = KINDS.get(values.dtype, gdal.GDT_Float32)
    raster = gdal.GetDriverByName("MEM").Create("", grid.width, grid.height, 1, kind)
    raster.SetGeoTransform((grid.left, grid.cell_size, 0, grid.top, 0, -grid.cell_size))
    raster.SetProjection(projection().ExportToWkt())
    raster.GetRasterBand(1).WriteArray(values)
    return raster


def distance_to(grid, mask):
    """Distance in m from each cell to the nearest true cell of a mask."""
    source = memory_raster(grid, mask.astype(np.uint8))
    target = memory_raster(grid, np.zeros(grid.shape))
    gdal.ComputeProximity(
        source.GetRasterBand(1), target.GetRasterBand(1), ["VALUES=1", "DISTUNITS=GEO"]
    )
    return target.ReadAsArray().astype(float)


def slope_and_aspect(grid, altitude):
    """Slope and aspect in degrees (Horn, 1981), up to the edge; aspect is 0 on flats."""
    source = memory_raster(grid, altitude)
    slope = gdal.DEMProcessing("", source, "slope", format="MEM", computeEdges=True)
    aspect = gdal.DEMProcessing(
        "", source, "aspect", format="MEM", computeEdges=True, zeroForFlat=True
    )
    return slope.ReadAsArray().astype(float), aspect.ReadAsArray().astype(float)


def write_raster(path, grid, values, name):
    """Write a tiled, compressed GeoTIFF of one named band."""
    whole = values.dtype in KINDS
    raster = memory_raster(grid, values)
    raster.GetRasterBand(1).SetDescription(name)
    raster.GetRasterBand(1).SetNoDataValue(0 if whole else -9999)
    options = ["TILED=YES", "COMPRESS=DEFLATE", f"PREDICTOR={2 if whole else 3}"]
    gdal.GetDriverByName("GTiff").CreateCopy(str(path), raster, options=options)


def write_points(path, x, y, fields):
    """Write a GeoPackage of points, its layer named as the file.

    Parameters
    ----------
    path : pathlib.Path
        Replaced if it exists.
    x, y : numpy.ndarray
        m.
    fields : dict of str to numpy.ndarray
        Whole numbers become integer fields, texts text fields, the rest real ones.
    """
    path.unlink(missing_ok=True)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer(path.stem, projection(), ogr.wkbPoint)
    for name, values in fields.items():
        kinds = {"i": ogr.OFTInteger, "U": ogr.OFTString}
        layer.CreateField(ogr.FieldDefn(name, kinds.get(values.dtype.kind, ogr.OFTReal)))
    layer.StartTransaction()
    for index in range(len(x)):
        place = ogr.Geometry(ogr.wkbPoint)
        place.AddPoint_2D(x[index], y[index])
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(place)
        for name, values in fields.items():
            feature.SetField(name, values[index].item())
        layer.CreateFeature(feature)
    layer.CommitTransaction()


def write_table(path, columns):
    """Write columns of texts as a table with commas."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def to_degrees(x, y):
    """Longitude and latitude (WGS 84, degrees) of places in the region (m)."""
    degrees = osr.SpatialReference()
    degrees.ImportFromEPSG(4326)
    degrees.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    places = osr.CoordinateTransformation(projection(), degrees).TransformPoints(
        np.column_stack([x, y])
    )
    longitude, latitude, _ = np.transpose(places)
    return longitude, latitude
