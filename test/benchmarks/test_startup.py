"""What is paid before anything is computed: `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.protocol import PROTOCOL_VERSION

LOAD = """
import sys, time
sys.path[:0] = {path!r}
from qgis.core import QgsApplication
from qgis.PyQt import QtGui, QtWidgets
application = QgsApplication([], False)
start = time.process_time()
from subsidence_mapper import classFactory
plugin = classFactory(None)
plugin.initProcessing()
print("seconds", time.process_time() - start, flush=True)
plugin.unload()
"""


@pytest.fixture
def job(tmp_path):
    """A small job; gives wall time and CPU time from its start to its first line."""
    left, top, side = 500_000.0, 3_600_000.0, 60
    random = np.random.default_rng(0)
    xy = [left, top - 30 * side] + random.uniform(0, 30 * side, (200, 2))
    np.savez(tmp_path / "points.npz", xy=xy, values=random.normal(size=200))
    options = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": np.nan}
    options["transform"] = rasterio.Affine(30, 0, left, 0, -30, top)
    with rasterio.open(tmp_path / "driver.tif", "w", width=side, height=side, **options) as raster:
        raster.write(random.normal(size=(side, side)).astype("float32"), 1)

    def run(task, learns, **parameters):
        driver = {"name": "driver", "kind": "continuous", "file": "driver.tif"}
        request = {
            "protocol": PROTOCOL_VERSION,
            "task": task,
            "outputs": ["SURFACE"] if task != "train" else [],
            "grid": {
                "crs": "EPSG:32639",
                "transform": [left, 30.0, 0.0, top, 0.0, -30.0],
                "width": side,
                "height": side,
            },
            "points": {"file": "points.npz", "field": "mm"},
            "drivers": [driver] if learns else [],
            "parameters": parameters,
        }
        (tmp_path / "request.json").write_text(json.dumps(request))
        start = time.perf_counter()
        worker = subprocess.Popen(
            [sys.executable, "-m", "subsidence_mapper.model.worker", str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        line = json.loads(worker.stdout.readline())
        took = time.perf_counter() - start
        worker.kill()
        used = os.wait4(worker.pid, 0)[2]
        worker.stdout.close()
        assert line["type"] in ("progress", "log")
        return took, used.ru_utime + used.ru_stime

    return run


@pytest.mark.parametrize(
    ("limit", "task", "learns", "parameters"),
    [
        *[(1.5, "interpolate", False, {"method": name}) for name in ("kriging", "idw", "rbf")],
        (1.5, "map", False, {"method": "kriging", "block_size": 400.0}),
        (1.5, "interpolate", True, {"method": "forest"}),
        (6.0, "train", True, {"epochs": 1}),
    ],
)
def test_first_line(job, limit, task, learns, parameters):
    took, used = min(job(task, learns, **parameters) for _ in range(3))
    name = f"{task} {parameters.get('method', 'cnn')}"
    print(f"\n{name}: first line after {took:.2f} s, CPU time {used:.2f} s")
    assert took < limit


def test_loading_the_plugin():
    python = os.environ.get("QGIS_PYTHON")
    if not python:
        pytest.skip("QGIS_PYTHON names no Python of QGIS")
    command = [python, "-c", LOAD.format(path=sys.path[:1])]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "QT_QPA_PLATFORM": "offscreen"}
    said = [subprocess.check_output(command, env=environment, text=True) for _ in range(3)]
    seconds = min(float(text.rsplit("seconds", 1)[1]) for text in said)
    print(f"\nthe plugin loads in {1000 * seconds:.0f} ms")
    assert seconds < 0.1
