"""layers.py against closed forms on small rasters and point layers."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QTimer
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.grids import Grid, grid_of
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.algorithms.layers.pixels import gdal_errors
from subsidence_mapper.algorithms.layers.rasters import open_drivers
from subsidence_mapper.algorithms.layers.sources import check_points, check_source
from subsidence_mapper.algorithms.layers.vectors import (
    Points,
    keep_inside,
    read_points,
    read_table,
    save_points,
)
from subsidence_mapper.algorithms.layers.warp import warp_drivers
from subsidence_mapper.algorithms.layers.working_grid import (
    choose_grid,
    choose_lattice,
    common_area,
)
from subsidence_mapper.algorithms.worker.process import JobCancelled

UTM39 = QgsCoordinateReferenceSystem("EPSG:32639")
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
TRANSFORMS = QgsCoordinateTransformContext()


def opened(*made, **options):
    return open_drivers([Source.of(layer) for layer in made], **options)


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


def centres(grid):
    x = grid.left + grid.dx * (np.arange(grid.width) + 0.5)
    y = grid.top - grid.dy * (np.arange(grid.height) + 0.5)
    return np.meshgrid(x, y)


class TestGrid:
    def test_first_projected_driver_gives_its_grid(self, make_raster):
        grid = grid_for(
            opened(make_raster("a", np.ones((20, 30)), 500_007.5, 3_600_003.25, (30, 20)))
        )
        assert (grid.left, grid.top, grid.dx, grid.dy) == (500_007.5, 3_600_003.25, 30, 20)
        assert (grid.width, grid.height) == (30, 20)
        assert grid.crs.authid() == "EPSG:32639"

    def test_extent_is_what_all_drivers_cover_in_whole_cells_of_the_first(self, make_raster):
        first = make_raster("a", np.ones((10, 10)))
        second = make_raster("b", np.ones((10, 10)), 500_100, 3_599_950, 50)
        grid = grid_for(opened(first, second))
        # b's left edge is 3.33 cells into a, its top edge 1.67: only whole common cells count.
        assert (grid.left, grid.top) == (500_120, 3_599_940)
        assert (grid.width, grid.height) == (6, 8)

    @pytest.mark.parametrize(
        ("longitude", "latitude", "zone"),
        [(51.6, 32.5, 32639), (-3.7, 40.4, 32630), (151.2, -33.9, 32756), (179.9, 10.0, 32660)],
    )
    def test_degrees_become_utm_at_multiples_of_the_cell_size(
        self, make_raster, longitude, latitude, zone
    ):
        cells = np.ones((40, 60), "float32")
        drivers = opened(make_raster("a", cells, longitude, latitude, 0.001, 4326))
        grid = grid_for(drivers, cell_size=40)
        assert grid.crs.authid() == f"EPSG:{zone}"
        assert (grid.dx, grid.dy) == (40, 40)
        assert grid.left % 40 == 0 and grid.top % 40 == 0
        assert grid_for(drivers).dx == 30

    def test_degrees_leave_no_empty_frame(self, make_raster, tmp_path, feedback):
        cells = np.ones((300, 500), "float32")
        drivers = opened(make_raster("a", cells, 51.3, 32.9, 0.001, 4326))
        grid = grid_for(drivers, cell_size=100)
        assert np.array_equal(
            warped(drivers[0], grid, tmp_path, feedback), np.ones((grid.height, grid.width))
        )
        # The slivers that are cut off where meridians lean are narrow.
        assert grid.width * grid.height * 100**2 > 0.95 * 300 * 500 * 0.001**2 * 111_000 * 93_500

    def test_cell_size_takes_the_place_of_the_drivers(self, make_raster):
        grid = grid_for(opened(make_raster("a", np.ones((10, 10)))), cell_size=100)
        assert (grid.left, grid.top, grid.dx, grid.width) == (500_000, 3_600_000, 100, 3)

    def test_reference_gives_grid_and_extent(self, make_raster):
        driver = opened(make_raster("a", np.ones((10, 10))))
        reference = opened(make_raster("r", np.ones((5, 7)), 499_990, 3_600_050, 25, 32638))[0]
        grid = grid_for(driver, reference, cell_size=99)
        assert grid.crs.authid() == "EPSG:32638"
        assert (grid.left, grid.top, grid.dx) == (499_990, 3_600_050, 25)
        assert (grid.width, grid.height) == (7, 5)

    def test_extent_is_widened_to_whole_cells_and_cut_to_the_drivers(self, make_raster):
        drivers = opened(make_raster("a", np.ones((10, 10))))
        grid = grid_for(drivers, extent=QgsRectangle(500_040, 3_599_800, 500_095, 3_600_500))
        assert (grid.left, grid.top) == (500_030, 3_600_000)
        assert (grid.width, grid.height) == (3, 7)

    def test_without_drivers_the_points_and_a_margin(self, make_points):
        layer = make_points([(500_000, 3_600_000), (501_000, 3_600_500)], [1.0, 2.0])
        source = source_of(layer)
        lattice = choose_lattice(None, [], 50, source, TRANSFORMS)
        points = Points(np.array([[500_000, 3_600_000], [501_000, 3_600_500.0]]), None, "ps")
        grid = choose_grid(lattice, None, [], points, TRANSFORMS)
        assert grid.crs.authid() == "EPSG:32639"
        # A twentieth of 1000 m and one cell, out to multiples of 50 m.
        assert grid.extent == QgsRectangle(499_900, 3_599_900, 501_100, 3_600_600)

    def test_a_raster_of_the_world_does_not_matter(self, make_raster):
        world = make_raster("world", np.ones((180, 360), "float32"), -180, 90, 1, 4326)
        local = make_raster("local", np.ones((50, 40)))
        assert grid_for(opened(local, world)) == grid_for(opened(local))
        degrees = make_raster("degrees", np.ones((50, 40), "float32"), 51, 32, 0.001, 4326)
        assert grid_for(opened(world, degrees)) == grid_for(opened(degrees))

    def test_a_raster_stored_from_the_south_up(self, make_raster, tmp_path, feedback):
        cells = np.arange(12, dtype="float32").reshape(3, 4)
        layer = make_raster("a", cells, top=3_600_000, cell=(30, -30))
        driver = opened(layer)[0]
        grid = grid_for([driver])
        assert (grid.top, grid.dy, grid.height) == (3_600_090, 30, 3)
        assert np.array_equal(warped(driver, grid, tmp_path, feedback), cells[::-1])

    def test_request_and_back(self, make_raster):
        grid = grid_for(opened(make_raster("a", np.ones((20, 30)))))
        message = grid.to_request()
        assert message["transform"] == [500_000, 30, 0, 3_600_000, 0, -30]
        assert (message["width"], message["height"]) == (30, 20)
        assert Grid.from_request(message) == grid

    def test_no_common_area_says_where_each_driver_is(self, make_raster):
        far = make_raster("far", np.ones((10, 10)), 600_000)
        with pytest.raises(
            QgsProcessingException, match="no area in common: near covers x 500000.*far"
        ):
            grid_for(opened(make_raster("near", np.ones((10, 10))), far))

    def test_extent_beside_the_drivers(self, make_raster):
        drivers = opened(make_raster("a", np.ones((10, 10))))
        with pytest.raises(QgsProcessingException, match="EXTENT .* have no area in common"):
            grid_for(drivers, extent=QgsRectangle(0, 0, 100, 100))

    def test_too_many_cells(self, make_raster):
        drivers = opened(make_raster("a", np.ones((10, 10)), cell=10_000))
        with pytest.raises(QgsProcessingException, match="100,000 x 100,000 cells .* CELL_SIZE"):
            grid_for(drivers, cell_size=1)

    def test_less_than_a_cell(self, make_raster):
        with pytest.raises(QgsProcessingException, match="smaller than one cell of 999 x 999 m"):
            grid_for(opened(make_raster("a", np.ones((10, 10)))), cell_size=999)

    def test_a_reference_in_degrees(self, make_raster):
        reference = opened(make_raster("degrees", np.ones((10, 10)), 51, 32, 0.01, 4326))[0]
        with pytest.raises(QgsProcessingException, match="degrees is in EPSG:4326, whose unit"):
            grid_for(reference=reference)

    def test_a_rotated_reference(self, write_raster):
        path = write_raster("turned", np.ones((10, 10)))
        gdal.Open(path, gdal.GA_Update).SetGeoTransform((500_000, 30, 5, 3_600_000, 5, -30))
        reference = opened(QgsRasterLayer(path, "turned"))[0]
        with pytest.raises(QgsProcessingException, match="turned is rotated"):
            grid_of(reference)


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


class TestKinds:
    def kinds(self, feedback, *made, categorical="", circular=""):
        drivers = opened(*made)
        set_kinds(drivers, categorical, circular, feedback)
        return {driver.name: driver.kind for driver in drivers}

    @pytest.fixture
    def some(self, make_raster):
        return [
            make_raster("height", np.arange(100, dtype="int16").reshape(10, 10)),
            make_raster("land", (np.arange(100) % 4).astype("uint8").reshape(10, 10)),
            make_raster("slope", np.full((10, 10), 1.5, "float32")),
            make_raster("Aspect_30", np.ones((10, 10), "float32")),
        ]

    def test_guessed(self, some, feedback):
        assert self.kinds(feedback, *some) == {
            "height": "continuous",
            "land": "categorical",
            "slope": "continuous",
            "Aspect_30": "circular",
        }
        assert (
            "Driver land: categorical, it holds only 4 different whole numbers." in feedback.infos
        )
        assert "Driver Aspect_30: circular, its name holds 'aspect'." in feedback.infos

    def test_said(self, some, feedback):
        kinds = self.kinds(feedback, *some, categorical="height, slope", circular="land")
        assert kinds == {
            "height": "categorical",
            "land": "circular",
            "slope": "categorical",
            "Aspect_30": "continuous",
        }

    def test_none(self, some, feedback):
        kinds = self.kinds(feedback, *some, categorical="none", circular="none")
        assert set(kinds.values()) == {"continuous"}

    def test_nodata_is_no_class(self, make_raster, feedback):
        cells = np.arange(33, dtype="uint8").reshape(1, 33)
        assert self.kinds(feedback, make_raster("a", cells)) == {"a": "continuous"}
        assert self.kinds(feedback, make_raster("b", cells, nodata=0)) == {"b": "categorical"}

    def test_a_colour_table_means_classes(self, write_raster, feedback):
        path = write_raster("a", np.arange(100, dtype="uint8").reshape(10, 10))
        table = gdal.ColorTable()
        table.SetColorEntry(1, (255, 0, 0, 255))
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(1).SetColorTable(table)
        raster = None
        assert self.kinds(feedback, QgsRasterLayer(path, "a")) == {"a": "categorical"}

    def test_unknown_name(self, some, feedback):
        with pytest.raises(QgsProcessingException, match="CIRCULAR names wind, which is not among"):
            self.kinds(feedback, *some, circular="wind")


class TestPoints:
    def read(self, layer, feedback, field="mm", crs=UTM39):
        check_source(source_of(layer))
        check_points(source_of(layer), field)
        return read_points(source_of(layer), field, crs, TRANSFORMS, feedback)

    def test_positions_come_in_the_grids_crs(self, make_points, feedback):
        points = self.read(make_points([(51, 32), (51.5, 32.5)], [1, 2], "EPSG:4326"), feedback)
        to_utm = QgsCoordinateTransform(WGS84, UTM39, TRANSFORMS)
        expected = [to_utm.transform(QgsPointXY(51, 32)), to_utm.transform(QgsPointXY(51.5, 32.5))]
        assert np.allclose(points.xy, [(p.x(), p.y()) for p in expected], rtol=0, atol=1e-6)
        assert points.values.tolist() == [1, 2]

    def test_multipoints_are_split(self, make_points, feedback):
        layer = make_points(
            ["MultiPoint ((1 2), (3 4))", "MultiPoint ((5 6))"], [7.0, 8.0], kind="MultiPoint"
        )
        points = self.read(layer, feedback)
        assert points.xy.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert points.values.tolist() == [7, 7, 8]

    def test_what_cannot_be_used_is_skipped_and_counted(self, make_points, feedback):
        places = [(5e5, 0), (5e5, 1), (5e5, 2), (5e5, 3), None]
        values = [1.0, None, float("nan"), float("inf"), 2.0]
        points = self.read(make_points(places, values), feedback)
        assert points.xy.tolist() == [[5e5, 0]]
        assert feedback.warnings == [
            "Points without a position, skipped: 1.",
            "In the field mm 1 value is inf, which means no value beside 1 to 1: taken as NULL.",
            "Points without a number in mm, skipped: 3.",
        ]

    def test_whole_numbers_are_numbers(self, make_points, feedback):
        layer = make_points([(0, 0), (1, 1)], [3, 4], field="mm:integer")
        assert self.read(layer, feedback).values.tolist() == [3, 4]

    @pytest.mark.parametrize(
        ("options", "field", "message"),
        [
            (
                {"field": "mm:string"},
                "mm",
                "field mm of the layer ps is of type .*Numeric fields: none",
            ),
            ({}, "cm", "field cm of the layer ps does not exist.*Numeric fields: mm"),
            ({"crs": ""}, "mm", "layer ps has no valid coordinate reference system"),
        ],
    )
    def test_refused(self, make_points, feedback, options, field, message):
        layer = make_points(
            [(0, 0), (1, 1)], ["1", "2"] if options.get("field") else [1, 2], **options
        )
        with pytest.raises(QgsProcessingException, match=message):
            self.read(layer, feedback, field)

    def test_lines_are_refused(self, make_points, feedback):
        layer = make_points(["LineString (0 0, 1 1)"], [1.0], kind="LineString")
        with pytest.raises(QgsProcessingException, match="ps is no point layer"):
            self.read(layer, feedback)

    def test_no_points(self, make_points, feedback):
        with pytest.raises(QgsProcessingException, match="The layer ps has no features"):
            self.read(make_points([], []), feedback)
        with pytest.raises(
            QgsProcessingException, match="ps has no point with a number in the field"
        ):
            self.read(make_points([(0, 1), (1, 1)], [None, None]), feedback)

    def test_cancel_while_reading(self, make_points, feedback):
        layer = make_points([(0, 0), (1, 1)], [1.0, 2.0])
        feedback.cancel()
        with pytest.raises(JobCancelled):
            self.read(layer, feedback)

    def table(self, layer, fields, crs, feedback):
        return read_table(source_of(layer), fields, crs, TRANSFORMS, feedback)

    def test_a_table_has_numbers_and_texts(self, make_points, feedback):
        layer = make_points(["MultiPoint ((1 2), (3 4))", None], ["a", "b"], field="id:string")
        table = self.table(layer, ["id"], UTM39, feedback)
        assert table.xy.tolist() == [[1, 2], [3, 4]]
        assert table.columns["id"].tolist() == ["a", "a"]
        assert feedback.warnings == ["Rows of ps without a position, skipped: 1."]
        layer = make_points([(0, 0), (1, 1)], [None, 4.5])
        table = self.table(layer, ["mm"], None, feedback)
        assert table.xy is None
        assert np.array_equal(table.columns["mm"], [np.nan, 4.5], equal_nan=True)

    def test_a_field_that_is_not_there(self, make_points, feedback):
        with pytest.raises(QgsProcessingException, match="ps has no field cm. It has mm"):
            self.table(make_points([(0, 0)], [1.0]), ["cm"], UTM39, feedback)

    def kept(self, xy, values, feedback):
        grid = Grid(UTM39, 0.0, 100.0, 10.0, 10.0, 10, 10)
        points = Points(np.array(xy, float), np.array(values, float), "ps")
        return keep_inside(points, grid, feedback)

    def test_points_outside_are_left_out_and_counted(self, feedback):
        kept = self.kept([(0, 0), (50, 50), (100, 100), (101, 50), (50, -1)], range(5), feedback)
        assert kept.values.tolist() == [0, 1, 2]
        assert len(feedback.warnings) == 1
        assert feedback.warnings[0].startswith("2 of 5 points lie outside the area of the map")

    def test_no_overlap_says_both_extents(self, feedback):
        with pytest.raises(QgsProcessingException) as problem:
            self.kept([(500, 600), (700, 800)], [1, 2], feedback)
        assert "None of the 2 points of the layer ps" in str(problem.value)
        assert "points cover x 500 to 700, y 600 to 800" in str(problem.value)
        assert "the map x 0 to 100, y 0 to 100" in str(problem.value)

    def test_all_values_equal(self, feedback):
        with pytest.raises(QgsProcessingException, match="All 2 points .* have the value 5"):
            self.kept([(1, 1), (2, 2), (500, 500)], [5, 5, 6], feedback)

    def test_saved(self, tmp_path):
        points = Points(np.array([[1.0, 2.0]]), np.array([3.0]), "ps")
        with np.load(tmp_path / save_points(points, tmp_path)) as arrays:
            assert arrays["xy"].tolist() == [[1, 2]]
            assert arrays["values"].tolist() == [3]
