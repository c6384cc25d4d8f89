"""A stack of aligned bands, and what is in it."""

from __future__ import annotations

from contextlib import nullcontext

from ..drivers.statistics import StackStatistics, close_pairs, strips
from ..errors import InputError
from ..report.stack_report import write_stack_report
from ..spatial.raster import SurfaceWriter
from .job import Job

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
        write_stack_report(job.file("REPORT", ".html"), grid, statistics, warnings, job.parameters)
    return job.result


def _warnings(statistics: StackStatistics) -> list[str]:
    constant = [f"{band.name} ({band.minimum:g})" for band in statistics.bands if band.is_constant]
    sparse = [
        f"{band.name} ({band.valid_share:.1%})"
        for band in statistics.bands
        if band.valid_share < _SPARSE
    ]
    close = [f"{a} and {b} ({r:+.2f})" for a, b, r in close_pairs(*statistics.correlation())]
    found: dict[str, list[str]] = {
        "Bands with one value everywhere, which carry no information": constant,
        "Bands with a value in less than half of the cells": sparse,
        "Bands that nearly repeat each other (correlation above 0.95)": close,
    }
    found["No cell has a value in every band"] = [] if statistics.complete else ["check the areas"]
    return [f"{what}: {', '.join(which)}." for what, which in found.items() if which]
