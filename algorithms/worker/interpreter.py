"""Which Python runs the worker.

TensorFlow never enters QGIS's process and nothing is ever installed into QGIS's Python. The worker
runs in the interpreter that the user has named, else in a managed virtual environment in the
user's cache folder, which `runtime` makes.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QStandardPaths

from . import process

PLUGIN = Path(__file__).absolute().parents[2]  # a linked plugin keeps the link's name

VARIABLE = "SUBSIDENCE_PYTHON"
SETTING = "subsidence_mapper/worker_python"
INSTALL = 'Run the algorithm "Worker environment" (subsidence:runtime) with ACTION=install'
FIX = f"{INSTALL}, or `make install`, or set {VARIABLE} to a Python that has the worker's packages."

MINORS = (13, 12, 11, 10)  # of Python 3, those that the lock files are compiled for
HALF_MADE = ".half-made"  # lies in an environment until its probe has passed
_LIST_PACKAGES = """
import json, platform, sys
from importlib.metadata import distributions
versions = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
versions.setdefault("tensorflow", versions.get("tensorflow-cpu"))
found = {name: versions[name] for name in sys.argv[1:] if versions.get(name)}
print(json.dumps({"python": platform.python_version(), "packages": found}))
"""


class RuntimeMissing(Exception):
    """There is no usable worker environment; the message names the fix."""


def worker_python() -> str:
    """The interpreter that runs the worker.

    It is the one that the variable SUBSIDENCE_PYTHON names, else the one in the setting
    `subsidence_mapper/worker_python`, else that of the managed environment. Fast enough to be
    asked before every job: a managed environment is trusted after its probe has passed.

    Raises
    ------
    RuntimeMissing
        If there is none, or the one that the user has named lacks something.
    """
    name = named()
    if name:
        _check_named(*name)
        return name[0]
    for cuda in (True, False):
        for minor in MINORS:
            if is_ready(managed(cuda, minor)):
                return python_of(managed(cuda, minor))
    raise RuntimeMissing(f"There is no worker environment yet. {FIX}")


def named() -> tuple[str, str] | None:
    """The interpreter that the user has named and what names it, if any."""
    for python, source in (
        (os.environ.get(VARIABLE), VARIABLE),
        (QgsSettings().value(SETTING, ""), f"The setting {SETTING}"),
    ):
        if python:
            # The worker runs in the job's folder, from where a relative path leads elsewhere.
            return os.path.abspath(shutil.which(python) or python), source
    return None


def cache_folder() -> Path:
    """Where the managed environments lie."""
    location = QStandardPaths.StandardLocation.GenericCacheLocation
    return Path(QStandardPaths.writableLocation(location), "subsidence_mapper")


def lock_file(cuda: bool) -> Path:
    """The exact versions of a managed environment's packages."""
    return PLUGIN / "resources" / "runtime" / ("worker-cuda.lock" if cuda else "worker.lock")


def managed(cuda: bool, minor: int) -> Path:
    """The folder of the managed environment with Python 3.`minor`.

    It is keyed by the content of the lock file, not by the plugin's version: a new version of the
    plugin that changes no package goes on using the same two gigabytes.
    """
    key = hashlib.sha256(lock_file(cuda).read_bytes()).hexdigest()[:12]
    return cache_folder() / f"{key}-py3.{minor}{'-cuda' if cuda else ''}"


def python_of(environment: Path) -> str:
    """The interpreter of a virtual environment."""
    return str(environment / ("Scripts/python.exe" if process.WINDOWS else "bin/python"))


def is_ready(environment: Path) -> bool:
    """Whether a managed environment was made to the end."""
    return Path(python_of(environment)).exists() and not (environment / HALF_MADE).exists()


@functools.cache
def packages() -> tuple[str, ...]:
    """What a worker needs on every system, from the one list that the lock files come from."""
    listed = (PLUGIN / "resources" / "runtime" / "common.in").read_text(encoding="utf-8")
    lines = [line for line in listed.splitlines() if line and line[0] != "#" and ";" not in line]
    return "tensorflow", *lines


def inventory(python: str) -> dict:
    """The versions of an interpreter, "python", and of the worker's packages in it, "packages".

    Raises
    ------
    OSError, ValueError, subprocess.SubprocessError
        If it is no working Python.
    """
    return json.loads(ask(python, _LIST_PACKAGES, *packages()))


def broken(python: str, why: str) -> str:
    """What to say about an interpreter that cannot run the worker."""
    name = named()
    if name and name[0] == python:
        return f"{name[1]} names {python}, which cannot run the worker ({why}). {FIX}"
    return f"The worker environment at {python} is broken ({why}). {INSTALL}; it makes a new one."


def ask(python: str, code: str, *arguments: str) -> str:
    """What some code prints in another interpreter; raises as `subprocess.run` does."""
    return subprocess.run(  # nosec B603  # a Python that the user or the plugin has chosen
        [python, "-I", "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=process.clean_environment(),
        **process.NO_WINDOW,
    ).stdout


@functools.cache
def _check_named(python: str, source: str) -> None:
    # Passing is remembered for the session, failing is not: the user may be installing it.
    try:
        found = inventory(python)["packages"]
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        why = getattr(problem, "strerror", None) or "it does not answer like a Python"
        raise RuntimeMissing(broken(python, why)) from problem
    missing = [name for name in packages() if name not in found]
    if missing:
        raise RuntimeMissing(broken(python, f"it lacks {', '.join(missing)}"))
