"""The report on zones: all figures in one table, and small maps of each zone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..spatial.grid import Grid
from ..spatial.points import Points
from ..spatial.polygons import rings
from ..spatial.raster import read_band
from ..spatial.zone import Zone
from .canvas import plt, png
from .comparison_figures import panel_figure
from .report import Report
from .subject import Subject

_COLUMNS = 4
_MAX_MAPS = 30
_MAX_CELLS = 400
_MARGIN = 0.15


def write_zone_report(
    path: Path,
    subject: Subject,
    zones: list[Zone],
    surfaces: list[tuple[str, Path]],
    rows: list[dict],
    points: Points | None,
    settings: dict,
) -> None:
    """Write the report.

    Parameters
    ----------
    surfaces : list of (str, Path)
        Their names and files.
    rows : list of dict
        As in SUMMARY.
    """
    positive, unit = subject.positive, subject.unit
    report = Report("Displacement by zone" + (f": {subject.field}" if points else ""))
    report.headline(headline(rows, positive, unit))
    report.text(
        f"Values are in {unit}; {subject.sign}. A cell of "
        "{:g} × {:g} m belongs to a zone if its centre lies in it.".format(*subject.grid.cell_size)
    )
    _table(report, rows, settings["thresholds"], unit)
    extremes: dict[str, float] = {}
    for row in rows:
        if row["cells"]:
            size = max(-row["smallest"], row["largest"])
            extremes[row["zone"]] = max(size, extremes.get(row["zone"], size))
    # sorted() is stable: zones that are alike keep the layer's order.
    shown = sorted(
        (zone for zone in zones if zone.name in extremes), key=lambda each: -extremes[each.name]
    )
    limit = _limit(subject.grid, surfaces, shown)
    dots = " Dots are the PS, in the same colours." if points else ""
    for zone in shown[:_MAX_MAPS]:
        across = zone.window(subject.grid, _MARGIN).width * subject.grid.cell_size[0] / 1000
        report.figure(
            zone.name,
            zone_maps(zone, subject, surfaces, points, limit),
            f"Displacement by each method, from −{limit:.3g} to {limit:.3g} {unit} in all maps. "
            f"Red is subsidence, blue is uplift.{dots} A map is {across:.3g} km wide.",
        )
    if len(shown) > _MAX_MAPS:
        report.text(
            f"Of {len(shown)} zones, maps show the {_MAX_MAPS} with the largest displacements."
        )
    report.settings({"surfaces": [name for name, _ in surfaces], **settings})
    report.write(path)


def headline(rows: list[dict], positive: str, unit: str) -> str:
    """Where most subsidence is, and by which method."""
    known = [row for row in rows if row["cells"]]
    if not known:
        return "No surface has a value in any zone."
    name, sign = ("smallest", 1) if positive == "up" else ("largest", -1)
    row = min(known, key=lambda each: sign * each[name])
    if sign * row[name] >= 0:
        return "No surface shows subsidence in any zone."
    text = f"The most subsidence is in {row['zone']}: {row[name]:.1f} {unit} by {row['method']}"
    if row.get("ps_count"):
        text += f"; the PS there show up to {row['ps_' + name]:.1f} {unit}"
    return text + "."


def _table(report: Report, rows: list[dict], thresholds: list[float], unit: str) -> None:
    columns = ["Zone", "Method", "Count"]
    columns += [f"{name} ({unit})" for name in ("Minimum", "Maximum", "Mean")]
    columns += [f"{'below' if t < 0 else 'above'} {t:g} {unit} (km²)" for t in thresholds]
    areas = [f"km2_beyond_{t:g}" for t in thresholds]
    shown, last = [], None
    for row in rows:
        if row["zone"] != last and "ps_count" in row:
            measured = [_cell(row[f"ps_{name}"]) for name in ("smallest", "largest", "mean")]
            shown.append([row["zone"], "PS", row["ps_count"], *measured, *[None] * len(areas)])
        last = row["zone"]
        figures = [_cell(row[name]) for name in ("smallest", "largest", "mean")]
        shown.append(
            [last, row["method"], row["cells"], *figures, *(_cell(row[a], 3) for a in areas)]
        )
    report.table(
        "The zones",
        columns,
        shown,
        "Count: the PS in the zone, or its cells with a value. A zone outside the surfaces, or too "
        "small to hold the centre of a cell, has no figures.",
        "PS",
    )


def _cell(value: float, digits: int = 1) -> str | None:
    return f"{value:.{digits}f}" if np.isfinite(value) else None


def zone_maps(
    zone: Zone,
    subject: Subject,
    surfaces: list[tuple[str, Path]],
    points: Points | None,
    limit: float,
) -> bytes:
    """A map of each surface around a zone, with its outline and the PS."""
    window = zone.window(subject.grid, _MARGIN)
    left, dx, _, top, _, dy = subject.grid.transform
    west, north = left + dx * window.column, top + dy * window.row
    east, south = west + dx * window.width, north + dy * window.height
    step = -(-max(window.width, window.height) // _MAX_CELLS)
    colours = plt.colormaps["RdBu" if subject.positive == "up" else "RdBu_r"]
    style = {"cmap": colours.with_extremes(bad="#dddddd"), "vmin": -limit, "vmax": limit}
    height = np.clip(2.2 * (north - south) / (east - west), 1, 4) + 0.4
    figure, panels = panel_figure(len(surfaces), _COLUMNS, (2.2, height), sharex=True, sharey=True)
    for axes, (name, file) in zip(panels, surfaces):
        cells = read_band(file, window)[::step, ::step]
        drawn = axes.imshow(cells, extent=(west, east, south, north), **style)
        for geometry in zone.geometries:
            for ring in rings(geometry):
                axes.plot(*ring.T, color="black", linewidth=0.8)
        if points is not None:
            x, y = points.xy.T
            here = (x > west) & (x < east) & (y > south) & (y < north)
            edges = {"edgecolors": "black", "linewidths": 0.2}
            axes.scatter(x[here], y[here], c=points.values[here], s=8, **edges, **style)
        axes.set_title(name, fontsize="small")
        axes.set_xlim(west, east)
        axes.set_ylim(south, north)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(
        drawn, ax=panels.tolist(), label=f"values ({subject.unit})", shrink=0.8, extend="both"
    )
    return png(figure)


def _limit(grid: Grid, surfaces: list[tuple[str, Path]], zones: list[Zone]) -> float:
    """The size below which 98 % of the displacements in the zones are, mm, for all maps."""
    sizes = [np.empty(0)]
    for zone in zones:
        window = zone.window(grid)
        for _, file in surfaces:
            band = read_band(file, window)
            cells = np.abs(band[zone.rows - window.row, zone.columns - window.column])
            sizes.append(np.sort(cells[np.isfinite(cells)])[:: max(1, len(cells) // 10_000)])
    together = np.concatenate(sizes)
    return float(np.quantile(together, 0.98)) or 1.0 if together.size else 1.0
