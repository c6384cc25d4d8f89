"""What a run writes: its places are checked before the work, and get whole results after it.

Everything is written beside its place, into a folder of its own, read back, and renamed when all of
it is there. So a run that fails, whatever the reason, leaves an older result as it was.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsVectorFileWriter,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, QVariant

from .layers.copies import LONGEST_DBF, names_cut_at
from .layers.pixels import gdal_errors

_STAGING = ".subsidence-"
# What drivers and QGIS lay beside a result: a former one's would be taken for this one's.
_NAMES = ".aux.xml"  # names of classes, statistics
_COMPANIONS = (_NAMES, ".ovr", ".msk", "-journal", "-wal", "-shm")
_OF_SHAPEFILES = (".prj", ".qpj", ".cpg", ".qix", ".sbn", ".sbx", ".idm", ".ind")
_NO_LAYERS = (".dxf", ".dgn", ".pdf", ".gdb")

# QGIS 3.38 moved field types to QMetaType.
_NUMBER, _TEXT = (
    (QMetaType.Type.Double, QMetaType.Type.QString)
    if Qgis.QGIS_VERSION_INT >= 33800
    else (QVariant.Double, QVariant.String)
)


class WriteFailed(Exception):
    """A result that is finished cannot be written; the message names the place and the reason."""


class Outputs:
    """The outputs that the user wants.

    Parameters
    ----------
    algorithm : SubsidenceAlgorithm
    parameters, context
        As `processAlgorithm` gets them.
    inputs : dict of (str, str) to str
        Every file that an input rests on, with the table in it if it is one, and the input's name.

    Attributes
    ----------
    places : dict of str to str
        Where each goes: the path of a file, or what QGIS takes for a place, such as memory:.

    Raises
    ------
    QgsProcessingException
        If a place cannot be written, or two results or an input and a result are one file.
    """

    def __init__(self, algorithm, parameters: dict, context, inputs: dict[tuple, str]):
        self._algorithm, self._parameters, self._context = algorithm, parameters, context
        self.places = {}
        taken = [(identity(path), table, name) for (path, table), name in inputs.items()]
        for definition in algorithm.destinationParameterDefinitions():
            name = definition.name()
            place = algorithm.parameterAsFileOutput(parameters, name, context)
            if not place:
                continue
            self.places[name] = place = _complete(place, definition, algorithm.LAYER_FILES)
            path, table = _path(place, definition), _database(place)[1]
            if path is None:
                continue
            key = identity(path)
            for other_key, other_table, other in taken:
                # Tables of one database do not touch each other.
                if key != other_key or table and other_table and table != other_table:
                    continue
                if other in inputs.values():
                    raise QgsProcessingException(
                        f"{name} would be written over {path}, which the input {other} is or rests "
                        "on. Choose another place."
                    )
                raise QgsProcessingException(
                    f"{name} and {other} are to be written to one file, {path}. Give each a name "
                    "of its own."
                )
            taken.append((key, table, name))
            _check_writable(name, Path(os.path.realpath(path)))

    @contextmanager
    def delivery(self) -> Iterator[Delivery]:
        """Take the results, and put all of them in their places when the `with` block ends.

        Raises
        ------
        WriteFailed
            With the older results left as they were, unless the last step, to rename, fails.
        """
        delivery = Delivery(self._algorithm, self._parameters, self._context, self.places)
        try:
            yield delivery
            delivery.finish()
        finally:
            delivery.discard()


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
        with _told_of(place):
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
        database, table = _database(place)
        staged = bool(database) or _is_file(place)
        with _told_of(place):
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
                _read_back(written, count)
                for part in Path(written).parent.iterdir():
                    _flush(part)
                written = str(Path(place).with_name(Path(written).name))
        self.places[name] = f"{database}|layername={table}" if database else written
        return count

    def finish(self) -> None:
        """Put all that is staged in its place, and let QGIS load what the user wants to see."""
        for name, staged in self._staged.items():
            place = self.places[name]
            database, table = _database(self._wanted[name])
            with _told_of(place):
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
        self._staged[name] = Path(tempfile.mkdtemp(prefix=_STAGING, dir=final.parent), final.name)
        return self._staged[name]


def read_table(path: Path, crs: str | None) -> tuple:
    """A worker's table as a layer: its fields, geometry type, CRS and features."""
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        columns = {name: arrays[name].tolist() for name in arrays.files}
    positions = columns.pop("xy", None)
    fields = QgsFields()
    for name, column in columns.items():
        is_text = bool(column) and isinstance(column[0], str)
        fields.append(QgsField(name, _TEXT if is_text else _NUMBER))

    def features() -> Iterator[QgsFeature]:
        for number, row in enumerate(zip(*columns.values())):
            feature = QgsFeature(fields)
            if positions is not None:
                feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*positions[number])))
            feature.setAttributes([None if cell != cell else cell for cell in row])  # NaN is NULL
            yield feature

    if positions is None:
        return fields, QgsWkbTypes.NoGeometry, QgsCoordinateReferenceSystem(), features()
    return fields, QgsWkbTypes.Point, QgsCoordinateReferenceSystem.fromWkt(crs), features()


