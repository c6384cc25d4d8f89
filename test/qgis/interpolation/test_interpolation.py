"""RBF, moving least squares, forest and boosting with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.results import cells

LEFT, TOP, CELL, SIZE = 500_000.0, 3_600_000.0, 50.0, 40


def centres():
    x = LEFT + CELL * (np.arange(SIZE) + 0.5)
    y = TOP - CELL * (np.arange(SIZE) + 0.5)
    return np.meshgrid(x, y)


def plane(x, y):
    return -20 + 0.004 * (x - LEFT) + 0.01 * (y - TOP)


@pytest.fixture
def given(make_points, write_raster, tmp_path):
    """Points on a plane, the raster that their map is to lie on, and where to write."""
    xy = np.random.default_rng(0).uniform(0, SIZE * CELL, (150, 2)) * [1, -1] + [LEFT, TOP]
    return {
        "PS_POINTS": make_points(xy.tolist(), plane(*xy.T).tolist()),
        "VALUE_FIELD": "mm",
        "REFERENCE": write_raster("reference", np.ones((SIZE, SIZE)), LEFT, TOP, CELL),
        "SURFACE": str(tmp_path / "surface.tif"),
    }


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("rbf", {"KERNEL": "thin_plate_spline"}),
        ("rbf", {"KERNEL": "cubic", "NEIGHBOURS": 20}),
        ("movingleastsquares", {"DEGREE": 1}),
        ("movingleastsquares", {"DEGREE": 1, "WEIGHTS": "gaussian", "ROBUST": True}),
    ],
)
def test_a_plane_comes_out_as_it_went_in(run, given, feedback, name, parameters):
    run(name, **given, **parameters)
    assert np.allclose(cells(given["SURFACE"]), plane(*centres()), atol=1e-3)
    assert feedback.warnings == []


def test_points_on_one_line_are_counted(run, given, make_points, feedback):
    along = np.linspace(0, SIZE * CELL, 60)
    points = np.column_stack([LEFT + along, TOP - along])
    layer = make_points(points.tolist(), (-along / 100).tolist())
    run("rbf", **{**given, "PS_POINTS": layer}, KERNEL="cubic")
    got = cells(given["SURFACE"])
    assert np.isfinite(got).all()
    assert np.allclose(np.diag(got), -CELL * (np.arange(SIZE) + 0.5) / 100, atol=0.1)
    assert any("1600 values are of the linear kernel" in text for text in feedback.warnings)


@pytest.mark.parametrize("name", ["idw", "rbf", "movingleastsquares"])
def test_tuning_says_what_it_chose(run, given, feedback, name):
    run(name, **given, TUNE=True)
    chosen = [text for text in feedback.infos if text.startswith("Chosen by cross-validation")]
    assert len(chosen) == 1 and "trials" in chosen[0]
    limit = 0.3 if name == "idw" else 1e-3
    inner = cells(given["SURFACE"])[3:-3, 3:-3]
    assert np.abs(inner - plane(*centres())[3:-3, 3:-3]).mean() < limit


def test_tuning_ignores_what_it_chooses_and_keeps_the_rest(run, given, tmp_path):
    run("idw", **given, TUNE=True, POWER=0.1, NEIGHBOURS=150, RADIUS=300)
    tuned = cells(given["SURFACE"])
    run("idw", **{**given, "SURFACE": str(tmp_path / "other.tif")}, TUNE=True, RADIUS=300)
    assert np.array_equal(tuned, cells(str(tmp_path / "other.tif")), equal_nan=True)


def test_too_few_points_to_tune(run, given, make_points):
    few = make_points([(LEFT + 10 * i, TOP - 10) for i in range(9)], [1.0 * i for i in range(9)])
    with pytest.raises(QgsProcessingException, match="9 points are too few"):
        run("rbf", **{**given, "PS_POINTS": few}, TUNE=True)


@pytest.fixture
def region(write_raster, make_points, tmp_path):
    """Ground that sinks by the depth of the clay, in part of which no clay is known."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    clay = (10 + 8 * np.sin(rows / 6) * np.cos(columns / 5)).astype("float32")
    truth = -2 * clay
    at = np.random.default_rng(1).permutation(SIZE * SIZE)[:250]
    places = [(LEFT + CELL * (i % SIZE + 0.5), TOP - CELL * (i // SIZE + 0.5)) for i in at]
    holed = clay.copy()
    holed[:4, :4] = np.nan
    noise = np.random.default_rng(2).normal(size=clay.shape).astype("float32")
    return {
        "truth": truth,
        "given": {
            "PS_POINTS": make_points(places, [float(value) for value in truth.ravel()[at]]),
            "VALUE_FIELD": "mm",
            "DRIVERS": [
                write_raster("clay", holed, LEFT, TOP, CELL, nodata=float("nan")),
                write_raster("noise", noise, LEFT, TOP, CELL),
            ],
            "SURFACE": str(tmp_path / "surface.tif"),
        },
    }


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("forest", {"TREES": 50}),
        ("forest", {"TREES": 50, "KIND": "extra", "COORDINATES": False}),
        ("boosting", {"MAX_TREES": 100, "LEARNING_RATE": 0.2}),
    ],
)
def test_the_ground_follows_the_clay(run, region, name, parameters):
    run(name, **region["given"], **parameters)
    got = cells(region["given"]["SURFACE"])
    assert np.isnan(got[:4, :4]).all() and np.isfinite(got).sum() == SIZE**2 - 16
    error = (got - region["truth"])[np.isfinite(got)]
    assert np.sqrt((error**2).mean()) < 0.3 * region["truth"].std()


def test_the_spread_of_the_trees(run, region, tmp_path):
    place = str(tmp_path / "deviation.tif")
    run("forest", **region["given"], TREES=50, STANDARD_DEVIATION=place)
    spread = cells(place)
    assert np.array_equal(np.isnan(spread), np.isnan(cells(region["given"]["SURFACE"])))
    assert 0 < np.nanmean(spread) < region["truth"].std()
    assert gdal.Open(place).GetRasterBand(1).GetDescription() == "standard_deviation_mm"


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("rbf", {"KERNEL": "wave"}, "KERNEL .* was 'wave'; give one of linear"),
        ("rbf", {"SMOOTHING": -1}, "SMOOTHING .* was -1"),
        ("movingleastsquares", {"DEGREE": 3}, "DEGREE .* was 3; give a whole number from 1 to 2"),
        ("movingleastsquares", {"NEIGHBOURS": 0}, "NEIGHBOURS .* was 0"),
    ],
)
def test_what_is_refused(run, given, name, bad, message):
    with pytest.raises(QgsProcessingException, match=message):
        run(name, **given, **bad)


def test_a_forest_needs_drivers(run, given):
    with pytest.raises(QgsProcessingException, match="DRIVERS"):
        run("forest", **given)


def test_the_engine_is_the_workers_to_reach(run, given):
    message = "ENGINE is nowhere|No Dask scheduler answers at nowhere"
    with pytest.raises(QgsProcessingException, match=message):
        run("idw", **given, ENGINE="nowhere")
    run("idw", **given, ENGINE="local")
    assert np.isfinite(cells(given["SURFACE"])).all()
