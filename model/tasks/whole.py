"""Whether an HDF5 or NetCDF file is all there is: QGIS's Python cannot look into one."""

from __future__ import annotations

from pathlib import Path

import h5py

from ..errors import InputError
from ..files.hdf5 import elsewhere


def run(folder, request, monitor) -> dict:
    """Look at the request's `file`.

    Raises
    ------
    InputError
        If any of it lies in another file, or it cannot be read.
    """
    path = Path(request["file"])
    try:
        with h5py.File(path, "r") as file:
            found = elsewhere(file)
    except (OSError, RuntimeError, KeyError) as problem:
        raise InputError(f"{path} is damaged ({problem}). Download or copy it again.") from None
    if found:
        part, other = found
        raise InputError(
            f"{path} keeps {part} in another file ({other}), which is not read. Save the raster as "
            "a GeoTIFF and use that."
        )
    return {}
