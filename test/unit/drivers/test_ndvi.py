"""NDVI, its products, masks, dates and trend."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.drivers.ndvi import (
    PRODUCTS,
    mean_and_trend,
    ndvi,
    parse_mask_values,
)
from subsidence_mapper.model.drivers.scenes import date_in, decimal_year, match
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.raster import read_band
from subsidence_mapper.model.tasks import ndvi as task
from subsidence_mapper.test.examples import RecordingMonitor


@pytest.mark.parametrize(
    "name, day",
    [
        ("red_20140715", "2014-07-15"),
        ("red 2014-07-15", "2014-07-15"),
        ("B4_2014_07_15_v2", "2014-07-15"),
        ("LC08_L2SP_164037_20140601_20200911_02_T1_SR_B4", "2014-06-01"),
        ("T39SWT_20210615T071621_B04_10m", "2021-06-15"),
        ("S2A_MSIL2A_20220212T071021_N0400_R006_T39SWT_20220212T101500", "2022-02-12"),
        ("scene_20141315_20150203", "2015-02-03"),  # there is no 13th month
        ("red_2014", None),
        ("red_120140715", None),
        ("red_2014-0715", None),
    ],
)
def test_dates_in_names(name, day):
    assert date_in(name) == day


def test_decimal_years():
    assert decimal_year("2015-01-01") == 2015
    assert decimal_year("2015-07-02") == pytest.approx(2015 + 182 / 365)
    assert decimal_year("2016-12-31") == pytest.approx(2016 + 365 / 366)


def test_bands_go_together_by_day_else_by_order():
    red = ["r_20150101", "r_20140101"]
    days, order = match({"RED": red, "NIR": ["n_20140101", "n_20150101"], "CLOUD_MASK": ["a", "b"]})
    assert days == ["2015-01-01", "2014-01-01"]
    assert order == {"RED": [0, 1], "NIR": [1, 0], "CLOUD_MASK": [0, 1]}
    days, order = match({"RED": ["a", "b"], "NIR": ["c", "d"]}, "2014-06-01, 20150603")
    assert days == ["2014-06-01", "2015-06-03"]
    assert match({"RED": ["a"], "NIR": ["b"]})[0] == [None]


def test_bands_of_one_year_go_together_where_no_day_is_known():
    red, nir = ["l8.2019.red", "l8.2020.red"], ["l8.2020.nir", "l8.2019.nir"]
    assert match({"RED": red, "NIR": nir}) == ([None, None], {"RED": [0, 1], "NIR": [1, 0]})
    red, nir = ["a.2019.07.01", "a.2020.07.01"], ["nir_2020", "nir_2019"]
    assert match({"RED": red, "NIR": nir}) == (
        ["2019-07-01", "2020-07-01"],
        {"RED": [0, 1], "NIR": [1, 0]},
    )
    red, nir = ["may_2019", "june_2019"], ["b5_may_2019", "b5_june_2019"]
    assert match({"RED": red, "NIR": nir})[1] == {"RED": [0, 1], "NIR": [0, 1]}


@pytest.mark.parametrize(
    "names, dates, problem",
    [
        ({"RED": ["a", "b"], "NIR": ["c"]}, "", "RED has 2 rasters, NIR has 1"),
        ({"RED": ["a"], "NIR": ["c"], "CLOUD_MASK": []}, "", "CLOUD_MASK has 0"),
        ({"RED": ["a"], "NIR": ["c"]}, "2014-06-01, 2015-06-01", "2 dates, but RED has 1"),
        ({"RED": ["a"], "NIR": ["c"]}, "June 2014", "'June 2014', which is no day"),
        ({"RED": ["a"], "NIR": ["c"]}, "2014-02-30", "'2014-02-30', which is no day"),
        ({"RED": ["a", "b"], "NIR": ["c", "d"]}, "2014-06-01, 2014-06-01", "2014-06-01 more than"),
        (
            {"RED": ["a_20140601", "b_20140601"], "NIR": ["c", "d"]},
            "",
            "RED's layers hold 2014-06-01 more than once",
        ),
        (
            {"RED": ["a_20140601"], "NIR": ["b_20150601"]},
            "",
            "only one of them has 2014-06-01, 2015-06-01",
        ),
        ({"RED": ["red.2019"], "NIR": ["nir.2020"]}, "", "only one of them has 2019, 2020"),
        (
            {"RED": ["a_2019", "b_2019", "c_2020"], "NIR": ["a_2019", "c_2020", "b_2019"]},
            "",
            "by their order, but b_2019 is of 2019 and c_2020 of 2020",
        ),
    ],
)
def test_scenes_that_cannot_be_matched(names, dates, problem):
    with pytest.raises(InputError, match=problem):
        match(names, dates)


def test_reflectance_of_products():
    numbers = np.array([0.0, 1.0, 7273, 20000, 43636])
    np.testing.assert_allclose(
        PRODUCTS["landsat_c2l2"].reflectance(numbers),
        [np.nan, 0, 7.5e-6, 0.35, 0.99999],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        PRODUCTS["sentinel2_l2a"].reflectance(np.array([0.0, 900, 1000, 1452, 11000])),
        [np.nan, 0, 0, 0.0452, 1],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        PRODUCTS["sentinel2_l2a_before_2022"].reflectance(np.array([0.0, 452])), [np.nan, 0.0452]
    )
    np.testing.assert_allclose(
        PRODUCTS["reflectance"].reflectance(np.array([-0.1, 0.0, 0.3])), [0, 0, 0.3]
    )


def test_index_is_bounded_and_missing_without_light():
    red, nir = np.array([0.1, 0.0, 0.3, 0.0, np.nan]), np.array([0.3, 0.2, 0.0, 0.0, 0.2])
    np.testing.assert_allclose(ndvi(red, nir), [0.5, 1, -1, np.nan, np.nan])


def test_masks():
    landsat = PRODUCTS["landsat_c2l2"]
    # The usual values of QA_PIXEL: clear land, clear water, cloud, shadow, cirrus, snow, fill.
    quality = np.array([21824, 21952, 22280, 23888, 54596, 30048, 1, np.nan])
    assert landsat.is_masked(quality).tolist() == [0, 0, 1, 1, 1, 0, 1, 1]
    assert landsat.is_masked(quality, (5,)).tolist() == [0, 0, 0, 0, 0, 1, 0, 1]
    classes = np.arange(12.0)
    masked = PRODUCTS["sentinel2_l2a"].is_masked(classes)
    assert np.flatnonzero(masked).tolist() == [0, 1, 3, 8, 9, 10]
    assert PRODUCTS["sentinel2_l2a"].is_masked(classes, (11,)).nonzero()[0].tolist() == [11]
    assert PRODUCTS["reflectance"].is_masked(np.array([0.0, 1, 7])).tolist() == [0, 1, 1]


def test_mask_values():
    assert parse_mask_values("") == ()
    assert parse_mask_values("3, 8;9") == (3, 8, 9)
    for text in ("cloud", "1.5", "-1"):
        with pytest.raises(InputError, match="whole numbers separated by commas"):
            parse_mask_values(text)


def test_trend_is_that_of_polyfit():
    random = np.random.default_rng(1)
    years = 2014 + np.sort(random.uniform(0, 6, 9))
    values = random.normal(size=(9, 6, 7))
    values[random.random(values.shape) < 0.4] = np.nan
    values[:, 0, 0] = np.nan
    values[1:, 0, 1] = np.nan
    values[0, 0, 1] = 0.3
    mean, trend = mean_and_trend(values, years)
    assert np.isnan(mean[0, 0]) and np.isnan(trend[0, 0])
    assert mean[0, 1] == 0.3 and np.isnan(trend[0, 1])
    for row, column in np.ndindex(6, 7):
        series = values[:, row, column]
        known = np.isfinite(series)
        if known.sum() > 1:
            slope, _ = np.polyfit(years[known] - 2017, series[known], 1)
            assert trend[row, column] == pytest.approx(slope, rel=1e-9, abs=1e-12)
            assert mean[row, column] == pytest.approx(series[known].mean())


HEIGHT, WIDTH = 40, 30
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]


@pytest.fixture
def run(tmp_path):
    """Run the task on scenes of (day, red, nir, mask or None)."""

    def run(scenes, outputs=("NDVI", "NDVI_CHANGE"), **parameters):
        grid = Grid("EPSG:32639", (5e5, 30.0, 0.0, 3.6e6, 0.0, -30.0), WIDTH, HEIGHT)
        listed = []
        for i, (day, *bands) in enumerate(scenes):
            scene = {"name": f"scene {i}", "day": day}
            for band, cells in zip(("red", "nir", "mask"), bands):
                if cells is None:
                    continue
                scene[band] = f"{band}{i}.tif"
                with rasterio.open(
                    tmp_path / scene[band],
                    "w",
                    driver="GTiff",
                    width=WIDTH,
                    height=HEIGHT,
                    count=1,
                    dtype="float32",
                    nodata=np.nan,
                    transform=rasterio.transform.from_origin(5e5, 3.6e6, 30, 30),
                ) as raster:
                    raster.write(np.broadcast_to(np.float32(cells), (HEIGHT, WIDTH)), 1)
            listed.append(scene)
        notes = RecordingMonitor()
        request = {
            "grid": grid.to_dict(),
            "scenes": listed,
            "outputs": list(outputs),
            "parameters": {"product": "reflectance", **parameters},
        }
        result = task.run(tmp_path, request, notes, cells_at_once=4 * 16**2)
        maps = {name: read_band(tmp_path / file) for name, file in result["files"].items()}
        return maps, notes.lines

    return run


def bands(index, light=0.4):
    return light * (1 - index) / 2, light * (1 + index) / 2


def test_a_known_trend_comes_back_through_clouds(run):
    change = 0.01 * (ROWS - 20) / 20
    days = [f"{year}-01-01" for year in range(2014, 2018)]
    scenes = []
    for i, day in enumerate(days):
        red, nir = bands(0.3 + change * i)
        cloud = (COLUMNS // 3) % 4 == i
        scenes.append((day, np.where(cloud, 0.9, red), np.where(cloud, 0.9, nir), cloud * 1.0))
    maps, lines = run(scenes)
    np.testing.assert_allclose(maps["NDVI_CHANGE"], change + 0 * COLUMNS, atol=1e-6)
    missing = (COLUMNS // 3) % 4
    np.testing.assert_allclose(maps["NDVI"], 0.3 + change * (6 - missing) / 3, atol=1e-6)
    assert any("2014-01-01: 70.0% of the cells can be used" in text for _, text in lines)


def test_digital_numbers_and_quality_bits(run):
    red, nir = (np.round((band + 0.2) / 0.0000275) for band in bands(0.5))
    quality = np.where(COLUMNS < 10, 1 << 3, np.where(COLUMNS < 20, 1 << 5, 0))
    hole = np.where(ROWS == 0, 0, red)
    maps, lines = run([(None, hole, nir, quality)], ["NDVI"], product="landsat_c2l2")
    expected = np.where((COLUMNS < 10) | (ROWS == 0), np.nan, 0.5)
    np.testing.assert_allclose(maps["NDVI"], expected, atol=1e-3)
    assert any("420 of 1,200 cells have no value" in text for _, text in lines)
    maps, _ = run([(None, hole, nir, quality)], ["NDVI"], product="landsat_c2l2", mask_values="3,5")
    assert np.isnan(maps["NDVI"][:, :20]).all()


def test_cells_with_one_date_have_no_trend(run):
    red, nir = bands(0.2)
    scenes = [("2014-06-01", red, nir, COLUMNS < 5), ("2015-06-01", red, nir, 0 * ROWS)]
    maps, lines = run(scenes)
    np.testing.assert_allclose(maps["NDVI"], 0.2, atol=1e-6)
    assert np.isnan(maps["NDVI_CHANGE"][:, :5]).all()
    np.testing.assert_allclose(maps["NDVI_CHANGE"][:, 5:], 0, atol=1e-6)
    assert any("200 of 1,200 cells have a value on one date only" in text for _, text in lines)


def test_what_is_refused(run):
    red, nir = bands(0.2)
    with pytest.raises(InputError, match="at least two dates; there is one"):
        run([("2014-06-01", red, nir)])
    with pytest.raises(InputError, match="2 of 2 names of RED's layers hold none"):
        run([(None, red, nir), (None, red, nir)])
    with pytest.raises(InputError, match="No cell can be used on any date"):
        run([(None, red, nir, 1)], ["NDVI"])
    with pytest.raises(InputError, match="scaled already"):
        run([(None, red, nir)], ["NDVI"], product="sentinel2_l2a")


def test_numbers_for_reflectance_are_warned_of(run):
    red, nir = (10_000 * band for band in bands(0.2))
    maps, lines = run([(None, red, nir)], ["NDVI"])
    np.testing.assert_allclose(maps["NDVI"], 0.2, atol=1e-6)
    assert any(level == "warning" and "up to 2400" in text for level, text in lines)
