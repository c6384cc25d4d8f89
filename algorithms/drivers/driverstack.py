"""Driving forces in one file."""

from __future__ import annotations

from qgis.core import QgsProcessingException, QgsProcessingUtils

from .. import base
from ..layers.warp import stack_drivers
from ..parameters import makers, shared

SUFFIXES = {"geotiff": (".tif", ".tiff"), "vrt": (".vrt",)}


class DriverStack(base.SubsidenceAlgorithm):
    """Any rasters as the bands of one, on one grid."""

    NAME = "driverstack"
    TITLE = "Driver stack"
    GROUP_ID = "drivers"
    TAGS = ["stack", "drivers", "bands", "merge", "align", "vrt", "correlation", "statistics"]
    HELP = (
        "Resamples any rasters to one grid, as the bands of one file. You can add climate, bedrock "
        "depth or soil to terrain, water and land use. Each band keeps its name and its kind, so "
        "you can give the stack as the only layer of DRIVERS. The report describes each band and "
        "shows which bands are correlated."
    )
    TASK = "stack"
    LAYER_FILES = {"rasterDestination": ("GeoTIFF or VRT", (".tif", ".tiff", ".vrt"))}

    def parameters(self):
        return [
            shared.drivers(),
            makers.words(
                "NAMES",
                "New names",
                "Names of the bands, separated by commas: one for each in order, or old=new for "
                "some. Empty: the names of the layers. Use the new names in CATEGORICAL, CIRCULAR "
                "and NODATA.",
            ),
            makers.choice(
                "FORMAT",
                "Format",
                "geotiff: a copy of all cells, which reads fast. vrt: a small file that refers to "
                "the drivers; its name ends in .vrt. The drivers must stay where they are, so do "
                "not give temporary layers.",
                list(SUFFIXES),
                "geotiff",
            ),
            *shared.driver_kinds(),
            *shared.working_area(points=""),
            makers.raster_output(
                "STACK",
                "Driver stack",
                "A raster with a band for each driver, with its name and kind.",
            ),
            shared.report_output(
                "Statistics and valid share of each band, classes, and the correlation matrix, as "
                "an HTML page."
            ),
        ]

    def request(self, job):
        chosen = job.value("FORMAT")
        _check_name(job, SUFFIXES[chosen])
        drivers = job.drivers(names=job.value("NAMES") or "")
        grid = job.grid(drivers)
        if chosen == "geotiff":
            return job.request(grid, drivers, parameters={"format": chosen})
        linked = stack_drivers(drivers, grid, job.folder / "stack.vrt", job.feedback)
        return {**job.request(grid, parameters={"format": chosen}), "drivers": linked}


def _check_name(job, suffixes: tuple) -> None:
    place = job.algorithm.parameterAsFileOutput(job.parameters, "STACK", job.context)
    # QGIS names temporary files itself, .tif; GDAL goes by what is in them.
    if place.startswith(QgsProcessingUtils.tempFolder()) or place.lower().endswith(suffixes):
        return
    raise QgsProcessingException(
        f"STACK is {place}, but FORMAT {job.value('FORMAT')} needs a name that ends in "
        f"{suffixes[0]}. Change one of them."
    )
