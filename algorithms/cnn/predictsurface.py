"""A surface from a trained model."""

from __future__ import annotations

from dataclasses import replace

from .. import base
from ..layers.grids import Grid
from ..layers.working_grid import choose_grid
from ..parameters import makers, shared


class PredictSurface(base.SubsidenceAlgorithm):
    """Applies a trained network to drivers."""

    NAME = "predictsurface"
    TITLE = "Predict surface"
    GROUP_ID = "cnn"
    TAGS = ["cnn", "predict", "deep learning", "neural network", "subsidence", "insar", "map"]
    HELP = (
        "Applies a model from 'Train model' or 'Tune model' to drivers. The result is a continuous "
        "displacement surface on the model's grid. The drivers are matched with the model's by "
        "name."
    )
    TASK = "predict"

    def parameters(self):
        return [
            makers.file_input(
                "MODEL",
                "Trained model",
                "A model from 'Train model', 'Tune model' or 'Map subsidence'.",
                "Models (*.zip);;All files (*.*)",
            ),
            shared.drivers(
                note=" Their names must be those of the training. Their kinds come from the model."
            ),
            shared.nodata(),
            shared.extent("the area that all drivers cover"),
            shared.engine(),
            shared.surface_output(),
            shared.uncertainty_output(),
        ]

    def request(self, job):
        # Imported here, because loading the plugin must stay fast.
        from ...model.network.bundle import match_drivers, read_summary

        model = job.value("MODEL")
        header = read_summary(model)
        drivers = job.drivers(kinds=False)
        order = match_drivers(header, [driver.name for driver in drivers])
        drivers = [drivers[i] for i in order]
        for driver, known in zip(drivers, header["drivers"]):
            driver.kind = known["kind"]
        lattice = replace(Grid.from_request(header["grid"]), width=0, height=0)
        grid = choose_grid(lattice, job.extent(lattice.crs), drivers, None, job.transforms)
        job.field, job.positive = header["field"], header["positive"]
        job.unit = header["unit"]
        return job.request(grid, drivers, model=model, unit=job.unit, parameters={})
