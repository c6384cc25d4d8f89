"""Vector layers that become files again: copies for the worker, and fields of new layers."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from qgis.core import (
    NULL,
    QgsCoordinateTransformContext,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ..worker.process import stop_if_cancelled
from .crs import wkt
from .sources import UNCHECKED, defined_crs, title_of

_WHOLE = (QVariant.Int, QVariant.LongLong)
LONGEST_DBF = 10
_WITHOUT_PLACES = (".csv", ".tsv", ".dbf", ".xlsx", ".ods")
_TAKEN = {"gpkg": ("fid", "geom"), **dict.fromkeys(("sqlite", "db"), ("ogc_fid", "geometry"))}


def save_layer(
    source: QgsProcessingFeatureSource, layer: QgsVectorLayer, given, folder: Path, feedback
) -> dict:
    """Make a layer a file as a request's source; what the layer shows counts.

    A file that the layer shows whole and as it is, is taken itself. Else its features are written
    into the job folder: edits that are not saved, joins and virtual fields, filters and selections
    are theirs. Columns get numbers there, because GeoPackages have names of their own, such as
    fid, that nothing else may have; their names go with the request.

    Parameters
    ----------
    source, layer
        The same layer, as `parameterAsSource` and `parameterAsVectorLayer` give it.
    given
        The parameter's value, which may ask for selected features only.
    folder : Path
        The job folder.
    """
    whole = _whole_file(source, layer, given)
    crs = defined_crs(source)
    has_crs = source.wkbType() != QgsWkbTypes.NoGeometry and crs.isValid()
    place = {"title": title_of(source), **({"crs": wkt(crs)} if has_crs else {})}
    if whole:
        return {**whole, **place}
    fields = QgsFields()
    for number, field in enumerate(source.fields()):
        renamed = QgsField(field)
        renamed.setName(f"f{number}")
        renamed.setLength(0)
        fields.append(renamed)
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", "layer"
    options.layerOptions = ["SPATIAL_INDEX=NO"]
    path = folder / "layer.gpkg"
    writer = QgsVectorFileWriter.create(
        str(path), fields, source.wkbType(), crs, QgsCoordinateTransformContext(), options
    )
    total, written = max(source.featureCount(), 1), 0
    feedback.setProgressText("Reading the layer")
    for written, feature in enumerate(source.getFeatures(QgsFeatureRequest(), UNCHECKED), 1):
        if written % 1000 == 0:
            feedback.setProgress(100 * written / total)
            stop_if_cancelled(feedback)
        if not writer.addFeature(feature, QgsFeatureSink.FastInsert):
            break
    problem = writer.errorMessage()
    del writer  # which writes what it still holds
    there = QgsVectorLayer(f"{path}|layername=layer", "", "ogr").featureCount()
    if there != written:
        raise QgsProcessingException(
            f"The layer {title_of(source)} cannot be copied to {folder}: "
            f"{problem or 'the disk may be full'}. Save it as a GeoPackage, and give that."
        )
    names = source.fields().names()
    return {"path": str(path), "layer": "layer", "names": names, **place}


def fields_for(place: str, source: QgsProcessingFeatureSource, feedback) -> QgsFields:
    """The fields of a layer as a new layer at `place` can have them.

    Databases number features and keep shapes in fields of their own; what is called so is renamed,
    with a warning.

    Raises
    ------
    QgsProcessingException
        If `place` is a Shapefile, which would cut names, or a table, which keeps no positions.
    """
    names = source.fields().names()
    long = names_cut_at(place, names)
    if long:
        raise QgsProcessingException(
            f"A Shapefile cuts names of fields after {LONGEST_DBF} letters, here "
            f"{', '.join(long)}. Give the output a name that ends in .gpkg."
        )
    if place.lower().endswith(_WITHOUT_PLACES):
        raise QgsProcessingException(
            f"{place} would keep no positions. Give the output a name that ends in .gpkg."
        )
    kind = re.search(r"\.(gpkg|sqlite|db)\b", place, re.IGNORECASE)
    taken = _TAKEN.get(kind[1].lower(), ()) if kind else ()
    others = {name.lower() for name in names}
    fields = QgsFields()
    for column, name in enumerate(names):
        field = QgsField(source.fields().at(column))
        number = name.lower() == "fid" and _counts_features(source, column)
        if name.lower() in taken and not number:
            free = (f"{name}_{i}" for i in count(1) if f"{name}_{i}".lower() not in others)
            field.setName(next(free))
            feedback.pushWarning(
                f"The field {name} is called {field.name()} in the result: in such a file {name} "
                "is where features are numbered or have their shapes."
            )
        fields.append(field)
    return fields


def names_cut_at(place: str, names: list[str]) -> list[str]:
    """Those names of fields that the file at a place would cut, as a Shapefile does."""
    if not place.lower().endswith(".shp"):
        return []
    return [name for name in names if len(name.encode()) > LONGEST_DBF]


def _counts_features(source: QgsProcessingFeatureSource, column: int) -> bool:
    """Whether a field has another whole number for each feature."""
    if source.fields().at(column).type() not in _WHOLE:
        return False
    values = source.uniqueValues(column)
    return NULL not in values and None not in values and len(values) == source.featureCount()


def _whole_file(source: QgsProcessingFeatureSource, layer: QgsVectorLayer, given) -> dict | None:
    """The path and the layer of a file that a layer shows as it is, None if there is none."""
    if isinstance(given, QgsProcessingFeatureSourceDefinition) and (
        given.selectedFeaturesOnly
        or given.featureLimit != -1
        or getattr(given, "filterExpression", "")
    ):
        return None
    fields = layer.fields()
    own = all(fields.fieldOrigin(i) == QgsFields.OriginProvider for i in range(len(fields)))
    if layer.providerType() != "ogr" or layer.isModified() or layer.subsetString() or not own:
        return None
    if source.featureCount() != layer.featureCount():
        return None
    path, *options = layer.source().split("|")
    named = [option.partition("=")[2] for option in options if option.startswith("layername=")]
    suffix = Path(path).suffix.lower()
    if not Path(path).is_file() or len(options) > len(named):
        return None
    path = str(Path(path).absolute())
    if layer.storageType() == "CSV" and source.wkbType() == QgsWkbTypes.NoGeometry:
        return {"path": path}
    if suffix == ".shp" or suffix == ".gpkg" and named:
        return {"path": path, "layer": named[0] if named else Path(path).stem}
    return None
