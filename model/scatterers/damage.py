"""The many errors of readers of damaged files, as one sentence."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from ..errors import InputError

# What GDAL, HDF5, Arrow and unpackers end in where a file is damaged.
FAILURES = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def explained(explain: Callable[[Exception], InputError]) -> Iterator[None]:
    """Raise what `explain` makes of a failure to read; an InputError stays what it is."""
    try:
        yield
    except InputError:
        raise
    except FAILURES as failure:
        raise explain(failure) from None
