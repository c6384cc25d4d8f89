"""The one exception whose message is meant for the user, and names that users gave in it."""

from __future__ import annotations

import unicodedata

_LETTERS, _LINES = 60, 4
_UNSEEN = ("Cc", "Cs")  # control characters, and halves of surrogate pairs, which no file can hold


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message says what was got, what was expected and what to do, in one or two sentences.
    """


def shown(text: str, letters: int = _LETTERS) -> str:
    """A text without control characters, of few lines, each cut after so many letters."""
    lines = [
        line if len(line) <= letters else f"{line[: letters - 1]}…"
        for line in text.split("\n", _LINES)[:_LINES]
    ]
    return "\n".join(
        "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in line)
        for line in lines
    )
