"""Drivers on the working grid."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QTimer
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.grids import Grid
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.algorithms.layers.pixels import gdal_errors
from subsidence_mapper.algorithms.layers.warp import warp_drivers
from subsidence_mapper.algorithms.layers.working_grid import common_area
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.test.qgis_layers import TRANSFORMS, brought, grid_for, opened, warped

UTM39 = QgsCoordinateReferenceSystem("EPSG:32639")


def centres(grid):
    x = grid.left + grid.dx * (np.arange(grid.width) + 0.5)
    y = grid.top - grid.dy * (np.arange(grid.height) + 0.5)
    return np.meshgrid(x, y)


class TestDrivers:
    def test_the_same_grid_keeps_every_bit(self, make_raster, tmp_path, feedback):
        cells = np.random.default_rng(0).normal(size=(40, 50)).astype("float32")
        driver = opened(make_raster("a", cells))[0]
        assert np.array_equal(warped(driver, grid_for([driver]), tmp_path, feedback), cells)

    def test_a_tilted_plane_stays_a_plane(self, make_raster, tmp_path, feedback):
        # Given in UTM 38 at 40 m, brought to UTM 39 at 30 m: the value is a plane in UTM 38.
        columns, rows = np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5)
        x, y = 800_000 + 40 * columns, 3_600_000 - 40 * rows
        plane = (0.02 * (x - 800_000) - 0.05 * (y - 3_600_000)).astype("float32")
        driver = opened(make_raster("a", plane, 800_000, 3_600_000, 40, 32638))[0]
        area = common_area([driver], UTM39, TRANSFORMS)
        area.grow(-60)
        grid = Grid(UTM39, 0, 0, 30, 30).over(area, outward=False)
        got = warped(driver, grid, tmp_path, feedback)
        to_driver = QgsCoordinateTransform(UTM39, driver.crs, TRANSFORMS)
        for row, column in [(0, 0), (40, 130), (grid.height - 1, grid.width - 1)]:
            xs, ys = centres(grid)
            there = to_driver.transform(QgsPointXY(xs[row, column], ys[row, column]))
            expected = 0.02 * (there.x() - 800_000) - 0.05 * (there.y() - 3_600_000)
            # GDAL places cells to an eighth of a cell: at most 5 m on a slope of 0.054.
            assert got[row, column] == pytest.approx(expected, abs=0.27)

    def test_classes_stay_classes(self, make_raster, tmp_path, feedback):
        classes = np.random.default_rng(0).integers(1, 4, (60, 60)).astype("uint8")
        driver = opened(make_raster("a", classes, 51, 32, 0.0003, 4326))[0]
        got = warped(driver, grid_for([driver], cell_size=30), tmp_path, feedback, "categorical")
        assert set(np.unique(got)) == {1.0, 2.0, 3.0}

    def test_a_coarser_grid_takes_the_mean(self, make_raster, tmp_path, feedback):
        cells = np.random.default_rng(0).normal(size=(40, 60)).astype("float32")
        driver = opened(make_raster("a", cells))[0]
        got = warped(driver, grid_for([driver], cell_size=120), tmp_path, feedback)
        assert np.allclose(got, cells.reshape(10, 4, 15, 4).mean(axis=(1, 3)), atol=1e-6)

    def test_a_coarser_grid_takes_the_commonest_class(self, make_raster, tmp_path, feedback):
        block = np.array([[1, 1, 2], [3, 1, 2], [2, 1, 3]], "uint8")
        driver = opened(make_raster("a", np.tile(block, (5, 6))))[0]
        grid = grid_for([driver], cell_size=90)
        got = warped(driver, grid, tmp_path, feedback, "categorical")
        assert np.array_equal(got, np.ones((5, 6)))

    def test_directions_are_never_averaged(self, make_raster, tmp_path, feedback):
        cells = np.where(np.arange(40) % 2, 359, 1).astype("float32") * np.ones((40, 1), "float32")
        driver = opened(make_raster("aspect", cells))[0]
        got = warped(driver, grid_for([driver], cell_size=70), tmp_path, feedback, "circular")
        assert set(np.unique(got)) == {1.0, 359.0}

    def test_nodata_of_the_file(self, make_raster, tmp_path, feedback):
        cells = np.ones((10, 10), "int16")
        cells[2, 3] = -9999
        driver = opened(make_raster("a", cells, nodata=-9999))[0]
        got = warped(driver, grid_for([driver]), tmp_path, feedback)
        assert np.array_equal(np.isnan(got), cells == -9999)

    def test_nodata_that_the_user_names(self, make_raster, feedback):
        cells = np.full((4, 4), 255, "uint8")
        made = [
            make_raster("bare", cells),
            make_raster("tagged", cells, nodata=7),
            make_raster("named", cells, nodata=7),
        ]
        drivers = opened(*made, nodata="*=255; named=254", feedback=feedback)
        tags = [driver.band.GetRasterBand(1).GetNoDataValue() for driver in drivers]
        assert tags == [255, 7, 254]
        assert feedback.infos == [
            "bare: 255 is taken as NoData.",
            "named: 254 is taken as NoData instead of the file's 7.",
        ]

    @pytest.mark.parametrize(
        ("nodata", "message"),
        [
            ("a", "NODATA holds 'a'. Write name=value"),
            ("a=none", "NODATA holds 'a=none'"),
            ("b=3", "NODATA names b, which is not among the drivers: a"),
        ],
    )
    def test_nodata_that_cannot_be_understood(self, make_raster, nodata, message):
        with pytest.raises(QgsProcessingException, match=message):
            opened(make_raster("a", np.ones((4, 4))), nodata=nodata)

    def test_scale_and_offset_are_applied(self, write_raster, tmp_path, feedback):
        path = write_raster("a", np.array([[10, 20, -1]], "int16"), nodata=-1)
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(1).SetScale(0.5)
        raster.GetRasterBand(1).SetOffset(100)
        raster = None
        driver = opened(QgsRasterLayer(path, "a"))[0]
        got = warped(driver, grid_for([driver]), tmp_path, feedback)
        assert np.array_equal(got, [[105, 110, np.nan]], equal_nan=True)

    def test_each_band_is_a_driver(self, make_raster, tmp_path, feedback):
        cells = np.arange(12, dtype="float32").reshape(3, 2, 2)
        drivers = opened(make_raster("stack", cells, names=["slope", "", "wells"]))
        assert [driver.name for driver in drivers] == ["slope", "stack_2", "wells"]
        assert np.array_equal(warped(drivers[2], grid_for(drivers), tmp_path, feedback), cells[2])

    def test_transparency_is_no_driver(self, write_raster):
        path = write_raster("picture", np.ones((4, 5, 5), "uint8"))
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(4).SetColorInterpretation(gdal.GCI_AlphaBand)
        raster = None
        names = [driver.name for driver in opened(QgsRasterLayer(path, "picture"))]
        assert names == ["picture_1", "picture_2", "picture_3"]

    def test_one_name_for_two_drivers(self, make_raster):
        layer = make_raster("slope", np.ones((4, 4)))
        with pytest.raises(QgsProcessingException, match="More than one driver is called slope"):
            opened(layer, layer)

    def test_a_driver_without_a_valid_cell(self, make_raster, tmp_path, feedback):
        driver = opened(make_raster("empty", np.full((4, 4), 9, "uint8"), nodata=9))[0]
        with pytest.raises(QgsProcessingException, match="empty has no valid cell in the area"):
            warp_drivers([driver], grid_for([driver]), tmp_path, feedback)

    def test_a_layer_without_crs(self, make_raster):
        with pytest.raises(QgsProcessingException, match="layer nowhere has no valid coordinate"):
            opened(make_raster("nowhere", np.ones((4, 4)), epsg=None))

    def test_the_crs_that_the_user_set_counts(self, make_raster):
        layer = make_raster("a", np.ones((4, 4)), epsg=None)
        layer.setCrs(UTM39)
        assert grid_for(opened(layer)).crs.authid() == "EPSG:32639"

    def test_a_layer_that_gdal_cannot_read(self):
        layer = QgsRasterLayer("type=xyz&url=http://localhost/{x}/{y}/{z}.png", "tiles", "wms")
        with pytest.raises(QgsProcessingException, match="tiles comes from 'wms'.*GeoTIFF"):
            Source.of(layer)

    def test_cancel_while_warping(self, make_raster, tmp_path, feedback):
        driver = opened(make_raster("a", np.ones((400, 400))))[0]
        feedback.cancel()
        with pytest.raises(JobCancelled):
            warp_drivers([driver], grid_for([driver]), tmp_path, feedback)

    def test_a_cancel_that_waits_as_an_event_is_heard_while_warping(self, make_raster, tmp_path):
        class Late(QgsProcessingFeedback):
            """As Ctrl-C in qgis_process, which comes as an event once GDAL is at work."""

            def setProgress(self, percent):
                if 0 < percent < 100:
                    QTimer.singleShot(0, self.cancel)

        feedback = Late(False)
        (driver,) = opened(make_raster("a", np.ones((2000, 2000), "uint8")))
        with pytest.raises(JobCancelled, match="^Cancelled. Nothing was written.$"):
            warp_drivers([driver], grid_for([driver]), tmp_path, feedback)

    @pytest.mark.parametrize("before", [gdal.UseExceptions, gdal.DontUseExceptions])
    def test_gdal_is_left_as_it_was(self, before):
        state = gdal.GetUseExceptions()
        try:
            before()
            used = gdal.GetUseExceptions()
            with pytest.raises(QgsProcessingException, match="Opening it failed: .*missing.tif"):
                with gdal_errors("Opening it"):
                    gdal.Open("/missing.tif")
            assert gdal.GetUseExceptions() == used
        finally:
            (gdal.UseExceptions if state else gdal.DontUseExceptions)()


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
