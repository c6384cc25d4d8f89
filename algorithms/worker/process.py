"""Programs that run beside QGIS and can neither hang it nor outlive their work."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread

WINDOWS = os.name == "nt"
NO_WINDOW: dict = {}
_NEW_GROUP: dict = {"start_new_session": True}
if sys.platform == "win32":
    NO_WINDOW = {"creationflags": subprocess.CREATE_NO_WINDOW}
    _NEW_GROUP = {
        "creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    }

_POLL = 0.1  # seconds between looks at the cancel button
_GRACE = 0.5  # seconds between asking a child to end and killing it

# What QGIS sets for its own Python, GDAL and PROJ breaks another interpreter's; so do libraries
# that are loaded in place of those that its packages bring along.
_OF_QGIS = {
    *("GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_DATA", "PROJ_LIB", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"),
    *("DYLD_FALLBACK_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"),
}


class JobCancelled(Exception):
    """The user cancelled; everything the job had started is gone."""


def is_cancelled(feedback) -> bool:
    """Whether the user has cancelled.

    `qgis_process` hears of Ctrl-C as an event of its main thread, in which the algorithm works:
    there the events that wait are handled first.
    """
    application = QCoreApplication.instance()
    if application and QThread.currentThread() == application.thread():
        application.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return feedback.isCanceled()


def stop_if_cancelled(feedback) -> None:
    """Raise JobCancelled if the user has cancelled."""
    if is_cancelled(feedback):
        raise JobCancelled("Cancelled. Nothing was written.")


def clean_environment() -> dict[str, str]:
    """The user's environment variables without those that belong to QGIS's own Python."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_QGIS and not name.lstrip("_").startswith(("PYTHON", "PYVENV"))
    }


def run(command, feedback, on_line, env=None, cwd=None, stderr=subprocess.STDOUT) -> int:
    """Run a program to its end and hand over what it prints, line by line.

    The program gets a process group of its own, so that all it starts ends with it, and a
    standard input that stays open exactly as long as QGIS lives.

    Parameters
    ----------
    command : list of str
    feedback : QgsProcessingFeedback
        Asked ten times a second whether the user has cancelled.
    on_line : callable
        Called in this thread with each line of standard output.
    env : dict, optional
        Environment variables, `clean_environment()` if not given.
    cwd : path, optional
    stderr : file, optional
        Where standard error goes; beside standard output if not given.

    Returns
    -------
    int
        The exit code; negative if a signal ended the program.

    Raises
    ------
    JobCancelled
        Within a second of the user's cancelling.
    OSError
        If the program cannot be started.
    """
    child = subprocess.Popen(  # nosec B603  # a list of words, which no shell reads
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=cwd,
        env=clean_environment() if env is None else env,
        encoding="utf-8",
        errors="replace",
        **_NEW_GROUP,
    )
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        while child.poll() is None:
            stop_if_cancelled(feedback)
            with suppress(queue.Empty):
                on_line(lines.get(timeout=_POLL))
    finally:
        _end(child)
    reader.join(_GRACE)
    while not lines.empty():
        on_line(lines.get())
    return child.returncode


def _read(stream, lines):
    with stream:
        for line in stream:
            lines.put(line.rstrip())


def _end(child):
    """End the child, if it still runs, and whatever it has started."""
    if WINDOWS:
        if child.poll() is None:
            tree = ["taskkill", "/F", "/T", "/PID", str(child.pid)]
            subprocess.run(tree, capture_output=True, check=False, **NO_WINDOW)  # nosec B603  # no shell
    else:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    child.stdin.close()
