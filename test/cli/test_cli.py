"""`qgis_process` as a night job uses it: exit code, standard error, and what is left on disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from subsidence_mapper.test.qgis_process import PROGRAM, arguments


def test_every_algorithm_is_listed(qgis_process):
    listed = qgis_process("list").stdout
    for name in ("mapsubsidence", "trainmodel", "errormap", "idw", "importpspoints", "runtime"):
        assert f"subsidence:{name}\t" in listed


def test_train_predict_and_error_map(algorithm, region, tmp_path):
    drivers = [region / "wells.tif", region / "clay.tif"]
    points = {"PS_POINTS": region / "ps.gpkg", "VALUE_FIELD": "mm"}
    model = tmp_path / "model.zip"
    trained = algorithm(
        "trainmodel",
        **points,
        DRIVERS=drivers,
        PATCH_SIZE=22,
        EPOCHS=6,
        SPLIT="random",
        MODEL=model,
    )
    assert trained["TRAIN_COUNT"] + trained["VALIDATION_COUNT"] + trained["TEST_COUNT"] == 300
    surface = tmp_path / "surface.tif"
    algorithm("predictsurface", MODEL=model, DRIVERS=drivers, SURFACE=surface)
    found = algorithm(
        "errormap",
        **points,
        SURFACE=surface,
        ERROR_POINTS=tmp_path / "points.gpkg",
        ERROR_SURFACE=tmp_path / "error.tif",
    )
    predicted = gdal.Open(str(surface)).ReadAsArray()
    truth = gdal.Open(str(region / "truth.tif")).ReadAsArray()
    package = ogr.Open(str(tmp_path / "points.gpkg"))
    error = np.array([feature["error"] for feature in package.GetLayer(0)])
    assert found["COUNT"] == len(error) == 300
    assert found["RMSE"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
    assert np.sqrt(((predicted - truth) ** 2).mean()) < truth.std()
    # QGIS keeps the statistics of rasters it opens in .aux.xml.
    made = {each.name for each in tmp_path.iterdir() if each.suffix != ".xml"}
    assert made == {"model.zip", "surface.tif", "points.gpkg", "error.tif"}


def test_points_and_drivers_by_relative_paths(algorithm, region, tmp_path, monkeypatch):
    """The worker runs in another folder than the user."""
    monkeypatch.chdir(tmp_path)
    table = "ID,LAT,LON,VEL,SIGMA VEL,CUMUL.DISP.,COHER\n1,32.5,51.0,-3,0.1,-21,0.9\n"
    Path("ps.csv").write_text(table + "2,32.6,51.1,1,0.1,7,0.5\n", encoding="utf-8")
    algorithm("importpspoints", FILE="ps.csv", PS_POINTS="imported.gpkg")
    kept = algorithm("selectpspoints", INPUT="imported.gpkg", PS_POINTS="selected.gpkg")
    assert (kept["COUNT"], kept["REMOVED"]) == (1, 1)
    again = algorithm("importpspoints", LAYER="selected.gpkg", POSITIVE="up", PS_POINTS="c.gpkg")
    assert again["COUNT"] == 1
    package = ogr.Open("c.gpkg")
    (feature,) = package.GetLayer()
    assert (feature["velocity_mm_yr"], feature["displacement_mm"]) == (-3, -21)
    shutil.copy(region / "truth.tif", "dem.tif")
    algorithm("terraindrivers", DEM="dem.tif", SLOPE="slope.tif")
    algorithm("driverstack", DRIVERS=["slope.tif", "dem.tif"], STACK="stack.vrt", FORMAT="vrt")
    assert gdal.Open("stack.vrt").RasterCount == 2


def test_a_table_of_points(algorithm, region, tmp_path):
    table = f"delimitedtext://file://{region / 'ps.csv'}?type=csv&detectTypes=yes&xField=x&yField=y"
    surface = tmp_path / "idw.tif"
    algorithm(
        "idw",
        PS_POINTS=f"{table}&crs=EPSG:32639",
        VALUE_FIELD="mm",
        REFERENCE=region / "wells.tif",
        NEIGHBOURS=1,
        SURFACE=surface,
    )
    made = gdal.Open(str(surface)).ReadAsArray()
    truth = gdal.Open(str(region / "truth.tif")).ReadAsArray()
    assert made.shape == truth.shape
    # With one neighbour, each of the 300 points' cells holds the point's own value.
    assert (np.abs(made - truth) < 1e-4).sum() >= 300


BAD = {
    "a field of text": ({"VALUE_FIELD": "text"}, "field text of the layer ps is of type String"),
    "equal values": ({"VALUE_FIELD": "same"}, "All 300 points .* have the value 5"),
    "no such points": ({"PS_POINTS": "/missing.gpkg"}, "PS_POINTS .*not all of that can be opened"),
    "no such raster": ({"DRIVERS": "/missing.tif"}, "DRIVERS .*not all of that can be opened"),
    "a raster without CRS": ({"DRIVERS": "{region}/nowhere.tif"}, "layer nowhere has no valid"),
    "no overlap": ({"EXTENT": "0,9,0,9 [EPSG:32639]"}, "have no area in common"),
    "no drivers": (
        {"DRIVERS": None, "METHOD": "cnn"},
        "METHOD cnn learns from .* DRIVERS is empty",
    ),
    "no such method": ({"METHOD": "magic"}, "METHOD .* was 'magic'; give one of auto"),
    "an unknown class driver": ({"CATEGORICAL": "soil"}, "CATEGORICAL names soil, which is not"),
    "a place that is no folder": (
        {"SURFACE": "{region}/ps.csv/s.tif"},
        "SURFACE cannot be written",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(qgis_process, region, tmp_path, case):
    given, message = BAD[case]
    parameters = {
        "PS_POINTS": region / "ps.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": region / "wells.tif",
        "SURFACE": tmp_path / "surface.tif",
        "ERROR_POINTS": tmp_path / "points.gpkg",
        "REPORT": tmp_path / "report.html",
        **given,
    }
    given = [
        each.format(region=region)
        for each in arguments({name: value for name, value in parameters.items() if value})
    ]
    refused(qgis_process("run", "subsidence:mapsubsidence", *given), message, tmp_path)


def test_too_few_points(qgis_process, region, tmp_path):
    given = {
        "PS_POINTS": region / "ps.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": region / "wells.tif",
        "EXTENT": "501000,501300,3598000,3598300 [EPSG:32639]",
        "MODEL": tmp_path / "model.zip",
    }
    finished = qgis_process("run", "subsidence:trainmodel", *arguments(given))
    refused(finished, "points", tmp_path)


def test_a_file_that_is_no_model(qgis_process, region, tmp_path):
    given = {
        "MODEL": region / "ps.csv",
        "DRIVERS": region / "wells.tif",
        "SURFACE": tmp_path / "surface.tif",
    }
    finished = qgis_process("run", "subsidence:predictsurface", *arguments(given))
    refused(finished, "ps.csv is not a model of this plugin", tmp_path)


def test_no_worker_environment(qgis_process, region, tmp_path):
    given = {"PS_POINTS": region / "ps.gpkg", "VALUE_FIELD": "mm", "SURFACE": tmp_path / "s.tif"}
    finished = qgis_process(
        "run", "subsidence:idw", *arguments(given), SUBSIDENCE_PYTHON="/missing/python"
    )
    refused(finished, "/missing/python", tmp_path)


def refused(finished, message, folder):
    """The run failed with that message as one error, and left nothing behind."""
    assert finished.returncode != 0
    lines = finished.stderr.splitlines()
    errors = [i for i, line in enumerate(lines) if line.startswith("ERROR:\t")]
    assert len(errors) == 1, finished.stderr
    assert re.search(message, "\n".join(lines[errors[0] :])), finished.stderr
    assert "Traceback" not in finished.stderr
    assert not list(folder.iterdir())


def test_ending_qgis_process_ends_the_worker_and_leaves_no_output(environment, region, tmp_path):
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    given = {
        "PS_POINTS": region / "ps.gpkg",
        "VALUE_FIELD": "mm",
        "DRIVERS": region / "wells.tif",
        "EPOCHS": 100_000,
        "MODEL": tmp_path / "model.zip",
    }
    command = [PROGRAM, "run", "subsidence:trainmodel", *arguments(given)]
    variables = {**environment, "TMPDIR": str(jobs)}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: workers(jobs))
        process.send_signal(signal.SIGTERM)
    wait_for(lambda: not workers(jobs))
    assert {each.name for each in tmp_path.iterdir()} == {"jobs"}


def test_ctrl_c_is_heard_while_the_worker_says_nothing(environment, region, tmp_path):
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    silent = tmp_path / "python"
    real = environment["SUBSIDENCE_PYTHON"]
    silent.write_text(f'#!/bin/sh\n[ "$1" = -I ] && exec {real} "$@"\ntouch begun\nsleep 60\n')
    silent.chmod(0o755)
    given = {"PS_POINTS": region / "ps.gpkg", "VALUE_FIELD": "mm", "SURFACE": tmp_path / "s.tif"}
    command = [PROGRAM, "run", "subsidence:idw", *arguments(given)]
    variables = {**environment, "TMPDIR": str(jobs), "SUBSIDENCE_PYTHON": str(silent)}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: list(jobs.glob("*/begun")))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=2)
    assert process.returncode > 0
    assert "ERROR:\tCancelled. Nothing was written." in said
    assert not list(jobs.glob("subsidence-job-*")) and not (tmp_path / "s.tif").exists()


def workers(jobs):
    """The processes that work on a job folder in `jobs`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
        except OSError:
            continue
        if "model.worker" in command and str(jobs) in command and process.name != str(os.getpid()):
            found.append(process.name)
    return found


def wait_for(condition, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
