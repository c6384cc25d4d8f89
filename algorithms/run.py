"""One run of an algorithm: what the user gave, made into a request in the job folder."""

from __future__ import annotations

import os
from contextlib import suppress

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRectangle,
)

from .layers.crs import degrees_from, wkt
from .layers.driver import Driver
from .layers.grids import Grid
from .layers.kinds import set_kinds
from .layers.rasters import open_drivers
from .layers.sources import check_points, check_source
from .layers.vectors import Points, Table, keep_inside, read_points, read_table, save_points
from .layers.warp import warp_drivers
from .layers.working_grid import choose_grid, choose_lattice
from .values import is_empty, is_whole, is_within


class Job:
    """One run: what the user gave, and the folder that goes to the worker.

    Parameters
    ----------
    algorithm : SubsidenceAlgorithm
    parameters, context, feedback
        As `processAlgorithm` gets them.
    sources : dict of str to list of Source
        The raster layers, by parameter.
    folder : Path
        The job folder.

    Attributes
    ----------
    field, unit, positive : str
        What the results show: the field's name, its unit, and what a positive value means.
    """

    def __init__(self, algorithm, parameters, context, feedback, sources, folder):
        self.algorithm = algorithm
        self.parameters = parameters
        self.context = context
        self.feedback = feedback
        self.sources = sources
        self.folder = folder
        self.field, self.unit, self.positive = "", "mm", "up"

    def value(self, name: str):
        """What the user gave, as a request holds it; None if nothing.

        A date is "YYYY-MM-DD", a CRS well-known text, a file its whole path.
        """
        definition = self.algorithm.parameterDefinition(name)
        if is_empty(self.parameters.get(name)) and is_empty(definition.defaultValue()):
            return None
        given = self.algorithm, self.parameters, name, self.context
        kind = definition.type()
        if kind == "number":
            kind = "integer" if is_whole(definition) else "number"
            # Where a model computes it, it is known only now.
            number = self.algorithm.parameterAsDouble(self.parameters, name, self.context)
            if not is_within(definition, number):
                raise QgsProcessingException(
                    f"{name} was computed as {number:g}. It must be from "
                    f"{definition.minimum():.10g} to {definition.maximum():.10g}."
                )
        elif kind == "enum" and definition.allowMultiple():
            kind = "enums"
        return _READ.get(kind, _read_text)(*given)

    def values(self, *names: str) -> dict:
        """What the user gave, by lower-case name, as in a request; without what was left empty."""
        given = {name.lower(): self.value(name) for name in names}
        return {name: value for name, value in given.items() if value is not None}

    def rasters(self, name: str, unique: bool = False, names: str = "") -> list[Driver]:
        """Every band of every layer of a raster parameter.

        Their names may have to be `unique`; `names` are new ones, as NAMES gives them.
        """
        nodata = self.value("NODATA") if self.algorithm.parameterDefinition("NODATA") else None
        return open_drivers(
            self.sources.get(name, []), nodata or "", self.feedback, names, unique=unique
        )

    def raster(self, name: str, any_kind: bool = False) -> Driver | None:
        """The first band of a raster parameter; of `any_kind` where only its grid is wanted."""
        sources = self.sources.get(name)
        if not sources:
            return None
        return open_drivers(sources, feedback=self.feedback, unique=False, any_kind=any_kind)[0]

    def drivers(self, kinds: bool = True, names: str = "") -> list[Driver]:
        """The drivers with their NoData and, unless a model knows them, their kinds."""
        opened = self.rasters("DRIVERS", unique=True, names=names)
        if kinds:
            set_kinds(
                opened, self.value("CATEGORICAL") or "", self.value("CIRCULAR") or "", self.feedback
            )
        return opened

    def extent(self, crs) -> QgsRectangle | None:
        """EXTENT in a CRS, if it is given."""
        text = self.parameters.get("EXTENT")
        if is_empty(text) or isinstance(text, QgsRectangle) and text.isNull():
            return None
        given = self.algorithm.parameterAsExtent(self.parameters, "EXTENT", self.context, crs)
        system = self.algorithm.parameterAsExtentCrs(self.parameters, "EXTENT", self.context)
        named = isinstance(text, str) and "[" in text
        if given.isEmpty() or not given.isFinite() or named and not system.isValid():
            raise QgsProcessingException(
                f"EXTENT was {text}, which is no area. Give xmin,xmax,ymin,ymax and a CRS, such as "
                "500000,510000,3600000,3620000 [EPSG:32639]."
            )
        return given

    def source(self, name: str) -> QgsProcessingFeatureSource:
        """A vector layer, refused if it has places in no known CRS."""
        source = self.algorithm.parameterAsSource(self.parameters, name, self.context)
        if source is None:
            raise QgsProcessingException(self.algorithm.invalidSourceError(self.parameters, name))
        check_source(source)
        return source

    def optional_source(self, name: str) -> QgsProcessingFeatureSource | None:
        """As `source`; None if no layer is given."""
        return None if is_empty(self.parameters.get(name)) else self.source(name)

    def table(self, name: str, fields: list, crs=None) -> Table:
        """Some fields of a vector layer, with positions in `crs` if that is given."""
        return read_table(self.source(name), fields, crs, self.transforms, self.feedback)

    def points(self, crs) -> Points:
        """The persistent scatterers in a CRS."""
        known = self.algorithm.parameterDefinition("ERROR_FIELD")
        return read_points(
            self._scatterers(),
            self.value("VALUE_FIELD"),
            crs,
            self.transforms,
            self.feedback,
            (self.value("ERROR_FIELD") or "") if known else "",
        )

    def working_grid(self, drivers: list[Driver]) -> tuple[Grid, Points]:
        """The working grid, and the persistent scatterers on it."""
        lattice = self._lattice(drivers, self._scatterers())
        read = self.points(lattice.crs)
        grid = self._over(lattice, drivers, read)
        return grid, keep_inside(read, grid, self.feedback)

    def grid(self, rasters=(), places: str = "") -> Grid:
        """The working grid without persistent scatterers.

        It is that of REFERENCE, else of the rasters, else around the points of the vector
        parameter `places`.
        """
        source = self.optional_source(places) if places else None
        lattice = self._lattice(rasters, source)
        # What is skipped is logged when the fields are read too.
        silent = QgsProcessingFeedback(False)
        area = source and read_table(source, [], lattice.crs, self.transforms, silent)
        return self._over(lattice, rasters, area)

    def _lattice(self, rasters, source) -> Grid:
        return choose_lattice(
            self.raster("REFERENCE", any_kind=True),
            rasters,
            self.value("CELL_SIZE"),
            source,
            self.transforms,
            self.feedback,
            self._extent_in_degrees(),
        )

    def _extent_in_degrees(self) -> QgsRectangle | None:
        """EXTENT where its CRS is known before the working grid's is."""
        text = self.parameters.get("EXTENT")
        crs = self.algorithm.parameterAsExtentCrs(self.parameters, "EXTENT", self.context)
        if not crs.isValid() or isinstance(text, str) and "[" not in text:
            return None
        area = self.extent(crs)
        with suppress(QgsCsException):
            return area and degrees_from(crs, self.transforms).transformBoundingBox(area)
        return None

    def _over(self, lattice: Grid, rasters, places) -> Grid:
        extent = self.extent(lattice.crs)
        grid = choose_grid(lattice, extent, rasters, places, self.transforms, self.feedback)
        self.feedback.pushInfo(f"Working grid: {grid}.")
        return grid

    def request(self, grid, drivers=(), points=None, **more) -> dict:
        """The parts of a request that most tasks share; drivers and points go into the folder."""
        message = {"grid": grid and grid.to_request(), "drivers": [], **more}
        if self.algorithm.parameterDefinition("UNIT"):
            self.unit = message["unit"] = self.value("UNIT") or usual_unit(
                self.value("VALUE_FIELD")
            )
        if points is not None:
            self.field, self.positive = self.value("VALUE_FIELD"), self.value("POSITIVE")
            message["points"] = {
                "file": save_points(points, self.folder),
                "field": self.field,
                "positive": self.positive,
            }
        if drivers:
            message["drivers"] = warp_drivers(drivers, grid, self.folder, self.feedback)
        return message

    @property
    def transforms(self):
        """The project's choice of datum transformations."""
        return self.context.transformContext()

    def _scatterers(self):
        source = self.source("PS_POINTS")
        check_points(source, self.value("VALUE_FIELD"))
        return source


