"""Which driving forces a method needs."""

from __future__ import annotations

import numpy as np

from ..report.importance_report import write_importance_report
from ..statistics.metrics import UNRELATED
from ..statistics.splits import make_folds
from ..validation.importance import ALIKE, driver_correlations, permutation_importance
from .job import Job


def run(folder, request, monitor) -> dict:
    """Write IMPORTANCE and REPORT, and the RMSE and R2 of the held-out points as numbers."""
    job = Job(folder, request, monitor)
    given, seed = job.parameters, job.seed
    # Position is no driving force, but would stand in for those that change slowly.
    method = job.method(given["method"], coordinates=False)
    points = job.varied_points()
    stack = job.stack(method.scaling, monitor=monitor.part(0, 0.1))
    points = job.on_drivers(points, stack)
    folds = make_folds("block", points, job.grid, given["folds"], seed, given["block_size"])
    found = permutation_importance(
        method, points, stack, folds, given["repeats"], seed, monitor.part(0.1, 0.95)
    )
    scores = found.metrics
    job.result["numbers"] = {name: scores[name] for name in ("RMSE", "R2")}
    warnings = []
    if scores["R2"] is not None and scores["R2"] < UNRELATED:
        warnings.append(
            f"In blocks that it has not seen, {method.title} explains less than a tenth of the "
            "variance by these drivers: what it makes of them says little about the ground."
        )
        monitor.log(warnings[0], "warning")
    alike = _pairs(found.names, driver_correlations(stack, points))
    for one, other, correlation in alike:
        monitor.log(
            f"{one} and {other} are alike (correlation {correlation:.2f}) and share importance."
        )
    if job.wants("IMPORTANCE"):
        order = np.argsort(-found.mean, kind="stable")
        job.write_points(
            "IMPORTANCE",
            None,
            driver=np.array(found.names)[order],
            rmse_increase=found.mean[order],
            standard_deviation=found.deviation[order],
            share=found.share[order],
        )
    if job.wants("REPORT"):
        write_importance_report(
            job.file("REPORT", ".html"),
            job.subject,
            method.title,
            found,
            folds,
            alike,
            warnings,
            job.parameters,
        )
    return job.result


def _pairs(names: list[str], correlations: np.ndarray) -> list[tuple[str, str, float]]:
    """Drivers that are alike, those most alike first."""
    rows, columns = np.nonzero(np.triu(correlations, 1) > ALIKE)
    pairs = [(names[i], names[j], float(correlations[i, j])) for i, j in zip(rows, columns)]
    return sorted(pairs, key=lambda pair: -pair[2])
