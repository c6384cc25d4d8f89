"""Files that are no data themselves but point to other files or addresses.

Only the standard library is imported here, so that QGIS can ask too.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from ..errors import InputError

# GDAL's file systems in the net, and the schemes of addresses there.
SYSTEMS = "curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs"
SCHEMES = "https?|ftps?|s3|gs|az|abfss?|oss|swift|webhdfs"

_LOOKED_AT = 1 << 20
_VIRTUAL = re.compile(
    rb"<\s*(OGRVRT\w+|VRTDataset|GDAL_WM[ST]\w*|OGRWFS\w+|WMS_\w+|Capabilities)\b", re.IGNORECASE
)
_OUTSIDE = re.compile(
    rf"load_extension|/vsi({SYSTEMS})|({SCHEMES})://|<\s*SrcSQL".encode(), re.IGNORECASE
)


def check_own(path: Path) -> None:
    """Refuse a file that points to other files instead of holding data.

    Raises
    ------
    InputError
        If it does.
    """
    if any(map(_VIRTUAL.search, chain([_start(path)], _packed(path)))):
        raise InputError(
            f"{path.name} holds no points itself but points to other files. Give the file with "
            "the points."
        )


def check_local(path: Path) -> None:
    """Refuse a virtual file that points to an address in the net or runs SQL.

    Raises
    ------
    InputError
        If it does.
    """
    start = _start(path)
    if _VIRTUAL.search(start) and (found := _OUTSIDE.search(start)):
        raise InputError(
            f"{path.name} is a virtual layer that leads beyond this computer's files or runs SQL "
            f"({found[0].decode('ascii')}). Save what it shows as a GeoPackage, and give that."
        )


def is_layer(name: str) -> bool:
    """Whether a file in a .zip is by its name one that GDAL reads as it is packed."""
    return Path(name).suffix.lower() in (".shp", ".gpkg")


def _start(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""  # whoever opens it says more


def _packed(path: Path) -> Iterator[bytes]:
    """The starts of the layers in a .zip, which GDAL knows by what they hold, not by their name."""
    if path.suffix.lower() != ".zip":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for name in filter(is_layer, archive.namelist()):
                with archive.open(name) as file:
                    yield file.read(_LOOKED_AT)
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        return  # whoever opens it says more
