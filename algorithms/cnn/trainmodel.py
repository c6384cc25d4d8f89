"""Training of a network."""

from __future__ import annotations

from .. import base
from ..parameters import shared


class TrainModel(base.SubsidenceAlgorithm):
    """Trains a network that maps anywhere its drivers are."""

    NAME = "trainmodel"
    TITLE = "Train model"
    GROUP_ID = "cnn"
    TAGS = ["cnn", "train", "deep learning", "neural network", "tensorflow", "subsidence", "insar"]
    HELP = (
        "Trains a convolutional network to predict the displacement at a point from a patch of "
        "each driver around it. The points are split into training, validation and test. The epoch "
        "with the smallest validation error is kept. You get the errors of each part; only those "
        "of the test points show what to expect elsewhere."
    )
    TASK = "train"
    NUMBERS = {
        f"{part}_{figure}": f"{title} of the {points} points"
        for part, points in (
            ("TRAIN", "training"),
            ("VALIDATION", "validation"),
            ("TEST", "test"),
        )
        for figure, title in (
            ("COUNT", "Number"),
            ("RMSE", "Root mean square error (unit of the field)"),
            ("MAE", "Mean absolute error (unit of the field)"),
            ("R2", "Coefficient of determination"),
        )
    }

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(),
            shared.preset(),
            *shared.driver_kinds(),
            *shared.working_area(),
            *shared.training("{}, as in the preset"),
            shared.split("random"),
            shared.block_size(),
            shared.seed(),
            shared.engine(),
            shared.model_output(),
            shared.report_output("Learning curves, errors and parameters, as an HTML page."),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = job.values("PRESET", *shared.TRAINING, "SPLIT", "BLOCK_SIZE", "SEED")
        return job.request(grid, drivers, points, parameters=given)
