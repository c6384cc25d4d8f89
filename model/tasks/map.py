"""The main job: choose or score a method, map with it, and say how far to trust the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..maps.surface import Uncertainty, write_surfaces
from ..maps.trust import write_trust
from ..methods.base import Method, Prediction, common_scaling
from ..methods.catalogue import auto_names
from ..spatial.grid import sample_cells
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.applicability import Applicability, Hull, TrustDistances, constant_drivers
from ..statistics.conformal import Intervals, Surroundings, cross_coverage
from ..validation.auto import Choice, choose, held_out, verdict
from ..validation.evaluation import Evaluation
from ..validation.importance import channel_weights
from .job import DEFAULT_BLOCK_SIZE, Job

_CELLS = 5000  # of the map, for which the method is chosen


def run(folder, request, monitor) -> dict:
    """Score the method, or all that "auto" tries, and IDW on the same folds; then make the map."""
    job = Job(folder, request, monitor)
    points = job.varied_points()
    choice = choose_method(job, points)
    for prefix, score in zip(("", "BLOCK_"), choice.chosen.scores):
        for number in ("RMSE", "MAE", "R2"):
            job.result["numbers"][prefix + number] = score.metric(number)
    method, known = fit_method(job, choice, points)
    surface, surroundings = write_map(job, choice, method, known)
    limits = TrustDistances.fit(choice.points, choice.held)
    shares = None
    if job.wants("TRUST"):
        shares = write_trust_map(job, choice, method, known, surroundings, limits)
    prediction = method.predict(choice.points.xy, choice.stack)
    if job.wants("ERROR_POINTS"):
        write_error_points(job, choice, prediction)
    if job.wants("MODEL"):
        folds = choice.chosen.scores[0].folds
        trained = Evaluation(method, folds.title, choice.points, folds.splits[0], prediction)
        job.save_model(trained, choice.stack, Intervals.fit(choice.held.by_distance))
    if job.wants("REPORT"):
        write_report(job, choice, method, known, surface, limits, shares)
    return job.result


def choose_method(job: Job, points: Points) -> Choice:
    """Hold points out, and see how METHOD, or all that "auto" tries, and IDW predict them.

    Raises
    ------
    InputError
        If the method needs drivers and there are none, or points are too few. And whatever made
        the method of the map fail.
    """
    name, has_drivers = job.parameters.get("method", "auto"), bool(job.request["drivers"])
    names = auto_names(has_drivers) if name == "auto" else [name]
    stack = None
    methods, baseline = [job.method(each) for each in names], job.method("idw")
    if any(method.drivers == "required" for method in methods) and not has_drivers:
        raise InputError(f"METHOD={name} needs driver rasters. Add DRIVERS, or use kriging.")
    if any(method.drivers != "none" for method in methods) and has_drivers:
        stack = job.stack(common_scaling(methods), monitor=job.monitor.part(0, 0.1))
        points = job.on_drivers(points, stack)
    valid = None if stack is None else stack.valid
    return choose(
        methods,
        baseline,
        points,
        stack,
        job.grid,
        sample_cells(job.grid, valid, _CELLS, job.seed),
        _block_size(job),
        job.seed,
        job.monitor.part(0.1, 0.75),
        job.engine,
    )


def fit_method(job: Job, choice: Choice, points: Points) -> tuple[Method, Points]:
    """The method of the map, fitted, and the points that it knows.

    A method that holds points back, as the CNN does, is the one trained on the random split's
    training part, so its test figures are the map's own. The others learn from all points.
    """
    method, fitted = job.method(choice.chosen.name), choice.chosen.scores[0].fitted
    learns = method.drivers != "none" and choice.stack is not None
    # Without a need of drivers those points count too that lie where one is missing.
    known = choice.points if learns else points
    if fitted:
        return fitted, known
    return method.fit(known, choice.stack, monitor=job.monitor.part(0.75, 0.8)), known


def write_map(job: Job, choice: Choice, method: Method, known: Points) -> tuple[Path, Surroundings]:
    """Write SURFACE and UNCERTAINTY; gives the surface, and what is known around its cells."""
    surface = job.file("SURFACE", ".tif")
    surroundings = Surroundings().fit(known.xy, known.values)
    job.monitor.log(f"Mapping {job.grid.width} x {job.grid.height} cells.")
    uncertainty = None
    if job.wants("UNCERTAINTY"):
        place = job.file("UNCERTAINTY", ".tif")
        uncertainty = Uncertainty(place, Intervals.fit(choice.held), surroundings)
    notes = write_surfaces(
        method,
        job.grid,
        choice.stack,
        surface,
        job.monitor.part(0.8, 0.95),
        uncertainty,
        engine=job.engine,
        unit=job.unit,
    )
    job.log_notes(notes)
    return surface, surroundings


def write_trust_map(
    job: Job,
    choice: Choice,
    method: Method,
    known: Points,
    surroundings: Surroundings,
    limits: TrustDistances,
) -> dict[int, float]:
    """Write TRUST; gives the share of the map in each class."""
    stack = choice.stack if method.uses_drivers_ else None
    return write_trust(
        job.grid,
        stack,
        surroundings,
        limits,
        Hull().fit(known.xy),
        None if stack is None else find_applicability(job, choice, stack),
        method.footprint,
        job.file("TRUST", ".tif"),
    )


def find_applicability(job: Job, choice: Choice, stack: Stack) -> Applicability | None:
    """The area of applicability of the drivers; None if none of them varies among the points."""
    points, seed = choice.points, job.seed
    constant = constant_drivers(stack, points)
    if constant:
        job.monitor.log(
            f"These drivers are the same at all points and say nothing of trust: "
            f"{', '.join(constant)}.",
            "warning",
        )
    if len(constant) == len(job.request["drivers"]):
        return None
    folds = choice.widest.fold_of_point
    weights = channel_weights(points, stack, folds, seed, job.monitor.part(0.95, 0.98))
    return Applicability(seed).fit(stack.values[stack.grid.cells(points.xy)], weights, folds)


def write_error_points(job: Job, choice: Choice, prediction: Prediction) -> None:
    """Write ERROR_POINTS: what was predicted at held-out points, and else the map's values."""
    score = choice.chosen.scores[0]
    tested = np.isfinite(score.predicted)
    part = np.where(tested, "test", "train").astype("<U10")
    if score.fitted:  # it trained on one split, of which the map is
        part[score.folds.splits[0].validation] = "validation"
    best = np.where(tested, score.predicted, prediction.mean)
    job.write_error_points(choice.points, best, part=part)


