"""Where a surface is wrong, and by how much."""

from __future__ import annotations

from .. import base
from ..layers.grids import grid_of
from ..layers.vectors import keep_inside
from ..parameters import makers, shared


class ErrorMap(base.SubsidenceAlgorithm):
    """Compares a surface with points."""

    NAME = "errormap"
    TITLE = "Error map"
    GROUP_ID = "evaluation"
    TAGS = ["error", "residual", "rmse", "validation", "accuracy", "subsidence"]
    HELP = (
        "Compares a displacement surface with points. It gives the error at each point, a "
        "continuous surface of the error, and RMSE, MAE, R2 and bias. An error is predicted minus "
        "observed. Give held-out points: at the points that the surface was made from, the errors "
        "are too small."
    )
    TASK = "errormap"
    NUMBERS = {
        "COUNT": "Number of points",
        "RMSE": "Root mean square error (unit of the field)",
        "MAE": "Mean absolute error (unit of the field)",
        "R2": "Coefficient of determination",
        "CCC": "Lin's concordance correlation coefficient",
        "BIAS": "Mean error (unit of the field)",
    }

    def parameters(self):
        return [
            makers.raster(
                "SURFACE",
                "Subsidence surface",
                "A raster, projected in metres, with the displacement in millimetres in its first "
                "band.",
            ),
            *shared.points(),
            makers.points_output(
                "ERROR_POINTS",
                "Error at the points",
                "The points on the surface with the fields observed, predicted, error and "
                "absolute_error, all in millimetres.",
                optional=True,
            ),
            makers.raster_output(
                "ERROR_SURFACE",
                "Error surface",
                "The error in millimetres, interpolated from the points to the surface's cells.",
                optional=True,
            ),
        ]

    def request(self, job):
        surface = job.raster("SURFACE")
        grid = grid_of(surface)
        points = keep_inside(job.points(grid.crs), grid, job.feedback)
        return job.request(grid, [surface], points, parameters={})
