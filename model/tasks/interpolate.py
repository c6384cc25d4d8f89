"""A surface by any method that needs no network."""

from __future__ import annotations

from ..maps.surface import write_surfaces
from ..methods.base import Method
from ..methods.catalogue import make
from .job import Job


def run(folder, request, monitor) -> dict:
    """Write SURFACE, STANDARD_DEVIATION where the method has one, and REPORT of kriging.

    The request's parameters are the method's name and its own; with "tune" those that the method
    tunes are chosen by inner folds instead.
    """
    job = Job(folder, request, monitor)
    parameters = dict(job.parameters)
    name, tuned = parameters.pop("method"), parameters.pop("tune", False)
    points, stack, done = job.points(), None, 0.0
    if request["drivers"]:
        done = 0.2
        stack = job.stack("standard", monitor=monitor.part(0, done))
        points = job.on_drivers(points, stack)
    wanted = parameters.get("neighbours", 0)
    if wanted > len(points):
        parameters["neighbours"] = len(points)
        monitor.log(f"NEIGHBOURS is {wanted:,}: all of the {len(points):,} points are taken.")
    method = make(name, **parameters)
    if tuned:
        method = _tuned(method, job, points, stack, monitor.part(done, 0.5))
        done = 0.5
    method.fit(points, stack, monitor=monitor.part(done, done + 0.1))
    deviation, surface = "STANDARD_DEVIATION", job.file("SURFACE", ".tif")
    notes = write_surfaces(
        method,
        job.grid,
        stack,
        surface,
        monitor.part(done + 0.1, 1),
        own_deviation=job.file(deviation, ".tif") if job.wants(deviation) else None,
        engine=job.engine,
        unit=job.unit,
    )
    if job.wants("REPORT"):
        from ..report.kriging_report import write_kriging_report  # and matplotlib, not before

        write_kriging_report(
            job.file("REPORT", ".html"), job.subject, method, surface, points, job.parameters
        )
    job.log_notes(notes)
    return job.result


def _tuned(method, job, points, stack, monitor) -> Method:
    from ..validation.tuning import tune  # and scikit-learn, not before

    tuning = tune(method, points, job.grid, stack=stack, monitor=monitor)
    monitor.log(f"Chosen by cross-validation: {tuning}.")
    return tuning.method
