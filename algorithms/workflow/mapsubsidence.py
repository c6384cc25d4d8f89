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
        "subsidence, by the method that predicts held-out points best unless you choose one, and "
        "says how good it is: on points held out at random, and on whole blocks held out, beside "
        "inverse distance weighting on the same points."
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
            makers.raster_output("SURFACE", "Subsidence map", "Displacement in millimetres."),
            shared.uncertainty_output(),
            makers.raster_output(
                "TRUST",
                "Trust",
                "What each cell rests on; lay it over the map and it fades what cannot be trusted. "
                "Band 1: class, 1 measured nearby, 2 interpolated, 3 extrapolated, 4 outside of "
                "what was measured or learned; the report tells what that means here. Band 2: "
                "dissimilarity of the drivers to those at the points; band 3: 1 inside their area "
                "of applicability, else 0 (both empty where the method uses no drivers). Band 4: "
                "points per km2 among the 8 nearest. Band 5: distance to the nearest point in "
                "metres. Band 6: share of the cells around, 0 to 1, where a driver was missing and "
                "was filled from the nearest cell.",
                optional=True,
            ),
            makers.points_output(
                "ERROR_POINTS",
                "Error at the points",
                "The points with observed and predicted displacement and error, in millimetres.",
                optional=True,
            ),
            shared.report_output("Figures, learning curves and parameters, as a page to read."),
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
