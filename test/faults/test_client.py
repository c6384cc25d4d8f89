"""The job client against workers that misbehave; each is a small script instead of a Python."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from qgis.core import QgsProcessingFeedback
from subsidence_mapper.algorithms.worker import interpreter
from subsidence_mapper.algorithms.worker.client import JobCancelled, JobFailed, run_job
from subsidence_mapper.model import protocol
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.test.feedback import Feedback


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    protocol.write_request(folder, {"task": "probe"})
    return folder


@pytest.fixture
def worker(tmp_path):
    """Make an executable that stands for the interpreter and runs the given code."""

    def make(code: str) -> str:
        path = tmp_path / "python"
        head = f"#!{sys.executable}\nimport json, os, signal, subprocess, sys, time\n"
        path.write_text(head + textwrap.dedent(code), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


def cancel_after(seconds: float) -> QgsProcessingFeedback:
    feedback = QgsProcessingFeedback(False)
    threading.Timer(seconds, feedback.cancel).start()
    return feedback


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until(true, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


DONE = """
with open(sys.argv[-1] + "/result.json", "w") as file:
    json.dump({"protocol": %d, "numbers": {"RMSE": 3.5}}, file)
print(json.dumps({"type": "result"}), flush=True)
"""


def test_result_progress_and_log_arrive(job, worker):
    python = worker(
        """
        for percent in (30, 40):
            line = {"type": "progress", "percent": percent, "text": "training"}
            print(json.dumps(line))
        print(json.dumps({"type": "log", "level": "info", "text": "900 points"}))
        print(json.dumps({"type": "log", "level": "warning", "text": "3 points left out"}))
        print("a library's chatter")
        print("{ not json")
        print("[1, 2]")
        """
        + textwrap.indent(DONE % protocol.PROTOCOL_VERSION, "        ")
    )
    feedback = Feedback()
    result = run_job(job, feedback, python)
    assert result["numbers"] == {"RMSE": 3.5}
    assert feedback.progress() == 46  # 40 % of what is left after the first 10 %
    said = feedback.textLog().splitlines()
    for line in ("900 points", "a library's chatter", "{ not json", "[1, 2]"):
        assert line in said
    assert "3 points left out" in feedback.textLog()
    assert "3 points left out" in feedback.htmlLog().split("color")[1]  # a warning is coloured
    assert feedback.texts == ["training"]  # once, not with every step


def test_the_real_worker_starts_beside_a_plugin_with_a_module_s_name(job):
    protocol.write_request(job, {"task": "fly"})
    other = interpreter.PLUGIN.parent / "traceback"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('taken for the library')")
    try:
        with pytest.raises(InputError, match="^Unknown task 'fly'"):
            run_job(job, QgsProcessingFeedback(False), interpreter.worker_python())
    finally:
        shutil.rmtree(other)


def test_worker_gets_a_clean_environment(job, worker, monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/nowhere")
    python = worker(
        """
        names = ["PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "LD_LIBRARY_PATH"]
        names += ["SUBSIDENCE_WATCH_STDIN", "TMPDIR", "TEMP", "TMP"]
        print(json.dumps({"type": "error", "message": json.dumps(
            [os.getcwd(), sys.argv[-1]] + [os.environ.get(name) for name in names])}))
        sys.exit(2)
        """
    )
    # The script's own interpreter would fail on PYTHONHOME: that it answers is half of the test.
    with pytest.raises(InputError) as failed:
        run_job(job, QgsProcessingFeedback(False), python)
    answer = json.loads(str(failed.value))
    assert answer == [str(job), str(job), None, None, None, None, "1", *[str(job)] * 3]


def test_cancel_of_a_silent_worker_ends_its_whole_group(job, worker):
    python = worker(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sleeper = subprocess.Popen(["sleep", "60"])
        with open(sys.argv[-1] + "/pids", "w") as file:
            print(os.getpid(), sleeper.pid, file=file)
        time.sleep(60)
        """
    )
    feedback = cancel_after(1.0)
    start = time.monotonic()
    with pytest.raises(JobCancelled):
        run_job(job, feedback, python)
    assert time.monotonic() - start < 1.0 + 2.0
    pids = [int(pid) for pid in (job / "pids").read_text().split()]
    assert len(pids) == 2
    wait_until(lambda: not any(is_running(pid) for pid in pids), seconds=1)


def test_cancel_of_a_talkative_worker(job, worker):
    python = worker("while True: print('x' * 80, flush=True)")
    feedback = cancel_after(0.5)
    start = time.monotonic()
    with pytest.raises(JobCancelled):
        run_job(job, feedback, python)
    assert time.monotonic() - start < 0.5 + 2.0


