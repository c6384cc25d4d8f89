"""A stack of aligned bands, and what is in it."""

from __future__ import annotations

from contextlib import nullcontext

from ..drivers.statistics import SAMPLE, StackStatistics, close_pairs, strips
from ..errors import InputError
from ..report import driver_figures
from ..report.report import Report
from ..spatial.raster import SurfaceWriter
from .job import Job

_CLASSES = 64
_SPARSE = 0.5


def run(folder, request, monitor) -> dict:
    """Write STACK, unless it is virtual and there already, and REPORT."""
    job = Job(folder, request, monitor)
    drivers, grid = request["drivers"], job.grid
    names = [each["name"] for each in drivers]
    writer: SurfaceWriter | nullcontext = nullcontext()
    if job.parameters["format"] == "vrt":
        job.file("STACK", ".vrt")
    elif job.wants("STACK"):
        kinds = [each["kind"] for each in drivers]
        writer = SurfaceWriter(job.file("STACK", ".tif"), grid, names, kinds)
    statistics = StackStatistics(drivers)
    with writer as out:
        for window, cells in strips(drivers, grid, folder):
            statistics.add(cells)
            if out:
                out.write(window, *cells)
            monitor.progress((window.row + window.height) / grid.height)
    for band in statistics.bands:
        if not band.count:
            raise InputError(
                f"The driver {band.name} has no valid cell on the working grid. Check its extent "
                "and its NoData value."
            )
    warnings = _warnings(statistics)
    for text in warnings:
        monitor.log(text, "warning")
    if job.wants("REPORT"):
        _report(job, statistics, warnings).write(job.file("REPORT", ".html"))
    return job.result


def _warnings(statistics: StackStatistics) -> list[str]:
    constant = [f"{band.name} ({band.minimum:g})" for band in statistics.bands if band.is_constant]
    sparse = [
        f"{band.name} ({band.valid_share:.1%})"
        for band in statistics.bands
        if band.valid_share < _SPARSE
    ]
    close = [f"{a} and {b} ({r:+.2f})" for a, b, r in close_pairs(*statistics.correlation())]
    said: dict[str, list[str]] = {
        "Bands that have one value everywhere and tell nothing": constant,
        "Bands with a value in less than half of the cells": sparse,
        "Bands that nearly repeat each other (correlation beyond 0.95)": close,
    }
    said["No cell has a value in every band"] = [] if statistics.complete else ["check the areas"]
    return [f"{what}: {', '.join(which)}." for what, which in said.items() if which]


def _report(job: Job, statistics: StackStatistics, warnings: list[str]) -> Report:
    bands, grid = statistics.bands, job.grid
    dx, dy = grid.cell_size
    report = Report("Driver stack")
    report.headline(
        f"Bands: {len(bands)}, on {grid.width:,} x {grid.height:,} cells of {dx:g} x {dy:g} m; "
        f"{statistics.complete / grid.window.size:.1%} of the cells have a value in every band."
    )
    for text in warnings:
        report.text(text)
    report.table(
        "Bands",
        ["Band", "Kind", "Valid", "Minimum", "2 %", "Median", "98 %", "Maximum", "Mean", "Std."],
        [_row(band) for band in bands],
        f"Over the valid cells. Percentiles come from a random sample of at most {SAMPLE:,} cells. "
        "Means of classes and of directions say nothing and are left out; a cell without a "
        "direction, being flat, is not counted as missing in the first line.",
    )
    for band in bands:
        if band.kind == "categorical":
            common = band.classes.most_common(_CLASSES)
            rows = [(f"{code:g}", count, count / band.count) for code, count in common]
            more = len(band.classes) - len(rows)
            note = f"{more} rarer classes are not shown." if more else ""
            report.table(f"Classes of {band.name}", ["Class", "Cells", "Share"], rows, note)
    circular = [(band.name, *band.direction) for band in bands if band.kind == "circular"]
    if circular:
        report.table(
            "Directions",
            ["Band", "Mean direction (°)", "Strength"],
            circular,
            "Strength is 1 where all directions are the same, 0 where they cancel.",
        )
    names, matrix = statistics.correlation()
    if len(names) > 1 and len(statistics.sample.rows) > 1:
        report.figure(
            "Correlation",
            driver_figures.correlation(names, matrix),
            f"Pearson's correlation at {len(statistics.sample.rows):,} random cells that have "
            "every band. Directions stand as sine and cosine; classes are left out; a constant "
            "band has no correlation.",
        )
    report.settings(job.parameters)
    return report


def _row(band) -> tuple:
    low, median, high = band.percentiles.tolist()
    row = [band.minimum, low, median, high, band.maximum, band.mean, band.standard_deviation]
    if band.kind != "continuous":
        row = [band.minimum, None, None, None, band.maximum, None, None]
    return (band.name, band.kind, f"{band.valid_share:.1%}", *row)
