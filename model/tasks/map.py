"""The main job: evaluate a method, map with it, and say how far to trust the map."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..methods import make
from ..network.presets import make_preset
from ..report.report import Report
from ..surface import write_surfaces, write_trust
from ..validation.evaluation import evaluate
from ..validation.splits import make_split
from ..validation.uncertainty import ErrorByDistance
from .errors import write_error_points
from .job import Job
from .train import DEFAULT_BLOCK_SIZE, split_title, write_model

SPLITS = ("random", "block")


def run(folder, request, monitor) -> dict:
    """Score the method and IDW on the same random and block folds, then make the map.

    The CNN of the map is the one trained on the random split's training part, so its test
    figures are the map's own. IDW has nothing to hold back and maps with all points.
    """
    job = Job(folder, request, monitor)
    name, seed = job.parameters.get("method", "cnn"), job.parameters.get("seed", 0)
    block_size = job.parameters.get("block_size", DEFAULT_BLOCK_SIZE)
    uses_network = name == "cnn"

    def new_method():
        if uses_network:
            return make(name, preset=job.parameters.get("preset", "standard"), seed=seed)
        return make(name)

    points, stack = job.varied_points(), None
    if uses_network:
        if not request["drivers"]:
            raise InputError("METHOD=cnn needs driver rasters. Add DRIVERS, or use METHOD=idw.")
        preset = make_preset(job.parameters.get("preset", "standard"))
        stack = job.stack(preset.scaling, monitor=monitor.part(0, 0.1))
        points = job.on_drivers(points, stack)

    evaluations, baselines = {}, {}
    for i, split_name in enumerate(SPLITS):
        split = make_split(split_name, points, job.grid, block_size, seed)
        title = split_title(split_name, block_size)
        monitor.log(f"Evaluating {new_method().title} on {title}.")
        part = monitor.part(0.1 + 0.35 * i, 0.45 + 0.35 * i)
        evaluations[split_name] = evaluate(new_method(), points, stack, split, title, part)
        if uses_network:
            baselines[split_name] = evaluate(make("idw"), points, None, split, title)
    random, block = evaluations["random"], evaluations["block"]
    distance, error = (np.concatenate(pair) for pair in zip(random.test_errors, block.test_errors))
    curve = ErrorByDistance.fit(distance, error)
    job.result["numbers"] = {**random.numbers("", "test"), **block.numbers("BLOCK_", "test")}

    method = random.method if uses_network else new_method().fit(points)
    surface = job.file("SURFACE", ".tif")
    uncertainty = job.file("UNCERTAINTY", ".tif") if job.wants("UNCERTAINTY") else None
    monitor.log(f"Mapping {job.grid.width} x {job.grid.height} cells.")
    write_surfaces(
        method,
        job.grid,
        stack,
        surface,
        monitor.part(0.8, 0.95),
        uncertainty=uncertainty,
        error_by_distance=curve,
        known=points.xy,
    )
    if job.wants("TRUST"):
        patch_size = method.preset.patch_size if uses_network else 1
        write_trust(job.grid, stack, points.xy, patch_size, job.file("TRUST", ".tif"))
    if job.wants("ERROR_POINTS"):
        write_error_points(job, points, random.predicted, part=random.part_of_point)
    if job.wants("MODEL"):
        if uses_network:
            write_model(job, random, stack, curve)
        else:
            monitor.log(f"{method.title} has no model file: MODEL is not written.", "warning")
    if job.wants("REPORT"):
        report = Report(f"Subsidence map of {job.field} by {method.title}", job)
        report.evaluations(
            [random, *_values(baselines, "random"), block, *_values(baselines, "block")]
        )
        report.map(surface, points)
        if uses_network:
            report.learning_curve(method.trained_, method.preset)
        report.scatter(block)
        report.error_by_distance([random, block], curve)
        settings = method.preset.to_dict() if uses_network else vars(new_method())
        report.settings(settings, seed=seed)
        report.write(job.file("REPORT", ".html"))
    return job.result


def _values(evaluations: dict, name: str) -> list:
    return [evaluations[name]] if name in evaluations else []
