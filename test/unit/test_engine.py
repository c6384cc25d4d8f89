"""A Dask scheduler and its workers, started as a user would, give what this process gives."""

from __future__ import annotations

import json
import os
import pickle
import platform
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.engine import LOCAL, Cluster
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.maps.surface import write_surfaces
from subsidence_mapper.model.methods.base import sentences
from subsidence_mapper.model.methods.catalogue import make, names
from subsidence_mapper.model.methods.cnn import CNN
from subsidence_mapper.model.monitor import SILENT, Monitor, StdoutMonitor
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.presets import STANDARD
from subsidence_mapper.model.network.training import TrainedNetwork
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Stack
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.tasks import interpolate
from subsidence_mapper.model.validation.comparison import compare_methods
from subsidence_mapper.model.validation.tuning import Tuned
from subsidence_mapper.test.examples import make_grid, randomised

distributed = pytest.importorskip(
    "distributed", reason="Dask is an optional part of the worker environment"
)

CLASSICAL = [name for name in names() if name not in ("cnn", "hybrid")]


class Dask:
    """A scheduler and as many workers of one thread each as are started."""

    def __init__(self, folder):
        self.folder, self.workers = folder, []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        file = folder / "scheduler.json"
        while not (file.exists() and file.read_text().endswith("}")):  # it is written in parts
            assert self.scheduler.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self):
        self.workers.append(self._start("worker", "--nthreads", "1", "--no-nanny"))

    def end(self):
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()

    def _start(self, what, *options):
        options = [*options, "--no-dashboard", "--scheduler-file", self.folder / "scheduler.json"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    dask = Dask(tmp_path_factory.mktemp("dask"))
    dask.add_worker()
    dask.add_worker()
    yield dask
    dask.end()


@pytest.fixture
def cluster(dask):
    cluster = Cluster(dask.address)
    yield cluster
    cluster._client.close()


class Killer(Monitor):
    """Kills a worker when half of the work is done."""

    def __init__(self, worker):
        self.worker = worker

    def progress(self, fraction, text=""):
        if fraction >= 0.5:
            self.worker.kill()


def surface(path, method, grid, stack, engine, monitor=SILENT):
    write_surfaces(method, grid, stack, path, monitor, engine=engine)
    with rasterio.open(path) as raster:
        return raster.read(1)


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_classical_map_is_the_same_bit_for_bit(name, points, stack, cluster, tmp_path):
    method = make(name, **({"trees": 20} if name == "forest" else {})).fit(points, stack)
    here = surface(tmp_path / "here.tif", method, stack.grid, stack, LOCAL)
    there = surface(tmp_path / "there.tif", method, stack.grid, stack, cluster)
    assert np.array_equal(here, there) and here.std() > 0


def test_a_network_maps_the_same(stack, cluster, tmp_path):
    network = randomised(build(STANDARD, 3))
    method = CNN.trained(STANDARD, TrainedNetwork(network, 5.0, 2.0, {}, 1, 0.0))
    here = surface(tmp_path / "here.tif", method, stack.grid, stack, LOCAL)
    there = surface(tmp_path / "there.tif", method, stack.grid, stack, cluster)
    assert here.std() > 0
    assert np.abs(here - there).max() <= 1e-5 * np.abs(here).max()


def test_folds_are_the_same_and_so_is_what_fails(points, grid, cluster):
    folds = [make_folds("kfold", points, grid, 3)]
    methods = [make("idw"), make("forest"), Tuned(make("rbf"), grid)]
    (here,) = compare_methods(methods, points, None, folds)
    (there,) = compare_methods(methods, points, None, folds, engine=cluster)
    for one, other in zip(here.scores, there.scores):
        assert one.name == other.name and one.failures == other.failures
        assert np.array_equal(one.predicted, other.predicted, equal_nan=True)
        assert one.train == other.train
    scores = {score.name: score for score in there.scores}
    assert len(scores["forest"].failures) == 3 and scores["idw"].is_complete
    assert scores["rbf"].tuned.endswith("the least of 9 trials")


def test_a_job_goes_where_its_request_says(dask, tmp_path):
    random = np.random.default_rng(0)
    grid = make_grid(40, 50)
    xy = [500_000, 3_598_800] + random.uniform(0, 1, (50, 2)) * [1500, 1200]
    np.savez(tmp_path / "points.npz", xy=xy, values=random.normal(size=50))
    request = {
        "outputs": ["SURFACE"],
        "grid": grid.to_dict(),
        "points": {"file": "points.npz", "field": "mm"},
        "drivers": [],
        "parameters": {"method": "idw"},
    }
    surfaces = []
    for where in ("local", dask.address):
        interpolate.run(tmp_path, {**request, "engine": where}, SILENT)
        surfaces.append((tmp_path / "surface.tif").read_bytes())
    assert surfaces[0] == surfaces[1]
    with pytest.raises(InputError, match="No Dask scheduler answers at nowhere"):
        interpolate.run(tmp_path, {**request, "engine": "nowhere"}, SILENT)


@pytest.mark.parametrize(
    ("name", "parameters", "count"),
    [("rbf", {"kernel": "cubic"}, "4200 values"), ("idw", {"radius": 0.1}, "4,200 cells")],
)
def test_notes_of_a_map_are_the_same(cluster, grid, tmp_path, name, parameters, count):
    along = np.linspace(0, 1800, 60)
    line = Points(np.column_stack([500_000 + along, 3_600_000 - along]), -along / 100)
    method = make(name, **parameters).fit(line)
    here, there = (
        sentences(write_surfaces(method, grid, None, tmp_path / "map.tif", SILENT, engine=engine))
        for engine in (LOCAL, cluster)
    )
    assert here == there and here[0].startswith(count)


def test_a_worker_that_does_not_see_the_stack_says_what_to_do(cluster, points, stack, tmp_path):
    method = make("forest", trees=2).fit(points, stack)
    unseen = Stack(stack.grid, stack.encodings, tmp_path / "gone.npy", stack.valid)
    with pytest.raises(InputError, match="gone.npy.*set TMPDIR to a shared folder"):
        surface(tmp_path / "surface.tif", method, stack.grid, unseen, cluster)


def test_other_versions_are_refused(dask, monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "2.7")
    with pytest.raises(InputError, match="results would differ"):
        Cluster(dask.address)


def test_a_map_is_whole_though_a_worker_is_killed_half_way(dask, cluster, tmp_path):
    """One worker is gone afterwards."""
    random = np.random.default_rng(0)
    grid = make_grid(1000, 1000)
    xy = [500_000, 3_570_000] + random.uniform(0, 30_000, (2000, 2))
    method = make("idw").fit(Points(xy, random.normal(size=2000)))
    here = surface(tmp_path / "here.tif", method, grid, None, LOCAL)
    killer = Killer(dask.workers[0])
    there = surface(tmp_path / "there.tif", method, grid, None, cluster, killer)
    assert dask.workers[0].wait(10) == -9
    assert np.array_equal(here, there) and np.isfinite(there).all()


def test_a_cluster_that_dies_is_reported(dask):
    """Last of those that use the cluster: there is none afterwards."""
    cluster = Cluster(dask.address, patience=1)
    naps = cluster.map(time.sleep, [0.1] * 40)
    next(naps)
    dask.workers[1].kill()
    with pytest.raises(InputError, match="has had no worker for 1 seconds"):
        list(naps)
    naps = cluster.map(time.sleep, [0.1] * 40)
    dask.scheduler.kill()
    with pytest.raises(InputError, match="is gone. Start it again"):
        list(naps)


def test_no_worker_no_scheduler_and_no_dask_are_distinguished(tmp_path, monkeypatch):
    dask = Dask(tmp_path)
    with pytest.raises(InputError, match="no worker for 1 seconds. Start some with 'dask worker"):
        Cluster(dask.address, patience=1)
    dask.end()
    with pytest.raises(InputError, match="No Dask scheduler answers at tcp://127"):
        Cluster(dask.address, answer=1)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="has no Dask"):
        Cluster(dask.address)


