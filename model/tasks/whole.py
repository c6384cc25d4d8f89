"""Whether an HDF5 or NetCDF file is all there is: QGIS's Python cannot look into one."""

from __future__ import annotations

from pathlib import Path

import h5py

from ..errors import InputError


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
            found = _elsewhere(file)
    except (OSError, RuntimeError, KeyError) as problem:
        raise InputError(f"{path} is damaged ({problem}). Download or copy it again.") from None
    if found:
        part, other = found
        raise InputError(
            f"{path} keeps {part} in another file ({other}), which is not read. Save the raster as "
            "a GeoTIFF and use that."
        )
    return {}


def _elsewhere(file: h5py.File) -> tuple[str, str] | None:
    """The first part that lies in another file, and that file's name."""

    def look(part: str, link):
        if isinstance(link, h5py.ExternalLink):
            return part, link.filename
        item = file.get(part) if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Dataset) and item.external:
            return part, item.external[0][0]
        if isinstance(item, h5py.Dataset) and item.is_virtual:
            return part, item.virtual_sources()[0].file_name
        return None

    return file.visititems_links(look)
