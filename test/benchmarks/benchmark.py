"""Several implementations on the same data: their cost as a table, JSON and a figure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from subsidence_mapper.model.machine.memory import PeakMemory

FOLDER = Path("build/bench")


@dataclass
class Run:
    """What an implementation took: wall time and CPU time in seconds, and megabytes.

    `ratio` is the first implementation's CPU time over its own, and `difference` the
    largest from its result, both at the same size. `waiting` is the share of the wall time in
    which a training waited for its next batch.
    """

    implementation: str
    size: int
    seconds: float
    cpu_seconds: float
    memory: float | None
    ratio: float | None = None
    difference: float | None = None
    waiting: float | None = None


class Benchmark:
    """Runs implementations of the same work and keeps what they took.

    Parameters
    ----------
    name : str
        Of the files in `build/bench`.
    unit : str
        Of the sizes.
    """

    def __init__(self, name: str, unit: str):
        self.name, self.unit = name, unit
        self.runs = []
        self._results = {}

    def run(self, implementation: str, size: int, work, *given) -> Run:
        """Run an implementation; the first at each size is the reference of the others."""
        memory, used, start = PeakMemory(), os.times(), time.perf_counter()
        result = work(*given)
        took, now = time.perf_counter() - start, os.times()
        cpu_seconds = max(0.0, now.user + now.system - used.user - used.system)
        run = Run(implementation, size, took, cpu_seconds, memory.more_than(None))
        first, expected = self._results.setdefault(size, (run, np.asarray(result)))
        if first is not run:
            run.ratio = first.cpu_seconds / max(cpu_seconds, 0.01)
            run.difference = float(np.nanmax(np.abs(result - expected)))
        self.runs.append(run)
        return run

    def finish(self) -> None:
        """Print the table, write it as JSON, and draw cost against size on log axes."""
        print("\n" + self.table())
        FOLDER.mkdir(parents=True, exist_ok=True)
        record = {"unit": self.unit, "cores": os.cpu_count(), "runs": [*map(asdict, self.runs)]}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(record, indent=1))
        self._draw(FOLDER / f"{self.name}.png")

    def table(self) -> str:
        """The runs as Markdown."""
        titles = (self.unit, "wall time, s", "CPU time, s", "ratio", "MB", "difference", "waiting")
        rows = [f"| {' | '.join((self.name, *titles))} |", "|---|" + len(titles) * "--:|"]
        for run in self.runs:
            cells = [run.implementation, f"{run.size:,}"]
            cells += [f"{run.seconds:.2f}", f"{run.cpu_seconds:.2f}"]
            cells += [
                "" if value is None else format(value, style)
                for value, style in (
                    (run.ratio, ".1f"),
                    (run.memory, ",.0f"),
                    (run.difference, ".2g"),
                    (run.waiting, ".1%"),
                )
            ]
            rows.append("| " + " | ".join(cells) + " |")
        return "\n".join(rows)

    def _draw(self, path: Path) -> None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
        for implementation in dict.fromkeys(run.implementation for run in self.runs):
            runs = [run for run in self.runs if run.implementation == implementation]
            sizes, cost = zip(*((run.size, max(run.cpu_seconds, 0.01)) for run in runs))
            axes.loglog(sizes, cost, "o-", label=implementation)
        axes.set(xlabel=self.unit, ylabel="CPU time (s)")
        axes.legend()
        figure.savefig(path, dpi=120)
        pyplot.close(figure)


def run_worker(folder: Path) -> tuple[float, float, float]:
    """Run a job; gives its wall time and CPU time in seconds, and its peak memory in GB.

    The peak is read while it runs: that of `wait4` is never less than this process's own.
    """
    start, peak = time.perf_counter(), 0
    worker = subprocess.Popen(
        [sys.executable, "-m", "subsidence_mapper.model.worker", str(folder)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    ended = 0
    while not ended:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text())
        peak = int(found.group(1)) if found else peak
        time.sleep(0.02)
        ended, code, used = os.wait4(worker.pid, os.WNOHANG)
    took = time.perf_counter() - start
    assert code == 0
    return took, used.ru_utime + used.ru_stime, peak / 2**20
