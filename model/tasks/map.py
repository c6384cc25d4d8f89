"""The main job: choose or score a method, map with it, and say how far to trust the map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InputError
from ..maps.surface import write_surfaces
from ..maps.trust import write_trust
from ..methods.base import Method
from ..methods.catalogue import auto_names
from ..methods.features import SIZES
from ..spatial.points import Points
from ..spatial.stack import Stack
from ..statistics.applicability import (
    Applicability,
    Hull,
    Reach,
    constant_drivers,
)
from ..statistics.conformal import (
    Intervals,
    Surroundings,
    cross_coverage,
    nearest_distance,
)
from ..statistics.splits import Folds, make_folds
from ..validation.auto import (
    FOLDS,
    TO_CALIBRATE,
    TO_CHOOSE,
    Candidate,
    block_folds,
    candidate,
    fewer,
    held_out,
    rank,
    verdict,
    ways_of_network,
    ways_to_hold_out,
)
from ..validation.comparison import Contest, compare_methods
from ..validation.evaluation import Evaluation
from ..validation.importance import channel_weights
from .compare import map_cells, new_method
from .errors import write_error_points
from .job import DEFAULT_BLOCK_SIZE, Job
from .train import write_model

_FEW = 100


@dataclass(frozen=True)
class Tried:
    """What holding points out has shown.

    Parameters
    ----------
    points : Points
        Those that were held out: with drivers, the ones that have them all.
    stack : Stack or None
    contests : list of Contest
        Of the method of the map and IDW, one for each way to split.
    ranked : list of Candidate
        What METHOD=auto has tried, the one that promises most first; empty without it.
    chosen : Candidate
        The method of the map.
    widest : Folds
        The way whose test points are farthest from all others, with all its folds.
    """

    points: Points
    stack: Stack | None
    contests: list[Contest]
    ranked: list[Candidate]
    chosen: Candidate
    widest: Folds


def run(folder, request, monitor) -> dict:
    """Score the method, or those that "auto" tries, and IDW on the same folds; then make the map.

    The CNN of the map is the one trained on the random split's training part, so its test
    figures are the map's own. The other methods have nothing to hold back and map with all points.
    """
    job = Job(folder, request, monitor)
    seed = job.parameters.get("seed", 0)
    block_size = job.parameters.get("block_size", DEFAULT_BLOCK_SIZE)
    points = job.varied_points()
    tried = try_methods(job, points, block_size, seed)
    chosen, stack = tried.chosen, tried.stack
    random, block = chosen.scores[:2]
    is_network = chosen.name == "cnn"
    for prefix, score in (("", random), ("BLOCK_", block)):
        for number in ("RMSE", "MAE", "R2"):
            job.result["numbers"][prefix + number] = score.test[number]

    method = new_method(chosen.name, job.parameters, seed)
    # Without a need of drivers those points count too that lie where one is missing.
    known = tried.points if method.takes_stack and stack is not None else points
    if is_network:
        method.keep(random.fitted.trained_)
    else:
        method.fit(known, stack, monitor=monitor.part(0.75, 0.8))
    surface, surroundings = job.file("SURFACE", ".tif"), Surroundings(known.xy, known.values)
    monitor.log(f"Mapping {job.grid.width} x {job.grid.height} cells.")
    write_surfaces(
        method,
        job.grid,
        stack,
        surface,
        monitor.part(0.8, 0.95),
        uncertainty=job.file("UNCERTAINTY", ".tif") if job.wants("UNCERTAINTY") else None,
        intervals=Intervals.fit(chosen.held),
        surroundings=surroundings,
        engine=job.engine,
        unit=job.unit,
    )
    for remark in method.remarks():
        monitor.log(remark, "warning")
    reach, shares = Reach.fit(tried.points, chosen.held), None
    if job.wants("TRUST"):
        shares = write_trust(
            job.grid,
            stack if method.needs_stack else None,
            surroundings,
            reach,
            Hull(known.xy),
            applicability(job, tried, seed) if method.needs_stack else None,
            method.preset.patch_size if is_network else max(SIZES),
            job.file("TRUST", ".tif"),
        )
    predicted, _ = method.predict(tried.points.xy, stack)
    if job.wants("ERROR_POINTS"):
        tested = np.isfinite(random.predicted)
        part = np.where(tested, "test", "train").astype("<U10")
        for split in random.folds.splits if is_network else []:
            part[split.validation] = "validation"
        best = np.where(tested, random.predicted, predicted)
        write_error_points(job, tried.points, best, part=part)
    by_distance = Intervals.fit(chosen.held.by_distance)
    if job.wants("MODEL"):
        if is_network:
            folds = random.folds
            trained = Evaluation(method, folds.title, tried.points, *folds.splits, predicted)
            write_model(job, trained, stack, by_distance)
        else:
            monitor.log(f"{method.title} has no model file: MODEL is not written.", "warning")
    if job.wants("REPORT"):
        from ..report.map_report import MapReport  # and matplotlib, not before

        report = MapReport(f"Subsidence map of {job.field} by {method.title}", job.subject)
        report.contests(tried.contests, verdict(tried.ranked, job.unit) if tried.ranked else "")
        if tried.ranked:
            report.choice(tried.ranked)
        report.map(surface, known)
        report.uncertainty(cross_coverage(chosen.held, tried.widest.fold_of_point), tried.widest)
        if shares:
            report.trust(shares, reach, method.needs_stack)
        if is_network:
            report.learning_curve(method.trained_, method.preset)
        report.scatter(block.evaluation(method))
        report.error_by_distance(
            {score.folds.title: held_out(score) for score in chosen.scores}, by_distance
        )
        settings = method.preset.to_dict() if is_network else {"method": method.title}
        report.settings({"seed": seed, "block_size": block_size, **settings})
        report.write(job.file("REPORT", ".html"))
    return job.result


def try_methods(job: Job, points: Points, block_size: float, seed: int) -> Tried:
    """Hold points out, and see how METHOD, or all that "auto" tries, and IDW predict them.

    Raises
    ------
    InputError
        If the method needs drivers and there are none, or points are too few. And whatever made
        the method of the map fail.
    """
    name, monitor = job.parameters.get("method", "auto"), job.monitor
    names = auto_names(bool(job.request["drivers"])) if name == "auto" else [name]
    rivals = {
        each: new_method(each, job.parameters, seed) for each in dict.fromkeys([*names, "idw"])
    }
    stack = None
    if any(rival.needs_stack for rival in rivals.values()) and not job.request["drivers"]:
        raise InputError(f"METHOD={name} needs driver rasters. Add DRIVERS, or use kriging.")
    if any(rival.takes_stack for rival in rivals.values()) and job.request["drivers"]:
        scaling = rivals.get("cnn", Method).scaling
        stack = job.stack(scaling, monitor=monitor.part(0, 0.1))
        points = job.on_drivers(points, stack)
    # Beyond the outermost points nothing can be held out that is as far from the others.
    cells = map_cells(job, stack, seed)
    between = Hull(points.xy)(cells)
    cells = cells[between] if between.any() else cells

    known = {}

    def compared(names, ways: list[Folds], part) -> list[Contest]:
        titles = ", ".join(rivals[each].title for each in names)
        monitor.log(f"Scoring {titles} on {', '.join(folds.title for folds in ways)}.")
        makers = {each: partial(new_method, each, job.parameters, seed) for each in names}
        return compare_methods(makers, points, stack, ways, seed, part, job.engine, known)

    ranked, done = [], 0.1
    if name == "cnn":
        ways = ways_of_network(points, job.grid, block_size, seed)
        widest = block_folds(points, job.grid, block_size, seed)
    else:
        gap = float(np.quantile(nearest_distance(points.xy, cells), 0.95))
        ways = ways_to_hold_out(points, job.grid, block_size, gap, seed)
        widest = ways[-1]
    if name == "auto":
        done = 0.5
        like_map = make_folds("knndm", points, job.grid, FOLDS, seed, targets=cells)
        few = fewer([*ways, like_map], TO_CHOOSE)
        ranked = rank(compared(rivals, few, monitor.part(0.1, done)), cells, stack)
        name = ranked[0].name
        if ranked[0].held is not None:
            monitor.log(verdict(ranked, job.unit))
    contests = compared(
        dict.fromkeys([name, "idw"]), fewer(ways, TO_CALIBRATE), monitor.part(done, 0.75)
    )
    chosen = candidate(contests, name)
    if chosen.held is None:
        raise next(
            (score.problem for score in chosen.scores if score.problem),
            InputError(f"{chosen.title} gives no value at some held-out points. Choose another."),
        )
    if len(chosen.held) < _FEW:
        monitor.log(
            f"Only {len(chosen.held)} errors were measured: take the uncertainty as a rough one.",
            "warning",
        )
    return Tried(points, stack, contests, ranked, chosen, widest)


def applicability(job: Job, tried: Tried, seed: int) -> Applicability | None:
    """The area of applicability of the drivers; None if none of them varies among the points."""
    constant, every = constant_drivers(tried.stack, tried.points), len(job.request["drivers"])
    if constant:
        job.monitor.log(
            f"These drivers are the same at all points and say nothing of trust: "
            f"{', '.join(constant)}.",
            "warning",
        )
    if len(constant) == every:
        return None
    folds = tried.widest.fold_of_point
    weights = channel_weights(tried.points, tried.stack, folds, seed, job.monitor.part(0.95, 0.98))
    channels = tried.stack.values[tried.stack.grid.cells(tried.points.xy)]
    return Applicability(channels, weights, folds, seed)
