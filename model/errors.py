"""The one exception whose message is meant for the user."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message says what was got, what was expected and what to do, in one or two sentences.
    """
