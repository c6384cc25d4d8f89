"""Which pixels of a stack of radar images are stable."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from .. import base, layers
from ..parameters import makers


class AmplitudeDispersion(base.SubsidenceAlgorithm):
    """The amplitude dispersion index, and the candidates for persistent scatterers."""

    NAME = "amplitudedispersion"
    TITLE = "Amplitude dispersion"
    GROUP_ID = "points"
    TAGS = ["ps", "insar", "sar", "amplitude", "candidates", "permanent scatterers", "subsidence"]
    HELP = (
        "Finds candidates for persistent scatterers in a stack of co-registered radar images: "
        "pixels whose amplitude hardly changes over time. The amplitude dispersion index is the "
        "standard deviation of a pixel's amplitude divided by its mean (Ferretti, Prati and Rocca "
        "2001); for bright pixels it approximates the noise of the phase in radians. Wants at "
        "least 15 images. Zero counts as NoData, and a pixel that lacks an amplitude in any image "
        "has no index."
    )
    TASK = "dispersion"
    NUMBERS = {"COUNT": "Number of candidates"}

    def parameters(self):
        return [
            makers.rasters(
                "IMAGES",
                "Amplitude images",
                "Co-registered radar images on one grid, in any CRS; every band of every layer is "
                "one image. Complex images give their magnitude.",
            ),
            makers.choice(
                "TYPE",
                "Values are",
                "amplitude: as it is. intensity: power, whose square root is the amplitude. "
                "decibel: power in decibels. Complex images need no choice.",
                ["amplitude", "intensity", "decibel"],
                "amplitude",
            ),
            makers.choice(
                "CALIBRATION",
                "Radiometric correction",
                "mean: each image is divided by its mean amplitude over the pixels that all images "
                "have, relative to the whole stack's, so that a brighter image does not pass for a "
                "change of each pixel. none: the images are comparable as they are.",
                ["mean", "none"],
                "mean",
            ),
            makers.number(
                "THRESHOLD",
                "Highest amplitude dispersion",
                "Pixels with at most this index are candidates; usual limits are 0.2 to 0.4.",
                0.25,
                low=0,
            ),
            makers.raster_output(
                "DISPERSION",
                "Amplitude dispersion",
                "Two bands: the amplitude dispersion index, and the mean amplitude in the unit of "
                "the images.",
            ),
            makers.vector_output(
                "CANDIDATES",
                "Candidates",
                "A GeoPackage of points at the centres of the candidates' pixels, in the images' "
                "CRS, with the fields ps_id (row_column, counted from 0), amplitude_dispersion and "
                "mean_amplitude.",
                optional=True,
            ),
        ]

    def request(self, job):
        images = job.rasters("IMAGES")
        return job.request(
            _shared_grid(images),
            images=layers.link_drivers(images, job.folder, "images"),
            parameters=job.values("TYPE", "CALIBRATION", "THRESHOLD"),
        )


def _shared_grid(images: list[layers.Driver]) -> layers.Grid:
    """The grid of co-registered images, in any CRS.

    Raises
    ------
    QgsProcessingException
        If an image is on another one, or is rotated; the message says which, and how.
    """
    first, grid = images[0], _grid(images[0])
    for image in images[1:]:
        other = _grid(image)
        difference = _difference(grid, other)
        if difference:
            raise QgsProcessingException(
                f"The images do not share one grid: {image.name} {difference} {first.name}. "
                "Co-register the images, or resample them to one grid, first."
            )
    return grid


def _grid(image: layers.Driver) -> layers.Grid:
    left, dx, x_skew, top, y_skew, dy = image.band.GetGeoTransform()
    if x_skew or y_skew:
        raise QgsProcessingException(
            f"The image {image.name} is rotated. Warp the images to one north-up grid first."
        )
    return layers.Grid(
        image.crs, left, top, dx, -dy, image.band.RasterXSize, image.band.RasterYSize
    )


def _difference(first: layers.Grid, other: layers.Grid) -> str:
    """How another grid differs, in words that lead up to the first image's name."""
    if other.crs != first.crs:
        return f"is in {layers.title(other.crs)}, not in {layers.title(first.crs)} like"
    if (other.width, other.height) != (first.width, first.height):
        return f"has {other.width} x {other.height} cells, not {first.width} x {first.height} like"
    # Headers are rounded; what adds up to less than a hundredth of a cell is no difference.
    columns, rows = other.dx / first.dx * first.width, other.dy / first.dy * first.height
    if max(abs(columns - first.width), abs(rows - first.height)) > 0.01:
        return (
            f"has cells of {other.dx:.9g} x {other.dy:.9g}, not {first.dx:.9g} x {first.dy:.9g} "
            "like"
        )
    shift = max(abs((other.left - first.left) / first.dx), abs((other.top - first.top) / first.dy))
    return f"lies {shift:.3g} cells away from" if shift > 0.01 else ""
