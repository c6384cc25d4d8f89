"""The trials of a search in a file: JSON, checked before a value of it is used."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ..errors import InputError
from ..files.schema import Message, Name, NotNegative, Number, Parameters, Text, check
from ..protocol import parse
from .search import Space, Trial
from .study_place import write

FORMAT = "subsidence-mapper study"
FORMAT_VERSION = 1
_MAX_BYTES = 64_000_000


class _Trial(Parameters):
    number: Annotated[int, Field(ge=0)]
    state: Literal["complete", "pruned", "failed"]
    parameters: dict[Name, int | Number | Text]
    history: list[NotNegative]
    errors: list[NotNegative]
    seconds: NotNegative
    reason: Text = ""


class _Study(Message):
    about: dict[Text, Any]
    trials: list[_Trial]


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
    write(path, json.dumps(message, indent=1, allow_nan=False).encode())


def read_study(path: Path, about: dict, space: Space) -> list[Trial]:
    """The trials in a file; none if there is no file.

    Raises
    ------
    InputError
        If it is not such a file, was damaged, or is of a search for something else.
    """
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
    check(_Study, message, f"{path} is not the STUDY of a search, or is damaged")
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
