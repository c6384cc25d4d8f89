"""Vegetation as a driving force."""

from __future__ import annotations

from .. import base
from ..layers.warp import warp_drivers
from ..parameters import makers, shared

BANDS = {"RED": "red", "NIR": "nir", "CLOUD_MASK": "mask"}


class NdviDriver(base.SubsidenceAlgorithm):
    """Mean NDVI and its trend."""

    NAME = "ndvidriver"
    TITLE = "NDVI"
    GROUP_ID = "drivers"
    TAGS = ["ndvi", "vegetation", "landsat", "sentinel-2", "red", "infrared", "trend", "driver"]
    HELP = (
        "Derives vegetation from red and near-infrared reflectance of one or several dates. The "
        "outputs are the mean NDVI = (NIR - red) / (NIR + red) and its mean annual change. The "
        "change is the slope of each cell's least-squares line over time. Use scenes of the same "
        "season. Negative reflectance counts as 0. Cells where red and near-infrared are both 0 "
        "have no NDVI."
    )
    TASK = "ndvi"

    def parameters(self):
        return [
            makers.rasters(
                "RED",
                "Red",
                "The red band of each date. It is band 4 of Landsat 8 and 9, band 3 of Landsat 4 "
                "to 7, and B04 of Sentinel-2.",
            ),
            makers.rasters(
                "NIR",
                "Near infrared",
                "The near-infrared band of each date. It is band 5 of Landsat 8 and 9, band 4 of "
                "Landsat 4 to 7, and B08 of Sentinel-2. The bands of a date are matched by the "
                "date in the layers' names, or by their order if there is none.",
            ),
            makers.choice(
                "PRODUCT",
                "Product",
                "The kind of values, the same for all rasters. reflectance: 0 to 1. landsat_c2l2: "
                "digital numbers of Landsat Collection 2 Level 2 (times 0.0000275, minus 0.2; 0 is "
                "NoData). sentinel2_l2a: digital numbers of Sentinel-2 Level 2A, processing "
                "baseline 04.00 and later (minus 1000, over 10000; 0 is NoData). "
                "sentinel2_l2a_before_2022: those of earlier baselines (over 10000; 0 is NoData).",
                ["reflectance", "landsat_c2l2", "sentinel2_l2a", "sentinel2_l2a_before_2022"],
                "reflectance",
            ),
            makers.rasters(
                "CLOUD_MASK",
                "Cloud masks",
                "One mask for each date: QA_PIXEL of Landsat, SCL of Sentinel-2, or a raster of "
                "your own. Empty: no cell is masked.",
                optional=True,
            ),
            makers.words(
                "MASK_VALUES",
                "Masked values",
                "Values of the masks that are removed: whole numbers, or bits of QA_PIXEL for "
                "landsat_c2l2, separated by commas. Empty, landsat_c2l2: fill, dilated cloud, "
                "cirrus, cloud and cloud shadow (0, 1, 2, 3, 4). Empty, Sentinel-2: no data, "
                "saturated, shadow, cloud and cirrus (0, 1, 3, 8, 9, 10). Empty, reflectance: all "
                "but 0.",
                advanced=True,
            ),
            makers.words(
                "DATES",
                "Dates",
                "The date of each layer of RED, in order, as YYYY-MM-DD, separated by commas. "
                "Empty: the first YYYYMMDD or YYYY-MM-DD in the layer's name. In the names of "
                "Landsat and Sentinel-2 that is the day of acquisition.",
            ),
            *shared.working_area("first red raster", "all rasters cover", points=""),
            makers.raster_output(
                "NDVI",
                "NDVI",
                "Mean over the dates on which a cell is valid, from -1 to 1.",
                optional=True,
            ),
            makers.raster_output(
                "NDVI_CHANGE",
                "Annual change of NDVI",
                "Change per year. Cells that are valid on fewer than two dates are NoData.",
                optional=True,
            ),
        ]

    def request(self, job):
        # Imported here, because loading the plugin must stay fast.
        from ...model.drivers.scenes import match

        rasters = {name: job.rasters(name) for name in BANDS if job.sources.get(name)}
        names = {name: [each.name for each in found] for name, found in rasters.items()}
        days, order = match(names, job.value("DATES") or "")
        rasters = {name: [found[i] for i in order[name]] for name, found in rasters.items()}
        _set_nodata(rasters, job.value("PRODUCT"))
        grid = job.grid([each for found in rasters.values() for each in found])
        _log_other_grids(rasters, job.feedback)
        scenes = [{"name": red.name, "day": day} for red, day in zip(rasters["RED"], days)]
        for name, found in rasters.items():
            files = warp_drivers(
                found, grid, job.folder, job.feedback, BANDS[name], may_be_empty=True
            )
            for scene, warped in zip(scenes, files):
                scene[BANDS[name]] = warped["file"]
        return job.request(grid, scenes=scenes, parameters=job.values("PRODUCT", "MASK_VALUES"))


def _set_nodata(rasters: dict, product: str) -> None:
    for name, found in rasters.items():
        for each in found:
            band = each.band.GetRasterBand(1)
            if name == "CLOUD_MASK":
                each.kind = "categorical"
                band.DeleteNoDataValue()  # 0 is often both "clear" and NoData
            elif product != "reflectance":
                band.SetNoDataValue(0)  # before neighbours are averaged


def _log_other_grids(rasters: dict, feedback) -> None:
    first = rasters["RED"][0]
    others = [
        each.name
        for found in rasters.values()
        for each in found
        if (each.crs, each.band.GetGeoTransform()) != (first.crs, first.band.GetGeoTransform())
    ]
    if others:
        feedback.pushInfo(
            "Resampled to the working grid, bands bilinearly and masks by the nearest cell, "
            f"because they are not on the cells of {first.name}: {', '.join(others)}."
        )
