"""Places that cannot be written, and results that are whole or not there at all.

The worker is a stand-in where only what comes after it matters.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant
from subsidence_mapper.algorithms import base
from subsidence_mapper.algorithms.outputs import Outputs
from subsidence_mapper.algorithms.worker import folders
from subsidence_mapper.algorithms.worker.client import JobFailed

CELLS, COUNT = 40, 3000


@pytest.fixture
def surface(tmp_path):
    """A plane, as a GeoTIFF."""
    from osgeo import gdal, osr

    path = str(tmp_path / "surface.tif")
    raster = gdal.GetDriverByName("GTiff").Create(path, CELLS, CELLS, 1, gdal.GDT_Float32)
    raster.SetGeoTransform((500_000, 30, 0, 3_600_000, 0, -30))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32639)
    raster.SetProjection(crs.ExportToWkt())
    raster.GetRasterBand(1).WriteArray(np.add.outer(np.arange(CELLS), np.arange(CELLS)))
    return path


@pytest.fixture
def points():
    """Points in memory, on the surface."""
    layer = QgsVectorLayer("Point?crs=EPSG:32639&field=mm:double", "ps", "memory")
    features = []
    for i in range(10):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(500_015 + 90 * i, 3_599_900)))
        feature.setAttributes([float(i)])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    return layer


@pytest.fixture
def run(provider, surface, points, monkeypatch, tmp_path):
    """Run the error map; `run.worker` is asked for the worker's result, if it is set."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(jobs))
    context = QgsProcessingContext()

    def run(**outputs):
        if run.worker:
            monkeypatch.setattr(base.client, "run_job", run.worker)
            monkeypatch.setattr(base, "worker_python", lambda: "python")
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("subsidence:errormap")
        parameters = {"SURFACE": surface, "PS_POINTS": points, "VALUE_FIELD": "mm", **outputs}
        feedback = QgsProcessingFeedback(False)
        results, fine = algorithm.run(parameters, context, feedback, catchExceptions=False)
        assert fine
        return results

    run.worker, run.jobs = None, jobs
    yield run
    context.temporaryLayerStore().removeAllMapLayers()


def finished(rows=COUNT, surface=b"a surface"):
    """A worker that has made a surface and a table of so many rows."""

    def work(folder, feedback, python):
        (folder / "error_surface.tif").write_bytes(surface)
        xy = np.column_stack([500_000.0 + np.arange(rows), np.full(rows, 3_600_000.0)])
        np.savez(folder / "error_points.npz", xy=xy, error=np.arange(float(rows)))
        return {
            "files": {"ERROR_SURFACE": "error_surface.tif"},
            "points": {"ERROR_POINTS": "error_points.npz"},
            "numbers": {},
        }

    return work


def broken(folder, feedback, python):
    raise JobFailed("It broke.")


def leftovers(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.startswith("."))


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.csv", "p.shp", "p.fgb", "p.sqlite"])
def test_layers_are_written_whole_in_each_format(run, tmp_path, name):
    run.worker = finished()
    place = run(ERROR_POINTS=str(tmp_path / name))["ERROR_POINTS"]
    assert place == str(tmp_path / name)
    layer = QgsVectorLayer(place, "p", "ogr")
    assert sum(float(each["error"]) for each in layer.getFeatures()) == COUNT * (COUNT - 1) / 2
    assert leftovers(tmp_path) == []


def test_a_layer_without_an_ending_is_a_geopackage_as_in_qgis(run, tmp_path):
    run.worker = finished(rows=3)
    assert run(ERROR_POINTS=str(tmp_path / "plain"))["ERROR_POINTS"] == str(tmp_path / "plain.gpkg")
    assert QgsVectorLayer(str(tmp_path / "plain.gpkg"), "p", "ogr").featureCount() == 3


def table_in(database, table):
    return f"ogr:dbname='{database}' table=\"{table}\" (geom)"


def test_a_new_table_in_the_database_of_an_input(places, tmp_path):
    database = str(tmp_path / "p.gpkg")
    of_input = {(database, "ps"): "PS_POINTS"}
    assert places(of_input, ERROR_POINTS=table_in(database, "errors"))
    for place in (table_in(database, "ps"), database):
        with pytest.raises(QgsProcessingException, match="which the input PS_POINTS uses"):
            places(of_input, ERROR_POINTS=place)


