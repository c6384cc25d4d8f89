"""The managed worker environment: made, checked and removed when the user asks for it."""

from __future__ import annotations

import configparser
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from qgis.core import Qgis
from qgis.PyQt.QtCore import QLockFile

from ...model import protocol
from . import client, interpreter, process
from .folders import job_folder
from .interpreter import RuntimeMissing, worker_python

__all__ = ["InstallFailed", "RuntimeMissing", "install", "remove", "status", "worker_python"]

CPU_GB, CUDA_GB = 4, 12  # disk space that an environment needs while pip makes it

_CAN_MAKE_ENVIRONMENTS = """
import ctypes, ensurepip, ssl, sys, venv
print(sys.version_info.major, sys.version_info.minor, sys.maxsize > 2**32)
"""
# pip would go on writing after QGIS has died; the end of its standard input stops it.
_PIP = """
import os, runpy, threading
threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start()
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class InstallFailed(RuntimeMissing):
    """The worker environment could not be made; the message says why and what to do."""


def install(feedback, cuda: bool = False) -> dict:
    """Make the managed environment, or check it and make it again if it is broken.

    An interpreter that the user has named is checked instead.

    Parameters
    ----------
    feedback : QgsProcessingFeedback
        Gets pip's output. Cancelling leaves nothing behind.
    cuda : bool, optional
        Whether to take TensorFlow's NVIDIA build (Linux).

    Returns
    -------
    dict
        What the probe found: "device", "tensorflow" and "python".

    Raises
    ------
    InstallFailed
        If no suitable Python, too little disk space, the network or another installation
        prevents it.
    RuntimeMissing, JobFailed
        If the interpreter that the user has named cannot run the worker.
    JobCancelled
    """
    name = interpreter.named()
    if name:
        feedback.pushWarning(f"{name[1]} names {name[0]}: it is checked, nothing is installed.")
        return probe(worker_python(), feedback)
    with _locked():
        base, minor = _base_python()
        folder = interpreter.managed(cuda, minor)
        python = interpreter.python_of(folder)
        if interpreter.is_ready(folder):
            try:
                return probe(python, feedback)
            except client.JobFailed as problem:
                feedback.pushWarning(f"{problem}\nThe environment is made again.")
        _discard(folder)
        _check_disk(CUDA_GB if cuda else CPU_GB)
        try:
            _make(folder, base, interpreter.lock_file(cuda), feedback)
            device = probe(python, feedback)
        except BaseException:
            _discard(folder)
            raise
        (folder / interpreter.HALF_MADE).unlink()
    return device


def remove(feedback) -> None:
    """Delete every managed environment, also those that older versions of the plugin made."""
    with _locked():
        for folder in _environments():
            feedback.pushInfo(f"Removing {folder}")
            _discard(folder)


def probe(python: str, feedback) -> dict:
    """Let the worker fit a tiny network.

    Returns
    -------
    dict
        "device" (CPU or the GPU's name), and the versions "tensorflow" and "python".

    Raises
    ------
    JobFailed, JobCancelled
    """
    feedback.pushInfo(f"Trying {python}")
    with job_folder(kept_after=client.JobFailed) as folder:
        protocol.write_request(folder, {"task": "probe", "outputs": [], "parameters": {}})
        return client.run_job(folder, feedback, python)["device"]


def status(feedback, device: dict | None = None) -> dict:
    """What there is of a worker environment.

    Parameters
    ----------
    feedback : QgsProcessingFeedback
    device : dict, optional
        What a probe has just found; one is made if not given.

    Returns
    -------
    dict
        "ready" (bool), "problem", "interpreter", "source", "device", "tensorflow", "python",
        "packages" (name to version), and "text": all of it and more, for a bug report.
    """
    found: dict = {"ready": False, "problem": "", "interpreter": "", "source": "", "device": ""}
    found.update({"tensorflow": "", "python": "", "packages": {}})
    name = interpreter.named()
    found["source"] = name[1] if name else "managed by the plugin"
    try:
        found["interpreter"] = worker_python()
        found.update(interpreter.inventory(found["interpreter"]))
        found.update(device or probe(found["interpreter"], feedback))
        found["ready"] = True
    except (RuntimeMissing, client.JobFailed) as problem:
        found["problem"] = str(problem)
    found["text"] = _report(found)
    return found


def _report(found: dict) -> str:
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(interpreter.PLUGIN / "metadata.txt", encoding="utf-8")
    cache = interpreter.cache_folder()
    lines = {
        "Worker environment": "ready" if found["ready"] else "not ready",
        "Problem": found["problem"],
        "Interpreter": found["interpreter"] and f"{found['interpreter']} ({found['source']})",
        "Device": found["device"],
        "Python": found["python"],
        "Packages": ", ".join(f"{name} {of}" for name, of in found["packages"].items()),
        "Subsidence Mapper": metadata["general"]["version"],
        "QGIS": Qgis.QGIS_VERSION,
        "System": platform.platform(),
        "Cache folder": f"{cache} ({_free_gb():.1f} GB free)",
        "Environments": ", ".join(folder.name for folder in _environments()),
    }
    return "\n".join(f"{title}: {value}" for title, value in lines.items() if value)


def _environments() -> list[Path]:
    return sorted(folder for folder in interpreter.cache_folder().glob("*-py3.*"))


@contextmanager
def _locked():
    folder = interpreter.cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as problem:
        raise InstallFailed(
            f"The cache folder {folder}, where the worker environment lies, cannot be written: "
            f"{problem.strerror}. Make it writable, or let {interpreter.VARIABLE} name a Python."
        ) from problem
    lock = QLockFile(str(folder / "install.lock"))
    lock.setStaleLockTime(0)  # a lock whose process has died is broken all the same
    if not lock.tryLock(0):
        raise InstallFailed(
            "Another QGIS is working on the worker environment (process "
            f"{lock.getLockInfo()[1]}). Wait until it is done and try again."
        )
    try:
        yield
    finally:
        lock.unlock()


def _base_python() -> tuple[str, int]:
    """The first Python that can make the environment, and the minor of its version 3.x."""
    # In QGIS, sys.executable may be QGIS itself or the first python3 on the PATH.
    prefix = Path(sys.base_prefix)
    candidates = [prefix / "python.exe", prefix / "bin" / "python3"]
    candidates += [path for path in [Path(sys.executable or "")] if "python" in path.name.lower()]
    candidates += [Path(shutil.which(f"python3.{minor}") or "") for minor in interpreter.MINORS]
    candidates += [Path("/usr/bin/python3")]
    tried = []
    for path in dict.fromkeys(path for path in candidates if path.is_file()):
        try:
            answer = interpreter.ask(str(path), _CAN_MAKE_ENVIRONMENTS)
        except (OSError, subprocess.SubprocessError) as problem:
            said = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()
            tried.append(f"{path}: {said[-1]}")
            continue
        major, minor, wide = answer.split()
        if major == "3" and int(minor) in interpreter.MINORS and wide == "True":
            return str(path), int(minor)
        tried.append(f"{path}: Python {major}.{minor}{'' if wide == 'True' else ', 32 bit'}")
    raise InstallFailed(
        "The worker environment needs a 64-bit Python 3.10 to 3.13 that can make virtual "
        f"environments; found {'; '.join(tried) or 'none'}. Install one (on Debian and Ubuntu "
        f"the package python3-venv), or set {interpreter.VARIABLE}."
    )


def _free_gb() -> float:
    folder = interpreter.cache_folder()
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    return shutil.disk_usage(existing).free / 1e9


def _check_disk(needed: int) -> None:
    free = _free_gb()
    if free < needed:
        raise InstallFailed(
            f"The worker environment needs {needed} GB of disk space in "
            f"{interpreter.cache_folder()}, and {free:.1f} GB are free. Free some space there."
        )


def _make(folder: Path, base: str, lock: Path, feedback) -> None:
    feedback.pushInfo(f"Making {folder} with {base}")
    folder.mkdir()
    (folder / interpreter.HALF_MADE).touch()
    _run([base, "-I", "-m", "venv", folder], feedback)
    options = ["--require-hashes", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
    # Compiling all of TensorFlow takes half of pip's time; what is imported is compiled then.
    options.append("--no-compile")
    pip = [interpreter.python_of(folder), "-I", "-c", _PIP, "install", *options, "-r", lock]
    _run(pip, feedback, expected=len(re.findall(r"(?m)^\S+==", lock.read_text())))


def _run(command, feedback, expected=0):
    """Run one step; `expected` is about how many packages pip collects in it."""
    said = []

    def hear(line):
        feedback.pushInfo(line)
        said.append(line)
        if line.startswith("Collecting"):
            collected = sum(line.startswith("Collecting") for line in said)
            feedback.setProgress(min(90, 90 * collected / expected))

    code = process.run(command, feedback, hear)
    if code:
        errors = [line for line in said if line.startswith("ERROR")] or said or ["no message"]
        raise InstallFailed(
            f"Making the worker environment failed (exit code {code}): {errors[0]} "
            "See the log above; if it is the network, try again later or behind your proxy."
        )


def _discard(folder: Path) -> None:
    """Delete an environment; renamed first, so that nobody takes half of one for a whole."""
    doomed = folder.with_name(folder.name + ".removed")
    try:
        if doomed.exists():
            shutil.rmtree(doomed)
        if folder.exists():
            folder.rename(doomed)
            shutil.rmtree(doomed)
    except OSError as problem:
        raise InstallFailed(
            f"{folder} cannot be removed ({problem.strerror}). Close what uses it, and try again."
        ) from problem
