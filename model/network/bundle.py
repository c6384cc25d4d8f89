"""The model bundle: a zip with `model.json` and plain weight arrays; nothing is ever unpickled.

`read_header` and `match_drivers` use the standard library alone, so that QGIS can call them too.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

from ..errors import InputError

FORMAT = "subsidence-mapper model"
FORMAT_VERSION = 2  # 2 tells the network's activation
HEADER = "model.json"
_MAX_HEADER_BYTES = 64_000_000
_NPY_HEADER_BYTES = 4096


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
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        bundle.writestr(HEADER, json.dumps(header, indent=1, allow_nan=False))
        for name, content in contents.items():
            bundle.writestr(_member(name), content)


def read_header(path: Path) -> dict:
    """The header of a bundle, checked but for the arrays' contents.

    Raises
    ------
    InputError
        If the file is not a bundle, is truncated, of a newer format, or was changed.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no model file {path}. Choose a model made by 'Train model'.")
    try:
        with zipfile.ZipFile(path) as bundle:
            entry = bundle.getinfo(HEADER)
            if entry.file_size > _MAX_HEADER_BYTES:
                raise _changed(path, f"its {HEADER} is {entry.file_size} bytes")
            header = json.loads(bundle.read(HEADER))
            sizes = {member.filename: member.file_size for member in bundle.infolist()}
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, json.JSONDecodeError, EOFError):
        raise _not_a_bundle(path) from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _not_a_bundle(path)
    version = header.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise InputError(
            f"{path} has model format {version}; this plugin reads up to {FORMAT_VERSION}. "
            "Update the plugin."
        )
    if header.get("digest") != _digest(header):
        raise _changed(path, f"its {HEADER} does not match its digest")
    expected = {_member(name) for name in header["arrays"]} | {HEADER}
    if set(sizes) != expected:
        raise _changed(path, "its list of files does not match its header")
    for name, array in header["arrays"].items():
        if sizes[_member(name)] > _bytes(array) + _NPY_HEADER_BYTES:
            raise _changed(path, f"the array {name} is larger than its header says")
    return header


def read_bundle(path: Path) -> tuple[dict, dict]:
    """Header and arrays of a bundle; raises InputError as `read_header` does."""
    import numpy as np

    header = read_header(path)
    arrays = {}
    with zipfile.ZipFile(path) as bundle:
        for name, description in header["arrays"].items():
            try:
                content = bundle.read(_member(name))
            except (zipfile.BadZipFile, EOFError):
                raise _changed(path, f"the array {name} cannot be read") from None
            if hashlib.sha256(content).hexdigest() != description["sha256"]:
                raise _changed(path, f"the array {name} does not match its digest")
            array = np.load(io.BytesIO(content), allow_pickle=False)
            if (
                list(array.shape) != description["shape"]
                or str(array.dtype) != description["dtype"]
            ):
                raise _changed(path, f"the array {name} does not have the stated shape")
            arrays[name] = array
    return header, arrays


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


def _digest(header: dict) -> str:
    rest = {key: value for key, value in header.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _member(name: str) -> str:
    return f"arrays/{name}.npy"


def _bytes(array: dict) -> int:
    size = int("".join(filter(str.isdigit, array["dtype"])) or 8) // 8
    for length in array["shape"]:
        size *= length
    return size


def _not_a_bundle(path: Path) -> InputError:
    return InputError(
        f"{path} is not a model of this plugin, or is truncated. Choose a model made by "
        "'Train model'."
    )


def _changed(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} was damaged or changed after it was written ({what}). Copy or train it again."
    )
