"""What a run writes: its places are checked before the work, and its tables become layers."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsVectorFileWriter,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType, QVariant

from .delivery import COMPANIONS, STAGING, Delivery, database_of, is_file, read_back
from .layers.copies import LONGEST_DBF, names_cut_at

_NO_LAYERS = (".dxf", ".dgn", ".pdf", ".gdb")

# QGIS 3.38 moved field types to QMetaType.
_NUMBER, _TEXT = (
    (QMetaType.Type.Double, QMetaType.Type.QString)
    if Qgis.QGIS_VERSION_INT >= 33800
    else (QVariant.Double, QVariant.String)
)


class Outputs:
    """The outputs that the user asked for.

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
        taken = [(_identity(path), table, name) for (path, table), name in inputs.items()]
        for definition in algorithm.destinationParameterDefinitions():
            name = definition.name()
            place = algorithm.parameterAsFileOutput(parameters, name, context)
            if not place:
                continue
            self.places[name] = place = _complete(place, definition, algorithm.LAYER_FILES)
            path, table = _path(place, definition), database_of(place)[1]
            if path is None:
                continue
            key = _identity(path)
            for other_key, other_table, other in taken:
                # Tables of one database do not touch each other.
                if key != other_key or table and other_table and table != other_table:
                    continue
                if other in inputs.values():
                    raise QgsProcessingException(
                        f"{name} would overwrite {path}, which the input {other} uses. Choose "
                        "another place."
                    )
                raise QgsProcessingException(
                    f"{name} and {other} are both to be written to {path}. Give each a name of its "
                    "own."
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
        read_back(str(place), count)
    except OSError:
        return path.name
    return place.name


def _identity(path: str | Path):
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
    if definition.type() == "sink" and is_file(place):
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
    database, _ = database_of(place)
    path = Path(os.path.abspath(database or place))
    on_disk = database or is_file(place)
    if definition.type() == "sink" and not on_disk:
        return None
    virtual = re.match(r"/vsi\w+(?=/)", place)
    if not on_disk or virtual and not os.path.isdir(virtual.group()):
        raise QgsProcessingException(
            f"{definition.name()} cannot be written to {place}, which is no place on a disk. "
            "Choose another place."
        )
    return path


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
        trial = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
        try:
            (trial / (path.name + max(COMPANIONS, key=len))).write_bytes(bytes(1))
        finally:
            shutil.rmtree(trial)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise QgsProcessingException(
            f"{name} cannot be written to {path}: {reason}. Choose another place."
        ) from problem
