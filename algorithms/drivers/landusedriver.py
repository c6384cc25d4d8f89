"""Land use as a driving force."""

from __future__ import annotations

import json

from qgis.core import QgsProcessingException

from .. import base
from ..layers.vectors import read_polygons
from ..parameters import makers, shared

TRAINING = "training.json"


class LandUseDriver(base.SubsidenceAlgorithm):
    """Classifies an image, or groups the classes of a map."""

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
        "Makes a map of land use. It classifies a multi-band image with training polygons (random "
        "forest) or without (k-means), or it groups the codes of an existing map by a table. The "
        "result has classes with names and colours. Other algorithms recognise it as a "
        "categorical driver."
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
                "For METHOD forest and kmeans: an image with any number of bands, such as "
                "reflectances. For METHOD reclassify: a map of classes in the first band.",
            ),
            makers.choice(
                "METHOD",
                "Method",
                "forest: a random forest learns the classes from TRAINING. kmeans: similar cells "
                "form one of CLASSES clusters. reclassify: TABLE turns codes into classes.",
                ["forest", "kmeans", "reclassify"],
                "forest",
            ),
            makers.vector(
                "TRAINING",
                "Training polygons",
                "For METHOD forest: polygons of known class. Give several polygons per class, far "
                "from each other, so that the accuracy can be estimated. Cells in two polygons are "
                "not used.",
                "polygon",
                optional=True,
            ),
            makers.field(
                "CLASS_FIELD",
                "Class field",
                "The field of the training polygons with the class. Whole numbers from 1 to 255 "
                "become the codes of the map. Texts are numbered in alphabetical order.",
                "TRAINING",
            ),
            makers.number(
                "CLASSES",
                "Number of classes",
                "For METHOD kmeans: the number of clusters. They are numbered by their mean in the "
                "first band.",
                5,
                low=2,
                high=255,
                whole=True,
            ),
            makers.choice(
                "TABLE",
                "Table",
                "For METHOD reclassify. worldcover: ESA WorldCover. corine: CORINE level 3, with "
                "codes 111 to 523 or grid codes 1 to 44. Both give built-up, cropland, bare, trees "
                "and orchards, water, grass and shrubs, wetland, snow and ice. own: your RULES.",
                ["worldcover", "corine", "own"],
                "worldcover",
            ),
            makers.words(
                "RULES",
                "Rules",
                "For TABLE own: codes = class and its name, separated by semicolons or lines. "
                "Example: 50 = 1 built-up; 30, 40 = 2 vegetation; 111-142 = 3 bare. Classes are "
                "numbers from 1 to 255. Codes without a rule become NoData and are counted in the "
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
                "An HTML page with the area of each class. METHOD forest adds the accuracy and the "
                "importance of the bands, kmeans the cluster centres, reclassify the class of each "
                "code."
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
    source, field = job.optional_source("TRAINING"), job.value("CLASS_FIELD")
    if source is None or not field:
        raise QgsProcessingException(
            "METHOD forest learns from polygons. Give TRAINING and its CLASS_FIELD, or choose "
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
            f"No training polygon has both a shape and a class in the field {field}. Choose "
            "another layer or CLASS_FIELD."
        )
    return polygons
