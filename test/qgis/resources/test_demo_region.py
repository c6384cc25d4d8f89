"""The region that `make demo` makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from subsidence_mapper.test.results import cells

DEMO = Path(__file__).resolve().parents[3] / "resources" / "demo"


WIDTH, HEIGHT = 200, 160


YEARS = range(2014, 2021)


SCENES = [f"{name}_{year}0715" for name in ("red", "nir", "quality") for year in YEARS]


BUILT_UP, CROPLAND, BARE, ORCHARD = 50, 40, 60, 10  # ESA WorldCover


NOISE = 3.0


def generate(folder, seed):
    size = ["--size", str(WIDTH), str(HEIGHT)]
    command = [sys.executable, "-B", DEMO / "make_region.py", folder, "--seed", str(seed), *size]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("region"), seed=0)


@pytest.fixture
def physics(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO))
    import physics

    yield physics
    sys.modules.pop("physics")


def read_points(path):
    """Coordinates (n, 2) and a dictionary of the fields of a GeoPackage's only layer."""
    source = ogr.Open(str(path))
    layer = source.GetLayerByName(path.stem)
    features = list(layer)
    xy = np.array([feature.geometry().GetPoint_2D() for feature in features])
    names = [field.name for field in layer.schema]
    return xy, {name: np.array([feature[name] for feature in features]) for name in names}


def read_scatterers(region):
    """Coordinates (n, 2) in metres, the table's columns, and its displacements (n, dates)."""
    with (region / "inputs" / "ps.csv").open() as file:
        names = file.readline().strip().split(",")
        cells = np.loadtxt(file, delimiter=",")
    table = dict(zip(names, cells.T))
    degrees, metres = osr.SpatialReference(), osr.SpatialReference()
    degrees.ImportFromEPSG(4326)  # whose first axis is latitude
    metres.ImportFromEPSG(32639)
    places = np.column_stack([table["LAT"], table["LON"]])
    xy = osr.CoordinateTransformation(degrees, metres).TransformPoints(places)
    dates = [name for name in names if name.isdigit()]
    return np.array(xy)[:, :2], table, np.column_stack([table[date] for date in dates])


def at_points(region, xy, raster):
    values = gdal.Open(str(region / raster))
    left, dx, _, top, _, dy = values.GetGeoTransform()
    rows = np.floor((xy[:, 1] - top) / dy).astype(int)
    columns = np.floor((xy[:, 0] - left) / dx).astype(int)
    return values.ReadAsArray()[rows, columns]


def test_same_seed_gives_the_same_region_and_another_seed_another(region, tmp_path):
    again = generate(tmp_path / "again", seed=0)
    for path in sorted(region.rglob("*.tif")):
        np.testing.assert_array_equal(cells(path), cells(again / path.relative_to(region)))
    for name in ("inputs/piezometers.gpkg", "inputs/wells.gpkg"):
        xy, fields = read_points(region / name)
        xy_again, fields_again = read_points(again / name)
        np.testing.assert_array_equal(xy, xy_again)
        for field in fields:
            np.testing.assert_array_equal(fields[field], fields_again[field])
    assert (region / "inputs/ps.csv").read_bytes() == (again / "inputs/ps.csv").read_bytes()

    other = generate(again, seed=1)
    assert not np.array_equal(
        cells(region / "true_displacement.tif"), cells(other / "true_displacement.tif")
    )


def test_all_rasters_lie_on_one_grid(region):
    paths = [region / "inputs" / f"{name}.tif" for name in ("dem", "land_cover", *SCENES)]
    assert sorted(paths) == sorted((region / "inputs").glob("*.tif"))
    for path in (*paths, region / "true_displacement.tif"):
        raster = gdal.Open(str(path))
        assert (raster.RasterXSize, raster.RasterYSize) == (WIDTH, HEIGHT)
        assert raster.GetGeoTransform() == (552_000, 90, 0, 3_624_000, 0, -90)
        assert raster.GetSpatialRef().GetAuthorityCode(None) == "32639"
        band = raster.GetRasterBand(1)
        assert band.GetBlockSize() == [256, 256]
        values = band.ReadAsArray()
        assert np.isfinite(values).all()
        assert not (values == band.GetNoDataValue()).any()
        assert np.ptp(values) > 0


def test_water_runs_off_everywhere(region):
    altitude = cells(region / "inputs" / "dem.tif")
    inner = altitude[1:-1, 1:-1]
    around = [
        altitude[1 + dy : HEIGHT - 1 + dy, 1 + dx : WIDTH - 1 + dx]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dy, dx) != (0, 0)
    ]
    assert (np.min(around, axis=0) < inner).all()


def test_scatterers_stand_on_houses_and_rock_and_hardly_on_fields(region):
    xy, table, _ = read_scatterers(region)
    use = cells(region / "inputs" / "land_cover.tif")
    use_at_ps = at_points(region, xy, "inputs/land_cover.tif")

    def per_cell(*codes):
        return np.isin(use_at_ps, codes).sum() / np.isin(use, codes).sum()

    good = table["COHER"] >= 0.8
    assert 3_000 < good.sum() < 6_000
    assert good.mean() == pytest.approx(1 / 1.35, abs=0.03)
    assert np.isin(use_at_ps, (BUILT_UP, BARE)).mean() > 0.9
    assert per_cell(BUILT_UP) > 10 * per_cell(BARE)
    assert per_cell(BARE) > 5 * per_cell(CROPLAND, ORCHARD)
    assert (np.diff(table["ID"]) == 1).all()
    assert 0.5 <= table["COHER"].min() < table["COHER"].max() < 1


