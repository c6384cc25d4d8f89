"""Arrays and texts in zips without a time stamp: a zip knows the years 1980 to 2107 only.

Only the standard library is imported here, so that QGIS can use it too; NumPy, where it is wanted.
"""

from __future__ import annotations

import zipfile
from pathlib import Path


def write_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Write a member of an open zip, packed as the zip is."""
    entry = zipfile.ZipInfo(name)  # of the first of January 1980
    entry.compress_type = archive.compression
    archive.writestr(entry, content, compresslevel=archive.compresslevel)


def save_arrays(path: Path, **arrays) -> None:
    """Write arrays as `numpy.savez` does, but never as pickles."""
    import numpy as np

    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
