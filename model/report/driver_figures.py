"""Figures of the reports on driving forces, each returned as a PNG."""

from __future__ import annotations

import numpy as np

from .canvas import plt, png


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
