"""The working grid: its CRS, its cells and its area."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.grids import Grid, grid_of
from subsidence_mapper.algorithms.layers.rasters import open_drivers
from subsidence_mapper.algorithms.layers.vectors import Points
from subsidence_mapper.algorithms.layers.working_grid import choose_grid, choose_lattice
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.test.qgis_layers import (
    CELLS,
    TRANSFORMS,
    brought,
    grid_for,
    opened,
    source_of,
    warped,
)


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
