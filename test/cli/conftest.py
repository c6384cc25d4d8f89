"""`qgis_process` with a profile of its own, and a small region on disk."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from subsidence_mapper.algorithms.worker.interpreter import worker_python
from subsidence_mapper.test.qgis_process import PROGRAM, arguments

SIZE, CELL, LEFT, TOP = 60, 50.0, 500_000.0, 3_600_000.0


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Environment variables under which `qgis_process` knows the plugin."""
    home = tmp_path_factory.mktemp("profile")
    plugins = home / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    plugin = Path(__file__).absolute().parents[2]
    (plugins / "subsidence_mapper").symlink_to(plugin, target_is_directory=True)
    (home / "jobs").mkdir()
    variables = {
        **os.environ,
        "QGIS_CUSTOM_CONFIG_PATH": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "TMPDIR": str(home / "jobs"),
        "SUBSIDENCE_PYTHON": worker_python(),
    }
    enable = [PROGRAM, "plugins", "enable", "subsidence_mapper"]
    subprocess.run(enable, env=variables, check=True, capture_output=True)
    return variables


@pytest.fixture(scope="session")
def qgis_process(environment):
    """Run `qgis_process` and give the finished process."""

    def run(*arguments, **variables):
        return subprocess.run(
            [PROGRAM, *arguments],
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def algorithm(qgis_process):
    """Run an algorithm that must succeed, and give its results."""

    def run(name, **parameters):
        finished = qgis_process("run", f"subsidence:{name}", "--json", *arguments(parameters))
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)["results"]

    return run


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    """Two drivers, and points in a GeoPackage and in a table, of ground that sinks -60 to 0 mm."""
    folder = tmp_path_factory.mktemp("region")
    rows, columns = np.mgrid[:SIZE, :SIZE]
    wells = np.hypot(rows - 25, columns - 35)
    clay = (columns > SIZE // 2) + 1
    sunk = -60 * np.exp(-((wells / 15) ** 2)) * np.where(clay == 2, 1, 0.4)
    at = np.random.default_rng(0).permutation(SIZE * SIZE)[:300]
    x, y = LEFT + CELL * (at % SIZE + 0.5), TOP - CELL * (at // SIZE + 0.5)
    utm = osr.SpatialReference()
    utm.ImportFromEPSG(32639)
    for name, cells, kind in (
        ("wells", wells, gdal.GDT_Float32),
        ("clay", clay, gdal.GDT_Byte),
        ("truth", sunk, gdal.GDT_Float32),
        ("nowhere", wells, gdal.GDT_Float32),
    ):
        raster = gdal.GetDriverByName("GTiff").Create(
            str(folder / f"{name}.tif"), SIZE, SIZE, 1, kind
        )
        raster.SetGeoTransform((LEFT, CELL, 0, TOP, 0, -CELL))
        if name != "nowhere":
            raster.SetProjection(utm.ExportToWkt())
        raster.GetRasterBand(1).WriteArray(cells)
    raster = None
    package = ogr.GetDriverByName("GPKG").CreateDataSource(str(folder / "ps.gpkg"))
    layer = package.CreateLayer("ps", utm, ogr.wkbPoint)
    for name, kind in (("mm", ogr.OFTReal), ("same", ogr.OFTReal), ("text", ogr.OFTString)):
        layer.CreateField(ogr.FieldDefn(name, kind))
    for east, north, value in zip(x.tolist(), y.tolist(), sunk.ravel()[at].tolist()):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({east} {north})"))
        for name, content in (("mm", value), ("same", 5.0), ("text", "sunk")):
            feature.SetField(name, content)
        layer.CreateFeature(feature)
    package = layer = None
    table = np.column_stack([x, y, sunk.ravel()[at]])
    np.savetxt(folder / "ps.csv", table, delimiter=",", header="x,y,mm", comments="")
    return folder
