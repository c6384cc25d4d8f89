"""The report of a driver stack: what each band holds, and which bands are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..drivers.statistics import SAMPLE, StackStatistics
from ..spatial.grid import Grid
from .canvas import plt, png
from .report import Report

_CLASSES = 64


def write_stack_report(
    path: Path, grid: Grid, statistics: StackStatistics, warnings: list[str], settings: dict
) -> None:
    """Write the report."""
    bands = statistics.bands
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
        "Classes and directions have no mean. A flat cell has no direction, and does not count as "
        "missing in the first line.",
    )
    for band in bands:
        if band.kind == "categorical":
            common = band.classes.most_common(_CLASSES)
            rows = [(f"{code:g}", count, count / band.count) for code, count in common]
            more = len(band.classes) - len(rows)
            note = f"{more} classes with fewer cells are not shown." if more else ""
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
            correlation(names, matrix),
            f"Pearson's correlation at {len(statistics.sample.rows):,} random cells that have "
            "every band. Directions are taken as sine and cosine, classes are left out. A constant "
            "band has no correlation.",
        )
    report.settings(settings)
    report.write(path)


def _row(band) -> tuple:
    low, median, high = band.percentiles.tolist()
    row = [band.minimum, low, median, high, band.maximum, band.mean, band.standard_deviation]
    if band.kind != "continuous":
        row = [band.minimum, None, None, None, band.maximum, None, None]
    return (band.name, band.kind, f"{band.valid_share:.1%}", *row)


def correlation(names: list[str], matrix: np.ndarray) -> bytes:
    """The correlation of bands with each other; a band without any is grey."""
    size = 1.6 + 0.45 * len(names)
    figure, axes = plt.subplots(figsize=(size + 1, size))
    colours = plt.colormaps["RdBu_r"].with_extremes(bad="#dddddd")
    image = axes.imshow(matrix, cmap=colours, vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    for (i, j), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", size="x-small", color=colour)
    figure.colorbar(image, label="correlation", shrink=0.8)
    return png(figure)
