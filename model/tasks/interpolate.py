"""A surface from points alone."""

from __future__ import annotations

from ..methods import make
from ..surface import write_surfaces
from .job import Job


def run(folder, request, monitor) -> dict:
    """Write SURFACE with the method and the parameters of the request."""
    job = Job(folder, request, monitor)
    parameters = dict(job.parameters)
    method = make(parameters.pop("method"), **parameters).fit(job.points())
    write_surfaces(method, job.grid, None, job.file("SURFACE", ".tif"), monitor)
    return job.result
