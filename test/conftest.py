"""Makes the checkout importable as `subsidence_mapper`, whatever its folder is called.

It serves both Pythons: QGIS's and the worker's, which has no QGIS.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

PLUGINS = tempfile.TemporaryDirectory(prefix="subsidence-plugins-")
os.symlink(
    Path(__file__).absolute().parents[1],
    Path(PLUGINS.name, "subsidence_mapper"),
    target_is_directory=True,
)
sys.path.insert(0, PLUGINS.name)
