"""Displacement by zone and method: cities, airports and the like."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from rasterio.features import bounds

from ..errors import InputError
from ..report.zone_report import write_zone_report
from ..spatial.grid import Grid, Window
from ..spatial.points import Points
from ..spatial.polygons import cells_within, points_within
from ..spatial.raster import read_band
from .job import Job

_LISTED = 20


@dataclass(frozen=True)
class Zone:
    """Polygons of one name.

    Parameters
    ----------
    name : str
    geometries : list of dict
        GeoJSON in the grid's CRS.
    rows, columns : ndarray (n,)
        The cells whose centres lie in it.
    """

    name: str
    geometries: list
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def on(cls, grid: Grid, name: str, geometries: list[dict]) -> Zone:
        """The zone with its cells on a grid; a cell in two of its polygons counts once."""
        inside = [cells_within(geometry, grid) for geometry in geometries]
        numbers = [rows * grid.width + columns for rows, columns in inside]
        cells = np.unique(np.concatenate([np.empty(0, int), *numbers]))
        return cls(name, geometries, cells // grid.width, cells % grid.width)

    def window(self, grid: Grid, margin: float = 0.0) -> Window:
        """The cells around the zone, and on each side a share more of its longer side."""
        more = int(margin * max(np.ptp(self.rows), np.ptp(self.columns)) + 0.5)
        top, left = max(0, self.rows.min() - more), max(0, self.columns.min() - more)
        bottom = min(grid.height, self.rows.max() + 1 + more)
        right = min(grid.width, self.columns.max() + 1 + more)
        return Window(grid, int(top), int(left), int(bottom - top), int(right - left))

    def reaches_beyond(self, grid: Grid) -> bool:
        """Whether part of it lies beside the grid."""
        left, dx, _, top, _, dy = grid.transform
        edges = np.array([bounds(geometry) for geometry in self.geometries])
        west, south = edges[:, :2].min(axis=0)
        east, north = edges[:, 2:].max(axis=0)
        return (
            west < left - dx / 2
            or north > top - dy / 2
            or east > left + dx * (grid.width + 0.5)
            or south < top + dy * (grid.height + 0.5)
        )

    def holds(self, points: Points) -> Points:
        """The points in it."""
        within = [points_within(geometry, points.xy) for geometry in self.geometries]
        return points[np.any([np.zeros(len(points), bool), *within], axis=0)]


def run(folder, request, monitor) -> dict:
    """Write SUMMARY and REPORT of the zones on the surfaces, which are the request's drivers."""
    job = Job(folder, request, monitor)
    points = job.points() if "points" in request else None
    zones = read_zones(job)
    rows = []
    for i, zone in enumerate(zones):
        monitor.progress(0.8 * i / len(zones), zone.name)
        rows += summarise(zone, job, points)
    _tell(job, zones, rows)
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
        write_zone_report(job, zones, rows, points)
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


def _tell(job: Job, zones: list[Zone], rows: list[dict]) -> None:
    """Warn of zones whose figures are of a part of them, or of nothing."""
    shapeless = [zone.name for zone in zones if not zone.geometries]
    shaped = [zone for zone in zones if zone.geometries]
    _warn(job, "Zones without a shape, so without figures", shapeless)
    _warn(
        job,
        "Zones beside the surfaces or too small for the centre of any cell, so without figures",
        [zone.name for zone in shaped if not len(zone.rows)],
    )
    _warn(
        job,
        "Zones that reach beyond the surfaces, so that the figures are of a part of them",
        [zone.name for zone in shaped if len(zone.rows) and zone.reaches_beyond(job.grid)],
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
