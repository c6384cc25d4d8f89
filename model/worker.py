"""The entry point of the numeric core: ``python -m <plugin>.model.worker JOB_FOLDER``.

It reads the job folder's request, writes its results into the same folder and writes the JSON lines
of `protocol` to standard output.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from . import protocol
from .errors import InputError, shown
from .machine.settings import settle
from .monitor import LONGEST, StdoutMonitor


def main(folder: Path) -> int:
    """Run the job in a folder and return the exit code."""
    try:
        request = protocol.read_request(folder)
        from .tasks.requests import check_request  # and rasterio, not before GDAL has its settings

        check_request(request)
        # One import per task, so that idw does not wait seconds for TensorFlow.
        task = import_module(f".tasks.{request['task']}", __package__)
        result = task.run(folder, request, StdoutMonitor())
        protocol.write_result(folder, result)
    except InputError as problem:
        print(protocol.error(shown(str(problem), LONGEST)), flush=True)
        return protocol.EXIT_BAD_INPUT
    except Exception as problem:
        with suppress(OSError):  # of a full disk, or of a folder that is gone
            (folder / protocol.WORKER_LOG).write_text(traceback.format_exc(), encoding="utf-8")
        print(protocol.error(shown(_explain(problem, folder), LONGEST)), flush=True)
        return 1
    print(protocol.result(), flush=True)
    return 0


def _explain(problem: Exception, folder: Path) -> str:
    if isinstance(problem, MemoryError):
        return "Memory ran out. Choose a smaller extent, a larger cell size or fewer drivers."
    if isinstance(problem, OSError):
        place = Path(problem.filename) if problem.filename else folder
        if problem.errno == errno.ENOSPC:
            return f"The disk that holds {place} is full. Free some room and run again."
        if not problem.strerror:  # of a library, which has put all into its text
            return f"A file cannot be read or written: {problem}. Run the algorithm again."
        message = f"{place} cannot be read or written: {problem.strerror}."
        if folder in place.parents:  # which nobody but this plugin writes
            return f"{message} Run the algorithm again."
        return f"{message} Check that it is there, and who may read and write it."
    return (
        f"The worker failed unexpectedly ({type(problem).__name__}: {problem}). "
        f"{folder / protocol.WORKER_LOG} has the details; please report it."
    )


def _end_with_parent() -> None:
    """End this process when QGIS, which holds the other end of standard input, is gone."""
    # Not sys.stdin: a thread that waits inside it keeps Python from ending.
    while os.read(0, 1024):
        pass
    os._exit(3)


if __name__ == "__main__":
    if os.environ.get("SUBSIDENCE_WATCH_STDIN"):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    settle()
    sys.exit(main(Path(sys.argv[1]).resolve()))
