"""The client of the worker: one job folder in, one parsed result out."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from ...model import protocol
from ...model.errors import InputError
from . import interpreter, process
from .interpreter import PLUGIN
from .process import JobCancelled

__all__ = ["JobCancelled", "JobFailed", "run_job"]

# As `python -m`, but the plugin's folder comes last on the path: beside it lie other plugins, and
# one that is called as a module of the worker's must not hide that.
WORKER = f"""
import runpy, sys
sys.path.append({str(PLUGIN.parent)!r})
runpy.run_module("{PLUGIN.name}.model.worker", run_name="__main__", alter_sys=True)
"""

PREPARED = 10  # percent of a job's bar: what comes before the worker must not fill it

OUT_OF_MEMORY = (
    "most likely because the machine ran out of memory. Use a smaller extent or a larger cell size"
)
SIGNALS = {
    "SIGKILL": OUT_OF_MEMORY,
    "SIGILL": "because this processor lacks instructions (AVX) that TensorFlow needs",
}


# What Python says where files of an environment are gone.
INCOMPLETE = re.compile(
    r"No module named '?[\w.]+'?|cannot import name '?\w+'?|DLL load failed[^.]*"
    r"|\S+: cannot open shared object file"
    r"|No such file or directory: '[^']*(?:site|dist)-packages[^']*'"
)


class JobFailed(Exception):
    """The worker gave no result; the message says why and what to do."""


def run_job(folder: Path, feedback, python: str | None = None) -> dict:
    """Let the worker do the job that a folder describes.

    Progress goes to the rest of the feedback's bar and log lines to its log as they come; what the
    worker writes to standard error goes to `worker.log` in the folder.

    Parameters
    ----------
    folder : Path
        The job folder, with its `request.json`.
    feedback : QgsProcessingFeedback
    python : str, optional
        The interpreter; that of the worker environment if not given.

    Returns
    -------
    dict
        The parsed `result.json`.

    Raises
    ------
    InputError
        If the worker refused what the user gave: nothing is broken.
    JobFailed
        If the worker broke; with a message for the user.
    JobCancelled
        Within a second of the user's cancelling, when all of the worker's processes are gone.
    RuntimeMissing
        If there is no worker environment.
    """
    python = python or interpreter.worker_python()
    folder = Path(folder).absolute()
    worker = _Worker(feedback)
    variables = {"PYTHONUTF8": "1", "SUBSIDENCE_WATCH_STDIN": "1"}
    # What libraries write for a while goes with the job's folder, however the worker ends.
    variables.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)))
    log = folder / protocol.WORKER_LOG
    try:
        log.touch()
    except OSError as problem:
        raise JobFailed(f"{log} cannot be written: {problem.strerror}.") from problem
    with log.open("ab") as stderr:
        try:
            code = process.run(
                [python, "-u", "-c", WORKER, folder],
                feedback,
                worker.hear,
                env={**process.clean_environment(), **variables},
                cwd=folder,
                stderr=stderr,
            )
        except OSError as problem:
            raise JobFailed(
                interpreter.broken(python, problem.strerror or str(problem))
            ) from problem
    if code == protocol.EXIT_BAD_INPUT and worker.error:
        raise InputError(worker.error)
    if code != 0 or not worker.finished:
        raise JobFailed(_explain(code, worker.error, log, python))
    try:
        return protocol.read_result(folder)
    except ValueError as problem:
        raise JobFailed(f"The worker's result cannot be read. {problem}") from problem


class _Worker:
    """Hears the worker's lines and passes them on."""

    def __init__(self, feedback):
        self.feedback = feedback
        self.error = ""
        self.finished = False
        self._text = ""

    def hear(self, line: str) -> None:
        message = _parse(line)
        kind = message.get("type")
        if kind == "progress":
            self.feedback.setProgress(PREPARED + (1 - PREPARED / 100) * message["percent"])
            text = message.get("text", self._text)
            if text != self._text:
                self.feedback.setProgressText(text)
                self._text = text
        elif kind == "log" and message.get("level") == "warning":
            self.feedback.pushWarning(message["text"])
        elif kind == "log":
            self.feedback.pushInfo(message["text"])
        elif kind == "error":
            self.error = message["message"]
        elif kind == "result":
            self.finished = True
        elif line:
            self.feedback.pushInfo(line)


def _parse(line: str) -> dict:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _explain(code: int, error: str, log: Path, python: str) -> str:
    if -32 < 128 - code < 0:  # as a shell reports it
        code = 128 - code
    # A process that a signal ends says nothing of it; its last lines are some library's chatter.
    reason = error or _essence(log.read_text(encoding="utf-8", errors="replace"), code < 0)
    incomplete = INCOMPLETE.search(reason)
    if incomplete:
        return interpreter.broken(python, incomplete.group())
    if error:
        return error
    if code < 0:
        name = signal.Signals(-code).name
        because = f", {SIGNALS[name]}" if name in SIGNALS else ""
        what = f"The worker was ended by the signal {name}{because}."
    elif re.search(r"MemoryError|bad_alloc|ResourceExhausted", reason):
        what = f"The worker stopped (exit code {code}), {OUT_OF_MEMORY}."
    elif code:
        what = f"The worker stopped unexpectedly (exit code {code})."
    else:
        what = "The worker ended without a result."
    said = f" It said: {reason.rstrip('.')}." if reason else ""
    return f"{what}{said} Its log is {log}."


def _essence(text: str, only_errors: bool) -> str:
    """The line of a log that says the most: the last error's, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b|Fatal ", line)]
    return (errors or [line for line in lines if not only_errors] or [""])[-1]