@pytest.fixture
def silent_port():
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def web_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("there", ["silent_port", "web_server"])
def test_what_is_no_scheduler_is_reported_soon(there, request):
    address, start = f"tcp://{request.getfixturevalue(there)}", time.monotonic()
    with pytest.raises(InputError, match=f"No Dask scheduler answers at {address}"):
        Cluster(address, answer=2)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tls://127.0.0.1:1", "tls:// needs certificates"),
        ("ucx://127.0.0.1:1", "ucx:// is not known here"),
        ("http://127.0.0.1:1", "http:// is not known here"),
        ("tcp://127.0.0.1:x", "invalid literal"),
        ("tcp://", "missing port number"),
        ("", "missing port number"),
        ("nowhere\n" + 300 * "x", "missing port number"),
    ],
)
def test_a_malformed_address_is_refused_in_a_sentence(address, reason):
    with pytest.raises(InputError, match=reason) as refused:
        Cluster(address)
    assert str(refused.value).startswith("No Dask scheduler answers at ")
    assert len(str(refused.value)) < 500


def test_a_worker_is_no_scheduler(tmp_path):
    other = Dask(tmp_path)
    other.add_worker()
    client = distributed.Client(other.address)
    client.wait_for_workers(1, timeout=30)
    (address,) = client.nthreads()
    with pytest.raises(InputError, match="there is a Worker"):
        Cluster(address)
    client.close()
    other.end()


def test_a_monitor_falls_silent_on_its_way(capsys):
    pickle.loads(pickle.dumps(StdoutMonitor().part(0, 0.5))).log("heard by nobody")
    assert capsys.readouterr().out == ""
