"""Train the CNN and report how good it is where it has not learned."""

from __future__ import annotations

from ..methods.catalogue import make
from ..statistics.conformal import Intervals
from ..statistics.splits import make_split
from ..validation.evaluation import Evaluation, evaluate
from .job import DEFAULT_BLOCK_SIZE, Job

SPLIT_TITLES = {"random": "random 80/10/10", "block": "blocks of {:g} m, 80/10/10"}


def run(folder, request, monitor) -> dict:
    """Write MODEL and REPORT, and the metrics of the three parts as numbers."""
    job = Job(folder, request, monitor)
    parameters = dict(job.parameters)
    split_name = parameters.pop("split", "random")
    block_size = parameters.pop("block_size", DEFAULT_BLOCK_SIZE)
    method = make("cnn", **parameters)
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
        write_model(job, trained, stack, curve)
    if job.wants("REPORT"):
        from ..report.displacement_report import (  # and matplotlib, not before
            DisplacementReport,
            rows_of,
        )

        report = DisplacementReport(f"CNN trained on {job.field}", job.subject)
        report.errors(rows_of([trained, baseline]))
        report.learning_curve(method.trained_, method.preset)
        report.scatter(trained)
        report.error_by_distance({title: trained.held_out}, curve)
        report.settings({"seed": method.seed, **method.preset.to_dict()})
        report.write(job.file("REPORT", ".html"))
    return job.result


def split_title(name: str, block_size: float) -> str:
    """What a split is called in reports."""
    return SPLIT_TITLES[name].format(block_size) if name in SPLIT_TITLES else name


def write_model(job: Job, trained: Evaluation, stack, curve: Intervals) -> None:
    """Write MODEL, the bundle of a trained CNN."""
    # The task `map` is here too, and needs TensorFlow for a network only.
    from ..methods.cnn_bundle import save_model

    save_model(
        job.file("MODEL", ".zip"),
        trained.method,
        stack.encodings,
        curve,
        trained.points,
        {
            "drivers": [
                {"name": driver["name"], "kind": driver["kind"]}
                for driver in job.request["drivers"]
            ],
            "grid": job.grid.to_dict(),
            "field": job.field,
            "unit": job.unit,
            "positive": job.subject.positive,
            "split": trained.split_title,
            "metrics": {part: trained.metrics(part) for part in trained.split.parts()},
        },
    )
