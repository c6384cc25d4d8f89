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
        "Makes two driving forces from a layer of wells: the distance from each cell's centre to "
        "the nearest well, and the density of wells or of what they pump."
    )
    TASK = "wells"

    def parameters(self):
        return [
            makers.vector(
                "WELLS",
                "Wells",
                "A point layer in any CRS; multipoints count as their points. Wells outside the "
                "map's area count too, since the nearest well may be one of them. Wells at one "
                "place are several wells for the density.",
            ),
            makers.field(
                "FILTER_FIELD",
                "Field that says which wells count",
                "For instance whether a well is active. Empty: all wells count.",
                "WELLS",
            ),
            makers.words(
                "FILTER_VALUES",
                "Values of the wells that count",
                "Values of FILTER_FIELD, separated by semicolons, in upper or lower case, for "
                "instance active; in use. Empty: all values count except 0, false, f, no, n and "
                "empty ones.",
            ),
            makers.field(
                "WEIGHT_FIELD",
                "Weight field",
                "A field of numbers that are not negative, such as the discharge, whose density is "
                "mapped. A well without a number there counts for the distance only. Empty: each "
                "well counts as 1.",
                "WELLS",
                numeric=True,
            ),
            makers.number(
                "BANDWIDTH",
                "Bandwidth (m)",
                "How far a well reaches in the density, in metres: the radius of the quartic "
                "kernel.",
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
                "Wells per km2, or the unit of WEIGHT_FIELD per km2. Summed over the plane it is "
                "the number of wells, or the sum of their weights.",
                optional=True,
            ),
        ]

    def request(self, job):
        grid = job.grid(places="WELLS")
        given = job.values("FILTER_FIELD", "FILTER_VALUES", "WEIGHT_FIELD", "BANDWIDTH")
        if "filter_values" in given and "filter_field" not in given:
            raise QgsProcessingException(
                "FILTER_VALUES says which wells count, but not by which field. Give FILTER_FIELD."
            )
        fields = {given[name] for name in ("filter_field", "weight_field") if name in given}
        wells = job.table("WELLS", sorted(fields), grid.crs)
        file = save_table(wells, job.folder, "wells")
        return job.request(grid, wells=file, parameters=given)
