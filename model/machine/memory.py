"""Whether there is memory for what is about to be done."""

from __future__ import annotations

from ..errors import InputError


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