def warn_of_cut_names(place: str, fields: QgsFields, feedback) -> None:
    """Say which names of fields a Shapefile has cut."""
    long = names_cut_at(place, fields.names())
    if long:
        feedback.pushWarning(
            f"{place} is a Shapefile, which cuts names of fields after {LONGEST_DBF} letters, here "
            f"{', '.join(long)}. A name that ends in .gpkg keeps them."
        )


def save_table(path: Path, crs: str | None) -> str:
    """Write a worker's table beside it as a GeoPackage, and give the name of the file.

    That of the table itself where there is no room for another.
    """
    fields, kind, system, features = read_table(path, crs)
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = path.stem
    place = path.with_suffix(".gpkg")
    writer = QgsVectorFileWriter.create(
        str(place), fields, kind, system, QgsCoordinateTransformContext(), options
    )
    count = sum(writer.addFeature(feature) for feature in features)
    del writer
    try:
        _read_back(str(place), count)
    except OSError:
        return path.name
    return place.name


def identity(path: str | Path):
    """What two paths to one file have in common, also where there is no file yet."""
    path = Path(os.path.realpath(path))
    try:
        found = path.stat()
        return found.st_dev, found.st_ino
    except OSError:
        return os.path.normcase(path)


def _complete(place: str, definition, layer_files: dict) -> str:
    """The place with the ending that a file of this kind must have."""
    title, suffixes = layer_files.get(definition.type(), ("", ("",)))
    if not place.lower().endswith(suffixes):
        raise QgsProcessingException(
            f"{definition.name()} is a {title}: give it a name that ends in {suffixes[0]}, not "
            f"{place}."
        )
    if definition.type() == "sink" and _is_file(place):
        if Path(place).suffix.lower() in _NO_LAYERS:
            raise QgsProcessingException(
                f"{definition.name()} cannot be read back from {place}, or loses its fields there. "
                "Give it a name that ends in .gpkg."
            )
        known = QgsVectorFileWriter.driverForExtension(Path(place).suffix)
        return place if known or os.path.exists(place) else f"{place}.gpkg"  # as QGIS does
    return place


def _path(place: str, definition) -> Path | None:
    """The file that a place is, or is in; None for a layer in memory or on a server."""
    database, _ = _database(place)
    path = Path(os.path.abspath(database or place))
    on_disk = database or _is_file(place)
    if definition.type() == "sink" and not on_disk:
        return None
    virtual = re.match(r"/vsi\w+(?=/)", place)
    if not on_disk or virtual and not os.path.isdir(virtual.group()):
        raise QgsProcessingException(
            f"{definition.name()} cannot be written to {place}, which is no place on a disk. "
            "Choose another place."
        )
    return path


def _database(place: str) -> tuple[str, str]:
    """The database and its table that a place is, as QGIS writes it; two empty texts if none."""
    found = re.match(r"ogr:dbname='([^']+)' table=\"([^\"]+)\"", place)
    return found.groups() if found else ("", "")


def _is_file(place: str) -> bool:
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


def _check_writable(name: str, path: Path) -> None:
    """Refuse a place at which a file of this name cannot be made, by trying to make one."""
    try:
        if path.exists():
            if path.is_dir():
                raise OSError(0, "it is a folder")
            if not stat.S_ISREG(path.stat().st_mode):
                raise OSError(0, "it is no ordinary file but a device or the like")
            if not os.access(path, os.W_OK):
                raise OSError(0, "it is write-protected")
        folder = next((parent for parent in path.parents if parent.exists()), None)
        if folder is None:
            raise OSError(0, "there is no such drive")
        trial = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
        try:
            (trial / (path.name + max(_COMPANIONS, key=len))).write_bytes(bytes(1))
        finally:
            shutil.rmtree(trial)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise QgsProcessingException(
            f"{name} cannot be written to {path}: {reason}. Choose another place."
        ) from problem


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
    beside = {final.name + ending for ending in _COMPANIONS}
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


def _read_back(path: str, count: int) -> None:
    """Refuse a layer that does not hold the features that were written."""
    from osgeo import gdal

    reads = gdal.GetDriverByName(
        QgsVectorFileWriter.driverForExtension(Path(path).suffix)
    ).GetMetadataItem("DCAP_OPEN")
    data = gdal.OpenEx(path, gdal.OF_VECTOR) if reads else None
    found = 0
    for number in range(data.GetLayerCount() if data else 0):
        layer = data.GetLayer(number)
        layer.SetIgnoredFields([field.GetName() for field in layer.schema])
        found += sum(1 for _ in layer)
    if reads and found < count:
        raise OSError(0, f"of {count:,} features {found:,} can be read back; the disk may be full")


@contextmanager
def _told_of(place: str) -> Iterator[None]:
    """Say of a problem with files which place it is about."""
    try:
        yield
    except OSError as problem:
        raise WriteFailed(f"{place} cannot be written: {problem.strerror}.") from problem
