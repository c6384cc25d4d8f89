"""How far cities, airports and other places sink, by each method."""

from __future__ import annotations

import json

from qgis.core import QgsProcessingException

from .. import base
from ..layers.grids import grid_of
from ..layers.vectors import read_polygons
from ..parameters import makers, shared
from ..values import read_numbers

ZONES = "zones.json"


class ZoneSummary(base.SubsidenceAlgorithm):
    """Figures of each surface in each polygon."""

    NAME = "zonesummary"
    TITLE = "Zone summary"
    GROUP_ID = "evaluation"
    TAGS = ["zonal statistics", "polygon", "city", "airport", "area", "threshold", "subsidence"]
    HELP = (
        "Summarises the surface of each method in zones, such as cities and airports. For each "
        "zone it gives the minimum, maximum and mean displacement, the area beyond thresholds, and "
        "the statistics of the persistent scatterers. The report has small maps of each zone. A "
        "cell belongs to the zones that contain its centre."
    )
    TASK = "zones"

    def parameters(self):
        return [
            makers.vector(
                "ZONES",
                "Zones",
                "Polygons in any CRS. Polygons with the same name are one zone. A zone without a "
                "cell has no values in the table; the log names it.",
                "polygon",
            ),
            makers.field(
                "NAME_FIELD",
                "Name field",
                "The field with the zones' names. Polygons without a name are called by their "
                "number in the layer, such as (polygon 3). Empty: all polygons are.",
                "ZONES",
            ),
            makers.rasters(
                "SURFACES",
                "Subsidence surfaces",
                "Rasters of displacement in millimetres, one for each method, with the layer's "
                "name. Each band of a multi-band layer is one, with the band's description. The "
                "first must be projected in metres. The others are interpolated to its cells.",
            ),
            makers.vector(
                "PS_POINTS",
                "Persistent scatterers",
                "Points with the displacement that was measured there. They are summarised in each "
                "zone, also outside of the surfaces. Empty: none.",
                optional=True,
            ),
            makers.field(
                "VALUE_FIELD",
                "Displacement field",
                "The numeric field of the points with the displacement in millimetres.",
                "PS_POINTS",
                numeric=True,
            ),
            shared.positive(),
            shared.unit(),
            makers.words(
                "THRESHOLDS",
                "Thresholds (mm)",
                "Displacements in millimetres, separated by commas, such as -50, -100. The table "
                "has the area below each negative and above each positive one. Empty: 50 and 100 "
                "mm of subsidence.",
            ),
            makers.table_output(
                "SUMMARY",
                "Zones",
                "A table with a row for each zone and method. It holds the cells with and without "
                "a value, and the minimum, maximum and mean displacement in millimetres. It has "
                "the area beyond each threshold in square kilometres. It also holds the number, "
                "minimum, maximum and mean of the persistent scatterers.",
            ),
            shared.report_output(
                "All zones and methods in one table, and maps of the zones with the same colours, "
                "as an HTML page."
            ),
        ]

    def request(self, job):
        surfaces = job.rasters("SURFACES", unique=True)
        if not surfaces:
            raise QgsProcessingException(
                "SURFACES hold no displacement: all their bands state that they are standard "
                "deviations, errors or the like. Choose the surfaces."
            )
        grid = grid_of(surfaces[0], job.feedback)
        source, field = job.source("ZONES"), job.value("NAME_FIELD")
        read = read_polygons(source, field, grid.crs, job.transforms, job.feedback)
        zones = [
            {"name": name or f"(polygon {number})", "geometry": shape}
            for number, (name, shape) in enumerate(read, 1)
        ]
        unnamed = sum(not name for name, _ in read) if field else 0
        if unnamed:
            job.feedback.pushWarning(
                f"Polygons without a name in {field}, called by their number in the layer: "
                f"{unnamed}."
            )
        (job.folder / ZONES).write_text(json.dumps(zones), encoding="utf-8")
        points = None
        if job.optional_source("PS_POINTS"):
            if not job.value("VALUE_FIELD"):
                raise QgsProcessingException(
                    "PS_POINTS are given without the VALUE_FIELD of their displacement. Give both, "
                    "or no points."
                )
            points = job.points(grid.crs)
        given = job.values("POSITIVE")
        given["thresholds"] = _thresholds(job.value("THRESHOLDS"), given["positive"])
        return job.request(grid, surfaces, points, zones=ZONES, parameters=given)


def _thresholds(text: str | None, positive: str) -> list[float]:
    if not text:
        return [50.0, 100.0] if positive == "subsidence" else [-50.0, -100.0]
    try:
        limits = read_numbers(text)
    except ValueError:
        limits = [0.0]
    if not all(0 < abs(limit) < float("inf") for limit in limits):
        raise QgsProcessingException(
            f"THRESHOLDS was '{text}'. Give displacements in millimetres other than 0, such as "
            "-50, -100."
        )
    return list(dict.fromkeys(limits))
