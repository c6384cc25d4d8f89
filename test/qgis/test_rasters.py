"""Rasters as they come: masks, marks, damage, overviews, odd projections and hostile files."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms.layers.crs import is_true, scale
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.files import check_files, files_of, files_of_vector
from subsidence_mapper.algorithms.layers.grids import Grid, grid_of
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.algorithms.layers.rasters import open_drivers, parse_nodata
from subsidence_mapper.algorithms.layers.warp import link_drivers, stack_drivers, warp_drivers
from subsidence_mapper.algorithms.layers.working_grid import choose_grid, choose_lattice
from subsidence_mapper.algorithms.worker.folders import PREFIX
from subsidence_mapper.algorithms.worker.interpreter import worker_python
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.model.errors import InputError

TRANSFORMS = QgsCoordinateTransformContext()
SIZE = 60
CELLS = (100 + np.arange(SIZE * SIZE) / 8).reshape(SIZE, SIZE).astype(np.float32)
INSIDE = np.zeros((SIZE, SIZE), bool)
INSIDE[10:50, 10:50] = True


def opened(path, **options):
    return open_drivers([Source.of(QgsRasterLayer(path, "rain"))], **options)


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


@pytest.fixture
def masked(write_raster):
    """Write CELLS with zeros and a mask around INSIDE; a corner of it is -5."""

    def write(how, nodata=None):
        mask = np.where(INSIDE, 255, 0).astype(np.float32)
        cells = np.where(INSIDE, CELLS, 0).astype(np.float32)
        cells[10:12, 10:12] = -5
        if how == "alpha":
            path = write_raster("rain", np.stack([cells, mask]), nodata=nodata)
            raster = gdal.Open(path, gdal.GA_Update)
            raster.GetRasterBand(2).SetColorInterpretation(gdal.GCI_AlphaBand)
            return path
        path = write_raster("rain", cells, nodata=nodata)
        gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES" if how == "inside" else None)
        raster = gdal.Open(path, gdal.GA_Update)
        raster.CreateMaskBand(gdal.GMF_PER_DATASET)
        raster.GetRasterBand(1).GetMaskBand().WriteArray(mask)
        raster = None
        gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", None)
        assert os.path.exists(f"{path}.msk") == (how == "beside")
        return path

    return write


class TestMasks:
    @pytest.mark.parametrize("nodata", [None, -5])
    @pytest.mark.parametrize("way", ["warped", "stacked", "linked"])
    @pytest.mark.parametrize("how", ["alpha", "inside", "beside"])
    def test_what_a_mask_hides_is_nodata(self, masked, tmp_path, feedback, how, way, nodata):
        (driver,) = opened(masked(how, nodata))
        got = brought(driver, tmp_path / "job", feedback, way)
        expected = np.where(INSIDE, CELLS, np.nan)
        expected[10:12, 10:12] = -5 if nodata is None else np.nan
        if way == "linked" and nodata is not None:
            expected[10:12, 10:12] = -5  # images of radar have a mask or a NoData value, not both
        np.testing.assert_array_equal(got, expected)

    def test_masked_values_do_not_bleed_into_means(self, masked, tmp_path, feedback):
        (driver,) = opened(masked("beside", -5))
        got = brought(driver, tmp_path / "job", feedback, cell_size=90)
        assert np.nanmin(got) >= CELLS[INSIDE].min() and np.nanmax(got) <= CELLS[INSIDE].max()


class TestMarks:
    @pytest.mark.parametrize("way", ["warped", "stacked"])
    @pytest.mark.parametrize(
        "values", [[-9999], [-32768], [np.inf, -np.inf], [1e20, -3.4028235e38, 9.96921e36, -99999]]
    )
    def test_values_that_mean_nothing_are_nodata(
        self, write_raster, tmp_path, feedback, values, way
    ):
        cells, expected = CELLS.copy(), CELLS.copy()
        for i, value in enumerate(values):
            cells[7 * i, :3] = value
            expected[7 * i, :3] = np.nan
        (driver,) = opened(write_raster("rain", cells))
        np.testing.assert_array_equal(brought(driver, tmp_path / "job", feedback, way), expected)
        told = [text for text in feedback.warnings if "means no data" in text]
        assert sorted(told) == sorted(
            f"rain: 3 cells hold {value:g}, which means no data here: NoData. Other such values "
            "can be named in NODATA."
            for value in values
        )

    @pytest.mark.parametrize("way", ["warped", "stacked"])
    def test_double_precision_and_a_tag_beside(self, write_raster, tmp_path, feedback, way):
        cells = CELLS.astype(float)
        cells[0, :4] = -1.7976931348623157e308, 1e300, -np.inf, 7
        path = str(tmp_path / "double.tif")
        gdal.Translate(path, write_raster("rain", CELLS), outputType=gdal.GDT_Float64)
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(1).WriteArray(cells)
        raster.GetRasterBand(1).SetNoDataValue(7)
        raster = None
        (driver,) = opened(path)
        got = brought(driver, tmp_path / "job", feedback, way)
        assert np.isnan(got[0, :4]).all()
        np.testing.assert_array_equal(got[0, 4:], CELLS[0, 4:])
        np.testing.assert_array_equal(got[1:], CELLS[1:])
        assert len(feedback.warnings) == 3

    def test_whole_numbers_too(self, write_raster, tmp_path, feedback):
        cells = np.arange(3600, dtype="int16").reshape(SIZE, SIZE)
        cells[5, 5] = -32768
        (driver,) = opened(write_raster("rain", cells))
        got = brought(driver, tmp_path / "job", feedback)
        assert np.isnan(got[5, 5]) and np.isnan(got).sum() == 1
        assert "rain: 1 cell holds -32768" in feedback.warnings[0]

    def test_the_same_number_among_others_like_it_is_a_value(
        self, write_raster, tmp_path, feedback
    ):
        cells = np.linspace(-12_000, 12_000, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.float32)
        cells[30, 30] = -9999
        (driver,) = opened(write_raster("rain", cells))
        np.testing.assert_array_equal(brought(driver, tmp_path / "job", feedback), cells)
        assert not feedback.warnings

    def test_a_negative_mark_among_large_numbers(self, write_raster, tmp_path, feedback):
        cells = np.linspace(0, 1e6, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.float32)
        cells[30, 30] = -9999
        (driver,) = opened(write_raster("rain", cells))
        assert np.isnan(brought(driver, tmp_path / "job", feedback)[30, 30])
        assert "rain: 1 cell holds -9999" in feedback.warnings[0]

    def test_a_damaged_file_is_refused(self, write_raster, tmp_path, feedback):
        noise = np.random.default_rng(0).bytes(4 * SIZE * SIZE)
        (driver,) = opened(write_raster("rain", np.frombuffer(noise, "f4").reshape(SIZE, SIZE)))
        with pytest.raises(QgsProcessingException, match="rain holds many values that no quantity"):
            brought(driver, tmp_path / "job", feedback)

    def test_they_do_not_bleed_into_neighbours(self, write_raster, tmp_path, feedback):
        cells = CELLS.copy()
        cells[::7, ::5] = -9999
        (driver,) = opened(write_raster("rain", cells))
        got = brought(driver, tmp_path / "job", feedback, cell_size=90)
        assert CELLS.min() <= np.nanmin(got) and np.nanmax(got) <= CELLS.max()

    def test_what_is_named_nodata_is_not_counted(self, write_raster, tmp_path, feedback):
        cells = CELLS.copy()
        cells[3, 3] = -9999
        (driver,) = opened(write_raster("rain", cells), nodata="rain=-9999")
        assert np.isnan(brought(driver, tmp_path / "job", feedback)[3, 3])
        assert not feedback.warnings


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


class TestOverviews:
    @pytest.fixture
    def with_overviews(self, write_raster):
        def write(cells):
            path = write_raster("rain", cells)
            raster = gdal.Open(path, gdal.GA_Update)
            raster.BuildOverviews("AVERAGE", [2, 4, 8])
            return path

        return write

    @pytest.mark.parametrize("through_vrt", [False, True])
    @pytest.mark.parametrize("way", ["warped", "stacked"])
    @pytest.mark.parametrize("kind", ["categorical", "circular"])
    def test_classes_and_directions_are_those_of_the_cells(
        self, with_overviews, tmp_path, feedback, kind, way, through_vrt
    ):
        cells = np.random.default_rng(0).choice([10, 130, 350], (400, 400)).astype(np.float32)
        path = with_overviews(cells)
        if through_vrt:
            gdal.BuildVRT(str(tmp_path / "rain.vrt"), [path]).FlushCache()
            path = str(tmp_path / "rain.vrt")
        (driver,) = opened(path)
        driver.kind = kind
        got = brought(driver, tmp_path / "job", feedback, way, cell_size=240)
        assert set(np.unique(got)) == {10, 130, 350}

    def test_means_are_those_of_the_cells(self, with_overviews, tmp_path, feedback):
        cells = np.random.default_rng(0).normal(size=(400, 400)).astype(np.float32)
        path = with_overviews(cells)
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(1).GetOverview(0).WriteArray(np.full((200, 200), 99))
        raster = None
        got = brought(opened(path)[0], tmp_path / "job", feedback, cell_size=240)
        means = cells.reshape(50, 8, 50, 8).mean(axis=(1, 3))
        np.testing.assert_allclose(got, means, atol=1e-5)

    def test_kinds_are_guessed_from_the_cells(self, with_overviews, feedback):
        cells = np.random.default_rng(0).choice([1, 2, 3, 4], (3000, 3000)).astype(np.float32)
        drivers = opened(with_overviews(cells))
        set_kinds(drivers, "", "", feedback)
        assert drivers[0].kind == "categorical"


class TestFloatClasses:
    @pytest.mark.parametrize("count, kind", [(4, "categorical"), (32, "categorical")])
    def test_few_whole_numbers_are_classes(self, write_raster, feedback, count, kind):
        cells = (np.arange(SIZE * SIZE) % count).reshape(SIZE, SIZE).astype(np.float32)
        cells[0, :5] = np.nan
        drivers = opened(write_raster("rain", cells))
        set_kinds(drivers, "", "", feedback)
        assert drivers[0].kind == kind
        assert f"it holds only {count} different whole numbers" in feedback.infos[0]

    def test_many_or_decimal_ones_are_not(self, write_raster, feedback):
        many = (np.arange(SIZE * SIZE) % 33).reshape(SIZE, SIZE).astype(np.float32)
        for cells in (many, many % 4 + 0.5):
            drivers = opened(write_raster("rain", cells))
            set_kinds(drivers, "", "", feedback)
            assert drivers[0].kind == "continuous"

    def test_complex_numbers_are_refused(self, run, write_raster, tmp_path):
        path = str(tmp_path / "slc.tif")
        gdal.Translate(path, write_raster("rain", CELLS), outputType=gdal.GDT_CFloat32)
        with pytest.raises(QgsProcessingException, match="The raster slc holds complex numbers"):
            run("driverstack", DRIVERS=[path], STACK=str(tmp_path / "stack.tif"))


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


class TestProjections:
    @pytest.mark.parametrize("latitude", [-60, 0, 35, 60])
    def test_web_mercator_stretches_by_the_secant(self, latitude):
        crs = QgsCoordinateReferenceSystem("EPSG:3857")
        radius, flat = 6378137.0, 0.00669438
        angle = np.radians(latitude)
        place = QgsPointXY(0, radius * np.log(np.tan(np.pi / 4 + angle / 2)))
        along = np.sqrt(1 - flat * np.sin(angle) ** 2) / np.cos(angle)
        across = along * (1 - flat * np.sin(angle) ** 2) / (1 - flat)
        odder = max(along, across, key=lambda each: abs(np.log(each)))
        assert scale(crs, place) == pytest.approx(odder, rel=1e-5)
        assert is_true(crs, place) == (latitude == 0)

    @pytest.mark.parametrize(
        ("crs", "x", "y", "true"),
        [
            ("EPSG:32639", 500_000, 3_600_000, True),
            ("EPSG:32639", 800_000, 3_600_000, True),
            ("EPSG:3395", 0, 8_362_698, False),
            ("EPSG:3035", 4_321_000, 3_210_000, True),
            ("EPSG:3413", 0, -2_200_000, True),
            ("EPSG:3413", 0, -6_000_000, False),
            ("EPSG:4326", 10, 50, False),
            ("EPSG:2154", 700_000, 6_600_000, True),
        ],
    )
    def test_which_crs_has_true_metres(self, crs, x, y, true):
        assert is_true(QgsCoordinateReferenceSystem(crs), QgsPointXY(x, y)) == true

    @pytest.mark.parametrize(("epsg", "y"), [(3857, 8_399_738), (3395, 8_362_698)])
    def test_a_stretched_dem_is_brought_to_utm(
        self, run, write_raster, tmp_path, feedback, epsg, y
    ):
        # At 60 degrees north a metre on the ground is two: a rise of 3 m a cell of 60 m is 10 %.
        heights = 500 + 3.0 * np.arange(100) * np.ones((100, 1))
        dem = write_raster("dem", heights, 2_000_000, y, 60.0, epsg)
        out = str(tmp_path / "slope.tif")
        run("terraindrivers", DEM=dem, SLOPE=out)
        raster = gdal.Open(out)
        assert "UTM zone 33N" in raster.GetProjection() or "UTM zone 34N" in raster.GetProjection()
        assert raster.GetGeoTransform()[1] == pytest.approx(30, rel=0.01)
        slope = np.tan(np.radians(raster.ReadAsArray()[20:-20, 20:-20]))
        assert np.nanmedian(slope) == pytest.approx(0.1, rel=0.01)
        assert any(f"EPSG:{epsg}, whose scale there is " in text for text in feedback.warnings)

    def test_a_stretched_reference_is_refused(self, run, write_raster, make_points, tmp_path):
        reference = write_raster("grid", CELLS, 2_000_000, 8_399_738, 60.0, 3857)
        points = make_points([(2_001_000, 8_397_000), (2_002_000, 8_398_000)], [1, 2], "EPSG:3857")
        QgsProject.instance().addMapLayer(points)
        with pytest.raises(
            QgsProcessingException, match="grid is in EPSG:3857, whose scale there is 2.*EPSG:32633"
        ):
            run("welldistance", WELLS=points, REFERENCE=reference, DISTANCE=str(tmp_path / "d.tif"))

    def test_a_crs_without_a_place_on_earth_passes(self):
        site = QgsCoordinateReferenceSystem.fromWkt('LOCAL_CS["site",UNIT["metre",1]]')
        assert is_true(site, QgsPointXY(1000, 2000))

    def test_a_stretched_surface_has_no_areas(self, write_raster):
        (driver,) = opened(write_raster("surface", CELLS, 2_000_000, 8_399_738, 60.0, 3857))
        with pytest.raises(QgsProcessingException, match="distances and areas would be wrong"):
            grid_of(driver)

    def test_a_slightly_stretched_map_is_warned_of(self, run, write_raster, tmp_path, feedback):
        # Polar stereographic, true at 70 degrees north, at 65 degrees.
        path = write_raster("rain", CELLS, 0, -2_750_000, 100.0, 3413)
        run("driverstack", DRIVERS=[path], STACK=str(tmp_path / "stack.tif"))
        assert any("EPSG:3413, whose scale there is 1.02" in text for text in feedback.warnings)


class TestPlaces:
    def lattice(self, make_points, places, feedback, crs="EPSG:4326"):
        layer = make_points(places, np.arange(len(places)).tolist(), crs)
        source = QgsProcessingFeatureSource(layer, QgsProcessingContext())
        return choose_lattice(None, [], 30, source, TRANSFORMS, feedback)

    @pytest.mark.parametrize(
        ("longitude", "latitude", "zone"),
        [(180, -17, 32701), (179.2, -17, 32760), (-179.2, 52, 32601), (10, -1, 32732)],
    )
    def test_the_zone_is_where_most_points_are(
        self, make_points, feedback, longitude, latitude, zone
    ):
        random = np.random.default_rng(0)
        x, y = longitude + random.uniform(-0.5, 0.501, 301), latitude + random.uniform(-1, 0.9, 301)
        places = list(zip((x + 180) % 360 - 180, y))
        assert self.lattice(make_points, places, feedback).crs.authid() == f"EPSG:{zone}"
        assert not feedback.warnings

    def test_a_driver_of_the_world_leaves_the_zone_to_points_and_extent(
        self, make_raster, make_points, feedback
    ):
        world = make_raster("rain", np.ones((180, 360), "float32"), -180, 90, 1, 4326)
        drivers = open_drivers([Source.of(world)])
        layer = make_points([(147.1, -33), (147.2, -33)], [1, 2], "EPSG:4326")
        source = QgsProcessingFeatureSource(layer, QgsProcessingContext())
        extent = QgsRectangle(51, 32, 52, 33)
        for given_extent, zone in ((None, 32755), (extent, 32639)):
            lattice = choose_lattice(None, drivers, 30, source, TRANSFORMS, feedback, given_extent)
            assert lattice.crs.authid() == f"EPSG:{zone}"

    @pytest.mark.parametrize(
        ("epsg", "left", "top", "cell", "zone"),
        [
            (32760, 815_000, 8_120_000, 100.0, 32760),
            (32701, 175_000, 8_120_000, 100.0, 32701),
            (4326, 179.97, -17.0, 0.001, 32701),
            (3832, 3_336_000, -1_880_000, 100.0, 32701),
        ],
    )
    def test_drivers_across_the_180th_meridian(
        self, write_raster, tmp_path, feedback, epsg, left, top, cell, zone
    ):
        (driver,) = opened(write_raster("rain", CELLS, left, top, cell, epsg))
        lattice = choose_lattice(None, [driver], None, None, TRANSFORMS, feedback)
        assert lattice.crs.authid() in (f"EPSG:{zone}", f"EPSG:{epsg}")
        got = brought(driver, tmp_path / "job", feedback)
        assert np.isfinite(got).mean() > 0.9

    def test_the_search_for_the_middle_of_many_points_can_be_cancelled(self, make_points):
        class Third(QgsProcessingFeedback):
            """Cancelled when it is asked for the third time."""

            asked = 0

            def isCanceled(self):
                self.asked += 1
                return self.asked == 3

        feedback = Third(False)
        with pytest.raises(JobCancelled, match="^Cancelled. Nothing was written.$"):
            self.lattice(make_points, [(51 + i / 100, 32) for i in range(2500)], feedback)
        assert feedback.asked == 3

    @pytest.mark.parametrize("far", [(9.0, 32.0), (0.5, 0.0), (-120.0, 32.0), (51.0, -33.0)])
    def test_a_point_far_away_is_named_and_moves_nothing(self, make_points, feedback, far):
        random = np.random.default_rng(0)
        places = [*zip(51 + random.uniform(0, 0.3, 60), 32 + random.uniform(0, 0.3, 60)), far]
        assert self.lattice(make_points, places, feedback).crs.authid() == "EPSG:32639"
        assert len(feedback.warnings) == 1
        assert feedback.warnings[0].startswith("1 of 61 features of ps lie far from all others")
        assert f"longitude {far[0]:g}, latitude {far[1]:g}" in feedback.warnings[0]

    def test_a_point_far_away_does_not_widen_the_map(self, run, make_points, tmp_path, feedback):
        random = np.random.default_rng(0)
        places = [*zip(51 + random.uniform(0, 0.05, 60), 32 + random.uniform(0, 0.05, 60)), (9, 32)]
        layer = make_points(places, random.normal(size=61).tolist(), "EPSG:4326")
        QgsProject.instance().addMapLayer(layer)
        out = str(tmp_path / "s.tif")
        run("idw", PS_POINTS=layer, VALUE_FIELD="mm", SURFACE=out)
        raster = gdal.Open(out)
        assert raster.RasterXSize * 30 == pytest.approx(4700 * 1.1, rel=0.05)
        assert any("1 of 61 points lie outside the area" in text for text in feedback.warnings)

    @pytest.mark.parametrize(
        "place",
        [
            (500_000, 0, 0, 3_600_000, 0, -30),
            (500_000, 30, 0, 3_600_000, 0, 0),
            (1e300, 30, 0, 3_600_000, 0, -30),
            (500_000, 1e200, 0, 3_600_000, 0, -30),
            (np.nan, 30, 0, 3_600_000, 0, -30),
            (500_000, np.inf, 0, 3_600_000, 0, -30),
        ],
    )
    def test_cells_without_size_or_place_are_refused(self, write_raster, place):
        raster = gdal.Open(write_raster("rain", CELLS), gdal.GA_Update)
        virtual = gdal.Translate("", raster, format="VRT")
        virtual.SetGeoTransform(place)
        layer = Source("rain", virtual.GetMetadata("xml:VRT")[0], Grid)
        with pytest.raises(QgsProcessingException, match="The raster rain has cells of .*damaged"):
            open_drivers([layer])

    def test_a_raster_without_a_georeference_is_refused(self, tmp_path):
        path = str(tmp_path / "bare.tif")
        gdal.GetDriverByName("GTiff").Create(path, 60, 60, 1).FlushCache()
        crs = QgsCoordinateReferenceSystem("EPSG:32639")
        (driver,) = open_drivers([Source("bare", path, crs)])
        with pytest.raises(QgsProcessingException, match="bare states neither its corner nor"):
            grid_of(driver)
        with pytest.raises(QgsProcessingException, match="bare states neither its corner nor"):
            choose_lattice(None, [driver], None, None, TRANSFORMS)

    @pytest.mark.parametrize("cell", [0.0, -30.0, np.nan, np.inf])
    def test_a_grid_needs_cells_with_a_size(self, cell):
        grid = Grid(QgsCoordinateReferenceSystem("EPSG:32639"), 0.0, 0.0, cell, cell)
        with pytest.raises(QgsProcessingException, match="have no size"):
            grid.over(QgsRectangle(0, 0, 100, 100))

    def test_an_area_without_a_place(self):
        grid = Grid(QgsCoordinateReferenceSystem("EPSG:32639"), 0.0, 0.0, 30.0, 30.0)
        for value in (np.nan, np.inf):
            with pytest.raises(QgsProcessingException, match="no place on earth"):
                grid.over(QgsRectangle(0, 0, value, 100))


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


VIRTUAL = (
    '<VRTDataset rasterXSize="60" rasterYSize="60"><SRS>EPSG:32639</SRS>'
    "<GeoTransform>500000, 30, 0, 3600000, 0, -30</GeoTransform>"
    '<VRTRasterBand dataType="Float32" band="1"{kind}>{inside}</VRTRasterBand></VRTDataset>'
)
SOURCE = "<SimpleSource><SourceFilename{beside}>{file}</SourceFilename></SimpleSource>"


class TestFiles:
    @pytest.fixture
    def virtual(self, tmp_path):
        def write(inside, kind="", name="rain.vrt"):
            path = tmp_path / name
            path.write_text(VIRTUAL.format(inside=inside, kind=kind))
            return str(path)

        return write

    def test_all_that_a_raster_rests_on(self, write_raster, virtual, tmp_path):
        path = write_raster("a", CELLS)
        inner = virtual(SOURCE.format(beside=' relativeToVRT="1"', file="a.tif"), name="b.vrt")
        outer = virtual(SOURCE.format(beside="", file=inner), name="c.vrt")
        assert files_of(outer) == {path, inner, outer}
        text = VIRTUAL.format(inside=SOURCE.format(beside="", file=inner), kind="")
        assert files_of(text) == {path, inner}
        os.symlink(path, tmp_path / "link.tif")
        assert path in files_of(str(tmp_path / "link.tif"))
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.write(path, "a.tif")
        assert files_of(f"/vsizip/{tmp_path}/z.zip/a.tif") == {str(tmp_path / "z.zip")}
        assert files_of(f'NETCDF:"{path}":rain') == {path}
        assert files_of("no such file") == set()

    @pytest.fixture
    def asked(self, monkeypatch):
        """The names of all that GDAL is told to open."""
        names, open_it = [], gdal.OpenEx

        def remember(name, *args, **options):
            names.append(name)
            return open_it(name, *args, **options)

        monkeypatch.setattr(gdal, "OpenEx", remember)
        return names

    def test_the_tiles_of_a_mosaic_are_found_without_opening_them(
        self, write_raster, tmp_path, asked
    ):
        tiles = [write_raster(f"{i}", CELLS, 500_000 + 1800 * i) for i in range(3)]
        inner, outer = str(tmp_path / "inner.vrt"), str(tmp_path / "outer.vrt")
        gdal.BuildVRT(inner, tiles).FlushCache()
        gdal.BuildVRT(outer, [inner]).FlushCache()
        beside = tmp_path / "0.tif.aux.xml"
        beside.write_text("<PAMDataset></PAMDataset>")
        asked.clear()
        assert files_of(outer) == {*tiles, inner, outer}
        assert files_of(tiles[0]) == {tiles[0], str(beside)}
        assert asked == [outer, tiles[0]]

    def test_a_vector_file_is_opened_for_the_files_beside_it_alone(self, tmp_path, asked):
        places = gdal.GetDriverByName("Memory").Create("", 0, 0, 0, gdal.GDT_Unknown)
        places.CreateLayer("ps", geom_type=ogr.wkbPoint).CreateField(ogr.FieldDefn("mm"))
        shape, text = str(tmp_path / "ps.shp"), str(tmp_path / "ps.geojson")
        gdal.VectorTranslate(shape, places, dstSRS="EPSG:32639")
        gdal.VectorTranslate(text, places, dstSRS="EPSG:4326")
        asked.clear()
        beside = {str(tmp_path / f"ps.{end}") for end in ("shp", "shx", "dbf", "prj")}
        assert files_of_vector(QgsVectorLayer(shape, "ps")) == beside
        assert files_of_vector(QgsVectorLayer(text, "ps")) == {text}
        assert asked == [shape]

    def test_our_own_stack_rests_on_its_drivers_and_can_be_used(
        self, write_raster, tmp_path, feedback
    ):
        path = write_raster("a", np.where(INSIDE, CELLS, -9999))
        (driver,) = opened(path)
        grid = Grid(driver.crs, 500_000, 3_600_000, 60, 60, 30, 30)
        stack = tmp_path / "stack.vrt"
        stack_drivers([driver], grid, stack, feedback)
        assert files_of(str(stack)) >= {path, str(stack)}
        check_files(str(stack), "stack")
        got = brought(opened(str(stack))[0], tmp_path / "job", feedback)
        assert np.isnan(got).sum() == 30 * 30 - 20 * 20

    @pytest.mark.parametrize(
        "file",
        [
            "/vsicurl/http://localhost/a.tif",
            "http://localhost/a.tif",
            "ftp://localhost/a.tif",
            "/vsis3/bucket/a.tif",
            "/vsizip//vsicurl/http://localhost/a.zip/a.tif",
            "/vsizip//vsis3/bucket/a.zip/a.tif",
            "/vsicurl_streaming/http://localhost/a.tif",
            "/vsis3_streaming/bucket/a.tif",
            'NETCDF:"/vsigs/bucket/a.nc":rain',
            "/vsisparse//tmp/parts.xml",
        ],
    )
    def test_a_file_that_fetches_from_the_net_is_refused(self, virtual, file):
        path = virtual(SOURCE.format(beside="", file=file))
        outer = virtual(SOURCE.format(beside="", file=path), name="outer.vrt")
        said = re.escape(f"{path}, which fetches {file} from the net")
        for each in (path, outer):
            source = Source("rain", each, QgsCoordinateReferenceSystem("EPSG:32639"))
            with pytest.raises(QgsProcessingException, match=said):
                open_drivers([source])

    @pytest.mark.parametrize("folder", ["vsites", "vsis3", "a/vsicurl_copies"])
    def test_a_folder_may_be_called_as_a_file_system(self, write_raster, virtual, tmp_path, folder):
        (tmp_path / folder).mkdir(parents=True)
        path = write_raster(f"{folder}/a", CELLS)
        outer = virtual(SOURCE.format(beside="", file=path))
        check_files(outer, "rain")
        assert files_of(outer) == {path, outer}
        assert opened(outer)[0].band.ReadAsArray()[1, 2] == CELLS[1, 2]

    @pytest.mark.skipif(sys.platform != "linux", reason="no such file")
    def test_a_file_that_cannot_be_read_is_named_with_the_reason(self, virtual):
        memory = f"/proc/{os.getpid()}/mem"  # a file whose start nobody can read, not even root
        path = virtual(SOURCE.format(beside="", file=memory))
        said = f"The raster layer rain rests on {memory}, which cannot be read: Input/output error."
        with pytest.raises(QgsProcessingException, match=said):
            check_files(path, "rain")

    def test_a_service_is_refused(self, tmp_path):
        path = tmp_path / "tiles.xml"
        path.write_text(
            "<GDAL_WMS><Service name='TMS'><ServerUrl>http://localhost/${z}</ServerUrl></Service>"
            "</GDAL_WMS>"
        )
        with pytest.raises(QgsProcessingException, match="tiles.xml, which describes a service"):
            check_files(str(path), "tiles")

    def test_a_file_that_names_a_service_is_refused(self, virtual):
        path = virtual(SOURCE.format(beside="", file="PG:host=localhost dbname=a table=b"))
        with pytest.raises(QgsProcessingException, match=f"{path}, which describes a service"):
            check_files(path, "rain")

    def test_python_in_a_file_is_refused(self, virtual):
        code = (
            "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python"
            "</PixelFunctionLanguage>"
        )
        path = virtual(code, kind=' subClass="VRTDerivedRasterBand"')
        with pytest.raises(
            QgsProcessingException, match=f"{path}, which computes pixels by Python"
        ):
            check_files(path, "rain")

    def test_bytes_of_other_files_are_no_pixels(self, virtual, tmp_path):
        kind = ' subClass="VRTRawRasterBand"'
        raw = "<SourceFilename relativeToVRT='{}'>{}</SourceFilename>"
        for beside, name in ((0, "/etc/passwd"), (1, "other.bin"), (1, "../rain")):
            path = virtual(raw.format(beside, name), kind)
            with pytest.raises(QgsProcessingException, match=f"takes the bytes of {name}"):
                check_files(path, "rain")
        check_files(virtual(raw.format(1, "rain"), kind), "rain")


@given(st.text() | st.text(alphabet='/vsizp:"{}.<>|\0tifNETCDF'), st.booleans())
def test_property_any_name_rests_on_no_file_or_some(text, inside):
    uri = VIRTUAL.format(inside=SOURCE.format(beside="", file=text), kind="") if inside else text
    assert files_of(uri) == set()


MAKE_HDF5 = """
import sys, h5py, numpy as np
folder, how = sys.argv[1:]
cells = np.arange(3600, dtype="f4").reshape(60, 60)
with h5py.File(folder + "/other.h5", "w") as other:
    other["rain"] = cells
