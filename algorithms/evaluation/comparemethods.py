"""The leaderboard: which method is best here, and whether that means anything."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from ...model.methods import catalogue
from .. import base
from ..parameters import makers, shared
from ..values import read_numbers

_METHODS = catalogue.names()
_LEARNING = catalogue.names("required", "optional")
_SLOW = [name for name in _METHODS if not catalogue.CATALOGUE[name].quick]
SPLITS = ("random", "kfold", "block", "knndm")


class CompareMethods(base.SubsidenceAlgorithm):
    """Every method on the same folds."""

    NAME = "comparemethods"
    TITLE = "Compare methods"
    GROUP_ID = "evaluation"
    TAGS = ["cross-validation", "leaderboard", "benchmark", "accuracy", "significance", "kriging"]
    HELP = (
        "Compares methods by cross-validation: all methods are tested on the same folds, on points "
        "that they have not learned from. It tests whether differences are significant, and takes "
        "into account that errors of neighbouring points are correlated. The report begins with "
        "the best method of each split. Points in the same cell stay together."
    )
    TASK = "compare"

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(
                optional=True,
                note=f" These methods learn from them: {', '.join(_LEARNING)}. Without drivers, "
                f"those that need some are left out: {', '.join(catalogue.names('required'))}.",
            ),
            makers.choices(
                "METHODS",
                "Methods",
                f"{shared.explain_methods(_METHODS)} {' and '.join(_SLOW)} take long, because they "
                "train again in each fold.",
                _METHODS,
                [name for name in _METHODS if name not in _SLOW],
            ),
            makers.choices(
                "SPLITS",
                "Splits",
                "How points are held out. random: one random split, 80/10/10. kfold: random folds; "
                "each point is tested one time. block: folds of square blocks, which shows the "
                "errors in gaps. knndm: folds whose test points are as far from the others as the "
                "map's cells are from the points (Linnenbrink and others, 2024).",
                list(SPLITS),
                list(SPLITS),
            ),
            makers.number(
                "FOLDS",
                "Folds",
                "The number of folds, for all splits except random.",
                10,
                low=3,
                whole=True,
            ),
            makers.words(
                "BLOCK_SIZE",
                "Block sizes (m)",
                "Sides of the square blocks in metres, separated by commas. Each makes a split of "
                "its own. Empty: the range of the variogram, or less if that gives too few blocks. "
                "The log says which.",
            ),
            makers.flag(
                "TUNE",
                "Tune",
                "Whether to choose each method's parameters in each fold by cross-validation on "
                "its training points. This takes tens of times as long.",
                advanced=True,
            ),
            shared.preset(),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            shared.engine(),
            makers.table_output(
                "LEADERBOARD",
                "Leaderboard",
                "A table with a row for each split and method. It holds the rank and the errors "
                "at test and training points in millimetres. It also holds the p value of the "
                "difference to the best, seconds, megabytes and failed folds.",
                optional=True,
            ),
            makers.points_output(
                "ERROR_POINTS",
                "Errors at the points",
                "The points with one field for each method and split, called method_split. It "
                "holds predicted minus observed, in millimetres, where the point was held out.",
                optional=True,
            ),
            makers.raster_output(
                "ERROR_SURFACE",
                "Error surfaces",
                "One band for each method: its errors in millimetres, interpolated to the cells. "
                "They are those of the first split that tests every point.",
                optional=True,
            ),
            shared.report_output(
                "The best method of each split, all errors, significance tests, maps of the "
                "errors, time and memory, as an HTML page."
            ),
        ]

    def request(self, job):
        given = job.values("METHODS", "SPLITS", "FOLDS", "TUNE", "PRESET", "SEED")
        sizes = _sizes(job.value("BLOCK_SIZE"))
        learns = not set(given["methods"]).isdisjoint(_LEARNING)
        drivers = job.drivers(kinds=learns)
        grid, points = job.working_grid(drivers)
        if sizes:
            given["block_sizes"] = sizes
        return job.request(grid, drivers if learns else [], points, parameters=given)


def _sizes(text: str | None) -> list[float]:
    try:
        sizes = read_numbers(text)
    except ValueError:
        sizes = [0.0]
    if not all(0 < size < float("inf") for size in sizes):
        raise QgsProcessingException(
            f"BLOCK_SIZE was '{text}'. Give the sides of blocks in metres, such as 1000, 5000."
        )
    return sizes
