"""What CONTRIBUTING.md has a newcomer do works: here in QGIS."""

from __future__ import annotations

import subprocess
import sys

from subsidence_mapper.test.worked_examples import copy_with_examples


def test_what_was_added_keeps_its_contract_and_runs(tmp_path):
    plugin = copy_with_examples(tmp_path)
    tests = [
        "test_contract.py",
        "evaluation/test_surfacerange.py",
        "drivers/test_reliefdriver.py",
    ]
    files = [str(plugin / "test" / "qgis" / name) for name in tests]
    finished = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "--qgis_disable_exit", *files],
        cwd=plugin,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout[-3000:]