def usual_unit(field: str | None) -> str:
    """The unit of a field by its name: most are displacements, some velocities."""
    return "mm/yr" if "vel" in (field or "").lower() else "mm"


def _read_text(algorithm, *given) -> str:
    return algorithm.parameterAsString(*given)


def _read_path(algorithm, *given) -> str:
    # The worker runs in the job's folder, from where a relative path leads elsewhere.
    return os.path.abspath(algorithm.parameterAsFile(*given))


def _read_day(algorithm, *given) -> str:
    return algorithm.parameterAsDateTime(*given).date().toString("yyyy-MM-dd")


def _read_crs(algorithm, *given) -> str:
    crs: QgsCoordinateReferenceSystem = algorithm.parameterAsCrs(*given)
    return wkt(crs)


_READ = {
    "enum": lambda algorithm, *given: algorithm.parameterAsEnumString(*given),
    "enums": lambda algorithm, *given: algorithm.parameterAsEnumStrings(*given),
    "number": lambda algorithm, *given: algorithm.parameterAsDouble(*given),
    "integer": lambda algorithm, *given: algorithm.parameterAsInt(*given),
    "file": _read_path,
    "boolean": lambda algorithm, *given: algorithm.parameterAsBoolean(*given),
    "datetime": _read_day,
    "crs": _read_crs,
}
