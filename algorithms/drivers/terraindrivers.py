"""The driving forces that a DEM holds."""

from __future__ import annotations

from .. import base
from ..layers.crs import is_metric, title
from ..layers.driver import Driver
from ..layers.grids import Grid
from ..layers.warp import warp_drivers
from ..layers.working_grid import common_area
from ..parameters import makers, shared

TERRAIN = "terrain"
MAX_CELLS = 100_000_000  # of the flow, which takes 90 bytes of memory for each


class TerrainDrivers(base.SubsidenceAlgorithm):
    """Elevation, slope, aspect, SPI and TWI."""

    NAME = "terraindrivers"
    TITLE = "Terrain drivers"
    GROUP_ID = "drivers"
    TAGS = [
        "dem",
        "elevation",
        "slope",
        "aspect",
        "spi",
        "stream power",
        "twi",
        "wetness",
        "driver",
    ]
    HELP = (
        "Derives five driving forces from a DEM: elevation, slope, aspect, stream power index and "
        "topographic wetness index. SPI = a tan(b) and TWI = ln(a / tan(b)), where b is the slope "
        "and a the specific upslope area in m2 per m. The specific upslope area is the area that "
        "drains through a cell, itself included, divided by the cell size. Flow is computed over "
        "the whole DEM, also beyond the map. Area beyond the DEM is not counted, so give a DEM "
        "that contains the catchments of the map's rivers. Cells without a height are NoData in "
        "all outputs, and water that flows into them is lost."
    )
    TASK = "terrain"

    def parameters(self):
        return [
            makers.raster(
                "DEM",
                "DEM",
                "Heights in metres, in the first band. A DEM in degrees is first projected to the "
                "map's grid in metres.",
            ),
            makers.choice(
                "FLOW",
                "Flow routing",
                "dinf: water flows to one or two neighbours along the steepest direction "
                "(Tarboton, 1997), which keeps valleys sharp. mfd: water flows to all lower "
                "neighbours (Freeman, 1991), which is smoother on slopes.",
                ["dinf", "mfd"],
                "dinf",
            ),
            makers.choice(
                "DEPRESSIONS",
                "Depressions",
                "How depressions without an outlet are removed. breach: a channel of at most 10 "
                "cells is cut through the rim, and other depressions are filled. This changes the "
                "DEM as little as possible. fill: depressions are filled up to their rim. "
                "ELEVATION, SLOPE and ASPECT always show the unchanged DEM.",
                ["breach", "fill"],
                "breach",
            ),
            makers.number(
                "SLOPE_FLOOR",
                "Minimum slope (degrees)",
                "SPI and TWI use this slope for flatter cells, so that TWI stays finite on plains.",
                0.1,
                low=0.0001,
                high=45,
                advanced=True,
            ),
            *shared.working_area("DEM", "the DEM covers", points=""),
            shared.nodata(),
            makers.raster_output("ELEVATION", "Elevation", "Metres, as in the DEM.", optional=True),
            makers.raster_output(
                "SLOPE", "Slope", "In degrees, from eight neighbours (Horn, 1981).", optional=True
            ),
            makers.raster_output(
                "ASPECT",
                "Aspect",
                "The direction that a slope faces, in degrees clockwise from north. Level cells "
                "are NoData.",
                optional=True,
            ),
            makers.raster_output(
                "SPI", "Stream power index", "SPI = a tan(b), in m2 per m.", optional=True
            ),
            makers.raster_output(
                "TWI",
                "Topographic wetness index",
                "TWI = ln(a / tan(b)), a in m2 per m.",
                optional=True,
            ),
        ]

    def request(self, job):
        dem = job.rasters("DEM")[0]
        grid = job.grid([dem])
        if not is_metric(dem.crs):
            job.feedback.pushInfo(
                f"{dem.name} is in {title(dem.crs)}, not in metres: it is projected to "
                f"{title(grid.crs)}."
            )
        area = _whole(dem, grid, job)
        (warped,) = warp_drivers([dem], area, job.folder, job.feedback, TERRAIN)
        return job.request(
            grid,
            area=area.to_request(),
            elevation=warped["file"],
            parameters=job.values("FLOW", "DEPRESSIONS", "SLOPE_FLOOR"),
        )


def _whole(dem: Driver, grid: Grid, job) -> Grid:
    """The map's cells over all of the DEM, since water comes from beyond the map."""
    covered = common_area([dem], grid.crs, job.transforms)
    covered.combineExtentWith(grid.extent)
    if covered.area() > MAX_CELLS * grid.dx * grid.dy:
        job.feedback.pushWarning(
            "The DEM has too many cells to compute the flow over all of it, so area beyond the map "
            "is not counted. Give a DEM of the map's catchments only."
        )
        return grid
    area = grid.over(covered, outward=False)
    if area != grid:
        job.feedback.pushInfo(f"Flow is computed over the whole DEM: {area}.")
    return area
