"""Which cells of a raster are no values."""

from __future__ import annotations

import os

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.qgis_layers import CELLS, INSIDE, SIZE, brought, opened


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
        stated = [text for text in feedback.warnings if "means no data" in text]
        assert sorted(stated) == sorted(
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
