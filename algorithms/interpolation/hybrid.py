"""The hybrid of krigings, trees and networks."""

from __future__ import annotations

from .. import base
from ..parameters import makers, shared


class Hybrid(base.SubsidenceAlgorithm):
    """Krigings that know the drivers, corrected by trees, and networks for wide gaps."""

    NAME = "hybrid"
    TITLE = "Hybrid"
    GROUP_ID = "interpolation"
    TAGS = ["hybrid", "kriging", "machine learning", "trees", "neural network", "interpolation"]
    HELP = (
        "Hides blocks of points of several sizes, tells what is there by kriging from the other "
        "points, in the plane and in a space in which places are near that are near and have like "
        "driving forces, and lets trees learn what all that misses. In wide gaps the surface is "
        "drawn to what small neural networks tell from the driving forces alone, as far as the "
        "hidden points show that this helps. "
        "Without drivers, or with fewer than 200 points, it is ordinary kriging, and says so."
    )
    TASK = "interpolate"

    def parameters(self):
        return [
            *shared.points(),
            shared.drivers(optional=True),
            makers.number(
                "LESSONS",
                "Hidden points",
                "About how many hidden points teach; a point is hidden again and again, with more "
                "and more around it. More make a steadier map, and take longer.",
                20_000,
                low=1000,
                whole=True,
                advanced=True,
            ),
            *shared.driver_kinds(),
            *shared.working_area(),
            shared.seed(),
            shared.engine(),
            makers.raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
            makers.raster_output(
                "STANDARD_DEVIATION",
                "Standard deviation",
                "Of the surface's error, in millimetres, as it was where points were hidden and "
                "kriging was as unsure.",
                optional=True,
            ),
        ]

    def request(self, job):
        drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = job.values("LESSONS", "SEED")
        return job.request(grid, drivers, points, parameters={"method": "hybrid", **given})
