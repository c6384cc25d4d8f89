"""Which driving forces a method needs."""

from __future__ import annotations

from .. import base
from ..parameters import makers, shared


class DriverImportance(base.SubsidenceAlgorithm):
    """Permutation importance on held-out blocks."""

    NAME = "driverimportance"
    TITLE = "Driver importance"
    GROUP_ID = "evaluation"
    TAGS = ["permutation importance", "feature importance", "drivers", "explain", "subsidence"]
    HELP = (
        "Computes the permutation importance of each driving force: how much the error at held-out "
        "points grows when the driver's values are permuted. The points are held out in square "
        "blocks. The method learns from the drivers alone, not from the coordinates. Correlated "
        "drivers share importance; the report names them. Importance does not prove a cause."
    )
    TASK = "importance"
    NUMBERS = {
        "RMSE": "Root mean square error at held-out points (unit of the field)",
        "R2": "Coefficient of determination at held-out points",
    }

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
            makers.choice(
                "METHOD",
                "Method",
                "The method whose drivers are ranked. forest: random forest. boosting: gradient "
                "boosting. cnn: the network, which is trained again in each fold.",
                ["forest", "boosting", "cnn"],
                "forest",
            ),
            shared.preset(),
            shared.block_size(),
            makers.number(
                "FOLDS",
                "Folds",
                "The number of folds of blocks. Each point is held out one time.",
                5,
                low=3,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "REPEATS",
                "Repeats",
                "The number of permutations of each driver. Their spread gives the standard "
                "deviation of the importance.",
                5,
                low=2,
                whole=True,
                advanced=True,
            ),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            makers.table_output(
                "IMPORTANCE",
                "Importance of drivers",
                "A table with the most important driver first. It holds the increase of the RMSE "
                "in millimetres, its standard deviation over the repeats, and the share of all "
                "increases, from 0 to 1.",
            ),
            shared.report_output(
                "The importance of the drivers as a figure and a table, and their correlations, as "
                "an HTML page."
            ),
        ]

    def request(self, job):
        given = job.values("METHOD", "PRESET", "BLOCK_SIZE", "FOLDS", "REPEATS", "SEED")
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        return job.request(grid, drivers, points, parameters=given)
