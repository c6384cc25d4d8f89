"""The main job: score a method, map with it, and say how far to trust the map."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..methods import make
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
    figures are the map's own. The other methods have nothing to hold back and map with all points.
    """
    job = Job(folder, request, monitor)
    name, seed = job.parameters.get("method", "cnn"), job.parameters.get("seed", 0)
    block_size = job.parameters.get("block_size", DEFAULT_BLOCK_SIZE)
    is_network = name == "cnn"

    def new_method():
        if is_network:
            return make(name, preset=job.parameters.get("preset", "standard"), seed=seed)
        return make(name)

    points, stack, method = job.varied_points(), None, new_method()
    if method.needs_stack:
        if not request["drivers"]:
            raise InputError(f"METHOD={name} needs driver rasters. Add DRIVERS, or use kriging.")
        scaling = method.preset.scaling if is_network else "standard"
        stack = job.stack(scaling, monitor=monitor.part(0, 0.1))
        points = job.on_drivers(points, stack)

    scores, table = {}, []
    for i, split_name in enumerate(SPLITS):
        split = make_split(split_name, points, job.grid, block_size, seed)
        title = split_title(split_name, block_size)
        monitor.log(f"Scoring {method.title} on {title}.")
        part = monitor.part(0.1 + 0.35 * i, 0.45 + 0.35 * i)
        rivals = [make("idw")] if name != "idw" else []
        scored = [
            evaluate(each, points, stack, split, title, part) for each in (new_method(), *rivals)
        ]
        scores[split_name] = scored[0]
        table += scored
    random, block = scores["random"], scores["block"]
    job.result["numbers"] = {**random.numbers("", "test"), **block.numbers("BLOCK_", "test")}
    distance, error = (np.concatenate(pair) for pair in zip(random.test_errors, block.test_errors))
    curve = ErrorByDistance.fit(distance, error)

    method = random.method if is_network else method.fit(points, stack)
    surface = job.file("SURFACE", ".tif")
    monitor.log(f"Mapping {job.grid.width} x {job.grid.height} cells.")
    write_surfaces(
        method,
        job.grid,
        stack,
        surface,
        monitor.part(0.8, 0.95),
        uncertainty=job.file("UNCERTAINTY", ".tif") if job.wants("UNCERTAINTY") else None,
        error_by_distance=curve,
        known=points.xy,
        engine=job.engine,
    )
    for remark in method.remarks():
        monitor.log(remark, "warning")
    if job.wants("TRUST"):
        patch_size = method.preset.patch_size if is_network else 1
        write_trust(job.grid, stack, points.xy, patch_size, job.file("TRUST", ".tif"))
    if job.wants("ERROR_POINTS"):
        write_error_points(job, points, random.predicted, part=random.part_of_point)
    if job.wants("MODEL"):
        if is_network:
            write_model(job, random, stack, curve)
        else:
            monitor.log(f"{method.title} has no model file: MODEL is not written.", "warning")
    if job.wants("REPORT"):
        from ..report.map_report import MapReport  # and matplotlib, not before

        report = MapReport(f"Subsidence map of {job.field} by {method.title}", job)
        report.evaluations(table)
        report.map(surface, points)
        if is_network:
            report.learning_curve(method.trained_, method.preset)
        report.scatter(block)
        report.error_by_distance([random, block], curve)
        settings = method.preset.to_dict() if is_network else {"method": method.title}
        report.settings({"seed": seed, "block_size": block_size, **settings})
        report.write(job.file("REPORT", ".html"))
    return job.result