def write_report(
    job: Job,
    choice: Choice,
    method: Method,
    known: Points,
    surface: Path,
    limits: TrustDistances,
    shares: dict[int, float] | None,
) -> None:
    """Write REPORT."""
    from ..report.map_report import MapReport  # and matplotlib, not before

    chosen = choice.chosen
    report = MapReport(f"Subsidence map of {job.field} by {method.title}", job.subject)
    lead = verdict(choice.ranked, job.unit) if choice.ranked else ""
    report.leaderboards(choice.leaderboards, lead)
    if choice.ranked:
        report.choice(choice.ranked)
    report.map(surface, known)
    report.uncertainty(cross_coverage(choice.held, choice.widest.fold_of_point), choice.widest)
    if shares:
        report.trust(shares, limits, method.uses_drivers_)
    if method.learning_curve:
        report.learning_curve(method.learning_curve)
    report.scatter(chosen.scores[1].evaluation(method))
    report.error_by_distance(
        {score.folds.title: held_out(score) for score in chosen.scores},
        Intervals.fit(choice.held.by_distance),
    )
    report.settings({"seed": job.seed, "block_size": _block_size(job), **method.settings()})
    report.write(job.file("REPORT", ".html"))


def _block_size(job: Job) -> float:
    return job.parameters.get("block_size", DEFAULT_BLOCK_SIZE)
