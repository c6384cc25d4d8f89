"""The model bundle: a zip with `model.json` and plain weight arrays; nothing is ever unpickled.

`read_header` and `match_drivers` use the standard library alone, so that QGIS can call them too.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import operator
import os
import struct
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..files.archive import write_member
from ..protocol import KINDS, SIGNS, parse

FORMAT = "subsidence-mapper model"
FORMAT_VERSION = 1
HEADER = "model.json"

_MAX_HEADER_BYTES = 8_000_000
_NPY_HEADER_BYTES = 4096
_ITEM_BYTES = {"float32": 4, "float64": 8}
_MOST_AXES, _LONGEST = 4, 2**40
_FAR = 1e9  # metres: no cell is so wide
_ENCRYPTED = 0x1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    OverflowError,
)


def write_bundle(path: Path, header: dict, arrays: dict) -> None:
    """Write a bundle.

    Parameters
    ----------
    path : Path
    header : dict
        Everything about the model that JSON can say.
    arrays : dict of str to ndarray
        Weights and other arrays by name.
    """
    import numpy as np

    contents = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        contents[name] = buffer.getvalue()
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **header,
        "arrays": {
            name: {
                "shape": list(arrays[name].shape),
                "dtype": str(arrays[name].dtype),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in contents.items()
        },
    }
    header["digest"] = _digest(header)
    text = json.dumps(header, indent=1, allow_nan=False).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        write_member(bundle, HEADER, text)
        for name, content in contents.items():
            write_member(bundle, _member(name), content)


def read_header(path: Path) -> dict:
    """The header of a bundle, signed; its list of arrays is that of the file.

    Raises
    ------
    InputError
        If the file is not a bundle, is truncated, of another format, or was changed.
    """
    path = Path(path)
    if not os.path.isfile(path):  # nor is a pipe one, for which reading would wait
        it_is = " It is a folder." if os.path.isdir(path) else ""
        raise InputError(
            f"There is no model file {path}.{it_is} Choose a model made by 'Train model'."
        )
    with _opened(path) as bundle:
        entries = {entry.filename: entry for entry in bundle.infolist()}
        if HEADER not in entries:
            raise _not_a_bundle(path)
        if any(
            entry.flag_bits & _ENCRYPTED or entry.compress_type not in _COMPRESSIONS
            for entry in entries.values()
        ):
            raise _changed(path, "its files are encrypted, or compressed by another method")
        if entries[HEADER].file_size > _MAX_HEADER_BYTES:
            raise _changed(path, f"its {HEADER} is {entries[HEADER].file_size} bytes")
        text = bundle.read(HEADER)
        repeated = len(entries) < len(bundle.infolist())
    try:
        header = parse(text)
        digest = _digest(header)
    except (ValueError, RecursionError):
        raise _not_a_bundle(path) from None
    if header.get("format") != FORMAT:
        raise _not_a_bundle(path)
    version = header.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise InputError(
            f"{path} has model format {version!r:.20}; this plugin reads {FORMAT_VERSION}. "
            "Update the plugin, or train the model again."
        )
    if header.get("digest") != digest:
        raise _changed(path, f"its {HEADER} does not match its digest")
    try:
        sizes = {_member(name): _bytes(array) for name, array in header["arrays"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _changed(path, f"the list of arrays in its {HEADER} cannot be used") from None
    if repeated or set(entries) != {*sizes, HEADER}:
        raise _changed(path, "its list of files does not match its header")
    for member, size in sizes.items():
        if entries[member].file_size > size + _NPY_HEADER_BYTES:
            raise _changed(path, f"{member} is larger than its header says")
    return header


def read_summary(path: Path) -> dict:
    """The header of a bundle, whose drivers, grid, field, unit and sign can be used.

    For QGIS, where there is no library for more; the worker checks the rest (`schema`).

    Raises
    ------
    InputError
        As `read_header` does, and if one of these is not what it must be.
    """
    header = read_header(path)
    try:
        _check_summary(header)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _changed(path, f"its {HEADER} lacks what a map is laid out by") from None
    return header


def read_arrays(path: Path, header: dict) -> dict:
    """The arrays of a bundle with this header; raises InputError as `read_header` does."""
    import numpy as np

    arrays = {}
    for name, stated in header["arrays"].items():
        with _opened(path, _changed(path, f"the array {name} cannot be read")) as bundle:
            content = bundle.read(_member(name))
        if hashlib.sha256(content).hexdigest() != stated.get("sha256"):
            raise _changed(path, f"the array {name} does not match its digest")
        array = _array(content, stated)
        if array is None:
            raise _changed(path, f"the array {name} does not have the stated shape")
        if not np.isfinite(array).all():
            raise _changed(path, f"the array {name} holds numbers that are not finite")
        arrays[name] = array
    return arrays


def match_drivers(header: dict, names: list[str]) -> list[int]:
    """For each driver of the model, where it stands in `names`.

    Raises
    ------
    InputError
        With the list of what is missing and what the model does not know.
    """
    wanted = [driver["name"] for driver in header["drivers"]]
    missing = [name for name in wanted if name not in names]
    unknown = [name for name in names if name not in wanted]
    if missing or unknown:
        differences = []
        if missing:
            differences.append("missing: " + ", ".join(missing))
        if unknown:
            differences.append("not known to the model: " + ", ".join(unknown))
        raise InputError(
            f"The drivers do not match the model ({'; '.join(differences)}). It was trained on "
            f"{', '.join(wanted)}; give layers with exactly these names."
        )
    return [names.index(name) for name in wanted]


@contextmanager
def _opened(path: Path, damaged: InputError | None = None):
    """A zip to read from; what cannot be read ends in one sentence."""
    damaged = damaged or _not_a_bundle(path)
    try:
        with zipfile.ZipFile(path) as bundle:
            yield bundle
    except InputError:
        raise
    except _DAMAGES:
        raise damaged from None
    except OSError as problem:
        if problem.errno == errno.EINVAL:  # it leads to a place before its own beginning
            raise damaged from None
        raise InputError(
            f"The model {path} cannot be read: {problem.strerror or problem}. Check the file and "
            "who may read it."
        ) from None


def _array(content: bytes, stated: dict):
    """The array in a file of NumPy's; None if it is not the stated one."""
    import numpy as np

    file = io.BytesIO(content)
    try:
        np.lib.format.read_magic(file)
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if list(shape) != stated["shape"] or str(dtype) != stated["dtype"] or by_columns:
            return None
        return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)
    except Exception:  # the header is parsed as Python, which can fail by any exception
        return None


