"""The report's figures, each returned as a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from ..geostatistics.variogram import Empirical, Variogram
from ..spatial.points import Points, squared
from ..statistics.conformal import HeldOut, Intervals
from ..validation.evaluation import Evaluation
from .canvas import plt, png

_MAX_CELLS = 900
_BLUE, _RED, _GREY = "#2a5a8c", "#b2382e", "#9a9a9a"


def learning_curve(history: dict, best_epoch: int, loss: str, unit: str) -> bytes:
    """Training and validation loss by epoch (the paper's Fig. 6)."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], color=_BLUE, label="training")
    axes.plot(epochs, history["validation_loss"], color=_RED, label="validation")
    axes.axvline(best_epoch, color=_GREY, linestyle=":", label=f"kept: epoch {best_epoch}")
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{loss} ({squared(unit) if loss == 'mse' else unit})")
    axes.legend(frameon=False)
    return png(figure)


def scatter(evaluation: Evaluation, unit: str) -> bytes:
    """Observed against predicted displacement of the test points."""
    test = evaluation.split.test
    observed, predicted = evaluation.points.values[test], evaluation.predicted[test]
    figure, axes = plt.subplots(figsize=(4.2, 4.2))
    ends = np.nanmin([observed, predicted]), np.nanmax([observed, predicted])
    axes.plot(ends, ends, color=_GREY, linewidth=1)
    axes.scatter(observed, predicted, s=7, alpha=0.5, color=_BLUE, linewidths=0)
    axes.set_xlabel(f"observed ({unit})")
    axes.set_ylabel(f"predicted ({unit})")
    axes.set_aspect("equal")
    return png(figure)


def error_by_distance(held_out: dict[str, HeldOut], curve: Intervals, unit: str) -> bytes:
    """Absolute test errors of each split against the distance to the nearest training point."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    style: dict[str, Any] = {"s": 7, "alpha": 0.4, "linewidths": 0}
    for (title, held), color in zip(held_out.items(), (_BLUE, _RED, _GREY)):
        axes.scatter(held.distance, np.abs(held.error), color=color, label=title, **style)
    lines = {"standard deviation": curve.deviation, "90 % are below": curve.half_width}
    for (label, line), dashes in zip(lines.items(), ("-", "--")):
        axes.plot(curve.distance, line, dashes, color="black", marker=".", label=label)
    axes.set_xlabel("distance to the nearest training PS (m)")
    axes.set_ylabel(f"absolute error ({unit})")
    axes.set_xscale("symlog", linthresh=100)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize="small")
    return png(figure)


def variogram_figure(
    variogram: Variogram, unit: str, directions: dict[str, Empirical] | None = None
) -> bytes:
    """The empirical variogram with its numbers of pairs, and the fitted model.

    Parameters
    ----------
    directions : dict
        Empirical variograms of some directions, by their names.
    """
    figure, axes = plt.subplots(figsize=(6, 3.4))
    empirical = variogram.empirical
    if empirical is None:
        raise ValueError("the variogram was not fitted to an empirical one")
    distance = np.linspace(0, 1.1 * empirical.lags.max(), 300)
    axes.plot(distance / 1000, variogram(distance), color=_RED, label="model")
    axes.scatter(empirical.lags / 1000, empirical.semivariance, color=_BLUE, label="empirical")
    for lag, semivariance, pairs in zip(empirical.lags, empirical.semivariance, empirical.pairs):
        axes.annotate(
            f"{pairs:,}",
            (lag / 1000, semivariance),
            xytext=(0, 6),
            textcoords="offset points",
            fontsize="x-small",
            ha="center",
        )
    for (name, each), style in zip((directions or {}).items(), ("-", "--", "-.", ":")):
        axes.plot(each.lags / 1000, each.semivariance, style, color=_GREY, linewidth=1, label=name)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distance (km)")
    axes.set_ylabel(f"semivariance of values in {unit}")
    axes.legend(frameon=False, fontsize="small")
    return png(figure)


def surface_map(path: Path, points: Points, positive: str, unit: str) -> bytes:
    """The surface with its points, subsidence in red whichever sign it has."""
    with rasterio.open(path) as raster:
        step = max(1, -(-max(raster.width, raster.height) // _MAX_CELLS))
        shape = (max(1, raster.height // step), max(1, raster.width // step))
        cells = raster.read(1, out_shape=shape, masked=True)
        bounds = raster.bounds
    limit = float(np.percentile(np.abs(cells.compressed()), 99)) if cells.count() else 1.0
    colours = "RdBu" if positive == "up" else "RdBu_r"
    figure, axes = plt.subplots(figsize=(7.5, 6))
    style: dict[str, Any] = {"cmap": colours, "vmin": -limit, "vmax": limit}
    image = axes.imshow(
        cells, extent=(bounds.left, bounds.right, bounds.bottom, bounds.top), **style
    )
    x, y = points.xy.T
    axes.scatter(x, y, c=points.values, s=3, edgecolors="black", linewidths=0.1, **style)
    axes.set_xlim(bounds.left, bounds.right)
    axes.set_ylim(bounds.bottom, bounds.top)
    axes.ticklabel_format(style="plain")
    axes.tick_params(labelsize="small")
    axes.set_xlabel("easting (m)")
    axes.set_ylabel("northing (m)")
    figure.colorbar(image, label=f"values ({unit})", shrink=0.8)
    return png(figure)
