"""How finished results get to their places: all of them, or none.

Everything is written beside its place, into a folder of its own, read back, and renamed when all of
it is there. So a run that fails, whatever the reason, leaves an older result as it was.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsVectorFileWriter,
)

from .layers.pixels import gdal_errors

STAGING = ".subsidence-"
# What drivers and QGIS lay beside a result: a former one's would be taken for this one's.
_NAMES = ".aux.xml"  # names of classes, statistics
COMPANIONS = (_NAMES, ".ovr", ".msk", "-journal", "-wal", "-shm")
_OF_SHAPEFILES = (".prj", ".qpj", ".cpg", ".qix", ".sbn", ".sbx", ".idm", ".ind")


class WriteFailed(Exception):
    """A result that is finished cannot be written; the message names the place and the reason."""


class Delivery:
    """Finished results on their way to their places; made by `Outputs.delivery`.

    Attributes
    ----------
    places : dict of str to str
        Path or layer of each result that was taken, by the output's name.
    """

    def __init__(self, algorithm, parameters: dict, context, wanted: dict[str, str]):
        self._algorithm, self._parameters, self._context = algorithm, parameters, context
        self._wanted = wanted
        self._staged: dict[str, Path] = {}
        self.places: dict[str, str] = {}

    def copy(self, name: str, finished: Path) -> None:
        """Take a file."""
        place = self._wanted[name]
        with _naming(place):
            staged = self._stage(name, place)
            for ending in ("", _NAMES):
                if Path(f"{finished}{ending}").exists():
                    _copy(Path(f"{finished}{ending}"), Path(f"{staged}{ending}"))
        self.places[name] = place

    def write(
        self,
        name: str,
        fields: QgsFields,
        kind,
        crs: QgsCoordinateReferenceSystem,
        features: Iterable[QgsFeature],
    ) -> int:
        """Write a layer of the geometry type `kind`, and give the number of its features."""
        place, parameters = self._wanted[name], dict(self._parameters)
        database, table = database_of(place)
        staged = bool(database) or is_file(place)
        with _naming(place):
            if staged:
                at = self._stage(name, database or place)
                if database:  # into which the table is copied when it is whole
                    at = self._staged[name] = at.with_name(f"{table}.gpkg".replace("/", "_"))
                parameters[name] = _moved(parameters.get(name), str(at), load=False)
            try:
                sink, written = self._algorithm.parameterAsSink(
                    parameters, name, self._context, fields, kind, crs
                )
            except QgsProcessingException as problem:
                raise OSError(0, str(problem)) from problem
            if sink is None:
                raise OSError(0, "QGIS cannot make a layer there")
            count = 0
            try:
                for feature in features:
                    if not sink.addFeature(feature, QgsFeatureSink.FastInsert):
                        raise OSError(0, sink.lastError())
                    count += 1
            finally:
                del sink  # which writes what it still holds
            if staged:
                self._staged[name] = Path(written)
                read_back(written, count)
                for part in Path(written).parent.iterdir():
                    _flush(part)
                written = str(Path(place).with_name(Path(written).name))
        self.places[name] = f"{database}|layername={table}" if database else written
        return count

    def finish(self) -> None:
        """Put all that is staged in its place, and let QGIS load what the user asked to see."""
        for name, staged in self._staged.items():
            place = self.places[name]
            database, table = database_of(self._wanted[name])
            with _naming(place):
                if database:
                    _copy_table(staged, database, table)
                else:
                    _replace(staged, Path(os.path.realpath(place)))
            definition = self._algorithm.parameterDefinition(name)
            if definition.type() in (*self._algorithm.LAYER_FILES, "sink"):
                parameters = {name: _moved(self._parameters.get(name), place)}
                self._algorithm.parameterAsOutputLayer(parameters, name, self._context)

    def discard(self) -> None:
        """Remove what was not renamed."""
        for staged in self._staged.values():
            shutil.rmtree(staged.parent, ignore_errors=True)

    def _stage(self, name: str, place: str) -> Path:
        """Where a result is written first: a folder of its own, which nobody can have prepared."""
        final = Path(os.path.realpath(place))
        final.parent.mkdir(parents=True, exist_ok=True)
        self._staged[name] = Path(tempfile.mkdtemp(prefix=STAGING, dir=final.parent), final.name)
        return self._staged[name]


def database_of(place: str) -> tuple[str, str]:
    """The database and its table that a place is, as QGIS writes it; two empty texts if none."""
    found = re.match(r"ogr:dbname='([^']+)' table=\"([^\"]+)\"", place)
    return (found[1], found[2]) if found else ("", "")


def is_file(place: str) -> bool:
    # On Windows a path may begin with one letter and a colon.
    return not re.match(r"\w\w+:", place)


def _moved(given, place: str, load: bool = True):
    """What the user gave for an output, with another place."""
    if not isinstance(given, QgsProcessingOutputLayerDefinition):
        return place
    moved = QgsProcessingOutputLayerDefinition(given)
    moved.sink = QgsProperty.fromValue(place)
    if not load:
        moved.destinationProject = None
    return moved


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    _flush(target)
    if not filecmp.cmp(source, target, shallow=False):
        raise OSError(0, "what was written cannot be read back")


def _replace(staged: Path, final: Path) -> None:
    """Let a result take its place, and remove what lies beside it of a former one."""
    # A Shapefile is several files; the one that it is known by comes last.
    parts = sorted(staged.parent.iterdir(), key=lambda part: part == staged)
    names = {part.name for part in parts}
    for part in parts:
        os.replace(part, final.with_name(part.name))
    beside = {final.name + ending for ending in COMPANIONS}
    if final.suffix.lower() == ".shp":
        beside |= {final.stem + ending for ending in _OF_SHAPEFILES}
    for name in beside - names:
        final.with_name(name).unlink(missing_ok=True)


def _copy_table(staged: Path, database: str, table: str) -> None:
    """Put a layer that is whole into a database, in the place of a table of its name."""
    driver = QgsVectorFileWriter.driverForExtension(Path(database).suffix) or "GPKG"
    try:
        with gdal_errors("Copying the table") as gdal:
            options = {"format": driver, "accessMode": "overwrite", "layerName": table}
            gdal.VectorTranslate(database, str(staged), **options)
    except QgsProcessingException as problem:
        raise OSError(0, str(problem)) from problem


def _flush(path: Path) -> None:
    """Wait until the disk has a file: only then it is known whether there is room for it."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def read_back(path: str, count: int) -> None:
    """Refuse a layer that does not hold the features that were written."""
    from osgeo import gdal

    reads = gdal.GetDriverByName(
        QgsVectorFileWriter.driverForExtension(Path(path).suffix)
    ).GetMetadataItem("DCAP_OPEN")
    if not reads:
        return
    found, data = 0, gdal.OpenEx(path, gdal.OF_VECTOR)
    for number in range(data.GetLayerCount() if data else 0):
        layer = data.GetLayer(number)
        layer.SetIgnoredFields([field.GetName() for field in layer.schema])
        found += sum(1 for _ in layer)
    if found < count:
        raise OSError(0, f"of {count:,} features {found:,} can be read back; the disk may be full")


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Say of a problem with files which place it is about."""
    try:
        yield
    except OSError as problem:
        raise WriteFailed(f"{place} cannot be written: {problem.strerror}.") from problem
