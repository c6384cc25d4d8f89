"""HDF5 files that keep parts of theirs in other files."""

from __future__ import annotations

import h5py


def elsewhere(file: h5py.File) -> tuple[str, str] | None:
    """The first part that lies in another file, and that file's name; None if there is none."""

    def look(part: str, link) -> tuple[str, str] | None:
        if isinstance(link, h5py.ExternalLink):
            return part, link.filename
        item = file.get(part) if isinstance(link, h5py.HardLink) else None
        if isinstance(item, h5py.Dataset) and item.external:
            return part, item.external[0][0]
        if isinstance(item, h5py.Dataset) and item.is_virtual:
            return part, item.virtual_sources()[0].file_name
        return None

    return file.visititems_links(look)
