"""What CONTRIBUTING.md has a newcomer do works: here in the worker's Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from subsidence_mapper.model.protocol import PROTOCOL_VERSION
from subsidence_mapper.test.examples import make_grid
from subsidence_mapper.test.worked_examples import MOST, copy_with_examples, counts, steps


def test_the_files_to_touch_are_as_many_as_the_guide_says_and_few():
    assert counts() == {kind: len(steps(kind)) for kind in MOST}
    for kind, most in MOST.items():
        assert 0 < len({step.path for step in steps(kind)}) == counts()[kind] <= most


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    return copy_with_examples(tmp_path_factory.mktemp("plugins"))


def run(plugin, *command):
    """Run a module of this Python beside a copy of the plugin."""
    paths = [str(plugin.parent), *(path for path in sys.path if "subsidence-plugins" not in path)]
    return subprocess.run(
        [sys.executable, "-B", "-m", *command],
        cwd=plugin,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )


def test_the_tests_of_what_was_added_pass(copied):
    chosen = {
        "methods/test_method_contract.py": "nearestmean",
        "methods/test_nearest_mean.py": "nearest",
        "scatterers/test_formats.py": "Example",
        "drivers/test_relief.py": "height",
        "test_architecture.py": "test_architecture",
    }
    files = [str(copied / "test" / "unit" / name) for name in chosen]
    names = " or ".join(dict.fromkeys(chosen.values()))
    finished = run(copied, "pytest", "-v", "-p", "no:cacheprovider", "-k", names, *files)
    assert finished.returncode == 0, finished.stdout[-3000:]
    passed = [line for line in finished.stdout.splitlines() if "PASSED" in line]
    for file, name in chosen.items():
        assert any(file in line and name in line for line in passed), file


def test_the_method_is_on_the_leaderboard(copied, tmp_path):
    grid, random = make_grid(), np.random.default_rng(0)
    left, cell, _, top, _, _ = grid.transform
    size = cell * np.array([grid.width, grid.height])
    xy = [left, top] + random.uniform(0, 1, (80, 2)) * size * [1, -1]
    values = 20 * np.sin((xy[:, 0] - left) / 500) + random.normal(0, 1, 80)
    np.savez(tmp_path / "points.npz", xy=xy, values=values)
    request = {
        "protocol": PROTOCOL_VERSION,
        "task": "compare",
        "grid": grid.to_dict(),
        "points": {"file": "points.npz", "field": "mm", "positive": "up"},
        "drivers": [],
        "outputs": ["LEADERBOARD"],
        "parameters": {"methods": ["idw", "nearestmean"], "splits": ["kfold"], "folds": 4},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    finished = run(copied, "subsidence_mapper.model.worker", str(tmp_path))
    assert finished.returncode == 0, finished.stdout
    with np.load(tmp_path / "leaderboard.npz") as board:
        assert sorted(board["method"]) == ["idw", "nearestmean"]
