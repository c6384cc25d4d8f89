"""Which pixels of a stack of radar images are stable."""

from __future__ import annotations

from .. import base
from ..layers.grids import shared_grid
from ..layers.warp import link_drivers
from ..parameters import makers


class AmplitudeDispersion(base.SubsidenceAlgorithm):
    """The amplitude dispersion index, and the candidates for persistent scatterers."""

    NAME = "amplitudedispersion"
    TITLE = "Amplitude dispersion"
    GROUP_ID = "points"
    TAGS = ["ps", "insar", "sar", "amplitude", "candidates", "permanent scatterers", "subsidence"]
    HELP = (
        "Finds candidates for persistent scatterers in a stack of co-registered radar images. "
        "These are pixels whose amplitude hardly changes over time. The amplitude dispersion index "
        "is the standard deviation of a pixel's amplitude divided by its mean (Ferretti, Prati and "
        "Rocca 2001). For bright pixels it approximates the phase noise in radians. Give 15 or "
        "more images. Zero counts as NoData, and a pixel without an amplitude in any image has "
        "no index."
    )
    TASK = "dispersion"
    NUMBERS = {"COUNT": "Number of candidates"}

    def parameters(self):
        return [
            makers.rasters(
                "IMAGES",
                "Amplitude images",
                "Co-registered radar images on one grid, in any CRS. Each band of each layer is an "
                "image. The magnitude of complex images is used.",
            ),
            makers.choice(
                "TYPE",
                "Values are",
                "amplitude: unchanged. intensity: power, whose square root is the amplitude. "
                "decibel: power in decibels. This does not matter for complex images.",
                ["amplitude", "intensity", "decibel"],
                "amplitude",
            ),
            makers.choice(
                "CALIBRATION",
                "Radiometric correction",
                "mean: each image is scaled so that all images have the same mean amplitude over "
                "their common pixels. A brighter image is then no change of each pixel. none: the "
                "images are already comparable.",
                ["mean", "none"],
                "mean",
            ),
            makers.number(
                "THRESHOLD",
                "Maximum amplitude dispersion",
                "Pixels with at most this index are candidates. Usual limits are 0.2 to 0.4.",
                0.25,
                low=0,
            ),
            makers.raster_output(
                "DISPERSION",
                "Amplitude dispersion",
                "Band 1: amplitude dispersion index. Band 2: mean amplitude in the unit of the "
                "images.",
            ),
            makers.vector_output(
                "CANDIDATES",
                "Candidates",
                "A GeoPackage of points at the centres of the candidates' pixels, in the images' "
                "CRS. Fields: ps_id (row_column, counted from 0), amplitude_dispersion and "
                "mean_amplitude.",
                optional=True,
            ),
        ]

    def request(self, job):
        images = job.rasters("IMAGES")
        return job.request(
            shared_grid(images),
            images=link_drivers(images, job.folder, "images"),
            parameters=job.values("TYPE", "CALIBRATION", "THRESHOLD"),
        )
