"""Land use as a driving force."""

from __future__ import annotations

import json

from qgis.core import QgsProcessingException

from .. import base
from ..layers.vectors import read_polygons
from ..parameters import makers, shared

TRAINING = "training.json"


class LandUseDriver(base.SubsidenceAlgorithm):
    """Classifies an image, or puts the classes of a map together."""

    NAME = "landusedriver"
    TITLE = "Land use"
    GROUP_ID = "drivers"
    TAGS = [
        "land use",
        "land cover",
        "classification",
        "random forest",
        "k-means",
        "reclassify",
        "worldcover",
        "corine",
        "driver",
    ]
    HELP = (
        "Makes a map of land use: from a multi-band image, with training polygons (random forest) "
        "or without (k-means), or from an existing map whose codes are put together by a table. "
        "The result holds classes with names and colours, and is taken as categorical wherever "
        "drivers are given."
    )
    TASK = "landuse"
    NUMBERS = {
        "CLASSES": "Number of classes on the map",
        "OOB_ACCURACY": "Out-of-bag accuracy of the forest, 0 to 1",
        "POLYGON_ACCURACY": "Accuracy with whole polygons held out, 0 to 1",
    }

    def parameters(self):
        return [
            makers.raster(
                "IMAGE",
                "Image or map",
                "METHOD forest and kmeans: an image of any number of bands, such as reflectances. "
                "METHOD reclassify: a map of classes, in its first band.",
            ),
            makers.choice(
                "METHOD",
                "Method",
                "forest: a random forest learns the classes from TRAINING. kmeans: cells that look "
                "alike become one of CLASSES. reclassify: codes become classes by TABLE.",
                ["forest", "kmeans", "reclassify"],
                "forest",
            ),
            makers.vector(
                "TRAINING",
                "Training polygons",
                "METHOD forest: polygons of known class. Several per class, far from each other, "
                "tell how good the map is; cells that lie in two polygons are not used.",
                "polygon",
                optional=True,
            ),
            makers.field(
                "CLASS_FIELD",
                "Class field",
                "The field of the training polygons that holds the class. Whole numbers from 1 to "
                "255 stay the codes of the map; texts are numbered in the order of the alphabet.",
                "TRAINING",
            ),
            makers.number(
                "CLASSES",
                "Number of classes",
                "METHOD kmeans: how many classes to find. They are numbered by their mean in the "
                "first band.",
                5,
                low=2,
                high=255,
                whole=True,
            ),
            makers.choice(
                "TABLE",
                "Table",
                "METHOD reclassify: worldcover, ESA WorldCover; corine, CORINE level 3 by its "
                "codes 111 to 523 or its grid codes 1 to 44; both become built-up, cropland, bare, "
                "trees and orchards, water, grass and shrubs, wetland, snow and ice. own: as RULES "
                "says.",
                ["worldcover", "corine", "own"],
                "worldcover",
            ),
            makers.words(
                "RULES",
                "Rules",
                "TABLE own: codes = class and its name, separated by semicolons or lines; for "
                "instance 50 = 1 built-up; 30, 40 = 2 vegetation; 111-142 = 3 bare. Classes are "
                "numbers from 1 to 255. Codes without a rule become NoData, and are counted in the "
                "log.",
                multiline=True,
            ),
            *shared.working_area("image", "the image covers", ""),
            shared.nodata(),
            shared.seed(),
            makers.raster_output(
                "LAND_USE", "Land use", "Classes from 1 to 255 with names and colours."
            ),
            shared.report_output(
                "Accuracy and importance of the bands (forest), centres of the clusters (kmeans), "
                "or what became of each code (reclassify), and the area of each class, as a page "
                "to read."
            ),
        ]

    def request(self, job):
        method = job.value("METHOD")
        image = job.rasters("IMAGE")
        if method == "reclassify":
            if len(image) > 1:
                job.feedback.pushWarning(
                    f"IMAGE has {len(image)} bands; METHOD reclassify uses the first alone."
                )
            image = image[:1]
            image[0].kind = "categorical"
        grid = job.grid(image)
        more = {}
        if method == "forest":
            more["training"] = TRAINING
            polygons = _read_training(job, grid.crs)
            (job.folder / TRAINING).write_text(json.dumps(polygons), encoding="utf-8")
        used = {
            "forest": ["SEED"],
            "kmeans": ["CLASSES", "SEED"],
            "reclassify": ["TABLE", "RULES"],
        }
        return job.request(grid, image, parameters=job.values("METHOD", *used[method]), **more)


def _read_training(job, crs) -> list[dict]:
    """The training polygons as GeoJSON in a CRS, each with its class as text."""
    source, field = job.source("TRAINING"), job.value("CLASS_FIELD")
    if source is None or not field:
        raise QgsProcessingException(
            "METHOD forest learns from polygons: give TRAINING and its CLASS_FIELD, or choose "
            "METHOD kmeans, which needs none."
        )
    read = read_polygons(source, field, crs, job.transforms, job.feedback)
    polygons = [{"class": label, "geometry": shape} for label, shape in read if label and shape]
    skipped = len(read) - len(polygons)
    if skipped:
        job.feedback.pushWarning(
            f"Training polygons without a class or a shape, skipped: {skipped}."
        )
    if not polygons:
        raise QgsProcessingException(
            f"No training polygon has both a shape and a class in the field {field}."
        )
    return polygons
