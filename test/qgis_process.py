"""The program `qgis_process` and how it takes parameters."""

from __future__ import annotations

import shutil

# Debian's qgis_process is a wrapper that passes an option which the program refuses.
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")


def arguments(parameters):
    """Parameters as `qgis_process` takes them; a list becomes one argument for each item."""
    for name, value in parameters.items():
        for item in value if isinstance(value, list) else [value]:
            yield f"--{name}={item}"
