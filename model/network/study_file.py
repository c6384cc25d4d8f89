"""The trials of a search in a file: JSON, checked before a value of it is used."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..protocol import parse

if TYPE_CHECKING:  # QGIS, which has no Optuna, asks `check_place`
    from .search import Space, Trial

FORMAT = "subsidence-mapper study"
FORMAT_VERSION = 2
_MAX_BYTES = 64_000_000


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
        raise InputError(f"STUDY {path} may not be read. Give leave to read it, or choose another.")
    _write(path, b"{}", keep=False)


def write_study(path: Path, about: dict, trials: list[Trial]) -> None:
    """Write all trials beside the file's name, then rename.

    Parameters
    ----------
    about : dict
        What a search must share to go on with these trials, by the name that a user knows it by;
        "folds", on how many a trial is judged, among it.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    message = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "about": about,
        "trials": [asdict(trial) for trial in trials],
    }
    _write(path, json.dumps(message, indent=1, allow_nan=False).encode())


def read_study(path: Path, about: dict, space: Space) -> list[Trial]:
    """The trials in a file; none if there is no file.

    Raises
    ------
    InputError
        If it is not such a file, was damaged, or is of a search for something else.
    """
    # What only the worker has.
    from ..schema import check_study
    from .search import Trial

    if not os.path.lexists(path):
        return []
    message = _read(path)
    if message.get("format") != FORMAT or "format_version" not in message:
        raise _no_study(path)
    version = message.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise InputError(
            f"{path} has study format {version!r:.20}; this plugin reads {FORMAT_VERSION}. Choose "
            "the name of a new file."
        )
    check_study(message, path)
    known = message["about"]
    differing = [name for name, value in about.items() if known.get(name) != value]
    if differing:
        raise InputError(
            f"{path} holds a search with other {', '.join(differing)}. Give the same as there, or "
            "the name of a new STUDY."
        )
    trials = [Trial(**entry) for entry in message["trials"]]
    for number, trial in enumerate(trials):
        if trial.number != number or not _is_sound(trial, space, about["folds"]):
            raise InputError(
                f"Trial {number} in {path} was damaged or changed. Choose the name of a new STUDY."
            )
    return trials


def _read(path: Path) -> dict:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > _MAX_BYTES:
            raise _no_study(path)
        return parse(Path(path).read_bytes())
    except OSError as problem:
        raise InputError(
            f"STUDY {path} cannot be read: {problem.strerror}. Check who may read it."
        ) from None
    except InputError:
        raise
    except ValueError:
        raise _no_study(path) from None


def _write(path: Path, content: bytes, keep: bool = True) -> None:
    """Write a whole file beside a place and let it take the place, or see that one could."""
    path = Path(path)
    if "\0" not in str(path):
        path = path.resolve()
    name = hashlib.sha256(path.name.encode("utf-8", "replace")).hexdigest()[:16]
    partial = path.with_name(f".{name}.partial")
    try:
        with suppress(FileNotFoundError):
            path.stat()  # tells of a name that cannot be
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


def _is_sound(trial: Trial, space: Space, folds: int) -> bool:
    """Whether a trial is one of this space, as far as its state says."""
    try:
        trial.frozen(space)
        own = all(type(trial.parameters[name]) is type(each) for name, each in space.own.items())
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return (
        own
        and len(trial.errors) <= folds
        and (len(trial.errors) == folds) == (trial.state == "complete")
        and bool(trial.history or trial.state == "failed")
    )


def _no_study(path: Path) -> InputError:
    return InputError(
        f"{path} is not the STUDY of a search, or is damaged. Choose another file, or the name of "
        "a new one."
    )