def test_a_grandchild_that_keeps_the_pipe_open_holds_up_nothing(job, worker):
    code = """
        sleeper = subprocess.Popen(["sleep", "60"])
        open(sys.argv[-1] + "/pids", "w").write(str(sleeper.pid))
    """
    python = worker(textwrap.dedent(code) + DONE % protocol.PROTOCOL_VERSION)
    start = time.monotonic()
    assert run_job(job, QgsProcessingFeedback(False), python)["numbers"] == {"RMSE": 3.5}
    assert time.monotonic() - start < 5
    wait_until(lambda: not is_running(int((job / "pids").read_text())), seconds=1)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", ["SIGKILL", "out of memory", "smaller extent"]),
        ("sys.exit(137)", ["SIGKILL", "out of memory"]),
        ("os.kill(os.getpid(), signal.SIGSEGV)", ["SIGSEGV"]),
        ("os.kill(os.getpid(), signal.SIGILL)", ["SIGILL", "AVX"]),
        ("raise MemoryError('20 GB')", ["exit code 1", "out of memory", "MemoryError: 20 GB"]),
        ("raise KeyError('slope')", ["exit code 1", "KeyError: 'slope'"]),
        ("sys.stderr.write('it is raining\\n'); sys.exit(3)", ["exit code 3", "it is raining"]),
        ("os.abort()", ["SIGABRT"]),
        ("pass", ["without a result"]),
    ],
)
def test_death_is_explained_and_the_log_is_kept(job, worker, code, words):
    with pytest.raises(JobFailed) as failed:
        run_job(job, QgsProcessingFeedback(False), worker(code))
    for word in [*words, str(job / "worker.log")]:
        assert word in str(failed.value)
    assert (job / "worker.log").exists()


def test_a_signal_is_not_explained_by_what_a_library_said_last(job, worker):
    chatter = "sys.stderr.write('2026-11-29 I tensorflow/core: cpu_feature_guard\\n')\n"
    python = worker(f"{chatter}sys.stderr.flush()\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(JobFailed, match="out of memory") as failed:
        run_job(job, QgsProcessingFeedback(False), python)
    assert "tensorflow" not in str(failed.value)
    assert "cpu_feature_guard" in (job / "worker.log").read_text()


@pytest.mark.parametrize(("code", "error"), [(1, JobFailed), (2, InputError)])
def test_what_the_worker_explains_needs_no_more_words(job, worker, code, error):
    code = f'print(json.dumps({{"type": "error", "message": "No points."}})); sys.exit({code})'
    with pytest.raises(error, match=r"^No points\.$"):
        run_job(job, QgsProcessingFeedback(False), worker(code))


def test_missing_package_names_the_fix(job, worker):
    python = worker("import tensorflow_that_is_not_there")
    with pytest.raises(JobFailed) as failed:
        run_job(job, QgsProcessingFeedback(False), python)
    assert "broken (No module named 'tensorflow_that_is_not_there')" in str(failed.value)
    assert python in str(failed.value) and "ACTION=install" in str(failed.value)


@pytest.mark.parametrize(
    "said",
    [
        "ImportError: cannot import name 'stack' from 'numpy.lib'",
        "ImportError: libgdal.so.36: cannot open shared object file: No such file or directory",
        "FileNotFoundError: [Errno 2] No such file or directory: '/c/site-packages/rasterio/p.db'",
    ],
)
def test_an_environment_that_lost_files_is_broken(job, worker, said):
    python = worker(f'sys.stderr.write("""{said}\\n"""); sys.exit(1)')
    with pytest.raises(JobFailed, match=r"is broken \(.*ACTION=install; it makes a new one"):
        run_job(job, QgsProcessingFeedback(False), python)


def test_interpreter_that_is_not_there(job, tmp_path):
    python = str(tmp_path / "gone" / "python")
    with pytest.raises(JobFailed) as failed:
        run_job(job, QgsProcessingFeedback(False), python)
    assert python in str(failed.value) and "No such file" in str(failed.value)
    assert "ACTION=install" in str(failed.value)


def test_result_of_another_protocol_is_refused(job, worker):
    with pytest.raises(JobFailed, match="protocol 999"):
        run_job(job, QgsProcessingFeedback(False), worker(DONE % 999))


def test_worker_notices_that_qgis_has_died(job, worker, tmp_path):
    """A QGIS that is killed closes the worker's standard input."""
    python = worker(
        """
        open(sys.argv[-1] + "/pids", "w").write(str(os.getpid()))
        sys.stdin.read()
        open(sys.argv[-1] + "/noticed", "w")
        """
    )
    code = f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from qgis.core import QgsProcessingFeedback
        from subsidence_mapper.algorithms.worker.client import run_job
        run_job({str(job)!r}, QgsProcessingFeedback(False), {python!r})
        """
    qgis = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    wait_until((job / "pids").exists)
    assert not (job / "noticed").exists()
    qgis.kill()
    qgis.wait()
    wait_until((job / "noticed").exists)
