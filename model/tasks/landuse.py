"""A map of land use, from an image or from another map."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
from sklearn.metrics import confusion_matrix

from ..drivers.land_use import (
    MAX_CODE,
    MAX_PER_CLASS,
    Clusters,
    Forest,
    Reclassification,
    accuracy,
    legend,
)
from ..drivers.statistics import Sample, strips
from ..errors import InputError
from ..report.report import Report
from ..spatial.polygons import cells_within
from ..spatial.raster import SurfaceWriter
from .job import Job

_CELLS = 2**21
_MAX_CODES = 1000
_NAMED = 20


def run(folder, request, monitor) -> dict:
    """Write LAND_USE and REPORT by the request's method."""
    job = Job(folder, request, monitor)
    method = job.parameters["method"]
    report = Report(f"Land use by {TITLES[method]}")
    METHODS[method](job, report)
    report.settings({"image": [each["name"] for each in request["drivers"]], **job.parameters})
    if job.wants("REPORT"):
        report.write(job.file("REPORT", ".html"))
    return job.result


def by_forest(job: Job, report: Report) -> None:
    """Learn the classes from training polygons."""
    monitor, bands = job.monitor, [each["name"] for each in job.request["drivers"]]
    cells, labels, polygons, names = _training(job)
    forest = Forest(job.seed).fit(cells, labels, polygons)
    monitor.progress(0.3)
    sizes = _write(job, forest.predict, names, monitor.part(0.3, 1))
    seen, held_out = (accuracy(labels, each) for each in (forest.out_of_bag_, forest.held_out_))
    job.result["numbers"]["OOB_ACCURACY"] = seen
    if held_out is not None:
        job.result["numbers"]["POLYGON_ACCURACY"] = held_out
        text = f"and {held_out:.1%} with whole polygons held out, which is what to expect elsewhere"
    else:
        text = "which is too high: no class has a second polygon that could be held out"
    report.headline(f"{len(names)} classes. Out-of-bag accuracy {seen:.1%}, {text}.")
    monitor.log(f"Out-of-bag accuracy {seen:.1%}, {text}.")
    _confusion(report, "Out-of-bag votes", labels, forest.out_of_bag_, names)
    report.text(
        "Out-of-bag: each cell is predicted by the trees that were not trained on it. They were "
        "trained on its neighbours in the same polygon, which look alike, so this is too high."
    )
    single = [
        names[code] for code in forest.classes_ if len(np.unique(polygons[labels == code])) == 1
    ]
    if single:
        text = f"Classes with one polygon only, which cannot be held out: {', '.join(single)}."
        monitor.log(text, "warning")
        report.text(text)
    if held_out is not None:
        _confusion(report, "Whole polygons held out", labels, forest.held_out_, names)
    report.table(
        "Importance of the bands",
        ["Band", "Importance"],
        sorted(zip(bands, forest.importance_.tolist()), key=lambda row: -row[1]),
        "Mean decrease of impurity; the sum is 1. Correlated bands share it.",
    )
    _areas(report, job, sizes, names)


def by_kmeans(job: Job, report: Report) -> None:
    """Find clusters of cells that look alike."""
    monitor, drivers = job.monitor, job.request["drivers"]
    seed, count = job.seed, job.parameters["classes"]
    sample = Sample(seed=seed)
    for _, image in strips(drivers, job.grid, job.folder, _CELLS):
        sample.add(image[:, ~np.isnan(image).any(axis=0)].T)
    if not len(sample.rows):
        raise InputError("No cell of the image has a value in every band. Check extent and NODATA.")
    clusters = Clusters(count, seed).fit(sample.rows)
    monitor.progress(0.3)
    names = {code: f"cluster {code}" for code in range(1, count + 1)}
    sizes = _write(job, clusters.predict, names, monitor.part(0.3, 1))
    report.headline(
        f"{count} clusters; a cell is {np.sqrt(clusters.inertia_):.2f} standard deviations from "
        "its centre (root mean square)."
    )
    report.table(
        "Centres of the clusters",
        ["Class", *(each["name"] for each in drivers)],
        [[names[i], *centre] for i, centre in enumerate(clusters.centres_.tolist(), 1)],
        f"In the units of the bands, from a random sample of {len(sample.rows):,} cells. Inertia, "
        f"the sum of squared distances in standard deviations: "
        f"{clusters.inertia_ * len(sample.rows):,.0f}. Clusters have no meaning of their own: look "
        "at the map to name them.",
    )
    _areas(report, job, sizes, names)