def _check_summary(header: dict) -> None:
    names, kinds = zip(*((driver["name"], driver["kind"]) for driver in header["drivers"]))
    grid, sign, unit = header["grid"], header["positive"], header["unit"]
    for text in (*names, *kinds, grid["crs"], header["field"], unit):
        text.encode()
    left, dx, _, top, _, dy = grid["transform"]
    if not (
        {type(number) for number in grid["transform"]} <= {int, float}
        and type(grid["width"]) is type(grid["height"]) is int
        and len(set(names)) == len(names)
        and set(kinds) <= set(KINDS)
        and sign in SIGNS
        and math.isfinite(left + top)
        and 0 < dx < _FAR
        and -_FAR < dy < 0
    ):
        raise ValueError


def _digest(header: dict) -> str:
    rest = {key: value for key, value in header.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _member(name: str) -> str:
    return f"arrays/{name}.npy"


def _bytes(array: dict) -> int:
    shape = [operator.index(length) for length in array["shape"]]
    if len(shape) > _MOST_AXES or not all(0 <= length < _LONGEST for length in shape):
        raise ValueError
    return _ITEM_BYTES[array["dtype"]] * math.prod(shape)


def _not_a_bundle(path: Path) -> InputError:
    return InputError(
        f"{path} is not a model of this plugin, or is truncated. Choose a model made by "
        "'Train model'."
    )


def _changed(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} was damaged or changed after it was written ({what}). Copy or train it again."
    )
