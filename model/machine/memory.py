"""Whether there is memory for what is about to be done, and how much was taken."""

from __future__ import annotations

import ctypes
import gc
import re
from pathlib import Path

from ..errors import InputError

_MEGABYTE = 2**20


def require(needed: float, what: str, remedy: str) -> None:
    """Refuse work that would fill the memory, before the system ends the process for it.

    Parameters
    ----------
    needed : float
        Bytes, estimated.
    what : str
        What needs them, to begin a sentence.
    remedy : str
        What to do, as a sentence.

    Raises
    ------
    InputError
        If there is less, with both figures.
    """
    from psutil import virtual_memory  # here, because most work asks for no such amount

    available = virtual_memory().available
    if needed > available:
        raise InputError(
            f"{what} needs about {_in_units(needed)} of memory, and {_in_units(available)} are "
            f"free. {remedy}"
        )


def _in_units(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


class PeakMemory:
    """The maximum memory that this process takes from now on; on Linux only."""

    _clear, _status = Path("/proc/self/clear_refs"), Path("/proc/self/status")

    def __init__(self):
        gc.collect()
        try:
            # What former work has left free would else be used again, unseen.
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError, TypeError):
            pass  # only glibc can
        self._before: float | None = None
        try:
            self._clear.write_text("5")  # sets the peak back to what is taken now
            self._before = self._read("VmRSS")
        except OSError:
            pass  # of a system other than Linux

    def more_than(self, other: float | None) -> float | None:
        """Megabytes beyond what was taken at first, or `other` if that is more."""
        if self._before is None:
            return other
        return max(self._read("VmHWM") - self._before, other or 0.0)

    def _read(self, name: str) -> float:
        kilobytes = dict(re.findall(r"(\w+):\s+(\d+) kB", self._status.read_text()))
        return int(kilobytes[name]) * 1024 / _MEGABYTE
