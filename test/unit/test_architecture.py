"""The rules of the house, read from the imports of the source: which room may know which."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

PLUGIN = Path(__file__).absolute().parents[2]
NAME = "subsidence_mapper"
QT = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
HEAVY = {
    "tensorflow",
    "keras",
    "scipy",
    "sklearn",
    "rasterio",
    "matplotlib",
    "pykrige",
    "jinja2",
    "optuna",
}

# The rooms of the model and its flat files, floor by floor: each knows only floors below its own.
FLOORS = [
    ("errors",),
    ("protocol",),
    ("monitor", "dates", "engine"),
    ("machine", "files"),
    ("spatial",),
    ("geostatistics",),
    ("statistics",),
    ("scatterers", "drivers", "network"),
    ("methods",),
    ("validation",),
    ("maps",),
    ("report",),
    ("tasks",),
    ("worker",),
]
# Names that two files of the code share though neither is the other's declaration or task.
SHARED = {
    "base": "what the algorithms, and what the methods derive from",
    "kriging": "the systems of equations, and the method that solves them",
}
FLAT = {"__init__", "dates", "engine", "errors", "monitor", "protocol", "worker"}

MODEL = sorted(PLUGIN.glob("model/**/*.py"))
ALGORITHMS = sorted([*PLUGIN.glob("*.py"), *PLUGIN.glob("algorithms/**/*.py")])


def imports(source: str, package: str, lazy: bool = True) -> set[str]:
    """Absolute names of what some source imports; without those inside functions if not `lazy`."""
    names = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return names


def imports_of(path: Path, lazy: bool = True) -> set[str]:
    package = ".".join([NAME, *path.relative_to(PLUGIN).parent.parts])
    return imports(path.read_text(encoding="utf-8"), package, lazy)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def roots(path: Path, lazy: bool = True) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path, lazy)}


def short(path: Path) -> str:
    return str(path.relative_to(PLUGIN))


def test_imports_are_seen_wherever_they_stand():
    top = "import a.b\nfrom . import c\nfrom ..d import e\n"
    source = top + "def f():\n    if 1:\n        from g import h"
    seen = {"a.b", "p.q", "p.q.c", "p.d", "p.d.e"}
    assert imports(source, "p.q", lazy=False) == seen
    assert imports(source, "p.q") == seen | {"g", "g.h"}


def test_there_is_something_to_read():
    assert len(MODEL) > 5 and len(ALGORITHMS) > 5


def rooms_of(names) -> set[str]:
    """The rooms, or flat files, of the model among imported names."""
    model = [name.split(".")[2:] for name in names if name.startswith(f"{NAME}.model.")]
    return {parts[0] for parts in model}


def test_the_guide_draws_the_floors():
    picture = (PLUGIN / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\nmodel/ ")[1]
    drawn = re.findall(r"^  ([a-z]+(?: \| [a-z]+)*) ", picture.split("```")[0], re.MULTILINE)
    assert [tuple(rooms.split(" | ")) for rooms in drawn] == FLOORS[::-1]


def test_the_model_has_its_rooms_and_six_flat_files():
    assert {path.stem for path in PLUGIN.glob("model/*.py")} == FLAT
    rooms = {path.parent.name for path in PLUGIN.glob("model/*/__init__.py")}
    assert rooms | FLAT - {"__init__"} == {room for floor in FLOORS for room in floor}


@pytest.mark.parametrize("path", sorted({*MODEL, *ALGORITHMS}), ids=short)
def test_a_file_is_shorter_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


def test_files_of_one_name_are_one_matter():
    """Its computation, its task and its declaration, each in its own room; or a test of each."""
    places = defaultdict(list)
    for path in {*MODEL, *ALGORITHMS} - set(PLUGIN.glob("**/__init__.py")):
        rooms = path.relative_to(PLUGIN).parts[:-1]
        part = "flat" if len(rooms) < 2 else "task" if rooms[1] == "tasks" else rooms[0]
        places[path.stem].append(part)
    for path in PLUGIN.glob("test/**/test_*.py"):
        suite = path.relative_to(PLUGIN).parts[1]
        places[path.stem].append("qgis" if suite in ("cli", "faults", "gui") else suite)
    for name, parts in places.items():
        alone = len(set(parts)) == len(parts) and ("flat" not in parts or len(parts) == 1)
        assert alone != (name.removeprefix("test_") in SHARED), f"{name}: {parts}"


@pytest.mark.parametrize("path", MODEL, ids=short)
def test_a_room_knows_only_floors_below(path):
    own = path.relative_to(PLUGIN / "model").with_suffix("").parts[0]
    if own == "__init__":
        assert not rooms_of(imports_of(path))
        return
    (floor,) = (i for i, rooms in enumerate(FLOORS) if own in rooms)
    below = {room for rooms in FLOORS[:floor] for room in rooms}
    assert rooms_of(imports_of(path)) - {own} <= below


def test_no_task_imports_another():
    tasks = {path.stem: path for path in PLUGIN.glob("model/tasks/*.py")}
    run = {
        name
        for name, path in tasks.items()
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree(path).body)
    }
    assert len(run) > 9 and not run & {"job", "requests"}
    for path in tasks.values():
        found = {name.split(".")[3] for name in imports_of(path) if f"{NAME}.model.tasks." in name}
        assert not found & run, short(path)


@pytest.mark.parametrize("path", sorted(PLUGIN.glob("test/**/*.py")), ids=short)
def test_no_test_imports_another(path):
    for name in imports_of(path):
        if f"{name}.".startswith(f"{NAME}.test."):
            last = [part for part in name.split(".")[2:] if part.startswith(("test_", "conftest"))]
            assert not last, name


@pytest.mark.parametrize("path", MODEL, ids=short)
def test_model_knows_no_qgis(path):
    assert not roots(path) & (QT | {"qgis", "osgeo", "processing"})
    assert not any(name.startswith(f"{NAME}.algorithms") for name in imports_of(path))


@pytest.mark.parametrize(
    ("library", "place"),
    [
        ("keras", "model/network/backend.py"),
        ("tensorflow", "model/network/backend.py"),
        ("matplotlib.pyplot", "model/report/canvas.py"),
    ],
)
def test_libraries_that_read_a_users_settings_are_imported_in_one_place(library, place):
    found = {
        short(path)
        for path in MODEL
        for name in imports_of(path)
        if f"{name}.".startswith(f"{library}.")
    }
    assert found == {place}


def test_what_qgis_imports_leaves_its_environment_alone():
    code = (
        f"import os, sys; sys.path[:0] = {sys.path!r}; before = dict(os.environ)\n"
        "import subsidence_mapper.model.network.presets, subsidence_mapper.model.network.bundle\n"
        "assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("path", ALGORITHMS, ids=short)
def test_algorithms_know_no_package_of_the_worker(path):
    assert not roots(path) & HEAVY
    assert not roots(path, lazy=False) & {"numpy", "osgeo"}


def test_algorithms_import_each_other_in_one_direction():
    """Taking away what imports nothing that is left, again and again, leaves nothing."""
    modules = {f"{NAME}.{short(path)[:-3].replace('/', '.')}": path for path in ALGORITHMS}
    left = {name: imports_of(path) & modules.keys() for name, path in modules.items()}
    while free := {name for name, others in left.items() if not others}:
        left = {name: others - free for name, others in left.items() if others}
    assert not left


@pytest.mark.parametrize("path", ALGORITHMS, ids=short)
def test_qt_comes_through_qgis(path):
    assert not roots(path) & QT


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("path", ALGORITHMS, ids=short)
def test_what_algorithms_take_from_the_model_runs_in_qgis(path, lazy):
    """Also what that takes in turn, and the packages around it.

    At QGIS's start it needs the standard library only; inside functions numpy too.
    """
    waiting = imports_of(path, lazy)
    seen = set()
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        for module in (".".join(parts[:n]) for n in range(2, len(parts) + 1)):
            file = PLUGIN.joinpath(*module.split(".")[1:])
            file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
            if module.startswith(f"{NAME}.model") and file.exists() and module not in seen:
                seen.add(module)
                assert not roots(file, lazy=False) & (HEAVY | (set() if lazy else {"numpy"}))
                waiting |= imports_of(file, lazy=False)


@pytest.mark.parametrize(
    ("task", "waits"),
    [
        ("interpolate", {"tensorflow", "keras", "sklearn", "matplotlib"}),
        ("map", {"tensorflow", "keras", "matplotlib"}),
        ("compare", {"tensorflow", "keras", "matplotlib"}),
    ],
)
def test_a_classical_job_does_not_wait_for_what_it_may_not_need(task, waits):
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; import {NAME}.model.tasks.{task}; "
        f"from {NAME}.model.methods import idw, kriging, rbf; print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert f"{NAME}.model.methods.kriging" in loaded
    assert not waits & {name.split(".")[0] for name in loaded}
