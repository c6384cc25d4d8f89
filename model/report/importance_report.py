"""The report on the importance of driving forces."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..statistics.splits import Folds
from ..validation.importance import ALIKE, Importance
from .canvas import plt, png
from .displacement_report import DisplacementReport
from .report import rounded
from .subject import Subject

_METHOD = (
    "The increase of the RMSE when held-out points take a driver's values from other held-out "
    "points (permutation importance; Breiman, 2001; Fisher and others, 2019). All channels of "
    "a driver, such as the classes of land use, are taken together, and so are the cells "
    "around a point. The standard deviation is that over the repeats. With an increase near 0 "
    "or below, the method can do without the driver. The driver may still have an effect: "
    "another driver may carry the same information. Importance does not prove a cause."
)
_ALIKE = (
    "Drivers that are alike share importance. When one is permuted, the method still has the "
    "other, so both seem less important than they are together. The correlation is the first "
    "canonical correlation of their channels at the points. For two drivers of one channel it "
    "is the absolute value of Pearson's."
)


def write_importance_report(
    path: Path,
    subject: Subject,
    title: str,
    found: Importance,
    folds: Folds,
    alike: list,
    warnings: list[str],
    settings: dict,
) -> None:
    """Write the report.

    Parameters
    ----------
    title : str
        Of the method.
    alike : list of (str, str, float)
        Drivers that are alike, and their correlation.
    warnings : list of str
        What the reader must know before the figures.
    """
    order = np.argsort(-found.mean, kind="stable")
    scores, first = found.metrics, order[0]
    explained = "" if scores["R2"] is None else f" (R² {scores['R2']:.2f})"
    unit = subject.unit
    error, rise = (f"{rounded(value)} {unit}" for value in (scores["RMSE"], found.mean[first]))
    report = DisplacementReport(f"Importance of driving forces for {subject.field}", subject)
    report.headline(
        f"{title} needs {found.names[first]} most: permuting it raises the RMSE at held-out "
        f"points, {error}{explained}, by {rise}."
        if found.mean[first] > 0
        else f"{title} needs none of the drivers: its RMSE at held-out points, "
        f"{error}{explained}, does not rise when any is permuted."
    )
    for warning in warnings:
        report.text(warning)
    report.figure(
        "Importance",
        bars(found, order, unit),
        "Increase of the RMSE when a driver is permuted, with its standard deviation over "
        f"{found.increases.shape[1]} repeats, in {folds.title}.",
    )
    report.table(
        "The drivers",
        ["Driver", f"Increase of RMSE ({unit})", f"Standard deviation ({unit})", "Share"],
        [
            [
                found.names[i],
                rounded(found.mean[i], "+"),
                rounded(found.deviation[i]),
                f"{100 * found.share[i]:.1f} %",
            ]
            for i in order
        ],
        _METHOD,
    )
    if alike:
        report.table(
            "Drivers that are alike",
            ["Driver", "Driver", "Correlation"],
            [[one, other, f"{correlation:.2f}"] for one, other, correlation in alike],
            _ALIKE,
        )
    else:
        report.text(f"No two drivers have a correlation above {ALIKE:g} at the points.")
    report.settings(settings)
    report.write(path)


def bars(found: Importance, order: np.ndarray, unit: str) -> bytes:
    """The increase of each driver with its spread, most important first."""
    figure, axes = plt.subplots(figsize=(6.5, 1 + 0.35 * len(order)))
    places = np.arange(len(order))
    axes.barh(
        places, found.mean[order], xerr=found.deviation[order], color="#2a5a8c", ecolor="#222222"
    )
    axes.axvline(0, color="#222222", linewidth=0.8)
    axes.set_yticks(places, [found.names[i] for i in order])
    axes.invert_yaxis()
    axes.set_xlabel(f"increase of RMSE ({unit})")
    return png(figure)
