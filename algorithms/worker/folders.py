"""Job folders: one for each job, removed after it, and swept where QGIS could not do so."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QLockFile

PREFIX = "subsidence-job-"
KEPT = "for a week"  # as messages say it

_LOCK = ".in-use"
_WEEK = 7 * 24 * 3600.0  # seconds


@contextmanager
def job_folder(kept_after: type[Exception]) -> Iterator[Path]:
    """An empty folder that goes when the `with` block ends, except after the exception named.

    Folders that a QGIS left which was killed go first.

    Raises
    ------
    QgsProcessingException
        If no folder can be made.
    """
    try:
        sweep()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    except OSError as problem:
        raise QgsProcessingException(
            f"No job folder can be made for temporary files: {problem.strerror}. Free some space "
            "on that disk, or set TMPDIR to another folder."
        ) from problem
    lock = _lock(folder)
    lock.tryLock(0)
    try:
        yield folder
    except kept_after:
        lock.unlock()
        raise
    except BaseException:
        _discard(folder, lock)
        raise
    _discard(folder, lock)


def sweep() -> None:
    """Remove the job folders that nobody uses: abandoned ones, and kept ones after a week."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another QGIS may sweep at the same time.
        with suppress(FileNotFoundError):
            if _is_mine(folder) and _is_unused(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> QLockFile:
    lock = QLockFile(str(folder / _LOCK))
    lock.setStaleLockTime(0)  # held as long as its process lives, however long a job takes
    return lock


def _discard(folder: Path, lock: QLockFile) -> None:
    lock.unlock()
    shutil.rmtree(folder, ignore_errors=True)


def _is_mine(folder: Path) -> bool:
    mine = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
    return mine and folder.is_dir() and not folder.is_symlink()


def _is_unused(folder: Path) -> bool:
    if not (folder / _LOCK).exists():
        return time.time() - folder.stat().st_mtime > _WEEK
    lock = _lock(folder)
    free = lock.tryLock(0)
    lock.unlock()
    return free
