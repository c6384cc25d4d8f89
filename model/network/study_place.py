"""Where the file of a search is written: whole, or not at all.

Only the standard library is imported here, so that QGIS can look at the place before the work.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ..errors import InputError


def check_place(path: Path) -> None:
    """Refuse a place where no study can be written, before hours of work.

    Raises
    ------
    InputError
    """
    path = Path(path)
    if os.path.lexists(path) and not os.path.isfile(path):
        raise InputError(f"STUDY is {path}, which is no file. Choose another name.")
    if os.path.isfile(path) and not os.access(path, os.R_OK):
        raise InputError(f"STUDY {path} may not be read. Change its permissions or its name.")
    write(path, b"{}", keep=False)


def write(path: Path, content: bytes, keep: bool = True) -> None:
    """Write a file beside its place and let it take that; or see that it could, if not to `keep`.

    Raises
    ------
    InputError
        If it cannot.
    """
    path = Path(path)
    if "\0" not in str(path):
        path = path.resolve()
    name = hashlib.sha256(path.name.encode("utf-8", "replace")).hexdigest()[:16]
    partial = path.with_name(f".{name}.partial")
    try:
        with suppress(FileNotFoundError):
            path.stat()  # fails for a name that cannot be
        with suppress(FileNotFoundError):
            partial.unlink()  # of a search that was killed; or a link, which is not to be followed
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep:
            partial.replace(path)
        else:
            partial.unlink()
    except (OSError, ValueError) as problem:
        with suppress(OSError, ValueError):
            partial.unlink()
        raise InputError(
            f"STUDY cannot be written to {path}: {getattr(problem, 'strerror', '') or problem}. "
            "Choose another place."
        ) from problem
