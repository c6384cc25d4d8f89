"""The water table and its change from piezometers."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from ...model.dates import find_dates
from .. import base
from ..layers.vectors import save_table
from ..parameters import interpolation, makers, shared

_FIELDS = ("ID_FIELD", "DATE_FIELD", "LEVEL_FIELD")

LEVEL_IS = ["elevation", "depth"]
CHANGE_IS = ["between_dates", "trend_per_year"]


class WaterTable(base.SubsidenceAlgorithm):
    """From readings of piezometers to maps, by ordinary kriging."""

    NAME = "watertable"
    TITLE = "Water table"
    GROUP_ID = "drivers"
    TAGS = ["water table", "piezometer", "groundwater", "kriging", "variogram", "head", "driver"]
    HELP = (
        "Maps the water table from the readings of piezometers, by ordinary kriging with a fitted "
        "variogram. It maps the level at a date or its mean, and the change between two dates or "
        "the trend per year. Each has its standard deviation. Series may have gaps. A piezometer "
        "with a single reading is used for the water table, but not for the change. The log counts "
        "what is skipped, and the report says why."
    )
    TASK = "watertable"

    def parameters(self):
        return [*_readings(), *_quantities(), *_kriging(), *_outputs()]

    def request(self, job):
        grid = job.grid(places="PIEZOMETERS")
        fields = {name: job.value(name) for name in _FIELDS}
        holder, rows = "PIEZOMETERS", fields
        if job.optional_source("READINGS"):
            holder = "READINGS"
            rows = {name: job.value(f"READINGS_{name}") or fields[name] for name in _FIELDS}
        _check(holder, fields, rows)
        columns = [field for field in rows.values() if field]
        if not rows["DATE_FIELD"]:
            columns += _dates(job.source(holder))
        more = {}
        if holder == "READINGS":
            readings = job.table("READINGS", columns)
            more["readings"] = save_table(readings, job.folder, "readings")
            columns = [fields["ID_FIELD"]]
        places = job.table("PIEZOMETERS", columns, grid.crs)
        more["piezometers"] = save_table(places, job.folder, "piezometers")
        parameters = {
            **{name.lower(): field for name, field in rows.items() if field},
            **job.values("LEVEL_IS", "DATE", "START", "END", "CHANGE_IS", "TOLERANCE", "VARIOGRAM"),
            **job.values("ID_FIELD"),
            **({"readings_id_field": rows["ID_FIELD"]} if "readings" in more else {}),
        }
        return job.request(grid, **more, parameters=parameters)


def _dates(source) -> list[str]:
    """The columns that are dates: whatever else a wide table holds may be long."""
    names = source.fields().names()
    dates = list(find_dates(names).values())
    if not dates:
        raise QgsProcessingException(
            f"The layer {source.sourceName()} has no columns named by dates, such as D20141009, "
            f"20141009 or 2014-10-09. Give DATE_FIELD; the layer has {', '.join(sorted(names))}."
        )
    return dates


def _check(holder: str, fields: dict, rows: dict) -> None:
    if holder == "READINGS" and not fields["ID_FIELD"]:
        raise QgsProcessingException(
            "READINGS is given without ID_FIELD, which identifies the piezometer of a reading. "
            "Give ID_FIELD, and READINGS_ID_FIELD if READINGS has another name for it."
        )
    if bool(rows["DATE_FIELD"]) != bool(rows["LEVEL_FIELD"]):
        raise QgsProcessingException(
            "Of DATE_FIELD and LEVEL_FIELD only one is given. Give both for one row per reading, "
            "none for one column per date."
        )


def _readings():
    in_table = "The same field in READINGS, if it has another name there. Empty: as {}."
    return [
        makers.vector(
            "PIEZOMETERS",
            "Piezometers",
            "A point layer in any CRS. It holds the piezometers, with their readings in READINGS, "
            "or the readings themselves: one row per reading or one column per date.",
        ),
        makers.field(
            "ID_FIELD",
            "Field that identifies a piezometer",
            "The name or number of a piezometer. Empty: its position identifies it.",
            "PIEZOMETERS",
        ),
        makers.field(
            "DATE_FIELD",
            "Date field",
            "For one row per reading: a date, or a text such as 2014-10-09 or 20141009. Day-month "
            "and month-day orders are read if the column as a whole shows which it is. Empty: one "
            "column per date, named like D20141009, 20141009 or 2014-10-09.",
            "PIEZOMETERS",
        ),
        makers.field(
            "LEVEL_FIELD",
            "Level field",
            "For one row per reading: the level in metres, as a number or a text with a decimal "
            "point. Rows without a level are gaps.",
            "PIEZOMETERS",
        ),
        makers.vector(
            "READINGS",
            "Table of readings",
            "A table, with or without geometry, whose rows belong to the piezometers with the same "
            "id. A number and the same number as text are equal. You can choose a text file if its "
            "name ends in .csv. Load others by Layer > Add Layer > Add Delimited Text Layer. "
            "Empty: PIEZOMETERS holds the readings.",
            "any",
            optional=True,
        ),
        *(
            makers.field(f"READINGS_{name}", title, in_table.format(name), "READINGS")
            for name, title in (
                ("ID_FIELD", "Field in READINGS that identifies a piezometer"),
                ("DATE_FIELD", "Date field in READINGS"),
                ("LEVEL_FIELD", "Level field in READINGS"),
            )
        ),
    ]


def _quantities():
    return [
        makers.choice(
            "LEVEL_IS",
            "Levels are",
            "elevation: metres above a datum. depth: metres below the ground, positive downwards; "
            "the water table is then mapped as a depth. In both cases a negative change is a "
            "falling water table.",
            LEVEL_IS,
            "elevation",
        ),
        makers.date(
            "DATE",
            "Date of the water table",
            "The date of the map. Each series is interpolated between the readings before and "
            "after it. Empty: the mean of all readings from START to END.",
        ),
        makers.date(
            "START",
            "Start",
            "First date of the mean, the change and the trend. Empty: the first of all readings.",
        ),
        makers.date(
            "END",
            "End",
            "Last date of the mean, the change and the trend. Empty: the last of all readings.",
        ),
        makers.choice(
            "CHANGE_IS",
            "Change is",
            "between_dates: the level at END minus that at START, in metres; positive is a rise. "
            "trend_per_year: the Theil-Sen slope of all readings between them, in metres per year. "
            "It is robust against gaps and outliers.",
            CHANGE_IS,
            "between_dates",
        ),
        makers.number(
            "TOLERANCE",
            "Tolerance (days)",
            "The maximum number of days before the first or after the last reading for which that "
            "reading is still used. Beyond it the piezometer is skipped.",
            90.0,
            low=0.0,
        ),
    ]


def _kriging():
    return [
        *shared.working_area(from_rasters="", points="piezometers"),
        interpolation.variogram("piezometers", advanced=True),
    ]


def _outputs():
    return [
        makers.raster_output(
            "WATER_TABLE",
            "Water table",
            "In metres, as LEVEL_IS says. Band 2: kriging standard deviation.",
            optional=True,
        ),
        makers.raster_output(
            "CHANGE",
            "Change of the water table",
            "In metres, or metres per year; positive is a rise. Band 2: kriging standard "
            "deviation.",
            optional=True,
        ),
        shared.report_output(
            "The variogram, the leave-one-out errors, and each piezometer with its value or the "
            "reason why it was skipped, as an HTML page."
        ),
    ]
