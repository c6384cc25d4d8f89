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
        "Searches for the values of the network that predict held-out points best: loss, "
        "optimiser, batch size, learning rate, activation, epochs, patch size, filters and depth. "
        "The first trial is the network as its preset has it; each of the others is drawn in the "
        "light of all before, and ended early if it does worse than half of them. What counts is "
        "the mean error over several folds, in each of which other points are held out: one small "
        "part of the points would choose what suits it by chance. The best is trained again, "
        "tested on points that had no part in the search, and saved for 'Predict surface'. Each "
        "trial trains one network for each fold, less what is ended early."
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
                "How many networks to try, those that STUDY holds already among them. The first "
                "ten are drawn at random.",
                30,
                low=1,
                whole=True,
            ),
            makers.number(
                "MINUTES",
                "Minutes",
                "After so many minutes no further trial is begun. Empty: there is no limit but "
                "TRIALS.",
                low=0,
            ),
            *shared.driver_kinds(),
            *shared.working_area(),
            *shared.training("it is searched, around the network's own, {}"),
            shared.split("block"),
            shared.block_size(),
            makers.number(
                "FOLDS",
                "Folds",
                "On how many folds of the training and validation points a trial is judged, 3 or "
                "more. 1: on the validation points only, which takes about half of the time, "
                "but flatters what suits these few points.",
                3,
                low=1,
                whole=True,
                advanced=True,
            ),
            makers.file_input(
                "STUDY",
                "Study to go on with",
                "A small file (.json) that keeps each trial once it has ended, also if the search "
                "is cancelled. If it is there, the search goes on from its trials: give the same "
                "points, drivers and settings, and a larger TRIALS to search on. If not, it is "
                "made. Empty: nothing is kept but the outputs.",
                STUDIES,
                optional=True,
                advanced=True,
            ),
            shared.seed(),
            shared.model_output(),
            makers.table_output(
                "TRIALS_TABLE",
                "Trials",
                "A table of all trials: number, state (complete, pruned or failed), mean and "
                "standard deviation of the RMSE over the folds in the unit of the field, folds "
                "run, epochs run in the first fold, seconds, and the values of the network.",
                optional=True,
            ),
            shared.report_output(
                "What the search gained, the best values, how it went, which values matter, and "
                "all trials, as a page to read."
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
