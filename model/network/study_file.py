"""The trials of a search in a file: JSON, checked before a value of it is used."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from ..errors import InputError
from .search import STATES, Space, Trial

FORMAT = "subsidence-mapper study"
FORMAT_VERSION = 2
_MAX_BYTES = 64_000_000


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
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(message, indent=1, allow_nan=False), encoding="utf-8")
        partial.replace(path)
    except OSError as problem:
        raise InputError(
            f"STUDY cannot be written to {path}: {problem.strerror}. Choose another place."
        ) from problem


def read_study(path: Path, about: dict, space: Space) -> list[Trial]:
    """The trials in a file; none if there is no file.

    Raises
    ------
    InputError
        If it is not such a file, was damaged, or is of a search for something else.
    """
    if not path.exists():
        return []
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError
        message = json.loads(path.read_text(encoding="utf-8"))
        if message["format"] != FORMAT:
            raise ValueError
        version, known = message["format_version"], dict(message["about"])
        entries = list(message["trials"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path} is not the STUDY of a search, or is damaged. Choose another file, or the name "
            "of a new one."
        ) from None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} has study format {version}; this plugin reads {FORMAT_VERSION}. Choose the "
            "name of a new file."
        )
    differing = [name for name, value in about.items() if known.get(name) != value]
    if differing:
        raise InputError(
            f"{path} holds a search with other {', '.join(differing)}. Give the same as there, or "
            "the name of a new STUDY."
        )
    return [
        _trial(path, number, entry, space, about["folds"]) for number, entry in enumerate(entries)
    ]


def _trial(path: Path, number: int, entry: dict, space: Space, folds: int) -> Trial:
    try:
        trial = Trial(**entry)
        trial.frozen(space)
        numbers = [*trial.history, *trial.errors, trial.seconds]
        sound = (
            trial.number == number
            and trial.state in STATES
            and all(type(trial.parameters[name]) is type(own) for name, own in space.own.items())
            and len(trial.errors) <= folds
            and (len(trial.errors) == folds) == (trial.state == "complete")
            and (trial.history or trial.state == "failed")
            and all(math.isfinite(each) for each in numbers)
        )
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise InputError(
            f"Trial {number} in {path} was damaged or changed. Choose the name of a new STUDY."
        )
    return trial
