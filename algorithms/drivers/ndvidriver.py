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
        "Derives vegetation from red and near-infrared reflectance of one or several dates: the "
        "mean NDVI = (NIR - red) / (NIR + red), and its mean annual change, the slope of each "
        "cell's least-squares line over time. Scenes of the same season compare best. Negative "
        "reflectance counts as 0; where red and near-infrared are both 0 there is no NDVI."
    )
    TASK = "ndvi"

    def parameters(self):
        return [
            makers.rasters(
                "RED",
                "Red",
                "The red band of each date: band 4 of Landsat 8 and 9, band 3 of Landsat 4 to 7, "
                "B04 of Sentinel-2.",
            ),
            makers.rasters(
                "NIR",
                "Near infrared",
                "The near-infrared band of each date: band 5 of Landsat 8 and 9, band 4 of Landsat "
                "4 to 7, B08 of Sentinel-2. Bands of one date are found by the date in the layers' "
                "names, or by their order if there is none.",
            ),
            makers.choice(
                "PRODUCT",
                "Product",
                "What the rasters hold. reflectance: 0 to 1. landsat_c2l2: digital numbers of "
                "Landsat Collection 2 Level 2 (times 0.0000275, minus 0.2; 0 is NoData). "
                "sentinel2_l2a: digital numbers of Sentinel-2 Level 2A of processing baseline "
                "04.00 and later (minus 1000, over 10000; 0 is NoData). sentinel2_l2a_before_2022: "
                "those of earlier baselines (over 10000; 0 is NoData). One run takes one product.",
                ["reflectance", "landsat_c2l2", "sentinel2_l2a", "sentinel2_l2a_before_2022"],
                "reflectance",
            ),
            makers.rasters(
                "CLOUD_MASK",
                "Cloud masks",
                "One for each date: QA_PIXEL of Landsat, SCL of Sentinel-2, or a raster of your "
                "own. Empty: all cells count.",
                optional=True,
            ),
            makers.words(
                "MASK_VALUES",
                "Values of the masks that do not count",
                "Whole numbers separated by commas; for landsat_c2l2 bits of QA_PIXEL instead. "
                "Empty: fill, dilated cloud, cirrus, cloud and cloud shadow for landsat_c2l2 "
                "(0, 1, 2, 3, 4); no data, saturated, shadow, cloud and cirrus for Sentinel-2 "
                "(0, 1, 3, 8, 9, 10); all but 0 for reflectance.",
                advanced=True,
            ),
            makers.words(
                "DATES",
                "Dates",
                "The day of each layer of RED, in order, as YYYY-MM-DD and separated by commas. "
                "Empty: the first YYYYMMDD or YYYY-MM-DD in the layer's name, which in the names "
                "of Landsat and Sentinel-2 is the day it was taken.",
            ),
            *shared.working_area("first red raster", "all rasters cover", points=""),
            makers.raster_output(
                "NDVI",
                "NDVI",
                "Mean over the dates on which a cell can be used, -1 to 1.",
                optional=True,
            ),
            makers.raster_output(
                "NDVI_CHANGE",
                "Annual change of NDVI",
                "Per year; needs at least two dates. Cells that can be used on fewer are NoData.",
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
        _tell_lattices(rasters, job.feedback)
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


def _tell_lattices(rasters: dict, feedback) -> None:
    first = rasters["RED"][0]
    others = [
        each.name
        for found in rasters.values()
        for each in found
        if (each.crs, each.band.GetGeoTransform()) != (first.crs, first.band.GetGeoTransform())
    ]
    if others:
        feedback.pushInfo(
            f"Not on the cells of {first.name}, and aligned to the working grid (bands bilinearly, "
            f"masks by the nearest cell): {', '.join(others)}."
        )
