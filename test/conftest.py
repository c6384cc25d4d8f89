"""Makes the checkout importable as `subsidence_mapper`, whatever its folder is called.

It serves both Pythons: QGIS's and the worker's, which has no QGIS.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# `make test` tries a few hundred inputs, the same ones each time; `make fuzz` goes on looking.
anew = settings(database=None, deadline=None)
settings.register_profile("short", anew, derandomize=True, max_examples=200)
settings.register_profile("long", anew, max_examples=20_000, print_blob=True)
settings.load_profile("short")

PLUGINS = tempfile.TemporaryDirectory(prefix="subsidence-plugins-")
os.symlink(
    Path(__file__).absolute().parents[1],
    Path(PLUGINS.name, "subsidence_mapper"),
    target_is_directory=True,
)
sys.path.insert(0, PLUGINS.name)


@pytest.fixture
def real_data():
    """The path of a real file, by its place in the folder of real data; skips without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SUBSIDENCE_DATA", beside))

    def find(name):
        if not (folder / name).exists():
            pytest.skip(f"{name} is not in {folder} (SUBSIDENCE_DATA names another folder)")
        return folder / name

    return find


@pytest.fixture(scope="module")
def provider(qgis_app):
    """The plugin's provider, in QGIS's registry."""
    from qgis.core import QgsApplication
    from subsidence_mapper.algorithms.provider import SubsidenceProvider

    registry = QgsApplication.processingRegistry()
    provider = SubsidenceProvider()
    registry.addProvider(provider)
    yield provider
    registry.removeProvider(provider)