def by_table(job: Job, report: Report) -> None:
    """Reclassify another map."""
    table = job.parameters["table"]
    if table == "own":
        rules = Reclassification.parse(job.parameters.get("rules", ""))
    else:
        rules = Reclassification.preset(table)
    found: Counter = Counter()

    def classify(cells):
        codes, index, counts = np.unique(cells, return_inverse=True, return_counts=True)
        found.update(dict(zip(codes.tolist(), counts.tolist())))
        if len(found) > _MAX_CODES:
            raise InputError(
                f"The image holds more than {_MAX_CODES} different values. METHOD reclassify needs "
                "a map of classes; METHOD kmeans or forest makes classes of an image."
            )
        return rules.apply(codes)[index.ravel()]

    sizes = _write(job, classify, rules.names, job.monitor)
    codes = sorted(found)
    index = rules.find(np.array(codes))
    unknown = [(code, found[code]) for code, i in zip(codes, index) if i < 0]
    listed = ", ".join(f"{code:g} ({count:,} cells)" for code, count in unknown[:_NAMED])
    listed += f" and {len(unknown) - _NAMED} more codes" if len(unknown) > _NAMED else ""
    if len(unknown) == len(codes):
        raise InputError(
            f"None of the image's codes has a rule: {listed}. Choose another TABLE, or own RULES."
        )
    report.headline(f"{len(codes)} codes became {np.count_nonzero(sizes)} classes.")
    if unknown:
        job.monitor.log(f"Codes without a rule are NoData: {listed}.", "warning")
        report.text(f"Codes without a rule are NoData: {listed}.")
    rows = []
    for code, i in zip(codes, index):
        rule = rules.rules[i] if i >= 0 else None
        becomes = f"{rule.target} {rules.names[rule.target]}" if rule else "NoData"
        rows.append((f"{code:g}", rule.name if rule else "", found[code], becomes))
    report.table("The class of each code", ["Code", "Name", "Cells", "Class"], rows)
    _areas(report, job, sizes, rules.names)


TITLES = {"forest": "random forest", "kmeans": "k-means", "reclassify": "reclassification"}
METHODS = {"forest": by_forest, "kmeans": by_kmeans, "reclassify": by_table}


def _training(job: Job):
    """Cells (n, bands), classes (n,) and polygons (n,) to learn from, and the classes' names."""
    monitor, grid = job.monitor, job.grid
    given = json.loads((job.folder / job.request["training"]).read_text(encoding="utf-8"))
    names = _name_classes([polygon["class"] for polygon in given])
    codes = {name: code for code, name in names.items()}
    of_polygon = np.array([codes[polygon["class"]] for polygon in given])
    within = [cells_within(polygon["geometry"], grid) for polygon in given]
    counts = [len(rows) for rows, _ in within]
    rows, columns = (np.concatenate(each) for each in zip(*within))
    polygons = np.repeat(np.arange(len(given)), counts)
    if not len(rows):
        raise InputError(
            "No cell centre of the image lies in a training polygon. Check that TRAINING and IMAGE "
            "overlap, and that the polygons are larger than cells."
        )
    if 0 in counts:
        text = f"Training polygons outside the image or smaller than a cell: {counts.count(0)}."
        monitor.log(text, "warning")
    place = rows * grid.width + columns
    _, index, often = np.unique(place, return_inverse=True, return_counts=True)
    single = often[index] == 1
    _warn(monitor, "because they lie in more than one polygon", ~single)
    cells = np.full((len(rows), len(job.request["drivers"])), np.nan, np.float32)
    for window, image in strips(job.request["drivers"], grid, job.folder, _CELLS):
        here = (rows >= window.row) & (rows < window.row + window.height)
        cells[here] = image[:, rows[here] - window.row, columns[here]].T
    known = ~np.isnan(cells).any(axis=1)
    _warn(monitor, "because a band has no value there", single & ~known)
    labels = of_polygon[polygons]
    usable = single & known
    kept = _even(labels, usable, job.seed)
    _warn(monitor, f"because their class has more than {MAX_PER_CLASS:,}", usable & ~kept)
    there = np.unique(labels[kept]).tolist()
    if len(there) < 2:
        what = f"one class only, {names[there[0]]}" if there else "no usable cell"
        raise InputError(
            f"The training polygons on the image hold {what}. Give polygons of at least two "
            "classes, on cells that have a value in every band."
        )
    lost = [name for code, name in names.items() if code not in there]
    if lost:
        monitor.log(f"Classes without a usable training cell: {', '.join(lost)}.", "warning")
    monitor.log(f"Training cells: {kept.sum():,} in {len(np.unique(polygons[kept]))} polygons.")
    return cells[kept], labels[kept], polygons[kept], {code: names[code] for code in there}


