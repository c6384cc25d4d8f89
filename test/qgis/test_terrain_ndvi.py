"""Terrain and vegetation from layers, through the real worker."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException

CELL, SIZE = 30.0, 60
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
TERRAIN = ("ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI")


@pytest.fixture
def run(run, tmp_path):
    """Run an algorithm; gives the cells of its outputs, NaN for NoData."""

    def run_for(name, outputs, **parameters):
        places = {output: str(tmp_path / f"{output}.out.tif") for output in outputs}
        results = run(name, **parameters, **places)
        return {output: read(results[output]) for output in outputs}

    return run_for


def read(path):
    raster = gdal.Open(path)
    band = raster.GetRasterBand(1)
    cells = band.ReadAsArray().astype(float)
    return np.where(cells == band.GetNoDataValue(), np.nan, cells)


@pytest.mark.parametrize("flow", ["dinf", "mfd"])
@pytest.mark.parametrize("towards, aspect", [(0, 180), (1, 90), (2, 0), (3, 270)])
def test_a_tilted_plane(run, write_raster, flow, towards, aspect):
    dem = write_raster("dem", np.rot90(1000 - 0.1 * CELL * ROWS.astype(np.float32), towards))
    maps = run("terraindrivers", TERRAIN, DEM=dem, FLOW=flow)
    np.testing.assert_allclose(maps["SLOPE"], np.degrees(np.arctan(0.1)), rtol=1e-3)
    np.testing.assert_allclose((maps["ASPECT"] + 180) % 360, (aspect + 180) % 360, atol=0.05)
    area = np.rot90(maps["SPI"] / 0.1, -towards)
    exact = (np.minimum(COLUMNS, SIZE - 1 - COLUMNS) > ROWS) | (flow == "dinf")
    np.testing.assert_allclose(area[exact], CELL * (ROWS + 1)[exact], rtol=1e-3)
    np.testing.assert_allclose(np.rot90(maps["ELEVATION"], -towards), 1000 - 3.0 * ROWS, rtol=1e-6)
    tangent = np.tan(np.radians(maps["SLOPE"]))
    np.testing.assert_allclose(maps["TWI"], np.log(maps["SPI"] / tangent**2), rtol=1e-4)


def test_bands_tell_their_kind(run, write_raster, tmp_path):
    run("terraindrivers", TERRAIN, DEM=write_raster("dem", 1000 - 3.0 * ROWS))
    told = {}
    for name in TERRAIN:
        raster = gdal.Open(str(tmp_path / f"{name}.out.tif"))
        band = raster.GetRasterBand(1)
        told[name] = band.GetDescription(), band.GetMetadataItem("KIND")
    assert told == {
        "ELEVATION": ("elevation_m", "continuous"),
        "SLOPE": ("slope_degrees", "continuous"),
        "ASPECT": ("aspect_degrees", "circular"),
        "SPI": ("spi_m2_per_m", "continuous"),
        "TWI": ("twi", "continuous"),
    }


def test_slopes_and_water_at_the_edge_of_the_map_come_from_the_whole_dem(
    run, write_raster, feedback
):
    heights = 1000 - 0.01 * CELL * ROWS**1.5
    dem = write_raster("dem", heights)
    whole = run("terraindrivers", TERRAIN, DEM=dem)
    extent = "500600,501200,3599100,3599700 [EPSG:32639]"
    part = run("terraindrivers", TERRAIN, DEM=dem, EXTENT=extent)
    for name in TERRAIN:
        assert part[name].shape == (20, 20)
        np.testing.assert_allclose(part[name], whole[name][10:30, 20:40], rtol=1e-6)
    assert any("computed over the whole DEM: 60 x 60 cells" in text for text in feedback.infos)


def test_holes_stay_holes(run, write_raster, feedback):
    heights = 1000 - 3.0 * ROWS
    heights[20:22, 30:33] = -9999
    maps = run("terraindrivers", TERRAIN, DEM=write_raster("dem", heights, nodata=-9999))
    hole = heights == -9999
    for name in TERRAIN:
        np.testing.assert_array_equal(np.isnan(maps[name]), hole)
    assert any("1 hole of 6 cells" in text for text in feedback.warnings)


@pytest.mark.parametrize("value", [-9999, -32768, np.inf, -np.inf, 1e20, -3.4028235e38, 9.96921e36])
def test_holes_that_the_file_does_not_tell(run, write_raster, feedback, value):
    heights = (1000 - 3.0 * ROWS).astype(np.float32)
    heights[20:22, 30:33] = value
    hole = heights == np.float32(value)
    slope = run("terraindrivers", ("SLOPE",), DEM=write_raster("dem", heights))["SLOPE"]
    np.testing.assert_array_equal(np.isnan(slope), hole)
    np.testing.assert_allclose(slope[~hole], np.degrees(np.arctan(0.1)), rtol=1e-4)
    assert any(f"dem: 6 cells hold {value:g}, which means" in text for text in feedback.warnings)


def test_a_height_that_is_none_is_refused(run, write_raster):
    heights = 1000 - 3.0 * ROWS
    heights[20, 30] = -3000
    dem = write_raster("dem", heights)
    with pytest.raises(QgsProcessingException, match="cells of -3000 m, which is no height"):
        run("terraindrivers", ("SLOPE",), DEM=dem)
    slope = run("terraindrivers", ("SLOPE",), DEM=dem, NODATA="*=-3000")["SLOPE"]
    np.testing.assert_array_equal(np.isnan(slope), heights == -3000)


def test_an_output_over_its_own_input_is_refused(run, write_raster, tmp_path):
    dem = write_raster("SLOPE.out", 1000 - 3.0 * ROWS)  # where `run` puts the slope
    with pytest.raises(
        QgsProcessingException, match="SLOPE would overwrite .*, which the input DEM uses"
    ):
        run("terraindrivers", ("SLOPE",), DEM=dem)
    assert read(dem).max() == 1000


def test_nothing_asked_for(run, write_raster):
    with pytest.raises(QgsProcessingException, match="No output is selected"):
        run("terraindrivers", (), DEM=write_raster("dem", 1000 - 3.0 * ROWS))


def test_a_level_dem(run, write_raster, feedback):
    maps = run("terraindrivers", TERRAIN, DEM=write_raster("dem", np.full((20, 20), 7.0)))
    assert (maps["SLOPE"] == 0).all() and np.isnan(maps["ASPECT"]).all()
    area = maps["SPI"] / np.tan(np.radians(0.1))
    np.testing.assert_allclose(maps["TWI"], np.log(area / np.tan(np.radians(0.1))), rtol=1e-5)
    assert area.min() == pytest.approx(CELL, rel=1e-5)
    assert any("All of the DEM is at 7 m" in text for text in feedback.warnings)


def test_a_dem_in_degrees_is_projected(run, write_raster, feedback):
    heights = 1000 - 10.0 * ROWS
    dem = write_raster("dem", heights, 51.0, 32.5, 0.001, epsg=4326)
    maps = run("terraindrivers", ("SLOPE", "ASPECT"), DEM=dem)
    # A row of a thousandth of a degree is 110.9 m high at 32.5 degrees north.
    middle = maps["SLOPE"][50:-50, 50:-50]
    assert np.tan(np.radians(np.nanmean(middle))) == pytest.approx(10 / 110.9, rel=0.01)
    assert np.nanmean(maps["ASPECT"][50:-50, 50:-50]) == pytest.approx(180, abs=1)
    assert any("not in metres: it is projected to EPSG:32639" in text for text in feedback.infos)


def test_an_empty_dem_is_refused(run, write_raster):
    dem = write_raster("dem", np.full((9, 9), -1.0), nodata=-1)
    with pytest.raises(QgsProcessingException, match="no valid cell"):
        run("terraindrivers", ("TWI",), DEM=dem)


def test_isfahan(run, real_data, feedback):
    dem = str(real_data("isfahan/dem_globe_30arcsec.tif"))
    maps = run("terraindrivers", TERRAIN, DEM=dem, CELL_SIZE=1000)
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


def bands(index, light=0.4):
    return light * (1 - index) / 2, light * (1 + index) / 2


@pytest.fixture
def scenes(write_raster):
    """Landsat scenes with a trend of 0.01 per year, by parameter; NIR in another order."""
    paths = {"RED": [], "NIR": [], "CLOUD_MASK": []}
    for i, year in enumerate((2014, 2015, 2016)):
        red, nir = (np.round((x + 0.2) / 0.0000275) for x in bands(0.3 + 0.01 * i + 0 * ROWS))
        quality = np.where(ROWS // 20 == i, 1 << 4, 1 << 6).astype(np.int16)
        quality[:, 50:] = 0  # NoData by its tag, and clear
        paths["RED"].append(write_raster(f"red_{year}0701", red.astype(np.float32)))
        paths["NIR"].insert(0, write_raster(f"nir_{year}0701", nir.astype(np.float32)))
        paths["CLOUD_MASK"].append(write_raster(f"qa_{year}0701", quality, nodata=0))
    return paths


def test_mean_and_change_of_landsat_scenes(run, scenes):
    maps = run("ndvidriver", ("NDVI", "NDVI_CHANGE"), PRODUCT="landsat_c2l2", **scenes)
    # The leap day of 2016 puts the first of July a little later in that year.
    assert np.nanmax(np.abs(maps["NDVI_CHANGE"] - 0.01)) < 2e-4
    expected = np.where(COLUMNS >= 50, 0.31, 0.3 + 0.01 * (3 - ROWS // 20) / 2)
    np.testing.assert_allclose(maps["NDVI"], expected, atol=2e-4)


def test_scenes_of_one_name_in_folders_of_their_dates(run, write_raster, tmp_path, feedback):
    paths = {"RED": [], "NIR": []}
    for year, index in (("2020", 0.2), ("2021", 0.3), ("2022", None)):
        for name, band in zip(("RED", "NIR"), bands((index or 0) + 0 * ROWS)):
            cells = np.where(index is None, np.nan, band).astype(np.float32)
            (tmp_path / year).mkdir(exist_ok=True)
            place = tmp_path / year / f"{name}.tif"
            paths[name].append(str(shutil.move(write_raster(name, cells, nodata=np.nan), place)))
    maps = run(
        "ndvidriver", ("NDVI", "NDVI_CHANGE"), **paths, DATES="2020-07-01, 2021-07-01, 2022-07-01"
    )
    assert maps["NDVI"] == pytest.approx(0.25, abs=1e-6)
    assert maps["NDVI_CHANGE"] == pytest.approx(0.1, abs=1e-3)
    assert any(text.startswith("2022-07-01: 0.0%") for text in feedback.warnings)


def test_other_grids_are_aligned_and_named(run, write_raster, feedback):
    red, nir = bands(0.5 + 0 * ROWS.astype(np.float32))
    fine = np.repeat(np.repeat(nir, 2, 0), 2, 1)
    paths = write_raster("red_20200601", red), write_raster("nir_20200601", fine, cell=15.0)
    maps = run("ndvidriver", ("NDVI",), RED=[paths[0]], NIR=[paths[1]])
    assert maps["NDVI"].shape == (SIZE, SIZE)
    np.testing.assert_allclose(maps["NDVI"], 0.5, atol=1e-5)
    assert any("Resampled to the working grid" in i and "nir_2020" in i for i in feedback.infos)


def test_fill_of_digital_numbers_does_not_bleed(run, write_raster):
    red, nir = (np.round(10_000 * x) + 1000 for x in bands(0.5 + 0 * ROWS))
    red[:, :30] = nir[:, :30] = 0
    paths = [write_raster(n, x.astype(np.int16)) for n, x in (("r", red), ("n", nir))]
    maps = run(
        "ndvidriver",
        ("NDVI",),
        RED=paths[:1],
        NIR=paths[1:],
        PRODUCT="sentinel2_l2a",
        EXTENT="500000,501800,3598200,3600000 [EPSG:32639]",
        CELL_SIZE=20,
    )
    known = np.isfinite(maps["NDVI"])
    assert 0.4 < known.mean() < 0.6
    np.testing.assert_allclose(maps["NDVI"][known], 0.5, atol=1e-3)


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"CLOUD_MASK": 1}, "RED has 3 rasters, CLOUD_MASK has 1"),
        ({"RED": 2}, "RED has 2 rasters, NIR has 3"),
    ],
)
def test_unequal_counts_are_refused(run, scenes, change, problem):
    given = {name: paths[: change.get(name)] for name, paths in scenes.items()}
    with pytest.raises(QgsProcessingException, match=problem):
        run("ndvidriver", ("NDVI",), PRODUCT="landsat_c2l2", **given)


def test_bad_dates_and_single_scenes_are_refused(run, scenes):
    given = {**scenes, "PRODUCT": "landsat_c2l2"}
    with pytest.raises(QgsProcessingException, match="'summer', which is no day"):
        run("ndvidriver", ("NDVI",), DATES="summer", **given)
    with pytest.raises(QgsProcessingException, match="2014-07-01 more than once"):
        run("ndvidriver", ("NDVI",), DATES="2014-07-01, 2014-07-01, 2015-07-01", **given)
    one = {name: [paths[-1 if name == "NIR" else 0]] for name, paths in scenes.items()}
    with pytest.raises(QgsProcessingException, match="at least two dates"):
        run("ndvidriver", ("NDVI_CHANGE",), PRODUCT="landsat_c2l2", **one)
