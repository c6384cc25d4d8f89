"""The one way to run a job: what is left behind, and what never is. The worker is a stand-in."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms import base, outputs
from subsidence_mapper.algorithms.evaluation.errormap import ErrorMap
from subsidence_mapper.algorithms.run import usual_unit
from subsidence_mapper.algorithms.worker.client import JobFailed
from subsidence_mapper.algorithms.worker.interpreter import RuntimeMissing
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.model.errors import InputError


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """Stands in for the worker: remembers folder and request, and gives what it is told to."""

    class Worker:
        folder = request = problem = None
        files: dict = {}
        points: dict = {}

        def __call__(self, folder, feedback, python):
            self.folder = folder
            self.request = json.loads((folder / "request.json").read_text())
            if self.problem:
                raise self.problem
            for name, text in self.files.items():
                (folder / name).write_text(text)
            tables = {}
            for name, columns in self.points.items():
                np.savez(folder / f"{name}.npz", **columns)
                tables[name] = f"{name}.npz"
            return {
                "files": {name: name for name in self.files},
                "points": tables,
                "numbers": {"RMSE": 1.5},
            }

    worker = Worker()
    worker.jobs = tmp_path / "jobs"
    worker.jobs.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(worker.jobs))
    monkeypatch.setattr(base.client, "run_job", worker)
    monkeypatch.setattr(base, "worker_python", lambda: "python")
    return worker


@pytest.fixture
def run(write_raster, make_points, feedback, qgis_app):
    """Run the error map of a small surface."""
    algorithm = ErrorMap()
    algorithm.initAlgorithm()
    context = QgsProcessingContext()
    surface = write_raster("surface", np.ones((10, 10)))
    points = make_points([(500_010, 3_599_990), (500_100, 3_599_900)] * 1000, [1.0, 2.0] * 1000)

    def run(**outputs):
        parameters = {"SURFACE": surface, "PS_POINTS": points, "VALUE_FIELD": "mm", **outputs}
        assert algorithm.prepareAlgorithm(parameters, context, feedback)
        return algorithm.processAlgorithm(parameters, context, feedback)

    run.context = context
    yield run
    # A raster that is freed after GDAL's end crashes.
    context.temporaryLayerStore().removeAllMapLayers()


def test_the_request(run, worker, tmp_path):
    run(ERROR_SURFACE=str(tmp_path / "e.tif"))
    assert worker.request["protocol"] == 1
    assert worker.request["task"] == "errormap"
    assert worker.request["outputs"] == ["ERROR_SURFACE"]
    assert worker.request["points"] == {"file": "points.npz", "field": "mm", "positive": "up"}
    assert worker.request["drivers"] == [
        {"name": "surface", "kind": "continuous", "file": "drivers/00.tif"}
    ]


def test_reading_the_inputs_leaves_most_of_the_bar_to_the_work(run, worker, feedback):
    seen = []
    feedback.progressChanged.connect(seen.append)
    run(ERROR_POINTS="TEMPORARY_OUTPUT")
    assert 5 in seen  # after 1,000 of the 2,000 points
    assert max(seen) == 10  # when the surface is read too


def test_results_are_delivered_and_the_job_folder_goes(run, worker, tmp_path):
    worker.files = {"ERROR_SURFACE": "new"}
    place = tmp_path / "made" / "on the way" / "e.tif"
    results = run(ERROR_SURFACE=str(place))
    assert results == {"ERROR_SURFACE": str(place), "RMSE": 1.5}
    assert place.read_text() == "new"
    assert [each.name for each in place.parent.iterdir()] == ["e.tif"]
    assert not worker.folder.exists()


def test_statistics_of_a_former_result_go(run, worker, tmp_path):
    worker.files = {"ERROR_SURFACE": "new"}
    for name in ("e.tif", "e.tif.aux.xml", "e.tif.ovr"):
        (tmp_path / name).write_text("old")
    run(ERROR_SURFACE=str(tmp_path / "e.tif"))
    assert (tmp_path / "e.tif").read_text() == "new"
    assert not list(tmp_path.glob("e.tif.*"))


def test_a_temporary_output(run, worker):
    worker.files = {"ERROR_SURFACE": "new"}
    place = Path(run(ERROR_SURFACE="TEMPORARY_OUTPUT")["ERROR_SURFACE"])
    assert place.suffix == ".tif" and place.read_text() == "new"


def test_points_become_a_layer(run, worker, tmp_path):
    worker.points = {
        "ERROR_POINTS": {
            "xy": np.array([[500_010.5, 3_599_990.25], [500_100, 3_599_900]]),
            "error": np.array([1.5, np.nan]),
            "part": np.array(["test", "train"]),
        }
    }
    place = str(tmp_path / "points.gpkg")
    assert run(ERROR_POINTS=place)["ERROR_POINTS"] == place
    layer = QgsVectorLayer(place)
    assert layer.crs().authid() == "EPSG:32639"
    rows = [(f.geometry().asPoint(), f["error"], f["part"]) for f in layer.getFeatures()]
    assert [(p.x(), p.y()) for p, _, _ in rows] == [(500_010.5, 3_599_990.25), (500_100, 3_599_900)]
    assert rows[0][1:] == (1.5, "test")
    assert base.is_empty(rows[1][1]) and rows[1][2] == "train"


def test_names_that_a_shapefile_cuts_are_reported(run, worker, feedback, tmp_path):
    worker.points = {
        "ERROR_POINTS": {
            "xy": np.array([[500_010.5, 3_599_990.25]]),
            "error": np.array([1.5]),
            "absolute_error": np.array([1.5]),
        }
    }
    run(ERROR_POINTS=str(tmp_path / "p.shp"))
    (text,) = feedback.warnings
    assert "cuts names of fields after 10 letters, here absolute_error. A name that" in text
    run(ERROR_POINTS=str(tmp_path / "p.gpkg"))
    assert feedback.warnings == [text]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (JobFailed("It broke."), "It broke. The job is kept for a week in {}."),
        (InputError("No points."), "No points."),
        (
            KeyError("slope"),
            "The plugin failed unexpectedly (KeyError: 'slope'). The tab 'Subsidence Mapper' of "
            "QGIS's log messages has the details; please report it.",
        ),
        (JobCancelled("Cancelled. Nothing was written."), "Cancelled. Nothing was written."),
    ],
)
def test_no_result_leaves_the_old_one_alone(run, worker, tmp_path, problem, message):
    worker.problem = problem
    old = tmp_path / "e.tif"
    old.write_text("old")
    with pytest.raises(QgsProcessingException) as raised:
        run(ERROR_SURFACE=str(old))
    assert str(raised.value) == message.format(worker.folder)
    assert worker.folder.exists() == isinstance(problem, JobFailed)
    assert old.read_text() == "old"
    assert not list(tmp_path.glob(".subsidence*"))
    assert not run.context.layersToLoadOnCompletion()


def test_a_result_that_cannot_be_delivered_is_kept(run, worker, tmp_path, monkeypatch):
    worker.files = {"ERROR_SURFACE": "new"}

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs.shutil, "copyfile", full_disk)
    with pytest.raises(QgsProcessingException, match="out.tif cannot be written: No space left on"):
        run(ERROR_SURFACE=str(tmp_path / "out.tif"))
    assert (worker.folder / "ERROR_SURFACE").read_text() == "new"
    assert not list(tmp_path.glob("*out.tif*"))


def test_bad_input_leaves_no_job_folder(run, worker, tmp_path):
    with pytest.raises(QgsProcessingException, match="field cm of the layer ps does not exist"):
        run(VALUE_FIELD="cm", ERROR_SURFACE=str(tmp_path / "e.tif"))
    assert worker.request is None
    assert not list(worker.jobs.iterdir())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("a file/e.tif", "ERROR_SURFACE cannot be written to .*e.tif: Not a directory"),
        ("a folder.tif", "ERROR_SURFACE cannot be written to .*a folder.tif: it is a folder"),
        ("e.asc", "ERROR_SURFACE is a GeoTIFF: give it a name that ends in .tif, not .*e.asc"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    run, worker, tmp_path, place, message
):
    (tmp_path / "a file").write_text("")
    (tmp_path / "a folder.tif").mkdir()
    with pytest.raises(QgsProcessingException, match=message):
        run(ERROR_SURFACE=str(tmp_path / place))
    assert worker.request is None


def test_without_a_worker_environment_nothing_is_begun(run, worker, monkeypatch, tmp_path):
    def missing():
        raise RuntimeMissing("There is none. Make one.")

    monkeypatch.setattr(base, "worker_python", missing)
    with pytest.raises(QgsProcessingException, match="^There is none. Make one.$"):
        run(ERROR_SURFACE=str(tmp_path / "e.tif"))
    assert worker.request is None


def test_an_output_that_is_wanted_as_a_project_layer_gets_name_and_style(run, worker, tmp_path):
    worker.files = {"ERROR_SURFACE": "new"}
    place = str(tmp_path / "e.tif")
    wanted = QgsProcessingOutputLayerDefinition(place, QgsProject.instance())
    run(ERROR_SURFACE=wanted)
    details = run.context.layerToLoadOnCompletionDetails(place)
    assert details.name == "Error (mm)"
    assert details.postProcessor() is not None


@pytest.mark.parametrize(
    ("field", "unit"), [("velocity", "mm/yr"), ("VEL_MM", "mm/yr"), ("d_2020", "mm"), (None, "mm")]
)
def test_the_unit_of_a_field_by_its_name(field, unit):
    assert usual_unit(field) == unit
