"""The worker as QGIS starts it: a process, a job folder, lines of JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model import worker
from subsidence_mapper.model.network.bundle import read_header
from subsidence_mapper.model.protocol import PROTOCOL_VERSION
from subsidence_mapper.test.examples import make_grid, write_driver

HEIGHT, WIDTH = 60, 70


@pytest.fixture
def job(tmp_path):
    """A folder with drivers and 400 points, and a function that runs a request in it."""
    random = np.random.default_rng(0)
    grid = make_grid(HEIGHT, WIDTH)
    smooth = np.cumsum(np.cumsum(random.normal(size=(HEIGHT, WIDTH)), 0), 1)
    slope = write_driver(tmp_path, "slope", "continuous", smooth)
    land = write_driver(tmp_path, "land", "categorical", (smooth > 0).astype(float))
    left, _, _, top, _, _ = grid.transform
    xy = np.column_stack(
        [
            left + random.uniform(0, 30 * WIDTH, 400),
            top - random.uniform(0, 30 * HEIGHT, 400),
        ]
    )
    values = 10 * smooth[grid.cells(xy)] / smooth.std() + random.normal(0, 0.5, 400)
    np.savez(tmp_path / "points.npz", xy=xy, values=values)
    base = {
        "protocol": PROTOCOL_VERSION,
        "grid": grid.to_dict(),
        "points": {"file": "points.npz", "field": "mm", "positive": "up"},
        "drivers": [slope, land],
    }

    def run(task, outputs=(), variables=None, **more):
        request = {**base, "task": task, "outputs": list(outputs), "parameters": {}, **more}
        (tmp_path / "request.json").write_text(json.dumps(request))
        process = subprocess.run(
            [sys.executable, "-m", "subsidence_mapper.model.worker", str(tmp_path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **(variables or {}), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        lines = [json.loads(line) for line in process.stdout.splitlines()]
        result = tmp_path / "result.json"
        return process.returncode, lines, json.loads(result.read_text()) if result.exists() else {}

    run.folder, run.xy, run.values, run.drivers = tmp_path, xy, values, base["drivers"]
    return run


def test_probe_really_learns_and_names_the_device(job):
    code, lines, result = job("probe")
    assert (code, lines[-1]) == (0, {"type": "result"})
    assert result["device"]["device"]
    assert result["device"]["tensorflow"].startswith("2.")


def test_interpolate_writes_a_cloud_optimized_surface(job):
    code, lines, result = job("interpolate", ["SURFACE"], parameters={"method": "idw"})
    assert code == 0
    with rasterio.open(job.folder / result["files"]["SURFACE"]) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (raster.height, raster.width, raster.dtypes) == (HEIGHT, WIDTH, ("float32",))
        assert np.isnan(raster.nodata)
        assert raster.descriptions == ("displacement_mm",)
        assert raster.read(1).min() >= job.values.min()
    assert lines[-2]["percent"] == 100
    assert not list(job.folder.glob("*.draft.tif"))


def test_cells_without_a_value_are_counted(job):
    given = {"method": "idw", "radius": 40.0}
    _, lines, result = job("interpolate", ["SURFACE"], parameters=given)
    with rasterio.open(job.folder / result["files"]["SURFACE"]) as raster:
        missing = np.isnan(raster.read(1)).sum()
    assert 0 < missing < HEIGHT * WIDTH
    warnings = [line["text"] for line in lines if line.get("level") == "warning"]
    assert [f"{missing:,} cells" in text for text in warnings] == [True]


def test_map_writes_everything_and_its_figures_agree(job):
    outputs = ["SURFACE", "UNCERTAINTY", "TRUST", "ERROR_POINTS", "REPORT", "MODEL"]
    parameters = {"method": "cnn", "block_size": 400}
    code, lines, result = job("map", outputs, parameters=parameters)
    assert code == 0, lines
    assert set(result["files"]) | set(result["points"]) == set(outputs)
    with np.load(job.folder / result["points"]["ERROR_POINTS"]) as table:
        assert table.files == ["xy", "observed", "predicted", "error", "absolute_error", "part"]
        error, test = table["error"], table["part"] == "test"
        assert np.allclose(error, table["predicted"] - table["observed"])
        predicted = table["predicted"]
        xy = table["xy"]
    assert result["numbers"]["RMSE"] == pytest.approx(np.sqrt(np.square(error[test]).mean()))
    with rasterio.open(job.folder / "surface.tif") as raster:
        at_points = raster.read(1)[make_grid(HEIGHT, WIDTH).cells(xy)]
    assert np.allclose(at_points, predicted, rtol=1e-4, atol=1e-3)
    report = (job.folder / "report.html").read_text()
    assert f"{result['numbers']['RMSE']:.2f}" in report
    assert f"{result['numbers']['BLOCK_RMSE']:.2f}" in report
    assert "IDW" in report and "Learning curves" in report
    header = read_header(job.folder / "model.zip")
    assert header["metrics"]["test"]["RMSE"] == result["numbers"]["RMSE"]
    assert [driver["name"] for driver in header["drivers"]] == ["slope", "land"]


def test_auto_maps_with_the_method_with_the_smallest_expected_error_and_says_so(job):
    outputs = ["SURFACE", "UNCERTAINTY", "TRUST", "ERROR_POINTS", "REPORT"]
    # So few that the hybrid is kriging: growing trees in every fold would take minutes.
    few = {"xy": job.xy[:180], "values": job.values[:180]}
    np.savez(job.folder / "few.npz", **few)
    points = {"file": "few.npz", "field": "mm", "positive": "up"}
    options = {"points": points, "parameters": {"block_size": 400, "seed": 3}}
    code, lines, result = job("map", outputs, **options)
    assert code == 0, lines
    said = [line["text"] for line in lines if line["type"] == "log"]
    (chosen,) = (text for text in said if text.startswith("METHOD=auto has chosen "))
    title = re.match("METHOD=auto has chosen ([^,]+),", chosen).group(1)
    report = (job.folder / "report.html").read_text()
    assert f"<h1>Subsidence map of mm by {title}</h1>" in report
    assert f'<p class="headline">METHOD=auto has chosen {title},' in report
    expected = [float(each) for each in re.findall(r"([\d.]+) mm", chosen)]
    assert len(expected) >= 5 and expected[0] == min(expected)
    with rasterio.open(job.folder / "surface.tif") as raster:
        surface = raster.read(1)
    with rasterio.open(job.folder / "uncertainty.tif") as raster:
        assert raster.descriptions == ("standard_deviation_mm", "lower_90_mm", "upper_90_mm")
        deviation, lower, upper = raster.read()
    assert (deviation > 0).all()
    assert np.allclose((lower + upper) / 2, surface, atol=1e-3)
    with np.load(job.folder / "error_points.npz") as table:
        assert (table["part"] == "test").all()  # all five folds of so few points
        rmse = np.sqrt(np.square(table["error"]).mean())
    assert result["numbers"]["RMSE"] == pytest.approx(rmse)
    with rasterio.open(job.folder / "trust.tif") as raster:
        classes = raster.read(1)
    assert set(np.unique(classes)) <= {1, 2, 3, 4} and (classes <= 2).mean() > 0.5
    for heading in ("What METHOD=auto has tried", "Does the 90 % interval", "How far to trust"):
        assert heading in report


def test_trust_without_drivers_knows_distances_only(job):
    parameters = {"block_size": 400, "method": "idw"}
    code, lines, _ = job("map", ["SURFACE", "TRUST"], parameters=parameters, drivers=[])
    assert code == 0, lines
    with rasterio.open(job.folder / "trust.tif") as raster:
        assert np.isnan(raster.read([2, 3])).all() and np.isfinite(raster.read([1, 4, 5, 6])).all()


def test_train_then_predict_equals_the_maps_model_whatever_the_drivers_order(job):
    parameters = {"epochs": 2, "seed": 4}
    code, _, result = job("train", ["MODEL"], parameters=parameters)
    assert code == 0
    numbers = result["numbers"]
    assert [numbers[f"{part}_COUNT"] for part in ("TRAIN", "VALIDATION", "TEST")] == [320, 40, 40]
    model = job.folder / "kept.zip"
    (job.folder / "model.zip").rename(model)
    surfaces = []
    for drivers in (job.drivers, job.drivers[::-1]):
        code, _, result = job("predict", ["SURFACE"], model=str(model), drivers=drivers)
        assert code == 0
        with rasterio.open(job.folder / "surface.tif") as raster:
            surfaces.append(raster.read(1))
    assert np.array_equal(*surfaces)
    assert surfaces[0].std() > 0


def test_errors_are_predicted_minus_observed(job):
    surface = np.full((HEIGHT, WIDTH), 4.0)
    surface[:, : WIDTH // 2] = np.nan
    driver = write_driver(job.folder, "surface", "continuous", surface)
    code, lines, result = job("errormap", ["ERROR_POINTS", "ERROR_SURFACE"], drivers=[driver])
    assert code == 0
    known = job.xy[:, 0] >= 500_000 + 30 * (WIDTH // 2)
    error = 4.0 - job.values[known]
    assert result["numbers"]["COUNT"] == known.sum()
    assert result["numbers"]["BIAS"] == pytest.approx(error.mean())
    assert result["numbers"]["MAE"] == pytest.approx(np.abs(error).mean())
    assert f"{(~known).sum()} of 400 points do not lie where the surface has a value" in str(lines)
    with rasterio.open(job.folder / "error_surface.tif") as raster:
        cells = raster.read(1)
    assert np.isfinite(cells).all() and error.min() <= cells.min() <= cells.max() <= error.max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "guess"}, "Unknown task 'guess'"),
        ({"protocol": 99, "task": "probe"}, "has protocol 99"),
        ({"task": "map", "parameters": {"method": "cnn"}, "drivers": []}, "needs driver rasters"),
        ({"task": "train", "parameters": {"split": "fair"}}, "Unknown split 'fair'"),
        ({"task": "predict", "model": "/nowhere.zip"}, "no model file /nowhere.zip"),
    ],
)
def test_bad_requests_are_explained_in_one_sentence_or_two(job, change, message):
    task = change.pop("task")
    code, lines, result = job(task, ["SURFACE"], **change)
    assert (code, lines[-1]["type"], result) == (2, "error", {})
    assert message in lines[-1]["message"]
    assert not (job.folder / "worker.log").exists()


def test_the_unexpected_keeps_its_traceback_in_the_folder(job):
    (job.folder / "points.npz").write_bytes(b"broken")
    code, lines, _ = job("interpolate", ["SURFACE"], parameters={"method": "idw"})
    assert code == 1
    assert "failed unexpectedly" in lines[-1]["message"]
    assert "Traceback" in (job.folder / "worker.log").read_text()


def test_equal_values_and_no_points_are_refused(job):
    np.savez(job.folder / "points.npz", xy=job.xy, values=np.full(400, 7.0))
    code, lines, _ = job("train", ["MODEL"])
    assert (code, lines[-1]["message"][:31]) == (2, "All 400 values of mm are 7: the")
    np.savez(job.folder / "points.npz", xy=job.xy[:0], values=np.empty(0))
    code, lines, _ = job("train", ["MODEL"])
    assert code == 2 and "no points" in lines[-1]["message"]


@pytest.fixture
def odd_home(tmp_path):
    """Variables of a user whose Keras, TensorFlow, Matplotlib and GDAL are set up in odd ways."""
    home = tmp_path / "home"
    for name, text in {
        ".keras/keras.json": '{"floatx": "float64", "epsilon": 0.1, "backend": "jax"}',
        ".config/matplotlib/matplotlibrc": "text.usetex: True\nbackend: nonsense",
        ".gdal/gdalrc": "[configoptions]\nGDAL_TIFF_INTERNAL_MASK=NO\nGTIFF_POINT_GEO_IGNORE=YES",
    }.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
        "MPLBACKEND": "nonsense",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_SKIP": "GTiff",
    }


def test_what_a_user_has_set_up_changes_no_network_and_no_figure(job, odd_home):
    given = {"parameters": {"epochs": 2, "seed": 1}}
    code, lines, usual = job("train", ["REPORT"], **given)
    assert code == 0, lines
    code, lines, odd = job("train", ["REPORT"], variables=odd_home, **given)
    assert code == 0, lines
    assert odd["numbers"] == usual["numbers"]
    keras = [str(path) for path in (job.folder / "home").rglob("*") if ".keras" in str(path)]
    assert len(keras) == 2  # the folder and the file: nothing was added


def test_a_file_of_the_users_is_not_taken_for_the_job_folder(job, tmp_path):
    (tmp_path / "model.zip").mkdir()
    code, lines, _ = job("predict", ["SURFACE"], model=str(tmp_path / "model.zip"))
    assert code == 2
    assert f"There is no model file {tmp_path / 'model.zip'}. It is a folder." in str(lines[-1])


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (FileNotFoundError(2, "No such file or directory", "/data/a.csv"), "^/data/a.csv cannot"),
        (PermissionError(13, "Permission denied", "/data/a.csv"), "^/data/a.csv .*who may read"),
        (FileNotFoundError(2, "No such file", "/job/points.npz"), "points.npz .*the algorithm aga"),
        (OSError(28, "No space left on device", "/data/a"), "disk that holds /data/a is full"),
        (OSError(28, "No space left on device"), "disk that holds /job is full"),
        (OSError("a.tif: no directory"), "^A file cannot be read or written: a.tif: no directory"),
        (MemoryError(), "^Memory ran out"),
    ],
)
def test_failures_of_the_system_are_reported_about_the_right_file(problem, expected):
    message = worker._explain(problem, Path("/job"))
    assert re.search(expected, message) and "unexpectedly" not in message


def test_values_that_no_ground_moves_are_refused(job):
    values = job.values.copy()
    values[7] = -1e306
    np.savez(job.folder / "points.npz", xy=job.xy, values=values)
    for task, given in (("interpolate", {"method": "rbf"}), ("train", {"epochs": 1})):
        code, lines, _ = job(task, ["SURFACE"], parameters=given)
        assert code == 2
        assert "mm has values up to 1e+306, and 1 beyond 1e+15 mm" in lines[-1]["message"]


def test_more_neighbours_than_points_are_all_points_and_it_is_said_once(job):
    surfaces = []
    for neighbours in (400, 1_000_000):
        given = {"method": "idw", "neighbours": neighbours}
        code, lines, _ = job("interpolate", ["SURFACE"], parameters=given)
        assert code == 0
        said = [line["text"] for line in lines if "NEIGHBOURS" in line.get("text", "")]
        with rasterio.open(job.folder / "surface.tif") as raster:
            surfaces.append(raster.read(1))
    assert said == ["NEIGHBOURS is 1,000,000: all of the 400 points are taken."]
    assert np.array_equal(*surfaces)


@pytest.mark.parametrize(
    ("task", "parameters", "what"),
    [
        ("train", {"patch_size": 50_000}, "patches of 50000 x 50000 cells"),
        ("interpolate", {"method": "forest", "trees": 10**9}, "1,000,000,000 trees on 400"),
        ("interpolate", {"method": "hybrid", "trees": 10**12}, "1,000,000,000,000 trees"),
        ("interpolate", {"method": "boosting", "max_trees": 10**12}, "1,000,000,000,000"),
    ],
)
def test_work_that_would_fill_the_memory_is_refused_with_figures(job, task, parameters, what):
    code, lines, _ = job(task, ["SURFACE"], parameters=parameters)
    assert code == 2
    message = lines[-1]["message"]
    needed, free = re.search(
        r"about ([\d,.]+) GB of memory, and ([\d,.]+) GB are free", message
    ).groups()
    assert what in message and float(needed.replace(",", "")) > float(free.replace(",", ""))
    assert re.search(r"Use (fewer|a smaller) [A-Z]+", message)


def test_names_of_any_kind_are_shown_as_they_are(job):
    names = [r"$\frac{x", "_a^b_ <b>&\nsecond" + 100_000 * "g"]
    drivers = [{**each, "name": name} for each, name in zip(job.drivers, names)]
    points = {"file": "points.npz", "field": "$v_{x" + 100_000 * "y"}
    given = {"method": "forest", "preset": "standard", "block_size": 400.0}
    given |= {"folds": 3, "repeats": 1}
    code, lines, _ = job(
        "importance", ["REPORT"], parameters=given, drivers=drivers, points=points, unit="$mm_"
    )
    assert code == 0, lines
    report = (job.folder / "report.html").read_text()
    assert r"$\frac{x" in report and "_a^b_ &lt;b&gt;&amp;" in report and "<b>&" not in report
    assert "$v_{xyyy" in report and 70 * "y" not in report and 600 * "g" not in report