def test_a_run_that_fails_leaves_the_older_table(run, provider, points, tmp_path):
    database = tmp_path / "d.gpkg"
    run.worker = finished(rows=5)
    for table in ("kept", "other"):
        run(ERROR_POINTS=table_in(database, table))
    select = QgsApplication.processingRegistry().createAlgorithmById("subsidence:selectpspoints")
    given = {"INPUT": points, "MAX_DISPERSION": 0, "AREA": None, "MIN_DATES": None}
    points.dataProvider().addAttributes([QgsField("coherence", QVariant.Double)])
    points.updateFields()
    changes = {feature.id(): {1: 0.1} for feature in points.getFeatures()}
    assert points.dataProvider().changeAttributeValues(changes)
    given["PS_POINTS"] = table_in(database, "kept")
    with pytest.raises(QgsProcessingException, match="No point fulfils all rules"):
        select.run(given, QgsProcessingContext(), QgsProcessingFeedback(), catchExceptions=False)
    for table, count in (("kept", 5), ("other", 5)):
        layer = QgsVectorLayer(f"{database}|layername={table}", table, "ogr")
        assert layer.featureCount() == count
    run.worker = finished(rows=7)
    assert run(ERROR_POINTS=table_in(database, "kept"))["ERROR_POINTS"].endswith("|layername=kept")
    for table, count in (("kept", 7), ("other", 5)):
        layer = QgsVectorLayer(f"{database}|layername={table}", table, "ogr")
        assert layer.featureCount() == count


def test_the_index_of_a_former_shapefile_goes(run, tmp_path):
    place = tmp_path / "p.shp"
    run.worker = finished(rows=3)
    run(ERROR_POINTS=str(place))
    former = QgsVectorLayer(str(place), "p", "ogr")
    former.dataProvider().createSpatialIndex()
    assert (tmp_path / "p.qix").exists()
    run.worker = finished(rows=50)
    run(ERROR_POINTS=str(place))
    layer = QgsVectorLayer(str(place), "p", "ogr")
    near = QgsFeatureRequest().setFilterRect(QgsRectangle(500_000, 3_599_999, 500_020, 3_600_001))
    assert sum(1 for _ in layer.getFeatures(near)) == 21


@pytest.mark.parametrize("name", ["p.dxf", "p.gdb", "p.pdf"])
def test_formats_that_lose_fields_are_refused_before_the_work(run, tmp_path, name):
    run.worker = broken
    with pytest.raises(QgsProcessingException, match="Give it a name that ends in .gpkg"):
        run(ERROR_POINTS=str(tmp_path / name))


def test_two_tables_of_one_database_are_two_places(run, tmp_path):
    database = tmp_path / "both.gpkg"
    run.worker = finished(rows=3)
    for table in ("first", "second"):
        run(ERROR_POINTS=f"ogr:dbname='{database}' table=\"{table}\" (geom)")
    for table in ("first", "second"):
        layer = QgsVectorLayer(f"{database}|layername={table}", table, "ogr")
        assert layer.featureCount() == 3


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.shp"])
def test_a_run_that_fails_leaves_the_older_layer(run, tmp_path, name):
    run.worker = finished(rows=5)
    place = str(tmp_path / name)
    run(ERROR_POINTS=place)
    before = {each.name: each.read_bytes() for each in tmp_path.glob("p.*")}
    run.worker = broken
    with pytest.raises(QgsProcessingException, match="^It broke"):
        run(ERROR_POINTS=place)
    assert {each.name: each.read_bytes() for each in tmp_path.glob("p.*")} == before


