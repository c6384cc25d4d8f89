"""What the algorithms share that map by one method of the catalogue; each is a declaration."""

from __future__ import annotations

from ...model.methods.catalogue import CATALOGUE
from ..base import SubsidenceAlgorithm
from ..parameters import shared


class InterpolationAlgorithm(SubsidenceAlgorithm):
    """Maps by one method.

    A method that learns from drivers, as its row of the catalogue says, asks for drivers, their
    kinds and SEED too.

    Attributes
    ----------
    METHOD : str
        The method's name in the catalogue; the algorithm's own if empty.
    """

    METHOD = ""
    GROUP_ID = "interpolation"
    TASK = "interpolate"

    def point_parameters(self) -> list:
        """What the points are."""
        return shared.points()

    def own_parameters(self) -> list:
        """The method's parameters; in lower case their names are those of its constructor."""
        return []

    def outputs(self) -> list:
        """What the method makes."""
        return [shared.surface_output()]

    def parameters(self):
        if self._drivers == "none":
            middle = [*shared.working_area(from_rasters=""), *self.own_parameters()]
        else:
            middle = [
                shared.drivers(optional=self._drivers == "optional"),
                *self.own_parameters(),
                *shared.driver_kinds(),
                *shared.working_area(),
                shared.seed(),
            ]
        return [*self.point_parameters(), *middle, shared.engine(), *self.outputs()]

    def request(self, job):
        names = [each.name() for each in self.own_parameters()]
        drivers = []
        if self._drivers != "none":
            names.append("SEED")
            drivers = job.drivers()
        grid, points = job.working_grid(drivers)
        given = {"method": self._method, **job.values(*names)}
        return job.request(grid, drivers, points, parameters=given)

    @property
    def _method(self) -> str:
        return self.METHOD or self.NAME

    @property
    def _drivers(self) -> str:
        return CATALOGUE[self._method].drivers
