"""Parts of HDF5 files that lie in other files are found, however they got there."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.files.hdf5 import elsewhere
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.tasks import whole

CELLS = np.arange(12, dtype="f4").reshape(3, 4)


def link(file):
    file["inner/rain"] = h5py.ExternalLink("other.h5", "/rain")


def storage(file):
    file.create_dataset("inner/rain", CELLS.shape, "f4", external="other.bin")


def virtual(file):
    layout = h5py.VirtualLayout(CELLS.shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "rain", CELLS.shape)
    file.create_virtual_dataset("inner/rain", layout)


@pytest.mark.parametrize(
    ("put", "other"), [(link, "other.h5"), (storage, "other.bin"), (virtual, "other.h5")]
)
def test_a_part_in_another_file_is_named_with_that_file(tmp_path, put, other):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["dem"] = CELLS
        put(file)
    with h5py.File(tmp_path / "a.h5") as file:
        assert elsewhere(file) == ("inner/rain", other)
    request = {"file": str(tmp_path / "a.h5")}
    with pytest.raises(InputError, match=rf"a.h5 keeps inner/rain in another file \({other}\)"):
        whole.run(tmp_path, request, SILENT)


def test_links_inside_a_file_lead_nowhere_else(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["inner/rain"] = CELLS
        file["soft"], file["hard"] = h5py.SoftLink("/inner/rain"), file["inner/rain"]
        file["dangling"] = h5py.SoftLink("/nothing")
        assert elsewhere(file) is None
    assert whole.run(tmp_path, {"file": str(tmp_path / "a.h5")}, SILENT) == {}
