"""The main road: from points and drivers to a map that says how good it is."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from ...model.methods import catalogue
from .. import base
from ..parameters import makers, shared

AUTO = "auto"
_LEARNING = catalogue.names("required", "optional")
_METHODS = _LEARNING + catalogue.names("none")


class MapSubsidence(base.SubsidenceAlgorithm):
    """Everything in one go."""

    NAME = "mapsubsidence"
    TITLE = "Map subsidence"
    GROUP_ID = "workflow"
    TAGS = ["subsidence", "insar", "persistent scatterer", "map", "interpolation", "cnn", "idw"]
    HELP = (
        "Makes a continuous displacement map from persistent scatterers and the driving forces of "
        "subsidence. Unless you choose a method, it takes the one with the smallest expected error "
        "over the map. It measures the errors at points held out at random and in whole blocks, "
        "beside those of inverse distance weighting."
    )
    TASK = "map"
    NUMBERS = {
        "RMSE": "Root mean square error, random test points (unit of the field)",
        "MAE": "Mean absolute error, random test points (unit of the field)",
        "R2": "Coefficient of determination, random test points",
        "BLOCK_RMSE": "Root mean square error, held-out blocks (unit of the field)",
        "BLOCK_MAE": "Mean absolute error, held-out blocks (unit of the field)",
        "BLOCK_R2": "Coefficient of determination, held-out blocks",
    }

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(
                optional=True,
                note=f" These methods learn from them: {', '.join(_LEARNING)}. The others take "
                "only the grid from them.",
            ),
            makers.choice(
                "METHOD",
                "Method",
                "auto: the method with the smallest expected error over the map. It tries "
                f"{', '.join(catalogue.auto_names(has_drivers=True))} on held-out points. The log "
                f"and the report say which it took, and why. {shared.explain_methods(_METHODS)} "
                "'Compare methods' compares them all.",
                [AUTO, *_METHODS],
                AUTO,
            ),
            shared.preset(),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.block_size(),
            shared.seed(),
            shared.engine(),
            shared.surface_output("Subsidence map"),
            shared.uncertainty_output(),
            makers.raster_output(
                "TRUST",
                "Trust",
                "The reliability of each cell. Lay it over the map to fade unreliable cells. Band "
                "1: class; 1 measured nearby, 2 interpolated, 3 extrapolated, 4 outside of the "
                "training data. The report explains the classes. Band 2: dissimilarity of the "
                "drivers to those at the points. Band 3: 1 inside their area of applicability, "
                "else 0. Bands 2 and 3 are empty if the method uses no drivers. Band 4: points per "
                "km2 among the 8 nearest. Band 5: distance to the nearest point in metres. Band 6: "
                "share of cells nearby, 0 to 1, where a missing driver was filled from the nearest "
                "cell.",
                optional=True,
            ),
            makers.points_output(
                "ERROR_POINTS",
                "Error at the points",
                "The points with observed and predicted displacement and error, in millimetres.",
                optional=True,
            ),
            shared.report_output("Errors, learning curves and parameters, as an HTML page."),
            shared.model_output(optional=True),
        ]

    def request(self, job):
        method = job.value("METHOD")
        learns = method in (AUTO, *_LEARNING)
        drivers = job.drivers(kinds=learns)
        if method in catalogue.names("required") and not drivers:
            raise QgsProcessingException(
                f"METHOD {method} learns from driving forces, and DRIVERS is empty. Give at least "
                f"one raster, or choose {', '.join(catalogue.names('optional', 'none'))}."
            )
        grid, points = job.working_grid(drivers)
        given = job.values("METHOD", "PRESET", "BLOCK_SIZE", "SEED")
        return job.request(grid, drivers if learns else [], points, parameters=given)
