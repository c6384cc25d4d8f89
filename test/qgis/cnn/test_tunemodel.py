"""`tunemodel` through the real worker: interrupted, gone on with, and its model made a map."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsApplication, QgsProcessingException, QgsVectorLayer
from subsidence_mapper.model.network.bundle import read_header

SIZE, CELL, LEFT, TOP = 40, 50.0, 500_000.0, 3_600_000.0


@pytest.fixture
def given(write_raster, make_points, tmp_path):
    """A valley of a driver, whose values the points follow, and a place for every output."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    wells = np.hypot(rows - 15, columns - 25).astype("float32")
    at = np.random.default_rng(0).permutation(SIZE * SIZE)[:200]
    places = [(LEFT + CELL * (i % SIZE + 0.5), TOP - CELL * (i // SIZE + 0.5)) for i in at.tolist()]
    return {
        "PS_POINTS": make_points(places, (3.0 * wells.ravel()[at] - 60).tolist()),
        "VALUE_FIELD": "mm",
        "UNIT": "cm",
        "DRIVERS": [write_raster("wells", wells, LEFT, TOP, CELL)],
        "PATCH_SIZE": 22,
        "EPOCHS": 2,
        "BLOCK_SIZE": 300,
        "SEED": 3,
        "STUDY": str(tmp_path / "study.json"),
        "MODEL": str(tmp_path / "model.zip"),
        "TRIALS_TABLE": str(tmp_path / "trials.gpkg"),
        "REPORT": str(tmp_path / "report.html"),
    }


def cancel_after_the_first_trial(feedback):
    """A feedback like another one, whose user is impatient."""
    impatient = type(feedback)()

    class Infos(list):
        def append(self, text):
            super().append(text)
            if text.startswith("Trial 0 complete"):
                impatient.cancel()

    impatient.infos = Infos()
    return impatient


def test_cancelled_then_gone_on_with_then_a_map(run, given, context, feedback, tmp_path):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("subsidence:tunemodel")
    with pytest.raises(QgsProcessingException, match="^Cancelled"):
        algorithm.run(given, context, cancel_after_the_first_trial(feedback), catchExceptions=False)
    assert {each.name for each in tmp_path.iterdir()} == {"wells.tif", "study.json"}
    first = json.loads((tmp_path / "study.json").read_text())["trials"]
    assert len(first) in (1, 2)  # a trial may end before QGIS hears that the first has

    count = len(first) + 1
    results = run("tunemodel", **given, TRIALS=count)
    assert any(f"holds {len(first)} trials" in text for text in feedback.infos)
    layer = QgsVectorLayer(results["TRIALS_TABLE"], "trials")
    assert layer.isValid() and not layer.isSpatial()
    names = layer.fields().names()
    rows = [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]
    assert [row["trial"] for row in rows] == list(range(count))
    assert [row["seconds"] for row in rows[:-1]] == [trial["seconds"] for trial in first]
    assert [row["state"] for row in rows] == ["complete"] * count
    assert all(row["epochs_run"] == row["epochs"] == 2 for row in rows)
    kept = json.loads((tmp_path / "study.json").read_text())["trials"]
    assert [row["folds_run"] for row in rows] == [len(each["errors"]) for each in kept]
    assert {row["folds_run"] for row in rows} == {3}
    for row, trial in zip(rows, kept):
        assert row["validation_rmse"] == pytest.approx(np.mean(trial["errors"]))
        assert row["spread"] == pytest.approx(np.std(trial["errors"], ddof=1))
    errors = [row["validation_rmse"] for row in rows]
    assert errors[0] == results["PRESET_VALIDATION_RMSE"]
    assert min(errors) == errors[int(results["BEST_TRIAL"])] == results["VALIDATION_RMSE"]

    header = read_header(results["MODEL"])
    best, preset = rows[int(results["BEST_TRIAL"])], header["preset"]
    assert {name: best[name] for name in preset if name in best} == {
        name: preset[name] for name in preset if name in best
    }
    assert {"activation", "patch_size", "learning_rate", "loss"} <= best.keys() & preset.keys()
    assert preset["blocks"] == [best["filters"] * n for n in (1, 2, 4, 4)][: int(best["depth"])]
    kept = header["history"]["validation_rmse"][header["best_epoch"] - 1]
    assert header["metrics"]["validation"]["RMSE"] == pytest.approx(kept, rel=1e-4)
    assert header["metrics"]["test"]["RMSE"] == results["TEST_RMSE"]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{results['VALIDATION_RMSE']:.2f} ± {best['spread']:.2f} cm" in html
    assert "RMSE (cm)" in html and "(mm)" not in html
    assert any(f"best so far {min(errors):.2f} ± " in text for text in feedback.infos)
    assert any("Epoch 2/2: loss" in text and " cm" in text for text in feedback.infos)
    assert "With fewer than 10 complete trials" in html

    place = str(tmp_path / "surface.tif")
    run("predictsurface", MODEL=results["MODEL"], DRIVERS=given["DRIVERS"], SURFACE=place)
    assert np.ptp(gdal.Open(place).ReadAsArray()) > 1
