"""The versioned messages between QGIS and the worker.

Only the standard library is imported here, so that both sides can use it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args

from .errors import InputError

PROTOCOL_VERSION = 1

REQUEST = "request.json"
RESULT = "result.json"
POINTS = "points.npz"
DRIVERS = "drivers"
FIELD = "field "  # begins the name of a table's column, so that no field's name is taken already
WORKER_LOG = "worker.log"

EXIT_BAD_INPUT = 2

Kind = Literal["continuous", "circular", "categorical"]  # of drivers
Sign = Literal["up", "subsidence"]  # what positive values mean
KINDS: tuple[Kind, ...] = get_args(Kind)
SIGNS: tuple[Sign, ...] = get_args(Sign)


def read_request(folder: Path) -> dict:
    """Read the request of a job folder.

    Raises
    ------
    InputError
        If there is no request, or it was written for another version of the protocol.
    """
    return _read(Path(folder) / REQUEST)


def write_request(folder: Path, request: dict) -> None:
    """Write the request of a job folder, stamped with the protocol's version."""
    _write(Path(folder) / REQUEST, request)


def read_result(folder: Path) -> dict:
    """Read the result of a finished job; raises InputError as `read_request` does."""
    return _read(Path(folder) / RESULT)


def write_result(folder: Path, result: dict) -> None:
    """Write the result of a finished job, stamped with the protocol's version."""
    _write(Path(folder) / RESULT, result)


def progress(percent: float, text: str = "") -> str:
    """A line with the job's progress in percent."""
    message = {"type": "progress", "percent": round(percent, 2)}
    if text:
        message["text"] = text
    return json.dumps(message)


def log(text: str, level: str = "info") -> str:
    """A line for the dialog's log; `level` is "info" or "warning"."""
    return json.dumps({"type": "log", "level": level, "text": text})


def error(message: str) -> str:
    """A line with the reason why there is no result, for the user."""
    return json.dumps({"type": "error", "message": message})


def result() -> str:
    """The last line of a job that went well."""
    return json.dumps({"type": "result"})


def parse(text: bytes) -> dict:
    """A JSON object from bytes that anybody may have written.

    Raises
    ------
    ValueError
        If it is not valid: also with NaN or infinity, which JSON does not know, or nested too
        deep.
    """
    try:
        message = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(message, dict):
        raise ValueError("it is no object")
    return message


def _refuse(constant: str):
    raise ValueError(f"it holds {constant}")


def _read(path: Path) -> dict:
    try:
        message = parse(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"The job folder {path.parent} holds no {path.name}.") from None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}.") from None
    except ValueError as problem:
        raise InputError(f"{path} was damaged: {problem}. Run the algorithm again.") from None
    version = message.get("protocol")
    if version != PROTOCOL_VERSION or isinstance(version, bool):
        raise InputError(
            f"{path} has protocol {version!r:.20}; this plugin reads {PROTOCOL_VERSION}. Run "
            "the algorithm again with one version of the plugin."
        )
    return message


def _write(path: Path, message: dict) -> None:
    partial = path.with_suffix(".part")
    text = json.dumps({"protocol": PROTOCOL_VERSION, **message}, indent=1, allow_nan=False)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