def test_the_ground_sinks_under_fields_rises_somewhere_and_rock_stands(region):
    truth = cells(region / "true_displacement.tif")
    use = cells(region / "inputs" / "land_cover.tif")
    north, east = np.gradient(cells(region / "inputs" / "dem.tif"), 90)
    assert -350 < truth.min() < -100
    assert 5 < truth.max() < 40
    assert truth[use == CROPLAND].mean() < -30
    assert np.abs(truth[np.hypot(north, east) > 0.36]).mean() < 0.1
    _, table, _ = read_scatterers(region)
    assert table["CUMUL.DISP."].min() < -50
    assert table["CUMUL.DISP."].max() > 5


def test_scatterers_are_the_truth_and_noise_that_follows_coherence(region):
    xy, table, series = read_scatterers(region)
    assert (series[:, 0] == 0).all()
    assert np.array_equal(series[:, -1], table["CUMUL.DISP."])
    noise = series[:, -1] - at_points(region, xy, "true_displacement.tif")
    good = table["COHER"] >= 0.8
    assert noise[good].mean() == pytest.approx(0, abs=4 * NOISE / np.sqrt(good.sum()))
    assert noise[good].std() == pytest.approx(NOISE, rel=0.06)
    assert noise[~good].std() > 1.8 * NOISE
    velocity = np.polyfit(np.arange(series.shape[1]) / 6, series.T, 1)[0]
    assert table["VEL"] == pytest.approx(velocity, rel=0.01, abs=0.02)


def test_most_wells_pump(region):
    _, fields = read_points(region / "inputs" / "wells.gpkg")
    pumps = fields["active"] == 1
    assert (pumps.sum(), (~pumps).sum()) == (36, 8)
    assert (fields["discharge_m3_day"][pumps] > 0).all()
    assert (fields["discharge_m3_day"][~pumps] == 0).all()
    assert fields["start_year"][pumps].min() >= 2007


def test_piezometers_read_a_falling_water_table_with_gaps(region):
    xy, fields = read_points(region / "inputs" / "piezometers.gpkg")
    depth = at_points(region, xy, "inputs/dem.tif") - fields["level_m"]
    assert depth.min() > 15  # 20 m, the season, and no more than a little rise
    early, late = (np.char.startswith(fields["date"], year) for year in ("2014", "2020"))
    assert depth[late].mean() > depth[early].mean() + 2
    assert np.unique(fields["piezometer"]).size == 30
    assert len(xy) == pytest.approx(0.85 * 30 * 30, rel=0.06)


def test_scenes_are_landsats_and_clouds_are_marked(region):
    def scene(name, year):
        return cells(region / "inputs" / f"{name}_{year}0715.tif").astype(float)

    ndvi = []
    for year in YEARS:
        red, nir = (0.0000275 * scene(name, year) - 0.2 for name in ("red", "nir"))
        cloudy = scene("quality", year) == 22280
        assert 0.01 < cloudy.mean() < 0.2
        assert np.abs(red - nir)[cloudy].max() < 1e-4
        ndvi.append(np.where(cloudy, np.nan, (nir - red) / (nir + red)))
    use = cells(region / "inputs" / "land_cover.tif")
    clear = np.isfinite(ndvi).all(axis=0)
    trend = np.polyfit(np.arange(7), np.array(ndvi)[:, clear], 1)[0]
    assert trend[use[clear] == BUILT_UP].mean() == pytest.approx(-0.004, abs=2e-4)
    assert trend[use[clear] == BARE].mean() == pytest.approx(-0.001, abs=2e-4)


def test_a_region_too_small_is_refused(tmp_path):
    command = [sys.executable, "-B", DEMO / "make_region.py", tmp_path, "--size", "30", "20"]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode != 0
    assert "30 x 20 cells" in made.stderr
    assert not list(tmp_path.iterdir())


def test_well_function_equals_the_published_table(physics):
    # Wenzel (1942), U.S. Geological Survey Water-Supply Paper 887.
    table = {1e-6: 13.2383, 0.01: 4.0379, 0.1: 1.8229, 1.0: 0.2194, 2.0: 0.0489, 5.0: 0.001148}
    found = physics.well_function(np.array(list(table)))
    np.testing.assert_allclose(found, list(table.values()), rtol=1e-3, atol=5e-5)


def test_drawdown_of_two_wells_adds_up(physics):
    names = ("x", "y", "radius", "start", "discharge")
    wells = np.zeros(2, dtype=[(name, float) for name in names])
    wells["x"], wells["start"], wells["discharge"] = (-1_000, 1_000), (2010, 2015), (1_500, -800)
    x = np.array([0.0, 500.0])
    both = physics.drawdown(x, 0 * x, wells, 2020)
    alone = sum(physics.drawdown(x, 0 * x, wells[k : k + 1], 2020) for k in (0, 1))
    np.testing.assert_allclose(both, alone, rtol=1e-12)
    # u = 1000^2 * 0.12 / (4 * 300 * 3652.5) = 0.027379 and W(u) = 3.0480
    first = physics.drawdown(x[:1], 0 * x[:1], wells[:1], 2020)
    assert first[0] == pytest.approx(1_500 / (4 * np.pi * 300) * 3.0480, rel=1e-4)


def test_clay_rebounds_by_its_elastic_part_only(physics):
    thickness, delay = np.array([50.0]), np.array([1e-3])
    low, recovered = physics.compaction([np.array([10.0]), np.array([0.0])], thickness, delay)
    assert low[0] == pytest.approx(50 * (2.0e-4 * 8 + 2.5e-5 * 2))
    assert low[0] - recovered[0] == pytest.approx(50 * 2.5e-5 * 10)
