"""Figures of the reports on driving forces, each returned as a PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from .figures import png

if TYPE_CHECKING:
    from ..drivers.kriging import Variogram

_BLUE, _RED = "#2a5a8c", "#b2382e"


def variogram_figure(variogram: Variogram, unit: str) -> bytes:
    """The empirical variogram with its numbers of pairs, and the fitted model."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    distance = np.linspace(0, 1.1 * variogram.lags.max(), 200)
    axes.plot(distance / 1000, variogram(distance), color=_RED, label=f"{variogram.model} model")
    axes.scatter(variogram.lags / 1000, variogram.semivariance, color=_BLUE, label="measured")
    for lag, semivariance, pairs in zip(variogram.lags, variogram.semivariance, variogram.pairs):
        axes.annotate(
            str(pairs),
            (lag / 1000, semivariance),
            xytext=(0, 6),
            textcoords="offset points",
            fontsize="small",
            ha="center",
        )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distance (km)")
    axes.set_ylabel(f"semivariance of values in {unit}")
    axes.legend(frameon=False)
    return png(figure)


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