cells.tofile(folder + "/other.bin")
with h5py.File(folder + "/a.h5", "w") as file:
    if how == "link":
        file["inner/rain"] = h5py.ExternalLink("other.h5", "/rain")
    elif how == "storage":
        file.create_dataset("rain", (60, 60), "f4", external=folder + "/other.bin")
    elif how == "virtual":
        layout = h5py.VirtualLayout((60, 60), "f4")
        layout[:] = h5py.VirtualSource(folder + "/other.h5", "rain", (60, 60))
        file.create_virtual_dataset("rain", layout)
    else:
        file["rain"] = cells
"""


@pytest.mark.parametrize(
    ("how", "other"), [("link", "other.h5"), ("storage", "other.bin"), ("virtual", "other.h5")]
)
def test_parts_of_an_hdf5_file_in_other_files_are_refused(tmp_path, how, other):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, how], check=True)
    uri = f'HDF5:"{tmp_path}/a.h5"://rain'
    with pytest.raises(InputError, match=f"a.h5 keeps .*rain in another file .*{other}"):
        check_files(uri, "rain")


@pytest.fixture
def own_temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_look_into_an_hdf5_file_can_be_cancelled(tmp_path, own_temporary, feedback):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    feedback.cancel()
    source = Source(
        "rain", f'HDF5:"{tmp_path}/a.h5"://rain', QgsCoordinateReferenceSystem("EPSG:32639")
    )
    with pytest.raises(JobCancelled, match="Cancelled. Nothing was written."):
        open_drivers([source], feedback=feedback)
    assert not list(own_temporary.iterdir())


# A Python whose worker breaks.
BREAKS = """#!/bin/sh
case "$*" in *model.worker*) echo It broke >&2; exit 3;; esac
exec {} "$@"
"""


def test_the_look_into_an_hdf5_file_that_fails_is_kept(
    tmp_path, own_temporary, feedback, monkeypatch
):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    broken = tmp_path / "python"
    broken.write_text(BREAKS.format(worker_python()))
    broken.chmod(0o755)
    uri = f'HDF5:"{tmp_path}/a.h5"://rain'
    with monkeypatch.context() as patched:
        patched.setenv("SUBSIDENCE_PYTHON", str(broken))
        with pytest.raises(QgsProcessingException, match="a.h5 .*It said: It broke") as failed:
            check_files(uri, "rain", feedback)
    (kept,) = own_temporary.iterdir()
    assert kept.name.startswith(PREFIX)
    assert f"The job is kept for a week in {kept}." in str(failed.value)
    assert (kept / "worker.log").read_text() == "It broke\n"
    check_files(uri, "rain", feedback)  # a look that failed is taken anew
    assert list(own_temporary.iterdir()) == [kept]


def test_an_hdf5_file_that_is_whole_is_read(tmp_path):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    crs = QgsCoordinateReferenceSystem("EPSG:32639")
    (driver,) = open_drivers([Source("rain", f'HDF5:"{tmp_path}/a.h5"://rain', crs)])
    assert driver.band.ReadAsArray()[1, 2] == 62


@given(st.text() | st.text(alphabet="ab*=;,. -+0123456789enaif\n"))
def test_property_nodata_is_understood_or_refused(text):
    try:
        values = parse_nodata(text, ["a", "b"])
    except QgsProcessingException as problem:
        assert str(problem).startswith("NODATA ")
    else:
        assert set(values) <= {"a", "b", "*"}
        assert all(isinstance(value, float) and np.isfinite(value) for value in values.values())