def test_nothing_of_a_former_database_is_taken_for_the_new_one(run, tmp_path):
    place = tmp_path / "p.gpkg"
    run.worker = finished(rows=5)
    run(ERROR_POINTS=str(place))
    held = sqlite3.connect(place)  # as QGIS holds it, with changes that are not in the file yet
    held.execute("pragma journal_mode=wal")
    held.execute("create table t (a)")
    held.commit()
    assert (tmp_path / "p.gpkg-wal").exists()
    run.worker = finished(rows=7)
    run(ERROR_POINTS=str(place))
    with sqlite3.connect(place) as data:
        assert data.execute("select count(*) from p").fetchone() == (7,)
        assert not data.execute("select * from sqlite_master where name='t'").fetchall()
    held.close()


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.csv", "p.shp", "p.fgb"])
def test_a_disk_too_full_for_the_layer(run, small_disk, name):
    old = small_disk.path / name
    old.write_bytes(b"old")
    small_disk.fill(free=8_192)
    run.worker = finished()
    with pytest.raises(QgsProcessingException) as raised:
        run(ERROR_POINTS=str(old))
    text = str(raised.value)
    assert text.startswith(f"{old} cannot be written: ")
    assert "The results are finished and kept for a week in" in text
    assert old.read_bytes() == b"old"
    assert {each.name for each in small_disk.path.iterdir()} == {name, "filling"}
    (folder,) = run.jobs.glob("subsidence-job-*")
    kept = QgsVectorLayer(str(folder / "error_points.gpkg"), "p", "ogr")
    assert sum(each["error"] for each in kept.getFeatures()) == COUNT * (COUNT - 1) / 2
    assert text.endswith(f"{folder}; fetch them there: error_points.gpkg.")


def test_a_disk_too_full_for_the_map(run, small_disk):
    old = small_disk.path / "map.tif"
    old.write_bytes(b"old")
    small_disk.fill(free=40_000)
    run.worker = finished(surface=os.urandom(200_000))
    with pytest.raises(QgsProcessingException, match="No space left on device"):
        run(ERROR_SURFACE=str(old))
    assert old.read_bytes() == b"old"
    assert {each.name for each in small_disk.path.iterdir()} == {"map.tif", "filling"}


def test_a_disk_too_full_for_the_job_folder(run, small_disk, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk.path))
    small_disk.fill(free=0)
    with pytest.raises(QgsProcessingException, match="No space left on device"):
        run(ERROR_SURFACE=str(tmp_path / "map.tif"))
    assert not (tmp_path / "map.tif").exists()


