"""A cache of what several methods compute from the same points."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

_KEPT = 64e6  # bytes of answers: neighbourhoods of some 100,000 points, for instance of ten folds

_answers, _lock = OrderedDict(), threading.Lock()


def once(work: Callable, *given) -> np.ndarray:
    """The array ``work(*given)``, from the cache if it is there.

    Parameters
    ----------
    work : callable
        Of a module, and without side effects.
    given : ndarray or hashable
        Arrays are known by what is in them, all else by what it is.
    """
    key = work, *map(_known_by, given)
    with _lock:
        if key in _answers:
            _answers.move_to_end(key)
            return _answers[key]
    answer = work(*given)
    answer.flags.writeable = False
    with _lock:
        _answers[key] = answer
        while sum(each.nbytes for each in _answers.values()) > _KEPT:
            _answers.popitem(last=False)
    return answer


def _known_by(given):
    if not isinstance(given, np.ndarray):
        return given
    return given.shape, given.dtype.str, hashlib.sha256(np.ascontiguousarray(given)).digest()
