"""Raster layers as drivers."""

from __future__ import annotations

import errno
import os
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsRasterLayer
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.rasters import open_drivers, parse_nodata
from subsidence_mapper.test.qgis_layers import CELLS, SIZE, brought, opened


@pytest.fixture
def damaged(write_raster, tmp_path):
    """Rasters that open, but not all of whose pixels can be read."""

    def make(how):
        path = write_raster("rain", np.random.default_rng(0).normal(size=(600, 600)))
        if how == "cut":
            with open(path, "r+b") as file:
                file.truncate(os.path.getsize(path) // 2)
            return path
        virtual = str(tmp_path / "rain.vrt")
        gdal.BuildVRT(virtual, [path]).FlushCache()
        if how == "gone":
            os.remove(path)
        return virtual

    return make


class TestDamage:
    @pytest.mark.parametrize("how", ["cut", "gone"])
    @pytest.mark.parametrize("way", ["warped", "stacked"])
    def test_a_driver_that_cannot_be_read_is_named_with_its_file(
        self, damaged, tmp_path, feedback, how, way
    ):
        path = damaged(how)
        (driver,) = opened(path)
        with pytest.raises(QgsProcessingException) as problem:
            brought(driver, tmp_path / "job", feedback, way)
        assert str(problem.value).startswith("The raster rain cannot be read: ")
        assert path in str(problem.value)

    @pytest.mark.parametrize("how", ["cut", "gone"])
    def test_algorithms_end_with_it(self, run, damaged, tmp_path, how):
        path = damaged(how)
        out = str(tmp_path / "out.tif")
        runs = {
            "terraindrivers": {"DEM": path, "SLOPE": out},
            "driverstack": {"DRIVERS": [path], "STACK": out},
            "landusedriver": {"IMAGE": path, "METHOD": "kmeans", "LAND_USE": out},
            "ndvidriver": {"RED": [path], "NIR": [path], "NDVI": out},
            "amplitudedispersion": {"IMAGES": [path, path], "TYPE": "decibel", "DISPERSION": out},
        }
        for name, parameters in runs.items():
            with pytest.raises(QgsProcessingException, match="cannot be read") as problem:
                run(name, **parameters)
            assert "rain" in str(problem.value)
            assert "unexpectedly" not in str(problem.value)
            assert not os.path.exists(out)

    @pytest.mark.parametrize("kind", ["ENVI", "netCDF", "AAIGrid", "EHdr", "SAGA", "PNG", "COG"])
    def test_formats_that_are_cut_short(self, write_raster, tmp_path, feedback, kind):
        cells = (np.arange(90_000) % 251).reshape(300, 300).astype("uint8")
        path = str(tmp_path / "cut")
        suffix = {"SAGA": ".sdat", "COG": ".tif"}.get(kind, "")
        gdal.Translate(path + suffix, write_raster("whole", cells), format=kind)
        whole = Source("rain", path + suffix, QgsCoordinateReferenceSystem("EPSG:32639"))
        (driver,) = open_drivers([whole])
        assert np.array_equal(brought(driver, tmp_path / "whole", feedback), cells)
        os.truncate(path + suffix, os.path.getsize(path + suffix) // 2)
        with pytest.raises(QgsProcessingException, match="rain cannot be read: .*cut"):
            (driver,) = open_drivers([whole])
            brought(driver, tmp_path / "job", feedback)

    def test_a_full_disk_is_noticed(self, write_raster, tmp_path, feedback):
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a small disk needs root")
        try:
            for size in (500, 520, 600):
                (driver,) = opened(write_raster("rain", np.ones((size, size), "float32")))
                with pytest.raises(OSError) as problem:
                    brought(driver, disk / f"job{size}", feedback)
                assert problem.value.errno == errno.ENOSPC
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


class TestNames:
    def test_dots_stay(self, write_raster):
        path = write_raster("chirps-v2.0.2019", CELLS)
        for title, name in (("chirps-v2", "chirps-v2.0.2019"), ("my.rain", "my.rain")):
            assert Source.of(QgsRasterLayer(path, title)).name == name

    def test_bands_of_one_year_go_together(self, run, write_raster, tmp_path):
        paths = {"RED": [], "NIR": []}
        for year, index in (("2019", 0.2), ("2020", 0.4)):
            for band, share in (("RED", (1 - index) / 2), ("NIR", (1 + index) / 2)):
                cells = np.full((9, 9), share, np.float32)
                paths[band].append(write_raster(f"l8.{year}0701.{band}", cells))
        paths["NIR"].reverse()
        out = str(tmp_path / "change.tif")
        run("ndvidriver", **paths, NDVI_CHANGE=out)
        assert gdal.Open(out).ReadAsArray() == pytest.approx(0.2, abs=1e-3)


class TestAuxiliary:
    """Rasters whose bands are all auxiliary, such as the errors that Compare methods maps."""

    @pytest.fixture
    def errors(self, write_raster):
        path = write_raster("errors", np.stack([CELLS, CELLS]), 500_010, 3_599_950, 40)
        raster = gdal.Open(path, gdal.GA_Update)
        for number in (1, 2):
            raster.GetRasterBand(number).SetMetadataItem("KIND", "auxiliary")
        raster.FlushCache()
        return path

    def test_its_grid_serves_as_reference(self, run, errors, write_raster, tmp_path):
        given, classes = write_raster("image", CELLS), str(tmp_path / "classes.tif")
        run("landusedriver", IMAGE=given, METHOD="kmeans", REFERENCE=errors, LAND_USE=classes)
        raster = gdal.Open(classes)
        assert raster.GetGeoTransform() == (500_010, 40, 0, 3_599_950, 0, -40)
        assert (raster.RasterXSize, raster.RasterYSize) == (SIZE, SIZE)

    @pytest.mark.parametrize(
        ("name", "raster", "given"),
        [
            ("terraindrivers", "DEM", {"SLOPE": "OUT"}),
            ("landusedriver", "IMAGE", {"METHOD": "reclassify", "LAND_USE": "OUT"}),
            ("driverstack", "DRIVERS", {"STACK": "OUT"}),
        ],
    )
    def test_it_holds_nothing_to_work_with(self, run, errors, tmp_path, name, raster, given):
        out = str(tmp_path / "out.tif")
        given = {key: out if value == "OUT" else value for key, value in given.items()}
        given[raster] = [errors] if raster == "DRIVERS" else errors
        with pytest.raises(
            QgsProcessingException, match="^The raster layer errors has no band to work with: each"
        ):
            run(name, **given)


@given(st.text() | st.text(alphabet="ab*=;,. -+0123456789enaif\n"))
def test_property_nodata_is_understood_or_refused(text):
    try:
        values = parse_nodata(text, ["a", "b"])
    except QgsProcessingException as problem:
        assert str(problem).startswith("NODATA ")
    else:
        assert set(values) <= {"a", "b", "*"}
        assert all(isinstance(value, float) and np.isfinite(value) for value in values.values())