@pytest.fixture
def places(provider):
    """Check the places of a map's results, and give them."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("subsidence:mapsubsidence")
    context = QgsProcessingContext()

    def places(inputs=(), **outputs):
        wanted = {name: str(place) for name, place in outputs.items()}
        return Outputs(algorithm, wanted, context, dict.fromkeys(inputs, "PS_POINTS")).places

    return places


def test_a_device_is_no_place(places, tmp_path):
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    for place in ("/dev/null", pipe):
        with pytest.raises(QgsProcessingException, match="no ordinary file"):
            places(REPORT=place)


def test_a_link_s_target_is_replaced_and_the_link_stays(run, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "map.tif").write_bytes(b"old")
    link = tmp_path / "map.tif"
    link.symlink_to(tmp_path / "real" / "map.tif")
    run.worker = finished()
    run(ERROR_SURFACE=str(link))
    assert link.is_symlink()
    assert (tmp_path / "real" / "map.tif").read_bytes() == b"a surface"
    assert leftovers(tmp_path / "real") == []


def test_an_input_is_known_by_any_name(run, surface, tmp_path):
    before = Path(surface).read_bytes()
    (tmp_path / "link.tif").symlink_to(surface)
    os.link(surface, tmp_path / "hard.tif")
    for name in ("surface.tif", "link.tif", "hard.tif", "./surface.tif"):
        with pytest.raises(QgsProcessingException, match="which the input SURFACE uses"):
            run(ERROR_SURFACE=f"{tmp_path}/{name}")
    assert Path(surface).read_bytes() == before


def test_two_results_are_two_files(places, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "other").symlink_to(tmp_path / "folder")
    for one, two in (
        ("e.tif", "e.tif"),
        ("folder/e.tif", "other/e.tif"),
        ("new/e.tif", "new/../new/e.tif"),
    ):
        with pytest.raises(QgsProcessingException, match="SURFACE are both to be written to"):
            places(SURFACE=tmp_path / one, TRUST=f"{tmp_path}/{two}")
    with pytest.raises(QgsProcessingException, match="MODEL and ERROR_POINTS are both to"):
        places(MODEL=tmp_path / "p.gpkg", ERROR_POINTS=tmp_path / "p")
    database = tmp_path / "d.gpkg"
    with pytest.raises(QgsProcessingException, match="MODEL and ERROR_POINTS are both to"):
        places(MODEL=database, ERROR_POINTS=f"ogr:dbname='{database}' table=\"t\" (geom)")
    with pytest.raises(QgsProcessingException, match="are both to be written to"):
        places(ERROR_POINTS=table_in(database, "t"), MODEL=database)
    assert len(places(SURFACE=tmp_path / "a.tif", TRUST=tmp_path / "b.tif")) == 2


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("é" * 130 + ".tif", "File name too long"),
        ("/vsimem/map.tif", "no place on a disk"),
        ("/vsizip/a.zip/map.tif", "no place on a disk"),
        ("https://example.org/map.tif", "no place on a disk"),
        ("/proc/map.tif", "cannot be written"),
    ],
)
def test_no_place(run, tmp_path, place, reason):
    if not place.startswith(("/", "http")):
        place = str(tmp_path / place)
    with pytest.raises(QgsProcessingException, match=reason):
        run(ERROR_SURFACE=place)


def test_folders_are_made_for_layers_too(run, tmp_path):
    run.worker = finished(rows=2)
    run(ERROR_POINTS=str(tmp_path / "a" / "b" / "p.gpkg"))
    assert QgsVectorLayer(str(tmp_path / "a" / "b" / "p.gpkg"), "p", "ogr").featureCount() == 2


def test_a_folder_that_its_user_may_not_write(run, tmp_path):
    locked = tmp_path / "locked"
    (locked / "inner").mkdir(parents=True)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    locked.chmod(0o555)
    run.jobs.chmod(0o777)
    if os.getuid() == 0:
        os.seteuid(65534)  # to root nothing is locked
    try:
        for place in (locked / "map.tif", locked / "new" / "map.tif"):
            with pytest.raises(QgsProcessingException, match="Permission denied"):
                run(ERROR_SURFACE=str(place))
    finally:
        os.seteuid(os.getuid())
        locked.chmod(0o755)
    assert [each.name for each in locked.iterdir()] == ["inner"]


def test_abandoned_job_folders_go_and_kept_ones_stay_a_week(run, tmp_path):
    other = run.jobs / "subsidence-elsewhere"
    other.mkdir()
    killed = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from qgis.PyQt.QtCore import QLockFile\n"
            "lock = QLockFile(sys.argv[1]); lock.setStaleLockTime(0); lock.tryLock(0)\n"
            "print('held', flush=True); time.sleep(60)",
            str(tmp_path / "lock"),
        ],
        stdout=subprocess.PIPE,
    )
    killed.stdout.readline()
    abandoned = run.jobs / f"{folders.PREFIX}abandoned"
    abandoned.mkdir()
    os.rename(tmp_path / "lock", abandoned / ".in-use")
    folders.sweep()
    assert abandoned.exists()  # its QGIS lives
    killed.kill()
    killed.wait()
    young, old = (run.jobs / f"{folders.PREFIX}{name}" for name in ("young", "old"))
    for folder in (young, old):
        folder.mkdir()
        (folder / "request.json").write_text("{}")
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    run.worker = finished()
    run(ERROR_SURFACE=str(tmp_path / "map.tif"))
    assert {each.name for each in run.jobs.iterdir()} == {young.name, other.name}


def test_a_table_that_is_wanted_in_memory_needs_no_disk(run):
    run.worker = finished(rows=4)
    place = run(ERROR_POINTS="TEMPORARY_OUTPUT")["ERROR_POINTS"]
    assert not os.path.exists(place)
    assert not list(run.jobs.iterdir())


def test_the_real_worker_s_results_are_read_back(run, tmp_path):
    """The one test here with the real worker: temporary files go with the job."""
    results = run(
        ERROR_SURFACE=str(tmp_path / "map.tif"), ERROR_POINTS=str(tmp_path / "points.gpkg")
    )
    layer = QgsRasterLayer(results["ERROR_SURFACE"], "map")
    assert layer.isValid() and layer.width() == CELLS
    assert json.dumps(results["COUNT"]) in ("10", "10.0")
    assert not list(run.jobs.iterdir())
