"""Vector layers as QGIS gives them: what will do as an input, and what is said if it will not."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDataProvider,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProviderRegistry,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ...model.errors import InputError
from ...model.files.foreign import check_local
from .crs import check_crs

UNCHECKED = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks


def check_source(source: QgsProcessingFeatureSource) -> None:
    """Refuse a vector layer that has no features, or places in no known CRS."""
    if source.wkbType() != QgsWkbTypes.NoGeometry:
        check_crs(defined_crs(source), title_of(source))
    check_filled(source)


def defined_crs(source: QgsProcessingFeatureSource) -> QgsCoordinateReferenceSystem:
    """The CRS of a layer; an invalid one where GDAL says "undefined" by its name."""
    crs = source.sourceCrs()
    undefined = "undefined" in crs.description().lower()
    return QgsCoordinateReferenceSystem() if undefined else crs


def check_filled(source: QgsProcessingFeatureSource) -> None:
    """Refuse a layer without features."""
    if source.featureCount() == 0:
        raise QgsProcessingException(
            f"The layer {title_of(source)} has no features. Choose a layer that has some."
        )


def check_layer(layer: QgsVectorLayer, feedback) -> None:
    """Refuse a layer that a file takes from the net, or by SQL of its own.

    Of a file that holds several layers and is given without a name, QGIS takes the first one: the
    log then names the others.
    """
    try:
        check_local(Path(parts_of(layer).get("path") or "."))
    except InputError as problem:
        raise QgsProcessingException(str(problem)) from problem
    if layer.providerType() != "ogr" or "|layer" in layer.source():
        return
    mark = QgsDataProvider.sublayerSeparator()
    parts = (each.split(mark) for each in layer.dataProvider().subLayers())
    held = [name for _, name, number, *_ in parts if name != "layer_styles" and number != "0"]
    if len(set(held)) > 1:
        feedback.pushWarning(
            f"{layer.source()} holds the layers {', '.join(held)}. The first one is taken; for "
            f"another one give its name too, as in {layer.source()}|layername={held[1]}."
        )


def check_geometry(source: QgsProcessingFeatureSource) -> None:
    """Refuse a layer that is not of points; `qgis_process` does not look at that."""
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.PointGeometry:
        raise QgsProcessingException(
            f"The layer {title_of(source)} is no point layer. Choose a point layer."
        )


def check_points(source: QgsProcessingFeatureSource, field: str) -> None:
    """Refuse a layer that can give no values at places.

    Raises
    ------
    QgsProcessingException
        If the layer has no points, or the field is not there or is not numeric.
    """
    name = title_of(source)
    check_geometry(source)
    find_number(source, field, "displacement must be a number")
    if source.sourceExtent().isNull():
        raise QgsProcessingException(
            f"The layer {name} has no points. Choose a layer that has some."
        )


def find_number(source: QgsProcessingFeatureSource, field: str, needs: str) -> int:
    """The column of a field, in upper or lower case, refused if it holds no numbers.

    `needs` says in the message what the field is for.
    """
    fields = source.fields()
    column = fields.lookupField(field)
    if column < 0 or not fields.at(column).isNumeric():
        kind = f"is of type {fields.at(column).typeName()}" if column >= 0 else "does not exist"
        numeric = [each.name() for each in fields if each.isNumeric()]
        raise QgsProcessingException(
            f"The field {field} of the layer {title_of(source)} {kind}; {needs}. Numeric fields: "
            f"{', '.join(numeric) or 'none'}."
        )
    return column


def title_of(source: QgsProcessingFeatureSource) -> str:
    """The layer's name, as sentences say it."""
    return source.sourceName() or "of the points"


def table_of(layer: QgsVectorLayer) -> str:
    """The name of the table that a layer is in a database of several; empty if unknown."""
    return parts_of(layer).get("layerName") or ""


def parts_of(layer: QgsVectorLayer) -> dict:
    """What a layer's source consists of, such as its path and its table."""
    return QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
