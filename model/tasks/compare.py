"""The leaderboard: every method on the same folds, and whether differences mean anything."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..geostatistics.variogram import empirical_variogram, fit_variogram
from ..maps.surface import TILE
from ..methods.base import Method, common_scaling
from ..methods.catalogue import make
from ..report.report import rounded
from ..spatial.grid import sample_cells
from ..spatial.points import Points, average_coincident
from ..spatial.raster import SurfaceWriter
from ..statistics.conformal import nearest_distance
from ..statistics.metrics import UNRELATED
from ..statistics.splits import Folds, make_folds
from ..validation.comparison import Leaderboard, compare_methods, distances_to_known
from ..validation.tuning import Tuned
from .job import Job

_TARGETS = 5000
_NEAR = 0.5  # of the map's distances


def run(folder, request, monitor) -> dict:
    """Write LEADERBOARD, ERROR_POINTS, ERROR_SURFACE and REPORT of the methods in the request."""
    job = Job(folder, request, monitor)
    if not request["outputs"]:
        raise InputError("No output was requested. Give at least one a name.")
    seed = job.seed
    methods = usable_methods(job)
    points, stack = job.varied_points(), None
    if request["drivers"]:
        stack = job.stack(common_scaling(methods), monitor=monitor.part(0, 0.05))
        points = job.on_drivers(points, stack)
    _log_shared_places(points, monitor)
    targets = sample_cells(job.grid, None if stack is None else stack.valid, _TARGETS, seed)
    if job.parameters.get("tune"):
        methods = [Tuned(each, job.grid, seed=seed) if each.GRID else each for each in methods]
    all_folds = requested_folds(job, points, targets, seed)
    boards = compare_methods(
        methods, points, stack, all_folds, seed, monitor.part(0.05, 0.9), job.engine
    )
    _warn_if_unrelated(boards, job)
    if job.wants("LEADERBOARD"):
        write_leaderboard(job, boards)
    if job.wants("ERROR_POINTS"):
        errors = {
            f"{score.name}_{board.folds.name}": score.error
            for board in boards
            for score in board.scores
        }
        job.write_points("ERROR_POINTS", points.xy, observed=points.values, **errors)
    if job.wants("ERROR_SURFACE"):
        write_error_surfaces(job, boards, stack, monitor.part(0.9, 0.95))
    if job.wants("REPORT"):
        from ..report.comparison_report import write_comparison_report  # and matplotlib, not before

        write_comparison_report(
            job.file("REPORT", ".html"),
            job.subject,
            boards,
            float(np.median(nearest_distance(points.xy, targets))),
            {**job.parameters, "seed": seed},
        )
    for board in boards:
        for score in board.scores:
            if score.test:
                error = rounded(score.test["RMSE"])
                monitor.log(f"{board.folds.title}: {score.title} {error} {job.unit}")
    return job.result


def usable_methods(job: Job) -> list[Method]:
    """The methods in the request, without those that need drivers where there are none.

    Raises
    ------
    InputError
        If none is left.
    """
    methods = [job.method(name) for name in dict.fromkeys(job.parameters["methods"])]
    if job.request["drivers"]:
        return methods
    usable = [method for method in methods if method.drivers != "required"]
    left_out = ", ".join(method.title for method in methods if method not in usable)
    if not usable:
        raise InputError(
            f"All METHODS learn from driver rasters ({left_out}), and DRIVERS is empty. "
            "Add DRIVERS, or other METHODS."
        )
    if left_out:
        job.monitor.log(f"Without DRIVERS these methods are left out: {left_out}.", "warning")
    return usable


def requested_folds(job: Job, points: Points, targets: np.ndarray, seed: int) -> list[Folds]:
    """The folds of every split in the request; of blocks those of every size."""
    count = job.parameters.get("folds", 10)
    found = []
    for name in dict.fromkeys(job.parameters["splits"]):
        sizes = [0.0]
        if name == "block":
            sizes = job.parameters.get("block_sizes") or [
                usual_block_size(points, count, min(job.grid.cell_size))
            ]
            job.monitor.log("Blocks of " + ", ".join(f"{size:g} m" for size in sizes) + ".")
        for size in dict.fromkeys(sizes):
            found.append(make_folds(name, points, job.grid, count, seed, size, targets))
        if name == "knndm":
            random = make_folds("kfold", points, job.grid, count, seed)
            _log_distances(job, found[-1], random, points, targets)
    return found


def _log_distances(job: Job, folds: Folds, random: Folds, points: Points, targets) -> None:
    """Say how far away kNNDM tests, and if no folds of these points test as far away as the map."""
    tested = np.nanmedian(distances_to_known(points.xy, folds))
    wanted = np.median(nearest_distance(points.xy, targets))
    text = (
        f"{folds.title}: the median distance from test points to training points is {tested:,.0f} "
        f"m, from the map's cells to the points {wanted:,.0f} m."
    )
    if np.array_equal(folds.fold_of_point, random.fold_of_point):
        text += " These are the random folds."
    if tested < _NEAR * wanted:
        text += " No folds of these points test as far away: the map is worse than they show."
    job.monitor.log(text, "warning" if tested < _NEAR * wanted else "info")


def usual_block_size(points: Points, count: int, cell_size: float) -> float:
    """The range of the values' variogram, metres, but no more than gives the folds enough blocks.

    Blocks as wide as values are alike leave nothing nearby to copy from. Two significant digits.
    Where next to no value differs there is no such range, and the points' extent is its start.
    """
    places = average_coincident(points)
    size = max(cell_size, *np.ptp(places.xy, axis=0).tolist())
    measured = empirical_variogram(places.xy, places.values) if len(places) > 1 else None
    if measured and measured.semivariance.any():
        size = max(part.range for part in fit_variogram("exponential", measured).structures)
    while size > cell_size and len(np.unique(places.xy // size, axis=0)) < 3 * count:
        size *= 0.8
    return float(f"{size:.1e}")


def write_leaderboard(job: Job, boards: list[Leaderboard]) -> None:
    """Write LEADERBOARD: a row for each split and method, best first."""
    rows = []
    for board in boards:
        best = board.scores[0]
        for rank, score in enumerate(board.scores, 1):
            test = board.test_of(best, score)
            row = {
                "split": board.folds.name,
                "rank": rank,
                "method": score.name,
                "test_points": int((board.folds.fold_of_point >= 0).sum()),
            }
            for part, found in (("test", score.test), ("train", score.train)):
                for name in ("COUNT", "RMSE", "MAE", "R2", "CCC", "BIAS"):
                    row[f"{part}_{name.lower()}"] = found and found[name]
            row["p_against_best"] = test and test.adjusted
            row["plain_p_against_best"] = test and test.p_plain
            row |= {"seconds": score.seconds, "memory_mb": score.memory}
            row["failed_folds"] = len(score.failures)
            rows.append(row)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    texts = ("split", "method")
    job.write_points(
        "LEADERBOARD",
        None,
        **{
            name: np.array(column) if name in texts else np.array(column, dtype=float)
            for name, column in columns.items()
        },
    )


def write_error_surfaces(job: Job, boards: list[Leaderboard], stack, monitor) -> None:
    """Write ERROR_SURFACE: a band for each method, its errors interpolated to the cells.

    The errors are those of the first split that tests every point, else of the first split.
    """
    whole = [board for board in boards if (board.folds.fold_of_point >= 0).all()]
    board = (whole or boards)[0]
    scores = sorted((each for each in board.scores if each.test), key=lambda each: each.name)
    if not scores:
        raise InputError("No method has made any prediction: there is no ERROR_SURFACE to write.")
    job.monitor.log(f"ERROR_SURFACE shows the errors of {board.folds.title}.")
    surfaces = []
    for score in scores:
        known = np.isfinite(score.error)
        surfaces.append(make("idw").fit(Points(score.points.xy[known], score.error[known])))
    names = [f"{score.name}_error" for score in scores]
    tiles = list(job.grid.tiles(TILE))
    kinds = ["auxiliary"] * len(names)
    with SurfaceWriter(job.file("ERROR_SURFACE", ".tif"), job.grid, names, kinds) as writer:
        for i, tile in enumerate(tiles):
            bands = np.stack([surface.predict(tile).mean for surface in surfaces])
            if stack is not None:
                bands[:, ~stack.valid[tile.slices].ravel()] = np.nan
            writer.write(tile, *bands)
            monitor.progress((i + 1) / len(tiles))


def _log_shared_places(points: Points, monitor) -> None:
    count = len(np.unique(points.xy, axis=0))
    if count < len(points):
        monitor.log(
            f"{len(points)} points lie in {count} places. Methods that interpolate average those "
            "of one place that they learn from; each is tested."
        )


def _warn_if_unrelated(boards: list[Leaderboard], job: Job) -> None:
    """Say so if no method predicts from neighbours: the mark of mixed-up rows."""
    for board in boards:
        found = [score.test["R2"] for score in board.scores if score.test]
        near = board.folds.kind in ("random", "kfold")
        if near and found and max(r2 or 0.0 for r2 in found) < UNRELATED:
            job.monitor.log(
                f"In {board.folds.title} no method explains even a tenth of the variance of "
                f"{job.field}: values of neighbours are not alike. Check that each value stands "
                "beside its own coordinates.",
                "warning",
            )
            return
