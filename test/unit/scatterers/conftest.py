"""Importing a file of points, and writing one."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pyogrio
import pytest
from subsidence_mapper.model.tasks import importpoints
from subsidence_mapper.test.examples import RecordingMonitor

STANDARD = [
    "ps_id",
    "velocity_mm_yr",
    "displacement_mm",
    "coherence",
    "amplitude_dispersion",
    "height_m",
    "velocity_std",
]


@pytest.fixture
def load(tmp_path):
    """Import a file; gives its fields, places, CRS, numbers and log."""

    def load(path, **parameters):
        log = RecordingMonitor()
        request = {"grid": None, "outputs": ["PS_POINTS"], "source": {"path": str(path)}}
        result = importpoints.run(tmp_path, {**request, "parameters": parameters}, log)
        place = tmp_path / result["files"]["PS_POINTS"]
        meta, _, geometry, columns = pyogrio.raw.read(place)
        xy = np.array([struct.unpack("<dd", each[5:21]) for each in geometry])
        place.unlink()
        fields = dict(zip(meta["fields"], columns))
        assert list(fields)[:7] == STANDARD
        return SimpleNamespace(
            **fields, fields=fields, xy=xy, crs=meta["crs"], numbers=result["numbers"], log=log
        )

    return load


@pytest.fixture
def write(tmp_path):
    """Write columns as a text table."""

    def write(columns, name="ps.csv", delimiter=",", decimal=".", encoding="utf-8"):
        def text(cell):
            return cell if isinstance(cell, str) else repr(float(cell)).replace(".", decimal)

        rows = [delimiter.join(map(text, row)) for row in zip(*columns.values())]
        path = tmp_path / name
        path.write_text("\n".join([delimiter.join(columns), *rows, ""]), encoding=encoding)
        return path

    return write
