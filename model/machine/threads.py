"""Array work shared among threads, in pieces that stay in the processor's cache."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

_NUMBERS = 125_000  # in the largest array of a chunk: it should stay in the cache


def in_chunks(work, count: int, each: int) -> list:
    """What `work` gives for slices of ``0 ... count``, by as many threads as there are cores.

    Parameters
    ----------
    work : callable
        Takes a slice.
    each : int
        Numbers in the largest array that one of the `count` needs.
    """
    step = int(np.clip(_NUMBERS // each, 1, 4096))
    parts = [slice(i, min(i + step, count)) for i in range(0, count, step)]
    # The linear algebra's own threads would fight with these for the cores.
    with threadpool_limits(1), ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(work, parts))


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # on Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1
