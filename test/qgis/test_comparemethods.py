"""The leaderboard as layers, through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsVectorLayer
from subsidence_mapper.algorithms import styling

LEFT, TOP = 500_000.0, 3_600_000.0


@pytest.fixture
def run(run):
    """Run the comparison on cells of 50 m."""

    def compare(**parameters):
        return run("comparemethods", **{"VALUE_FIELD": "mm", "CELL_SIZE": 50, **parameters})

    return compare


@pytest.fixture
def bowl(make_points):
    """300 points on a smooth bowl, and their positions and values."""
    random = np.random.default_rng(0)
    xy = random.uniform([LEFT, TOP - 3000], [LEFT + 3000, TOP], (300, 2))
    far = np.linalg.norm(xy - [LEFT + 1500, TOP - 1500], axis=1)
    values = -60 * np.exp(-((far / 800) ** 2)) + random.normal(0, 0.5, 300)
    return make_points(xy.tolist(), values.tolist()), xy, values


def rows(path):
    layer = QgsVectorLayer(path, "l")
    assert layer.isValid()
    names = layer.fields().names()
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()], layer


def test_leaderboard_points_surfaces_and_report(run, bowl, feedback, tmp_path):
    points, xy, values = bowl
    results = run(
        PS_POINTS=points,
        METHODS=["idw", "rbf"],
        SPLITS=["random", "kfold", "block"],
        FOLDS=4,
        BLOCK_SIZE="300, 700",
        LEADERBOARD=str(tmp_path / "board.gpkg"),
        ERROR_POINTS=str(tmp_path / "errors.gpkg"),
        ERROR_SURFACE=str(tmp_path / "errors.tif"),
        REPORT=str(tmp_path / "report.html"),
    )
    board, layer = rows(results["LEADERBOARD"])
    assert not layer.isSpatial()
    splits = ["random", "kfold", "block_300", "block_700"]
    assert [row["split"] for row in board] == np.repeat(splits, 2).tolist()
    assert [row["rank"] for row in board] == [1, 2] * 4
    found, layer = rows(results["ERROR_POINTS"])
    assert len(found) == 300
    observed = np.array([row["observed"] for row in found])
    assert np.allclose(observed, values)
    for row in board:
        error = [each[f"{row['method']}_{row['split']}"] for each in found]
        error = np.array([each for each in error if isinstance(each, float)])
        assert len(error) == row["test_count"] == row["test_points"]
        assert np.sqrt(np.square(error).mean()) == pytest.approx(row["test_rmse"])
        assert error.mean() == pytest.approx(row["test_bias"])
    assert [row["test_count"] for row in board[2:]] == [300] * 6
    best, second = board[2:4]
    assert best["test_rmse"] < second["test_rmse"] and 0 <= second["p_against_best"] <= 1
    assert not isinstance(best["p_against_best"], float)

    raster = gdal.Open(results["ERROR_SURFACE"])
    names = [raster.GetRasterBand(band).GetDescription() for band in (1, 2)]
    assert names == ["idw_error", "rbf_error"]
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    headline = report.split('class="headline">')[1].split("</p>")[0]
    winner = {"idw": "IDW", "rbf": "RBF"}[best["method"]]
    assert f"In 4 random folds, {winner} is best with a test RMSE of" in headline
    assert any("4 random folds: RBF" in text for text in feedback.infos)


def test_errors_of_all_methods_are_drawn_on_one_scale(run, bowl, tmp_path):
    points, _, _ = bowl
    options = {"METHODS": ["idw", "rbf"], "SPLITS": ["kfold"], "FOLDS": 3}
    place = str(tmp_path / "errors.gpkg")
    run(PS_POINTS=points, **options, ERROR_POINTS=place)
    layer = QgsVectorLayer(place, "errors")
    styling.apply(layer, styling.LOOKS["ERROR_POINTS"], "up")
    styles = layer.styleManager()
    scales = {}
    for name in ("rbf_kfold", "idw_kfold"):
        assert styles.setCurrentStyle(name)
        renderer = layer.renderer()
        assert renderer.classAttribute().strip('"') == name
        scales[name] = [(part.lowerValue(), part.upperValue()) for part in renderer.ranges()]
    assert np.allclose(scales["rbf_kfold"], scales["idw_kfold"])
    assert scales["idw_kfold"][0][0] == -scales["idw_kfold"][-1][1] < 0


def test_methods_that_learn_from_drivers(run, bowl, write_raster, feedback, tmp_path):
    points, _, _ = bowl
    rows_, columns = np.mgrid[:60, :60]
    driver = np.hypot(rows_ - 30, columns - 30).astype("float32")
    options = {"METHODS": ["idw", "forest"], "SPLITS": ["kfold"], "FOLDS": 3}
    place = str(tmp_path / "board.gpkg")
    run(PS_POINTS=points, **options, LEADERBOARD=place)
    assert any("left out: Forest" in text for text in feedback.warnings)
    assert [row["method"] for row in rows(place)[0]] == ["idw"]
    other = str(tmp_path / "with.gpkg")
    drivers = [write_raster("distance", driver, LEFT, TOP, 50.0)]
    run(PS_POINTS=points, **options, DRIVERS=drivers, LEADERBOARD=other)
    found = {row["method"]: row["test_rmse"] for row in rows(other)[0]}
    assert found["forest"] < found["idw"]


def test_values_beside_the_places_of_other_points_are_noticed(run, bowl, make_points, feedback):
    _, xy, values = bowl
    mixed = make_points(np.random.default_rng(0).permutation(xy).tolist(), values.tolist())
    options = {"METHODS": ["idw"], "SPLITS": ["kfold"], "FOLDS": 5}
    run(PS_POINTS=mixed, **options, LEADERBOARD="TEMPORARY_OUTPUT")
    assert any("stands beside its own coordinates" in text for text in feedback.warnings)


def test_what_cannot_be_compared_is_said(run, bowl, tmp_path):
    points, _, _ = bowl
    place = {"LEADERBOARD": str(tmp_path / "board.gpkg")}
    with pytest.raises(QgsProcessingException, match="BLOCK_SIZE was 'wide'. Give the sides"):
        run(PS_POINTS=points, BLOCK_SIZE="wide", **place)
    with pytest.raises(QgsProcessingException, match=r"fill only 4 block\(s\) of 2000 m"):
        run(PS_POINTS=points, METHODS=["idw"], SPLITS=["block"], BLOCK_SIZE="2000", **place)
    with pytest.raises(QgsProcessingException, match="Add DRIVERS, or other METHODS"):
        run(PS_POINTS=points, METHODS=["forest"], **place)
    with pytest.raises(QgsProcessingException, match="METHODS.*magic.*give one of kriging"):
        run(PS_POINTS=points, METHODS=["magic"], **place)
    with pytest.raises(QgsProcessingException, match="FOLDS .* was 2; give a whole number from 3"):
        run(PS_POINTS=points, METHODS=["idw"], FOLDS=2, **place)
    with pytest.raises(QgsProcessingException, match="No output is selected"):
        run(PS_POINTS=points, METHODS=["idw"])
