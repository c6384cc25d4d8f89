"""How far a surface is from the points."""

from __future__ import annotations

import numpy as np

from ..maps.surface import write_surfaces
from ..methods.catalogue import make
from ..spatial.points import Points
from ..spatial.raster import read_band
from ..statistics.metrics import metrics
from .job import Job


def run(folder, request, monitor) -> dict:
    """Write ERROR_POINTS and ERROR_SURFACE of the surface in the request's first driver.

    The surface's value at a point is that of the cell the point lies in, as the surfaces
    of this plugin are predicted.
    """
    job = Job(folder, request, monitor)
    points = job.points()
    surface = read_band(folder / request["drivers"][0]["file"])
    predicted = surface[job.grid.cells(points.xy)].astype(float)
    known = np.isfinite(predicted)
    job.check_usable(known, "the surface has a value")
    points, predicted = points[known], predicted[known]
    error = predicted - points.values
    if job.wants("ERROR_POINTS"):
        job.write_error_points(points, predicted)
    if job.wants("ERROR_SURFACE"):
        interpolated = make("idw").fit(Points(points.xy, error))
        place = job.file("ERROR_SURFACE", ".tif")
        write_surfaces(
            interpolated, job.grid, None, place, monitor, quantity="error", unit=job.unit
        )
    job.result["numbers"] = metrics(points.values, predicted)
    return job.result
