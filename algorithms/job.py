"""One run of an algorithm: what the user gave, on its way into the job folder."""

from __future__ import annotations

from qgis.core import (
    NULL,
    QgsProcessingException,
    QgsProcessingParameterNumber,
    QgsRectangle,
)

from . import layers


class Job:
    """One run: what the user gave, and the folder that goes to the worker.

    Parameters
    ----------
    algorithm : SubsidenceAlgorithm
    parameters, context, feedback
        As `processAlgorithm` gets them.
    sources : dict of str to list of layers.Source
        The raster layers, by parameter.
    folder : Path
        The job folder.

    Attributes
    ----------
    field, positive : str
        What the results show: the field's name, and what a positive value means.
    """

    def __init__(self, algorithm, parameters, context, feedback, sources, folder):
        self.algorithm = algorithm
        self.parameters = parameters
        self.context = context
        self.feedback = feedback
        self.sources = sources
        self.folder = folder
        self.field, self.positive = "", "up"

    def value(self, name: str):
        """What the user gave for a number, a choice or a text; None if nothing."""
        definition = self.algorithm.parameterDefinition(name)
        if is_empty(self.parameters.get(name)) and is_empty(definition.defaultValue()):
            return None
        if definition.type() == "enum":
            read = self.algorithm.parameterAsEnumString
        elif definition.type() != "number":
            read = self.algorithm.parameterAsString
        elif definition.dataType() == QgsProcessingParameterNumber.Integer:
            read = self.algorithm.parameterAsInt
        else:
            read = self.algorithm.parameterAsDouble
        return read(self.parameters, name, self.context)

    def values(self, *names: str) -> dict:
        """What the user gave, by lower-case name, as in a request; without what was left empty."""
        given = {name.lower(): self.value(name) for name in names}
        return {name: value for name, value in given.items() if value is not None}

    def raster(self, name: str) -> layers.Driver | None:
        """The first band of a raster parameter."""
        sources = self.sources.get(name)
        return layers.open_drivers(sources)[0] if sources else None

    def drivers(self, kinds: bool = True) -> list[layers.Driver]:
        """The drivers with their NoData and, unless a model knows them, their kinds."""
        opened = layers.open_drivers(
            self.sources.get("DRIVERS", []), self.value("NODATA") or "", self.feedback
        )
        if kinds:
            layers.set_kinds(
                opened, self.value("CATEGORICAL") or "", self.value("CIRCULAR") or "", self.feedback
            )
        return opened

    def extent(self, crs) -> QgsRectangle | None:
        """EXTENT in a CRS, if it is given."""
        given = self.algorithm.parameterAsExtent(self.parameters, "EXTENT", self.context, crs)
        return None if given.isEmpty() else given

    def points(self, crs) -> layers.Points:
        """The persistent scatterers in a CRS."""
        return layers.read_points(
            self._source(), self.value("VALUE_FIELD"), crs, self.transforms, self.feedback
        )

    def working_grid(self, drivers: list[layers.Driver]) -> tuple[layers.Grid, layers.Points]:
        """The working grid, and the points on it."""
        lattice = layers.choose_lattice(
            self.raster("REFERENCE"),
            drivers,
            self.value("CELL_SIZE"),
            self._source(),
            self.transforms,
        )
        read = self.points(lattice.crs)
        grid = layers.choose_grid(lattice, self.extent(lattice.crs), drivers, read, self.transforms)
        self.feedback.pushInfo(f"Working grid: {grid}.")
        return grid, layers.keep_inside(read, grid, self.feedback)

    def request(self, grid, drivers=(), points=None, **more) -> dict:
        """The parts of a request that most tasks share; drivers and points go into the folder."""
        message = {"grid": grid.to_request(), "drivers": [], **more}
        if points is not None:
            self.field, self.positive = self.value("VALUE_FIELD"), self.value("POSITIVE")
            message["points"] = {
                "file": layers.save_points(points, self.folder),
                "field": self.field,
                "positive": self.positive,
            }
        if drivers:
            message["drivers"] = layers.warp_drivers(drivers, grid, self.folder, self.feedback)
        return message

    @property
    def transforms(self):
        """The project's choice of datum transformations."""
        return self.context.transformContext()

    def _source(self):
        source = self.algorithm.parameterAsSource(self.parameters, "PS_POINTS", self.context)
        if source is None:
            raise QgsProcessingException(
                self.algorithm.invalidSourceError(self.parameters, "PS_POINTS")
            )
        layers.check_points(source, self.value("VALUE_FIELD"))
        return source


def is_empty(value) -> bool:
    """Whether the user gave nothing."""
    return value in (None, NULL, "", [])
