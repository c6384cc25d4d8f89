"""Displacement by zone and method: cities, airports and the like."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..report.zone_report import write_zone_report
from ..spatial.points import Points
from ..spatial.raster import read_band
from ..spatial.zone import Zone
from .job import Job

_LISTED = 20


def run(folder, request, monitor) -> dict:
    """Write SUMMARY and REPORT of the zones on the surfaces, which are the request's drivers."""
    job = Job(folder, request, monitor)
    points = job.points() if "points" in request else None
    zones = read_zones(job)
    rows = []
    for i, zone in enumerate(zones):
        monitor.progress(0.8 * i / len(zones), zone.name)
        rows += summarise(zone, job, points)
    _report_gaps(job, zones, rows)
    if job.wants("SUMMARY"):
        texts = ("zone", "method")
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        job.write_points(
            "SUMMARY",
            None,
            **{
                name: np.array(column, dtype=str if name in texts else float)
                for name, column in columns.items()
            },
        )
    if job.wants("REPORT"):
        surfaces = [(each["name"], folder / each["file"]) for each in request["drivers"]]
        write_zone_report(
            job.file("REPORT", ".html"),
            replace(job.subject, positive=job.parameters["positive"]),
            zones,
            surfaces,
            rows,
            points,
            job.parameters,
        )
    return job.result


def read_zones(job: Job) -> list[Zone]:
    """The request's zones, in the order of their first polygons.

    Raises
    ------
    InputError
        If none has a cell of the surfaces.
    """
    shapes: dict[str, list[dict]] = {}
    for entry in json.loads((job.folder / job.request["zones"]).read_text(encoding="utf-8")):
        parts = shapes.setdefault(entry["name"], [])
        parts += [entry["geometry"]] if entry["geometry"] else []
    zones = [Zone.on(job.grid, name, parts) for name, parts in shapes.items()]
    if not any(len(zone.rows) for zone in zones):
        raise InputError(
            f"None of the {len(zones)} zones holds the centre of a cell of the first surface. "
            "Check that ZONES and SURFACES overlap, and the layers' CRS."
        )
    return zones


def summarise(zone: Zone, job: Job, points: Points | None) -> list[dict]:
    """A row of figures for each surface in a zone; NaN where there is nothing to count."""
    area = np.prod(job.grid.cell_size) / 1e6
    measured = {}
    if points is not None:
        inside = zone.holds(points).values
        measured = {"ps_count": len(inside)}
        measured |= {f"ps_{name}": value for name, value in _spread(inside).items()}
    rows = []
    for surface in job.request["drivers"]:
        cells = np.empty(0)
        if len(zone.rows):
            window = zone.window(job.grid)
            band = read_band(job.folder / surface["file"], window)
            cells = band[zone.rows - window.row, zone.columns - window.column].astype(float)
        known = cells[np.isfinite(cells)]
        row = {"zone": zone.name, "method": surface["name"], "cells": len(known)}
        row |= {"cells_without_value": len(cells) - len(known), **_spread(known)}
        for limit in job.parameters["thresholds"]:
            beyond = known < limit if limit < 0 else known > limit
            row[f"km2_beyond_{limit:g}"] = beyond.sum() * area if len(known) else np.nan
        rows.append({**row, **measured})
    return rows


def _spread(values: np.ndarray) -> dict:
    if not len(values):
        return dict.fromkeys(["smallest", "largest", "mean"], np.nan)
    return {"smallest": values.min(), "largest": values.max(), "mean": values.mean()}


def _report_gaps(job: Job, zones: list[Zone], rows: list[dict]) -> None:
    """Warn of zones whose figures are of a part of them, or of nothing."""
    shapeless = [zone.name for zone in zones if not zone.geometries]
    shaped = [zone for zone in zones if zone.geometries]
    _warn(job, "Zones without a shape, so without figures", shapeless)
    _warn(
        job,
        "Zones outside the surfaces or too small for the centre of any cell, so without figures",
        [zone.name for zone in shaped if not len(zone.rows)],
    )
    _warn(
        job,
        "Zones that extend beyond the surfaces, so that the figures are of a part of them",
        [zone.name for zone in shaped if len(zone.rows) and zone.extends_beyond(job.grid)],
    )
    if not any(row.get("ps_count", 1) for row in rows):
        job.monitor.log("No persistent scatterer lies in any zone.", "warning")
    _warn(
        job,
        "Zones with cells that have no value, and how many",
        [
            f"{row['zone']} ({row['method']}: {row['cells_without_value']:,} of "
            f"{row['cells'] + row['cells_without_value']:,})"
            for row in rows
            if row["cells_without_value"]
        ],
    )


def _warn(job: Job, text: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
        job.monitor.log(f"{text}: {', '.join(names[:_LISTED])}{more}.", "warning")
