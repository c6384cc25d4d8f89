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
        "Tells which driving forces a method needs to predict displacement where it has not "
        "learned: by how much its error at held-out points grows when one driver's values are "
        "taken from other held-out points. The points are held out in square blocks, and the "
        "method learns from the drivers alone, not from the position. Drivers that tell the same "
        "share importance; the report names them. Importance is no proof of a cause."
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
                "Which method is asked: forest, boosting (gradient boosting), or cnn, the network, "
                "which is trained anew in each fold.",
                ["forest", "boosting", "cnn"],
                "forest",
            ),
            shared.preset(),
            shared.block_size(),
            makers.number(
                "FOLDS",
                "Folds",
                "Into how many folds the blocks are divided. Each point is held out once.",
                5,
                low=3,
                whole=True,
                advanced=True,
            ),
            makers.number(
                "REPEATS",
                "Repeats",
                "How many times each driver is mixed up; the spread of the results tells how sure "
                "they are.",
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
                "A table, most important driver first: the increase of the RMSE in millimetres, "
                "its standard deviation over the repeats, and the share of all increases, 0 to 1.",
            ),
            shared.report_output(
                "The importance of the drivers as a figure and a table, and which of them are "
                "alike, as a page to read."
            ),
        ]

    def request(self, job):
        given = job.values("METHOD", "PRESET", "BLOCK_SIZE", "FOLDS", "REPEATS", "SEED")
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        return job.request(grid, drivers, points, parameters=given)