def _name_classes(given: list[str]) -> dict[int, str]:
    """Names by code: numbers stay as they are, texts are numbered in the order of the alphabet."""
    names = sorted(set(given))
    if len(names) > MAX_CODE:
        raise InputError(
            f"CLASS_FIELD has {len(names)} different values; at most {MAX_CODE} can be mapped. "
            "Choose the field that holds the class."
        )
    if all(name.isdecimal() and 1 <= int(name) <= MAX_CODE for name in names):
        return {int(name): name for name in sorted(names, key=int)}
    return dict(enumerate(names, 1))


def _even(labels: np.ndarray, usable: np.ndarray, seed: int) -> np.ndarray:
    """At most `MAX_PER_CLASS` usable cells of each class, at random."""
    random = np.random.default_rng(seed)
    kept = np.zeros_like(usable)
    for label in np.unique(labels):
        of_class = np.flatnonzero(usable & (labels == label))
        kept[random.permutation(of_class)[:MAX_PER_CLASS]] = True
    return kept


def _warn(monitor, why: str, left_out: np.ndarray) -> None:
    if left_out.any():
        monitor.log(f"Training cells not used {why}: {left_out.sum():,}.", "warning")


def _write(job: Job, classify, names: dict[int, str], monitor) -> np.ndarray:
    """Write LAND_USE; `classify` takes cells (n, bands). Gives the number of cells by code."""
    grid, sizes = job.grid, np.zeros(MAX_CODE + 1, int)
    path = job.file("LAND_USE", ".tif")
    with SurfaceWriter(path, grid, ["land_use"], classes=legend(names)) as out:
        for window, image in strips(job.request["drivers"], grid, job.folder, _CELLS):
            valid = ~np.isnan(image).any(axis=0)
            codes = np.zeros(valid.shape, np.uint8)
            if valid.any():
                codes[valid] = classify(image[:, valid].T)
            sizes += np.bincount(codes.ravel(), minlength=len(sizes))
            out.write(window, codes)
            monitor.progress((window.row + window.height) / grid.height)
    job.result["classes"]["LAND_USE"] = {str(code): name for code, name in names.items()}
    sizes[0] = 0
    job.result["numbers"]["CLASSES"] = int(np.count_nonzero(sizes))
    return sizes


def _areas(report: Report, job: Job, sizes: np.ndarray, names: dict[int, str]) -> None:
    dx, dy = job.grid.cell_size
    rows = [
        (f"{code} {name}", int(sizes[code]), sizes[code] / sizes.sum(), sizes[code] * dx * dy / 1e6)
        for code, name in names.items()
    ]
    missing = job.grid.window.size - int(sizes.sum())
    report.table(
        "The classes",
        ["Class", "Cells", "Share", "Area (km²)"],
        rows,
        f"Share of the cells that have a class. Cells without: {missing:,}.",
    )


def _confusion(report: Report, title: str, labels, predicted, names: dict[int, str]) -> None:
    known = predicted != 0
    codes = list(names)
    matrix = confusion_matrix(labels[known], predicted[known], labels=codes)
    with np.errstate(invalid="ignore"):
        producers = np.diag(matrix) / matrix.sum(axis=1)
        users = np.diag(matrix) / matrix.sum(axis=0)
    rows = [
        [names[code], *matrix[i].tolist(), _share(producers[i])] for i, code in enumerate(codes)
    ]
    rows.append(["User's accuracy", *map(_share, users), f"{accuracy(labels, predicted):.1%}"])
    report.table(
        title,
        ["Polygon", *names.values(), "Producer's accuracy"],
        rows,
        "Cells by the class of their polygon (rows) and the predicted class (columns). Producer's "
        "accuracy: share of the cells of a class that are predicted as it. User's accuracy: share "
        "of the cells predicted as a class that belong to it.",
    )


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1%}"
