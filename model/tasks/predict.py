"""A surface from a trained CNN."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..maps.surface import Uncertainty, write_surfaces
from ..methods.cnn import CNN
from ..network.bundle import match_drivers
from ..spatial.stack import Encoding
from ..statistics.conformal import Intervals, Surroundings, nearest_distance
from .job import Job


def run(folder, request, monitor) -> dict:
    """Write SURFACE and UNCERTAINTY with the model of the request; drivers match by name.

    A bundle keeps no values, so the uncertainty goes by the distance to the model's points alone.
    """
    method, header, known = CNN.load(Path(request["model"]))
    drivers = request["drivers"]
    order = match_drivers(header, [driver["name"] for driver in drivers])
    request = {**request, "drivers": [drivers[i] for i in order]}
    job = Job(folder, request, monitor)
    encodings = [Encoding.from_dict(encoding) for encoding in header["encodings"]]
    stack = job.stack(method.scaling, encodings, monitor.part(0, 0.3))
    intervals = Intervals.from_dict(header["error_by_distance"])
    uncertainty = None
    if job.wants("UNCERTAINTY"):
        _warn_far_away(job, known, intervals)
        place = job.file("UNCERTAINTY", ".tif")
        uncertainty = Uncertainty(place, intervals, Surroundings().fit(known))
    notes = write_surfaces(
        method,
        job.grid,
        stack,
        job.file("SURFACE", ".tif"),
        monitor.part(0.3, 1),
        uncertainty,
        engine=job.engine,
        unit=job.unit,
    )
    job.log_notes(notes)
    return job.result


def _warn_far_away(job: Job, known, intervals: Intervals) -> None:
    tiles = np.array([tile.xy()[[0, -1]].mean(axis=0) for tile in job.grid.tiles(64)])
    far = (nearest_distance(known, tiles) > intervals.distance[-1]).mean()
    if far > 0:
        job.monitor.log(
            f"About {far:.0%} of the map is farther from the model's points than any error was "
            f"measured at ({intervals.distance[-1]:.0f} m): there the uncertainty is a lower "
            "bound.",
            "warning",
        )
