"""`ndvidriver` with real layers through the real worker."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from qgis.core import QgsProcessingException

SIZE = 60


ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]


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


def test_mean_and_change_of_landsat_scenes(run_maps, scenes):
    maps = run_maps("ndvidriver", ("NDVI", "NDVI_CHANGE"), PRODUCT="landsat_c2l2", **scenes)
    # The leap day of 2016 puts the first of July a little later in that year.
    assert np.nanmax(np.abs(maps["NDVI_CHANGE"] - 0.01)) < 2e-4
    expected = np.where(COLUMNS >= 50, 0.31, 0.3 + 0.01 * (3 - ROWS // 20) / 2)
    np.testing.assert_allclose(maps["NDVI"], expected, atol=2e-4)


def test_scenes_of_one_name_in_folders_of_their_dates(run_maps, write_raster, tmp_path, feedback):
    paths = {"RED": [], "NIR": []}
    for year, index in (("2020", 0.2), ("2021", 0.3), ("2022", None)):
        for name, band in zip(("RED", "NIR"), bands((index or 0) + 0 * ROWS)):
            cells = np.where(index is None, np.nan, band).astype(np.float32)
            (tmp_path / year).mkdir(exist_ok=True)
            place = tmp_path / year / f"{name}.tif"
            paths[name].append(str(shutil.move(write_raster(name, cells, nodata=np.nan), place)))
    maps = run_maps(
        "ndvidriver", ("NDVI", "NDVI_CHANGE"), **paths, DATES="2020-07-01, 2021-07-01, 2022-07-01"
    )
    assert maps["NDVI"] == pytest.approx(0.25, abs=1e-6)
    assert maps["NDVI_CHANGE"] == pytest.approx(0.1, abs=1e-3)
    assert any(text.startswith("2022-07-01: 0.0%") for text in feedback.warnings)


def test_other_grids_are_aligned_and_named(run_maps, write_raster, feedback):
    red, nir = bands(0.5 + 0 * ROWS.astype(np.float32))
    fine = np.repeat(np.repeat(nir, 2, 0), 2, 1)
    paths = write_raster("red_20200601", red), write_raster("nir_20200601", fine, cell=15.0)
    maps = run_maps("ndvidriver", ("NDVI",), RED=[paths[0]], NIR=[paths[1]])
    assert maps["NDVI"].shape == (SIZE, SIZE)
    np.testing.assert_allclose(maps["NDVI"], 0.5, atol=1e-5)
    assert any("Resampled to the working grid" in i and "nir_2020" in i for i in feedback.infos)


def test_fill_of_digital_numbers_does_not_bleed(run_maps, write_raster):
    red, nir = (np.round(10_000 * x) + 1000 for x in bands(0.5 + 0 * ROWS))
    red[:, :30] = nir[:, :30] = 0
    paths = [write_raster(n, x.astype(np.int16)) for n, x in (("r", red), ("n", nir))]
    maps = run_maps(
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
def test_unequal_counts_are_refused(run_maps, scenes, change, problem):
    given = {name: paths[: change.get(name)] for name, paths in scenes.items()}
    with pytest.raises(QgsProcessingException, match=problem):
        run_maps("ndvidriver", ("NDVI",), PRODUCT="landsat_c2l2", **given)


def test_bad_dates_and_single_scenes_are_refused(run_maps, scenes):
    given = {**scenes, "PRODUCT": "landsat_c2l2"}
    with pytest.raises(QgsProcessingException, match="'summer', which is no day"):
        run_maps("ndvidriver", ("NDVI",), DATES="summer", **given)
    with pytest.raises(QgsProcessingException, match="2014-07-01 more than once"):
        run_maps("ndvidriver", ("NDVI",), DATES="2014-07-01, 2014-07-01, 2015-07-01", **given)
    one = {name: [paths[-1 if name == "NIR" else 0]] for name, paths in scenes.items()}
    with pytest.raises(QgsProcessingException, match="at least two dates"):
        run_maps("ndvidriver", ("NDVI_CHANGE",), PRODUCT="landsat_c2l2", **one)
