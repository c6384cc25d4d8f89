"""`terraindrivers` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.results import cells

CELL, SIZE = 30.0, 60


ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


TERRAIN = ("ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI")


@pytest.mark.parametrize("flow", ["dinf", "mfd"])
@pytest.mark.parametrize("towards, aspect", [(0, 180), (1, 90), (2, 0), (3, 270)])
def test_a_tilted_plane(run_maps, write_raster, flow, towards, aspect):
    dem = write_raster("dem", np.rot90(1000 - 0.1 * CELL * ROWS.astype(np.float32), towards))
    maps = run_maps("terraindrivers", TERRAIN, DEM=dem, FLOW=flow)
    np.testing.assert_allclose(maps["SLOPE"], np.degrees(np.arctan(0.1)), rtol=1e-3)
    np.testing.assert_allclose((maps["ASPECT"] + 180) % 360, (aspect + 180) % 360, atol=0.05)
    area = np.rot90(maps["SPI"] / 0.1, -towards)
    exact = (np.minimum(COLUMNS, SIZE - 1 - COLUMNS) > ROWS) | (flow == "dinf")
    np.testing.assert_allclose(area[exact], CELL * (ROWS + 1)[exact], rtol=1e-3)
    np.testing.assert_allclose(np.rot90(maps["ELEVATION"], -towards), 1000 - 3.0 * ROWS, rtol=1e-6)
    tangent = np.tan(np.radians(maps["SLOPE"]))
    np.testing.assert_allclose(maps["TWI"], np.log(maps["SPI"] / tangent**2), rtol=1e-4)


def test_bands_state_their_kind(run_maps, write_raster, tmp_path):
    run_maps("terraindrivers", TERRAIN, DEM=write_raster("dem", 1000 - 3.0 * ROWS))
    stated = {}
    for name in TERRAIN:
        raster = gdal.Open(str(tmp_path / f"{name}.out.tif"))
        band = raster.GetRasterBand(1)
        stated[name] = band.GetDescription(), band.GetMetadataItem("KIND")
    assert stated == {
        "ELEVATION": ("elevation_m", "continuous"),
        "SLOPE": ("slope_degrees", "continuous"),
        "ASPECT": ("aspect_degrees", "circular"),
        "SPI": ("spi_m2_per_m", "continuous"),
        "TWI": ("twi", "continuous"),
    }


def test_slopes_and_water_at_the_edge_of_the_map_come_from_the_whole_dem(
    run_maps, write_raster, feedback
):
    heights = 1000 - 0.01 * CELL * ROWS**1.5
    dem = write_raster("dem", heights)
    whole = run_maps("terraindrivers", TERRAIN, DEM=dem)
    extent = "500600,501200,3599100,3599700 [EPSG:32639]"
    part = run_maps("terraindrivers", TERRAIN, DEM=dem, EXTENT=extent)
    for name in TERRAIN:
        assert part[name].shape == (20, 20)
        np.testing.assert_allclose(part[name], whole[name][10:30, 20:40], rtol=1e-6)
    assert any("computed over the whole DEM: 60 x 60 cells" in text for text in feedback.infos)


def test_holes_stay_holes(run_maps, write_raster, feedback):
    heights = 1000 - 3.0 * ROWS
    heights[20:22, 30:33] = -9999
    maps = run_maps("terraindrivers", TERRAIN, DEM=write_raster("dem", heights, nodata=-9999))
    hole = heights == -9999
    for name in TERRAIN:
        np.testing.assert_array_equal(np.isnan(maps[name]), hole)
    assert any("1 hole of 6 cells" in text for text in feedback.warnings)


@pytest.mark.parametrize("value", [-9999, -32768, np.inf, -np.inf, 1e20, -3.4028235e38, 9.96921e36])
def test_holes_that_the_file_does_not_state(run_maps, write_raster, feedback, value):
    heights = (1000 - 3.0 * ROWS).astype(np.float32)
    heights[20:22, 30:33] = value
    hole = heights == np.float32(value)
    slope = run_maps("terraindrivers", ("SLOPE",), DEM=write_raster("dem", heights))["SLOPE"]
    np.testing.assert_array_equal(np.isnan(slope), hole)
    np.testing.assert_allclose(slope[~hole], np.degrees(np.arctan(0.1)), rtol=1e-4)
    assert any(f"dem: 6 cells hold {value:g}, which means" in text for text in feedback.warnings)


def test_a_height_that_is_none_is_refused(run_maps, write_raster):
    heights = 1000 - 3.0 * ROWS
    heights[20, 30] = -3000
    dem = write_raster("dem", heights)
    with pytest.raises(QgsProcessingException, match="cells of -3000 m, which is no height"):
        run_maps("terraindrivers", ("SLOPE",), DEM=dem)
    slope = run_maps("terraindrivers", ("SLOPE",), DEM=dem, NODATA="*=-3000")["SLOPE"]
    np.testing.assert_array_equal(np.isnan(slope), heights == -3000)


def test_an_output_over_its_own_input_is_refused(run_maps, write_raster, tmp_path):
    dem = write_raster("SLOPE.out", 1000 - 3.0 * ROWS)  # where `run` puts the slope
    with pytest.raises(
        QgsProcessingException, match="SLOPE would overwrite .*, which the input DEM uses"
    ):
        run_maps("terraindrivers", ("SLOPE",), DEM=dem)
    assert cells(dem).max() == 1000


def test_nothing_asked_for(run_maps, write_raster):
    with pytest.raises(QgsProcessingException, match="No output is selected"):
        run_maps("terraindrivers", (), DEM=write_raster("dem", 1000 - 3.0 * ROWS))


def test_a_level_dem(run_maps, write_raster, feedback):
    maps = run_maps("terraindrivers", TERRAIN, DEM=write_raster("dem", np.full((20, 20), 7.0)))
    assert (maps["SLOPE"] == 0).all() and np.isnan(maps["ASPECT"]).all()
    area = maps["SPI"] / np.tan(np.radians(0.1))
    np.testing.assert_allclose(maps["TWI"], np.log(area / np.tan(np.radians(0.1))), rtol=1e-5)
    assert area.min() == pytest.approx(CELL, rel=1e-5)
    assert any("All of the DEM is at 7 m" in text for text in feedback.warnings)


def test_a_dem_in_degrees_is_projected(run_maps, write_raster, feedback):
    heights = 1000 - 10.0 * ROWS
    dem = write_raster("dem", heights, 51.0, 32.5, 0.001, epsg=4326)
    maps = run_maps("terraindrivers", ("SLOPE", "ASPECT"), DEM=dem)
    # A row of a thousandth of a degree is 110.9 m high at 32.5 degrees north.
    middle = maps["SLOPE"][50:-50, 50:-50]
    assert np.tan(np.radians(np.nanmean(middle))) == pytest.approx(10 / 110.9, rel=0.01)
    assert np.nanmean(maps["ASPECT"][50:-50, 50:-50]) == pytest.approx(180, abs=1)
    assert any("not in metres: it is projected to EPSG:32639" in text for text in feedback.infos)


def test_an_empty_dem_is_refused(run_maps, write_raster):
    dem = write_raster("dem", np.full((9, 9), -1.0), nodata=-1)
    with pytest.raises(QgsProcessingException, match="no valid cell"):
        run_maps("terraindrivers", ("TWI",), DEM=dem)


def test_isfahan(run_maps, real_data, feedback):
    dem = str(real_data("isfahan/dem_globe_30arcsec.tif"))
    maps = run_maps("terraindrivers", TERRAIN, DEM=dem, CELL_SIZE=1000)
    known = np.isfinite(maps["ELEVATION"])
    assert known.mean() > 0.9
    assert 1000 < np.nanmedian(maps["ELEVATION"]) < 3000
    assert 0 <= np.nanmin(maps["SLOPE"]) and np.nanmax(maps["SLOPE"]) < 60
    slope = np.maximum(maps["SLOPE"], 0.1)
    area = maps["SPI"] / np.tan(np.radians(slope))
    np.testing.assert_allclose(
        maps["TWI"][known], np.log(area / np.tan(np.radians(slope)))[known], rtol=1e-4, atol=1e-4
    )
    assert np.nanmin(area) == pytest.approx(1000, rel=1e-3)
    assert np.nanmax(area) < known.sum() * 1000 * 1.5
