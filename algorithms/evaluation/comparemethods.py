"""The leaderboard: which method is best here, and whether that means anything."""

from __future__ import annotations

from qgis.core import QgsProcessingException

from ...model.methods import catalogue
from .. import base
from ..parameters import makers, shared
from ..values import read_numbers

_METHODS = catalogue.names()
_LEARNING = catalogue.names("required", "optional")
_SLOW = ("cnn", "hybrid")
SPLITS = ("random", "kfold", "block", "knndm")


class CompareMethods(base.SubsidenceAlgorithm):
    """Every method on the same folds."""

    NAME = "comparemethods"
    TITLE = "Compare methods"
    GROUP_ID = "evaluation"
    TAGS = ["cross-validation", "leaderboard", "benchmark", "accuracy", "significance", "kriging"]
    HELP = (
        "Compares methods on points that they have not learned from, each on the very same folds, "
        "and tests whether one is better than another by more than chance, with a test that knows "
        "that errors of neighbours are alike. The report says in its first line who won where. "
        "Points of one cell are never split apart."
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
                "How points are held out. random: once, 80/10/10. kfold: random folds, which test "
                "each point once. block: folds of square blocks, as far from any point as gaps are "
                "wide. knndm: folds whose test points are as far from the others as the map's "
                "cells are from the points (Linnenbrink and others, 2024).",
                list(SPLITS),
                list(SPLITS),
            ),
            makers.number(
                "FOLDS",
                "Folds",
                "Into how many folds the points are divided, for all splits but random.",
                10,
                low=3,
                whole=True,
            ),
            makers.words(
                "BLOCK_SIZE",
                "Block sizes (m)",
                "Sides of the square blocks in metres, separated by commas; each makes a split of "
                "its own. Empty: the distance up to which values are alike, or less if that makes "
                "too few blocks; the log tells.",
            ),
            makers.flag(
                "TUNE",
                "Tune",
                "Whether each method's parameters are chosen in each fold by trial, from the "
                "points that it may learn from. Takes tens of times as long.",
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
                "A table: for each split and method its rank, errors at test and training points "
                "in millimetres, the p value of its difference to the best, seconds, megabytes and "
                "failed folds.",
                optional=True,
            ),
            makers.points_output(
                "ERROR_POINTS",
                "Errors at the points",
                "The points with one field for each method and split, method_split: predicted "
                "minus observed in millimetres where the point was held out.",
                optional=True,
            ),
            makers.raster_output(
                "ERROR_SURFACE",
                "Error surfaces",
                "One band for each method: its errors in the first split that tests every point, "
                "interpolated to the cells, in millimetres.",
                optional=True,
            ),
            shared.report_output(
                "Who won where, all errors, tests of significance, maps of the errors, time and "
                "memory, as a page to read."
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
            f"BLOCK_SIZE was '{text}'; give sides of blocks in metres, such as 1000, 5000."
        )
    return sizes
