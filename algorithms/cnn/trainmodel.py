"""Training of a network."""

from __future__ import annotations

from .. import base, parameters


class TrainModel(base.SubsidenceAlgorithm):
    """Trains a network that maps anywhere its drivers are."""

    NAME = "trainmodel"
    TITLE = "Train model"
    GROUP_ID = "cnn"
    TAGS = ["cnn", "train", "deep learning", "neural network", "tensorflow", "subsidence", "insar"]
    HELP = (
        "Trains a convolutional network to tell the displacement of a point from a patch of each "
        "driver around it. The points are split into training, validation and test; the epoch with "
        "the best validation is kept. Figures are given for each part; only those of the test tell "
        "what to expect elsewhere."
    )
    TASK = "train"
    NUMBERS = {
        f"{part}_{figure}": f"{title} of the {part.lower()} points"
        for part in ("TRAIN", "VALIDATION", "TEST")
        for figure, title in (
            ("COUNT", "Number"),
            ("RMSE", "Root mean square error (mm)"),
            ("MAE", "Mean absolute error (mm)"),
            ("R2", "Coefficient of determination"),
        )
    }

    def parameters(self):
        return [
            *parameters.points(),
            parameters.positive(),
            parameters.unit(),
            parameters.drivers(),
            parameters.preset(),
            *parameters.driver_kinds(),
            *parameters.working_area(),
            parameters.number(
                "PATCH_SIZE",
                "Patch size (cells)",
                "Side of the square of cells around a point that the network sees. Empty: the "
                "network's own, 30.",
                low=1,
                whole=True,
                advanced=True,
            ),
            parameters.number(
                "EPOCHS",
                "Epochs",
                "How often the network sees all points, at most. Empty: the network's own.",
                low=1,
                whole=True,
                advanced=True,
            ),
            parameters.number(
                "BATCH_SIZE",
                "Batch size",
                "How many points make one step of the training. Empty: the network's own.",
                low=1,
                whole=True,
                advanced=True,
            ),
            parameters.number(
                "LEARNING_RATE",
                "Learning rate",
                "How large a step is. Empty: the network's own.",
                low=1e-9,
                advanced=True,
            ),
            parameters.choice(
                "LOSS",
                "Loss",
                "What training makes small: mse, squared errors; mae, absolute errors; huber, "
                "squared small and absolute large ones. Empty: the network's own, mse.",
                ["mse", "mae", "huber"],
                advanced=True,
            ),
            parameters.choice(
                "OPTIMIZER",
                "Optimiser",
                "How steps are made. Empty: the network's own, adam.",
                ["adam", "sgd", "rmsprop"],
                advanced=True,
            ),
            parameters.choice(
                "SPLIT",
                "Split",
                "random: 80, 10 and 10 percent of the points at random, as in the paper; points "
                "near each other fall into different parts, which flatters. block: whole blocks, "
                "which tells what to expect far from any point. Points of one cell stay together.",
                ["random", "block"],
                "random",
            ),
            parameters.block_size(),
            parameters.seed(),
            parameters.model_output(),
            parameters.report_output("Learning curves, figures and parameters, as a page to read."),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        parameters = job.values(
            "PRESET",
            "PATCH_SIZE",
            "EPOCHS",
            "BATCH_SIZE",
            "LEARNING_RATE",
            "LOSS",
            "OPTIMIZER",
            "SPLIT",
            "BLOCK_SIZE",
            "SEED",
        )
        return job.request(grid, drivers, points, parameters=parameters)
