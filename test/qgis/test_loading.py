"""QGIS's front door: loading is quick and light, and unloading leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QMenu
from subsidence_mapper import classFactory

LOAD = """
import json, sys, time
sys.path[:0] = {path!r}
from qgis.core import QgsApplication
from qgis.PyQt import QtGui, QtWidgets
application = QgsApplication([], False)
before = set(sys.modules)
start = time.process_time()
from subsidence_mapper import classFactory
plugin = classFactory(None)
plugin.initProcessing()
seconds = time.process_time() - start
algorithms = [algorithm.id() for algorithm in plugin.provider.algorithms()]
print(json.dumps([seconds, sorted(set(sys.modules) - before), algorithms]))
sys.stdout.flush()
plugin.unload()
"""


@pytest.fixture(scope="module")
def loads():
    """Three loads of the plugin, each in a fresh process."""
    command = [sys.executable, "-c", LOAD.format(path=sys.path)]
    return [json.loads(subprocess.check_output(command).splitlines()[-1]) for _ in range(3)]


def test_loading_takes_under_100_ms(loads):
    assert min(seconds for seconds, _, _ in loads) < 0.1


def test_loading_imports_nothing_heavy(loads):
    for _, modules, algorithms in loads:
        assert "subsidence:runtime" in algorithms
        heavy = {"numpy", "osgeo", "tensorflow", "scipy", "sklearn", "rasterio", "matplotlib"}
        assert not heavy & {module.split(".")[0] for module in modules}


def test_menu_opens_the_runtime_dialog_and_goes_with_the_plugin(monkeypatch):
    opened = []
    processing = SimpleNamespace(execAlgorithmDialog=opened.append)
    monkeypatch.setitem(sys.modules, "processing", processing)
    menu = QMenu()
    plugin = classFactory(SimpleNamespace(pluginMenu=lambda: menu))
    registry = QgsApplication.processingRegistry()
    assert registry.providerById("subsidence") is None
    plugin.initGui()
    assert registry.providerById("subsidence") is not None
    (ours,) = menu.actions()
    assert ours.text() == "Subsidence Mapper" and not ours.icon().isNull()
    (entry,) = ours.menu().actions()
    assert entry.text() == "Worker environment…"
    entry.trigger()
    assert opened == ["subsidence:runtime"]
    plugin.unload()
    assert menu.actions() == [] and registry.providerById("subsidence") is None
