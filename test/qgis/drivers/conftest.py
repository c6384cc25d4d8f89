"""Fixtures that algorithms of driving forces share."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer


@pytest.fixture
def run_maps(run, tmp_path):
    """Run an algorithm; gives the cells of its outputs, NaN for NoData."""

    def run_for(name, outputs, **parameters):
        places = {output: str(tmp_path / f"{output}.out.tif") for output in outputs}
        results = run(name, **parameters, **places)
        return {output: _read(results[output]) for output in outputs}

    return run_for


def _read(path):
    raster = gdal.Open(path)
    band = raster.GetRasterBand(1)
    cells = band.ReadAsArray().astype(float)
    return np.where(cells == band.GetNoDataValue(), np.nan, cells)


@pytest.fixture
def make_layer():
    """A layer in memory: a kind, fields such as "id:string", and rows of (place, *values)."""

    def make(kind, fields, rows, crs="EPSG:32639"):
        uri = f"{kind}?crs={crs}" if kind != "None" else "None?"
        layer = QgsVectorLayer(
            "&".join([uri, *(f"field={each}" for each in fields)]), "l", "memory"
        )
        for place, *values in rows:
            feature = QgsFeature(layer.fields())
            if isinstance(place, str):
                feature.setGeometry(QgsGeometry.fromWkt(place))
            elif place is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*place)))
            feature.setAttributes(values)
            assert layer.dataProvider().addFeatures([feature])[0]
        layer.updateExtents()
        return layer

    return make
