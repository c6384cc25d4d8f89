"""Progress and log of long work."""

from __future__ import annotations

import sys

from . import protocol
from .errors import shown

LONGEST = 1500  # letters: some name many fields or drivers


class Monitor:
    """Takes progress and log lines; this base class is silent.

    `part` gives a monitor for one stretch of the work, so that no step needs to know
    where it stands in the whole. A monitor that is sent to another machine becomes silent.
    """

    def __reduce__(self):
        return Monitor, ()

    def progress(self, fraction: float, text: str = "") -> None:
        """Report that `fraction` (0 to 1) of the work is done."""

    def log(self, text: str, level: str = "info") -> None:
        """Report something that the user should be able to read afterwards."""

    def part(self, start: float, end: float) -> Monitor:
        """A monitor whose 0 and 1 are this one's `start` and `end`."""
        return _Part(self, start, end)


SILENT = Monitor()


class StdoutMonitor(Monitor):
    """Writes the protocol's JSON lines to standard output."""

    def progress(self, fraction: float, text: str = "") -> None:
        self._line(protocol.progress(100 * min(max(fraction, 0.0), 1.0), text))

    def log(self, text: str, level: str = "info") -> None:
        self._line(protocol.log(shown(text, LONGEST), level))

    @staticmethod
    def _line(line: str) -> None:
        print(line, file=sys.stdout, flush=True)


class _Part(Monitor):
    def __init__(self, whole: Monitor, start: float, end: float):
        self._whole, self._start, self._end = whole, start, end

    def progress(self, fraction: float, text: str = "") -> None:
        self._whole.progress(self._start + fraction * (self._end - self._start), text)

    def log(self, text: str, level: str = "info") -> None:
        self._whole.log(text, level)
