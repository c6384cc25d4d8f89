"""Which metres are metres on the ground."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY, QgsProcessingException, QgsProject
from subsidence_mapper.algorithms.layers.crs import is_true, scale
from subsidence_mapper.algorithms.layers.grids import grid_of
from subsidence_mapper.test.qgis_layers import CELLS, opened


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
