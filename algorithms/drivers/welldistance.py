"""Distance to wells and their density."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from .. import base
from ..layers.vectors import save_table
from ..parameters import makers, shared


class WellDistance(base.SubsidenceAlgorithm):
    """Where water is pumped."""

    NAME = "welldistance"
    TITLE = "Distance to wells"
    GROUP_ID = "drivers"
    TAGS = ["well", "distance", "proximity", "density", "kernel", "pumping", "discharge", "driver"]
    HELP = (
        "Makes two driving forces from a layer of wells. One is the distance from each cell's "
        "centre to the nearest well. The other is the density of wells, or of their discharge."
    )
    TASK = "wells"

    def parameters(self):
        return [
            makers.vector(
                "WELLS",
                "Wells",
                "A point layer in any CRS. The parts of a multipoint are wells of their own. Wells "
                "outside the map's area are used too, because the nearest well may be one of them. "
                "Wells at the same place count separately in the density.",
            ),
            makers.field(
                "FILTER_FIELD",
                "Filter field",
                "The field that selects wells, for instance whether a well is active. Empty: all "
                "wells are used.",
                "WELLS",
            ),
            makers.words(
                "FILTER_VALUES",
                "Filter values",
                "The values of FILTER_FIELD whose wells are used, separated by semicolons. Upper "
                "and lower case are the same. Example: active; in use. Empty: all values except 0, "
                "false, f, no, n and empty ones.",
            ),
            makers.field(
                "WEIGHT_FIELD",
                "Weight field",
                "A field of non-negative numbers, such as the discharge, whose density is mapped. "
                "Wells without a number are used for the distance only. Empty: each well has the "
                "weight 1.",
                "WELLS",
                numeric=True,
            ),
            makers.number(
                "BANDWIDTH",
                "Bandwidth (m)",
                "The radius, in metres, of the quartic kernel of the density.",
                2000.0,
                low=0.001,
            ),
            *shared.working_area(from_rasters="", points="wells"),
            makers.raster_output(
                "DISTANCE",
                "Distance to the nearest well",
                "In metres, from each cell's centre.",
            ),
            makers.raster_output(
                "DENSITY",
                "Density of wells",
                "Wells per km2, or the unit of WEIGHT_FIELD per km2. The sum over the plane is the "
                "number of wells, or the sum of their weights.",
                optional=True,
            ),
        ]

    def request(self, job):
        grid = job.grid(places="WELLS")
        given = job.values("FILTER_FIELD", "FILTER_VALUES", "WEIGHT_FIELD", "BANDWIDTH")
        if "filter_values" in given and "filter_field" not in given:
            raise QgsProcessingException(
                "FILTER_VALUES is given without FILTER_FIELD. Give FILTER_FIELD too."
            )
        fields = {given[name] for name in ("filter_field", "weight_field") if name in given}
        wells = job.table("WELLS", sorted(fields), grid.crs)
        file = save_table(wells, job.folder, "wells")
        return job.request(grid, wells=file, parameters=given)
