"""Train the CNN and report how good it is where it has not learned."""

from __future__ import annotations

from ..methods.catalogue import make
from ..network.presets import make_preset
from ..statistics.conformal import Intervals
from ..statistics.splits import make_split, split_title
from ..validation.evaluation import evaluate
from .job import DEFAULT_BLOCK_SIZE, Job


def run(folder, request, monitor) -> dict:
    """Write MODEL and REPORT, and the metrics of the three parts as numbers."""
    job = Job(folder, request, monitor)
    parameters = dict(job.parameters)
    split_name = parameters.pop("split", "random")
    block_size = parameters.pop("block_size", DEFAULT_BLOCK_SIZE)
    parameters.pop("seed", None)
    seed, name = job.seed, parameters.pop("preset", "standard")
    method = make("cnn", preset=make_preset(name, **parameters), seed=seed)
    points = job.varied_points()
    stack = job.stack(method.scaling, monitor=monitor.part(0, 0.1))
    points = job.on_drivers(points, stack)
    title = split_title(split_name, block_size)
    split = make_split(split_name, points, job.grid, block_size, method.seed)
    trained = evaluate(method, points, stack, split, title, monitor.part(0.1, 0.95))
    baseline = evaluate(make("idw"), points, None, split, title)
    curve = Intervals.fit(trained.held_out)
    for part in split.parts():
        numbers = trained.numbers(f"{part.upper()}_", part, ("COUNT", "RMSE", "MAE", "R2"))
        job.result["numbers"].update(numbers)
    if job.wants("MODEL"):
        job.save_model(trained, stack, curve)
    if job.wants("REPORT"):
        from ..report.displacement_report import (  # and matplotlib, not before
            DisplacementReport,
            rows_of,
        )

        report = DisplacementReport(f"CNN trained on {job.field}", job.subject)
        report.errors(rows_of([trained, baseline]))
        report.learning_curve(method.learning_curve)
        report.scatter(trained)
        report.error_by_distance({title: trained.held_out}, curve)
        report.settings({"seed": method.seed, **method.settings()})
        report.write(job.file("REPORT", ".html"))
    return job.result
