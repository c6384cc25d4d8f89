"""The search for a network's values."""

from __future__ import annotations

from ...model.network.study_place import check_place
from .. import base
from ..parameters import makers, shared

STUDIES = "Studies (*.json);;All files (*.*)"


class TuneModel(base.SubsidenceAlgorithm):
    """Trains many networks and keeps the one that does best in held-out blocks."""

    NAME = "tunemodel"
    TITLE = "Tune model"
    GROUP_ID = "cnn"
    TAGS = ["cnn", "hyperparameters", "tune", "search", "optuna", "deep learning", "subsidence"]
    HELP = (
        "Searches for the hyperparameters with the smallest cross-validation error: loss, "
        "optimiser, batch size, learning rate, activation, epochs, patch size, filters and depth. "
        "The first trial is the preset. Each other trial is drawn from the results of all before "
        "it, and is stopped early if it is worse than half of them. The criterion is the mean "
        "error over several folds, because a single small part of the points would favour chance. "
        "The best network is trained again, tested on points that had no part in the search, and "
        "saved for 'Predict surface'. Each trial trains one network for each fold."
    )
    TASK = "tune"
    NUMBERS = {
        "BEST_TRIAL": "Number of the best trial; 0 is the preset",
        "VALIDATION_RMSE": "Root mean square error of the best trial, the mean over the folds",
        "TEST_RMSE": "Root mean square error of the best trial at the test points",
        "PRESET_VALIDATION_RMSE": "Root mean square error of the preset, the mean over the folds",
        "PRESET_TEST_RMSE": "Root mean square error of the preset at the test points",
    }

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
            shared.preset(),
            makers.number(
                "TRIALS",
                "Trials",
                "The number of trials, including those in STUDY. The first ten are drawn at "
                "random.",
                30,
                low=1,
                whole=True,
            ),
            makers.number(
                "MINUTES",
                "Maximum duration (minutes)",
                "No trial starts after this many minutes. Empty: only TRIALS limits the search.",
                low=0,
            ),
            *shared.driver_kinds(),
            *shared.working_area(),
            *shared.training("it is searched around the preset's value, {}"),
            shared.split("block"),
            shared.block_size(),
            makers.number(
                "FOLDS",
                "Folds",
                "The number of folds of the training and validation points, 3 or more. 1: only the "
                "validation points, which takes about half of the time, but is more affected by "
                "chance.",
                3,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.file_input(
                "STUDY",
                "Study file",
                "A small file (.json) that keeps each finished trial, also if you cancel the "
                "search. If the file exists, the search continues from its trials. Give the same "
                "points, drivers and settings, and a larger TRIALS. Otherwise it is made. Empty: "
                "only the outputs are kept.",
                STUDIES,
                optional=True,
                advanced=True,
            ),
            shared.seed(),
            shared.model_output(),
            makers.table_output(
                "TRIALS_TABLE",
                "Trials",
                "A table of all trials with number, state (complete, pruned or failed) and the "
                "hyperparameters. It holds mean and standard deviation of the RMSE over the folds, "
                "in the unit of the field. It also holds the folds, the epochs in the first fold, "
                "and the seconds.",
                optional=True,
            ),
            shared.report_output(
                "The improvement over the preset, the best hyperparameters, the history of the "
                "search, the importance of each hyperparameter, and all trials, as an HTML page."
            ),
        ]

    def request(self, job):
        study = job.value("STUDY")
        if study:
            check_place(study)
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        names = ["PRESET", "TRIALS", "MINUTES", *shared.TRAINING]
        given = job.values(*names, "SPLIT", "BLOCK_SIZE", "FOLDS", "SEED")
        return job.request(grid, drivers, points, parameters=given, study=study)
