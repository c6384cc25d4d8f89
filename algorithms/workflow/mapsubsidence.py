"""The main road: from points and drivers to a map that says how good it is."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from .. import base, parameters
from ..parameters import OF_BOTH, OF_DRIVERS, OF_POINTS

AUTO = "auto"


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
            *parameters.points(),
            parameters.positive(),
            parameters.unit(),
            parameters.drivers(
                optional=True,
                note=f" The methods {', '.join(OF_DRIVERS)} learn from them, "
                f"{', '.join(OF_BOTH)} if they are there, auto tries some that do; the others take "
                "the grid from them.",
            ),
            parameters.choice(
                "METHOD",
                "Method",
                "auto: holds points out, tries the methods that take seconds (not cnn, which takes "
                "minutes), and maps with the one that promises the smallest error over the map; "
                "the log and the report tell which, and why. "
                "cnn: a convolutional network that learns from the drivers around each point. "
                "hybrid: krigings of points and drivers, corrected by trees that have learned in "
                "gaps what krigings miss there, and in wide gaps drawn to small networks on the "
                "drivers; without drivers it is kriging. "
                "regressionkriging: a trend of the drivers, and kriging of what it leaves. forest, "
                "boosting: decision trees on the drivers. kriging, idw, rbf, movingleastsquares: "
                "from the points alone. 'Compare methods' compares them all.",
                [AUTO, *OF_DRIVERS, *OF_BOTH, *OF_POINTS],
                AUTO,
            ),
            parameters.preset(),
            *parameters.driver_kinds(),
            *parameters.working_area(),
            parameters.block_size(),
            parameters.seed(),
            parameters.engine(),
            parameters.raster_output("SURFACE", "Subsidence map", "Displacement in millimetres."),
            parameters.uncertainty_output(),
            parameters.raster_output(
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
            parameters.points_output(
                "ERROR_POINTS",
                "Error at the points",
                "The points with observed and predicted displacement and error, in millimetres.",
                optional=True,
            ),
            parameters.report_output("Figures, learning curves and parameters, as a page to read."),
            parameters.model_output(optional=True),
        ]

    def request(self, job):
        method = job.value("METHOD")
        learns = method in (AUTO, *OF_DRIVERS, *OF_BOTH)
        drivers = job.drivers(kinds=learns)
        if method in OF_DRIVERS and not drivers:
            raise QgsProcessingException(
                f"METHOD {method} learns from driving forces, and DRIVERS is empty. Give at least "
                "one raster, or choose a method that needs none: "
                f"{', '.join([*OF_BOTH, *OF_POINTS])}."
            )
        grid, points = job.working_grid(drivers)
        parameters = job.values("METHOD", "PRESET", "BLOCK_SIZE", "SEED")
        return job.request(grid, drivers if learns else [], points, parameters=parameters)
