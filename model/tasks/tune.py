"""Search for the values of the CNN that do best in held-out blocks, and train it with them."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from ..methods.catalogue import make
from ..monitor import SILENT, Monitor
from ..network.backend import keras
from ..network.presets import make_preset
from ..network.search import Search, Space, Trial, values_of
from ..network.study_file import read_study, write_study
from ..network.study_place import check_place
from ..network.training import train
from ..report.tuning_report import gain, write_tuning_report
from ..spatial.grid import Grid
from ..spatial.points import Points
from ..statistics.conformal import Intervals
from ..statistics.splits import Split, make_folds, make_split, split_title
from ..validation.evaluation import evaluate
from .job import DEFAULT_BLOCK_SIZE, Job

DEFAULT_TRIALS = 30
DEFAULT_FOLDS = 3


def run(folder, request, monitor) -> dict:
    """Write MODEL, TRIALS_TABLE and REPORT; the best trial and its errors as numbers."""
    job = Job(folder, request, monitor)
    if request.get("study"):
        check_place(Path(request["study"]))
    given = dict(job.parameters)
    count, minutes = given.pop("trials", DEFAULT_TRIALS), given.pop("minutes", math.inf)
    folds, split_name = given.pop("folds", DEFAULT_FOLDS), given.pop("split", "block")
    block_size = given.pop("block_size", DEFAULT_BLOCK_SIZE)
    seed, name = given.pop("seed", 0), given.pop("preset", "standard")
    preset = make_preset(name, **given)
    points = job.varied_points()
    stack = job.stack(preset.scaling, monitor=monitor.part(0, 0.05))
    points = job.on_drivers(points, stack)
    title = split_title(split_name, block_size)
    split = make_split(split_name, points, job.grid, block_size, seed)
    parts = _parts(split, points, job.grid, folds, split_name, block_size, seed)
    space = Space(preset, given, min(job.grid.height, job.grid.width))
    search = Search(space, seed, folds, job.unit)
    if request.get("study"):
        about = {
            "points": hashlib.sha256(points.xy.tobytes() + points.values.tobytes()).hexdigest(),
            "drivers": [encoding.to_dict() for encoding in stack.encodings],
            "grid": job.grid.to_dict(),
            "split": title,
            "folds": folds,
            "seed": seed,
            "values of the network": {"preset": name, **given},
        }
        _go_on_with(search, Path(request["study"]), about, monitor)

    def train_trial(changes: dict, fold: int, watch):
        keras.utils.clear_session()
        return train(make_preset(name, **changes), *parts[fold], stack, seed, SILENT, watch)

    search.run(train_trial, count, minutes, monitor.part(0.05, 0.85))

    def evaluated(trial: Trial, called: str, part):
        part.progress(0, f"Trial {trial.number} again, the {called}")
        preset = make_preset(name, **space.changes(trial.parameters))
        method = make("cnn", preset=preset, seed=seed)
        method.title = called
        return evaluate(method, points, stack, split, title, part)

    best, own = search.best, search.trials[0]
    evaluations = [evaluated(best, "tuned CNN", monitor.part(0.85, 0.92))]
    if own.state == "complete" and best is not own:
        evaluations.append(evaluated(own, "preset CNN", monitor.part(0.92, 0.99)))
    tuned, preset = evaluations[0], evaluations[-1] if own.state == "complete" else None
    summary = " ".join(gain(search, tuned, preset))
    held = [each.metrics("test")["RMSE"] for each in evaluations]
    monitor.log(summary, "info" if held[0] == min(held) else "warning")
    job.result["numbers"] = {
        "BEST_TRIAL": best.number,
        "VALIDATION_RMSE": best.rmse,
        "TEST_RMSE": held[0],
        "PRESET_VALIDATION_RMSE": own.rmse,
        "PRESET_TEST_RMSE": held[-1] if preset else None,
    }
    curve = Intervals.fit(tuned.held_out)
    if job.wants("MODEL"):
        job.save_model(tuned, stack, curve)
    if job.wants("TRIALS_TABLE"):
        job.write_points("TRIALS_TABLE", None, **_columns(search))
    if job.wants("REPORT"):
        evaluations.append(evaluate(make("idw"), points, None, split, title))
        write_tuning_report(
            job.file("REPORT", ".html"),
            job.subject,
            search,
            summary,
            evaluations,
            curve,
            job.parameters,
        )
    return job.result


def _parts(
    split: Split, points: Points, grid: Grid, folds: int, name: str, block_size: float, seed: int
) -> list[tuple[Points, Points]]:
    """For each fold, the points that a trial learns from and those that judge it; none tests."""
    if folds == 1:
        return [(points[split.train], points[split.validation])]
    known = points[split.known]
    kind = "kfold" if name == "random" else name
    made = make_folds(kind, known, grid, folds, seed, block_size).splits
    return [(known[fold.known], known[fold.test]) for fold in made]


def _go_on_with(search: Search, study: Path, about: dict, monitor: Monitor) -> None:
    """Take the trials from a file, if it is there, and keep all of them in it."""
    search.trials = read_study(study, about, search.space)
    search.keep = lambda trials: write_study(study, about, trials)
    search.keep(search.trials)
    if search.trials:
        monitor.log(f"{study} holds {len(search.trials)} trials; the search goes on from them.")


def _columns(search: Search) -> dict[str, np.ndarray]:
    """The table: every value of every trial, also those that were not searched."""
    trials = search.trials
    values = [values_of(search.space.preset) | trial.parameters for trial in trials]
    return {
        "trial": np.arange(len(trials)),
        "state": np.array([trial.state for trial in trials]),
        "validation_rmse": np.array([trial.rmse for trial in trials], float),
        "spread": np.array([trial.spread for trial in trials], float),
        "folds_run": np.array([len(trial.errors) for trial in trials]),
        "epochs_run": np.array([len(trial.history) for trial in trials]),
        "seconds": np.array([trial.seconds for trial in trials]),
        **{name: np.array([each[name] for each in values]) for name in values[0]},
        "reason": np.array([trial.reason for trial in trials]),
    }
