"""Matplotlib, the same for everybody: the one place that imports it, and that ends a figure."""

from __future__ import annotations

import io

from ..machine.settings import settle

__all__ = ["png", "plt"]

settle()

import matplotlib  # noqa: E402

matplotlib.rcdefaults()
matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # names may hold $, \\ and _

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.text import Text  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogFormatter, StrMethodFormatter  # noqa: E402

from ..errors import shown  # noqa: E402


def png(figure) -> bytes:
    """A figure as a PNG, its texts as they are to be shown; the figure is closed."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FuncFormatter):  # of names in the place of numbers
                axis.set_major_formatter(FuncFormatter(_shown_by(formatter)))
            elif axis.get_scale() in ("log", "symlog"):  # its own labels are formulas
                axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            if axis.get_scale() == "log":
                axis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
    for text in figure.findobj(Text):
        text.set_text(shown(text.get_text()))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()


def _shown_by(formatter):
    return lambda place, number=None: shown(formatter(place, number))
