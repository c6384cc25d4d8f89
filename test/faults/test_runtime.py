"""Finding and making the worker environment when things are not as they should be.

Nothing is downloaded: a small script stands for Python, its venv, pip and the worker.
"""

from __future__ import annotations

import ast
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest
from qgis.core import Qgis, QgsProcessingContext, QgsProcessingFeedback, QgsSettings
from qgis.PyQt.QtCore import QLockFile
from subsidence_mapper.algorithms.worker import installer, interpreter
from subsidence_mapper.algorithms.worker.client import JobCancelled, JobFailed
from subsidence_mapper.algorithms.worker.installer import InstallFailed, RuntimeMissing
from subsidence_mapper.algorithms.workflow.runtime import Runtime

# Answers to: venv, pip, the list of packages, the worker. It fails where told to.
STAND_IN = """#!{python}
import json, os, shutil, sys, time
arguments = sys.argv[1:]
broken = {broken!r}
with open({calls!r}, "a") as calls:
    names = [name for name in ("venv", "install") if name in arguments]
    print(names[0] if names else "worker" if arguments[0] == "-u" else "packages", file=calls)
if "venv" in arguments:
    os.makedirs(arguments[-1] + "/bin")
    shutil.copy(__file__, arguments[-1] + "/bin/python")
elif "install" in arguments:
    print("Collecting numpy==2.0", flush=True)
    if broken == "slow pip":
        time.sleep(60)
    if broken == "pip":
        print("ERROR: no matching distribution found for numpy==2.0")
        sys.exit(1)
elif "-I" in arguments:
    lacking = ["tensorflow"] if broken == "packages" else []
    packages = {{name: "1.0" for name in {packages!r} if name not in lacking}}
    print(json.dumps({{"python": "3.11.2", "packages": packages}}))
elif broken == "worker":
    sys.exit("ModuleNotFoundError: No module named 'tensorflow'")
else:
    device = {{"device": "CPU", "tensorflow": "2.21.0", "python": "3.11.2"}}
    with open(arguments[-1] + "/result.json", "w") as file:
        json.dump({{"protocol": 1, "device": device}}, file)
    print(json.dumps({{"type": "result"}}))
"""


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """A user who has nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SUBSIDENCE_PYTHON", raising=False)
    QgsSettings().remove(interpreter.SETTING)
    yield
    QgsSettings().remove(interpreter.SETTING)


@pytest.fixture
def python(tmp_path):
    """Make a stand-in for Python, sound or broken in one way."""

    def make(broken="", name="python3"):
        path = tmp_path / name
        text = STAND_IN.format(
            python=sys.executable,
            broken=broken,
            packages=interpreter.packages(),
            calls=str(tmp_path / "calls"),
        )
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def base(python, monkeypatch):
    """Let the stand-in be the Python that makes the interpreter."""

    def use(broken=""):
        path = python(broken)
        monkeypatch.setattr(installer, "_base_python", lambda: (path, 11))
        return path

    return use


def calls(tmp_path) -> list[str]:
    return (tmp_path / "calls").read_text().split()


def feedback() -> QgsProcessingFeedback:
    return QgsProcessingFeedback(False)


def test_nothing_installed_names_the_fix():
    with pytest.raises(RuntimeMissing) as missing:
        interpreter.worker_python()
    for word in ("subsidence:runtime", "ACTION=install", "make install", "SUBSIDENCE_PYTHON"):
        assert word in str(missing.value)


def test_variable_names_no_file(monkeypatch):
    monkeypatch.setenv("SUBSIDENCE_PYTHON", "/nowhere/python")
    with pytest.raises(RuntimeMissing) as missing:
        interpreter.worker_python()
    assert "SUBSIDENCE_PYTHON names /nowhere/python" in str(missing.value)
    assert "No such file" in str(missing.value)


def test_variable_names_something_else(monkeypatch):
    monkeypatch.setenv("SUBSIDENCE_PYTHON", "/bin/true")
    with pytest.raises(RuntimeMissing, match="SUBSIDENCE_PYTHON names /bin/true, .*like a Python"):
        interpreter.worker_python()


def test_variable_names_a_python_without_the_packages(monkeypatch, python):
    path = python("packages")
    monkeypatch.setenv("SUBSIDENCE_PYTHON", path)
    with pytest.raises(RuntimeMissing, match="SUBSIDENCE_PYTHON names .*it lacks tensorflow"):
        interpreter.worker_python()
    python()  # the user installs them
    assert interpreter.worker_python() == path


def test_a_relative_path_is_taken_from_where_qgis_was_started(monkeypatch, python, tmp_path):
    path = python(name="own-python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUBSIDENCE_PYTHON", "./own-python")
    assert interpreter.worker_python() == path
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SUBSIDENCE_PYTHON", "own-python")
    assert interpreter.worker_python() == path


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for action in (installer.install, installer.remove):
        with pytest.raises(InstallFailed, match="cannot be written: Not a directory. Make it"):
            action(feedback())


def test_the_packages_are_those_that_the_core_imports():
    imported = set()
    for path in Path(interpreter.PLUGIN, "model").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body.clear()  # what only the type checker imports
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    # One comes with scikit-learn, one has no wheels for some systems, two are for clusters.
    optional = {"threadpoolctl", "whitebox_workflows", "dask", "distributed"}
    called = {"sklearn": "scikit-learn", "keras": "tensorflow"}
    needed = imported - sys.stdlib_module_names - optional
    assert {called.get(name, name) for name in needed} <= set(interpreter.packages())


def test_order_is_variable_setting_managed(monkeypatch, python, base):
    base()
    installer.install(feedback())
    managed = interpreter.python_of(interpreter.managed(False, 11))
    assert interpreter.worker_python() == managed
    QgsSettings().setValue(interpreter.SETTING, python(name="of-setting"))
    assert interpreter.worker_python().endswith("of-setting")
    monkeypatch.setenv("SUBSIDENCE_PYTHON", python(name="of-variable"))
    assert interpreter.worker_python().endswith("of-variable")


def test_install_makes_once_and_then_checks(base, tmp_path):
    base()
    device = {"device": "CPU", "tensorflow": "2.21.0", "python": "3.11.2"}
    assert installer.install(feedback()) == device
    assert installer.install(feedback()) == device
    assert calls(tmp_path) == ["venv", "install", "worker", "worker"]


def test_environment_is_keyed_by_the_lock_file(tmp_path, monkeypatch):
    before = interpreter.managed(False, 11)
    lock = tmp_path / "other.lock"
    lock.write_text("numpy==1.0")
    monkeypatch.setattr(interpreter, "lock_file", lambda cuda: lock)
    after = interpreter.managed(False, 11)
    assert before.parent == after.parent == tmp_path / "cache" / "subsidence_mapper"
    assert before.name != after.name and before.name.endswith("-py3.11")
    assert interpreter.managed(True, 12).name.endswith("-py3.12-cuda")


def test_half_made_environment_is_not_used_and_is_made_anew(base, tmp_path):
    base()
    folder = interpreter.managed(False, 11)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "left-over").touch()
    (folder / interpreter.HALF_MADE).touch()
    with pytest.raises(RuntimeMissing):
        interpreter.worker_python()
    installer.install(feedback())
    assert interpreter.worker_python() == str(folder / "bin" / "python")
    assert not (folder / "left-over").exists()


def test_broken_environment_is_made_anew(base, python, tmp_path):
    base()
    installer.install(feedback())
    python_file = Path(interpreter.python_of(interpreter.managed(False, 11)))
    python_file.write_text(Path(python("worker", "broken")).read_text())
    log = feedback()
    assert installer.install(log)["device"] == "CPU"
    made = ["venv", "install", "worker"]
    assert "No module named 'tensorflow'" in log.textLog() and "made again" in log.textLog()
    assert calls(tmp_path) == [*made, "worker", *made]


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        ("pip", InstallFailed, "exit code 1.*ERROR: no matching distribution"),
        ("worker", JobFailed, "No module named 'tensorflow'"),
    ],
)
def test_failure_leaves_nothing_behind(base, broken, error, words):
    base(broken)
    with pytest.raises(error, match=words):
        installer.install(feedback())
    assert [path.name for path in interpreter.cache_folder().iterdir()] == []


def test_cancel_leaves_nothing_behind(base):
    base("slow pip")
    cancelled = feedback()
    threading.Timer(1.0, cancelled.cancel).start()
    start = time.monotonic()
    with pytest.raises(JobCancelled):
        installer.install(cancelled)
    assert time.monotonic() - start < 1.0 + 2.0
    assert [path.name for path in interpreter.cache_folder().iterdir()] == []


@pytest.mark.parametrize(("cuda", "needed"), [(False, "4 GB"), (True, "12 GB")])
def test_too_little_disk_space(base, monkeypatch, cuda, needed):
    base()
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(installer.shutil, "disk_usage", lambda folder: usage(5e8))
    with pytest.raises(InstallFailed, match=f"{needed} .* 0.5 GB are free"):
        installer.install(feedback(), cuda)
    assert not interpreter.managed(cuda, 11).exists()


def test_two_installations_at_once_are_refused(base):
    base()
    interpreter.cache_folder().mkdir(parents=True)
    other = QLockFile(str(interpreter.cache_folder() / "install.lock"))
    assert other.tryLock(0)
    with pytest.raises(InstallFailed, match="Another QGIS"):
        installer.install(feedback())
    other.unlock()
    assert installer.install(feedback())["device"] == "CPU"


def test_no_suitable_python(monkeypatch):
    monkeypatch.setattr(interpreter, "ask", lambda *_: "3 9 True")
    with pytest.raises(InstallFailed, match=r"3\.10 to 3\.13 .*Python 3\.9.*python3-venv"):
        installer.install(feedback())


def test_named_interpreter_is_checked_and_nothing_is_installed(monkeypatch, python, tmp_path):
    monkeypatch.setenv("SUBSIDENCE_PYTHON", python(name="mine"))
    log = feedback()
    assert installer.install(log)["device"] == "CPU"
    assert "nothing is installed" in log.textLog()
    assert "venv" not in calls(tmp_path) and not interpreter.cache_folder().exists()


def test_remove_deletes_every_environment(base):
    base()
    installer.install(feedback())
    (interpreter.cache_folder() / "0123456789ab-py3.10").mkdir()
    installer.remove(feedback())
    assert [path.name for path in interpreter.cache_folder().iterdir()] == []
    with pytest.raises(RuntimeMissing):
        interpreter.worker_python()


def test_status_tells_all_of_it(base):
    missing = installer.status(feedback())
    assert missing["ready"] is False and "ACTION=install" in missing["problem"]
    base()
    installer.install(feedback())
    found = installer.status(feedback())
    assert found["ready"] is True and found["device"] == "CPU" and found["problem"] == ""
    assert found["interpreter"] == interpreter.worker_python()
    versions = ("tensorflow 1.0", "Subsidence Mapper: 0.1.0", f"QGIS: {Qgis.QGIS_VERSION}")
    for words in ("Worker environment: ready", "Device: CPU", *versions):
        assert words in found["text"]


def run(**parameters) -> tuple[dict, bool, QgsProcessingFeedback]:
    log = feedback()
    results, ok = Runtime().create().run(parameters, QgsProcessingContext(), log)
    return results, ok, log


def test_algorithm_reports_a_missing_environment():
    results, ok, log = run()
    assert ok and results["INTERPRETER"] == "" and results["DEVICE"] == ""
    assert "ACTION=install" in results["STATUS"]
    assert "Worker environment: not ready" in log.textLog()


def test_algorithm_installs_reports_and_removes(base):
    base()
    for action in ("install", "status"):
        results, ok, _ = run(ACTION=action)
        assert ok and results["STATUS"] == "ready" and results["DEVICE"] == "CPU"
        assert results["INTERPRETER"] == interpreter.worker_python()
    results, ok, _ = run(ACTION="remove")
    assert ok and results["INTERPRETER"] == ""


def test_algorithm_fails_with_the_reason(base):
    base("pip")
    _, ok, log = run(ACTION="install")
    assert not ok and "no matching distribution" in log.textLog()
