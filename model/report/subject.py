"""What a report is about."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import shown
from ..spatial.grid import Grid

_SIGNS = {
    "up": "negative values are subsidence, positive values are uplift",
    "subsidence": "positive values are subsidence, negative values are uplift",
}


@dataclass(frozen=True)
class Subject:
    """The displacement that a report is about.

    Parameters
    ----------
    field : str
        Name of the values' field; empty without points.
    unit : str
        Of the values.
    positive : str
        What positive values mean: "up" or "subsidence".
    grid : Grid
        Of the map.
    drivers : tuple of (str, str)
        Their names and kinds.
    """

    field: str
    unit: str
    positive: str
    grid: Grid
    drivers: tuple = ()

    @property
    def sign(self) -> str:
        """What the sign of a value means."""
        return _SIGNS[self.positive]

    @property
    def introduction(self) -> str:
        """The first paragraph: values, grid and drivers."""
        cell = "{:g} × {:g} m".format(*self.grid.cell_size)
        drivers = ", ".join(f"{shown(name)} ({kind})" for name, kind in self.drivers)
        return (
            f"Values are {self.field} in {self.unit}; {self.sign}. The grid has "
            f"{self.grid.width} × {self.grid.height} cells of {cell}."
            + (f" Drivers: {drivers}." if drivers else "")
        )
