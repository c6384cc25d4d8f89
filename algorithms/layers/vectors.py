"""Vector layers as arrays: persistent scatterers, and tables of any fields.

numpy is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDataProvider,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProviderRegistry,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QVariant

from ...model import protocol
from ...model.archive import save_arrays
from ...model.errors import InputError
from ...model.foreign import check_local
from ..child import stop_if_cancelled
from .crs import check_crs, describe, is_metric, title, wkt
from .grids import Grid

_UNCHECKED = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
_WHOLE = (QVariant.Int, QVariant.LongLong)
_LONGEST_DBF = 10
_WITHOUT_PLACES = (".csv", ".tsv", ".dbf", ".xlsx", ".ods")
_TAKEN = {"gpkg": ("fid", "geom"), **dict.fromkeys(("sqlite", "db"), ("ogc_fid", "geometry"))}
_LONGEST = 1000  # characters of an id, a date or a class; numpy keeps as much for each row


@dataclass(frozen=True)
class Points:
    """Positions (n, 2) in the grid's CRS, metres, and values (n,), mm, of the layer `name`.

    `errors` (n,), mm, are the standard deviations of the values' measurement errors; None if they
    are not known.
    """

    xy: object
    values: object
    name: str
    errors: object = None

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle around the points."""
        return _around(self.xy)


@dataclass(frozen=True)
class Table:
    """Rows of the layer `name`: positions (n, 2), or None, and a column (n,) for each field.

    A column of numbers is float64 with NaN for NULL; any other is text with "" for NULL.
    """

    xy: object
    columns: dict
    name: str

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle around the rows' points."""
        return _around(self.xy)


def _around(xy) -> QgsRectangle:
    return QgsRectangle(*xy.min(axis=0), *xy.max(axis=0))


def check_source(source: QgsProcessingFeatureSource) -> None:
    """Refuse a vector layer that has no features, or places in no known CRS."""
    if source.wkbType() != QgsWkbTypes.NoGeometry:
        check_crs(defined_crs(source), _name(source))
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
            f"The layer {_name(source)} has no features. Choose a layer that has some."
        )


def check_layer(layer: QgsVectorLayer, feedback) -> None:
    """Refuse a layer that a file takes from the net, or by SQL of its own.

    Of a file that holds several layers and is given without a name, QGIS takes the first one: the
    log then names the others.
    """
    try:
        check_local(Path(_uri(layer).get("path") or "."))
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
            f"The layer {_name(source)} is no point layer. Choose a point layer."
        )


def check_points(source: QgsProcessingFeatureSource, field: str) -> None:
    """Refuse a layer that can give no values at places.

    Raises
    ------
    QgsProcessingException
        If the layer has no points, or the field is not there or is not numeric.
    """
    name = _name(source)
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
            f"The field {field} of the layer {_name(source)} {kind}; {needs}. Numeric fields: "
            f"{', '.join(numeric) or 'none'}."
        )
    return column


def read_polygons(
    source: QgsProcessingFeatureSource, field: str, crs, transforms, feedback
) -> list[tuple[str, dict | None]]:
    """Read the text of a field, "" for NULL, and the shape of each feature of a polygon layer.

    The shape is GeoJSON in `crs`, None where there is none. Without `field` all texts are empty.

    Raises
    ------
    QgsProcessingException
        If the layer is not of polygons, or has no such field.
    JobCancelled
        When the user cancels.
    """
    name, columns = _name(source), []
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.PolygonGeometry:
        raise QgsProcessingException(
            f"The layer {name} is no polygon layer. Choose a polygon layer."
        )
    if field:
        columns = [source.fields().lookupField(field)]
        if columns[0] < 0:
            raise QgsProcessingException(
                f"The layer {name} has no field {field}. It has "
                f"{', '.join(source.fields().names()) or 'none'}."
            )
    request = QgsFeatureRequest().setSubsetOfAttributes(columns)
    request.setDestinationCrs(crs, transforms)
    polygons = []
    for feature in source.getFeatures(request, _UNCHECKED):
        stop_if_cancelled(feedback)
        label = feature.attribute(columns[0]) if columns else ""
        label = f"{label:.15g}" if isinstance(label, float) else _text(label, field, name).strip()
        shape = feature.geometry()
        polygons.append((label, None if shape.isEmpty() else json.loads(shape.asJson())))
    return polygons


def _name(source: QgsProcessingFeatureSource) -> str:
    return source.sourceName() or "of the points"


def read_points(
    source: QgsProcessingFeatureSource, field: str, crs, transforms, feedback, error_field: str = ""
) -> Points:
    """Read persistent scatterers and the values of a field into arrays.

    A multipoint counts as its points. Features without a number that means something, or without
    a position, are skipped and counted in the log. Where the `error_field` holds no error, the
    median of the others is taken.

    Raises
    ------
    QgsProcessingException
        If no feature is left, or there is no such `error_field`. `check_points` comes first.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    from ...model.fill_values import FillValues

    name, column = _name(source), source.fields().lookupField(field)
    error_column = column
    if error_field:
        error_column = find_number(source, error_field, "the standard deviation must be a number")
    feedback.setProgressText("Reading the points")
    xs, ys, values, errors = array("d"), array("d"), array("d"), array("d")
    if _like_degrees(source):
        feedback.pushWarning(
            f"The positions of the layer {name}, {describe(source.sourceExtent())}, look like "
            f"degrees, but {title(source.sourceCrs())} counts in metres. Check the layer's CRS."
        )
    places = _Places(source, [column, error_column], crs, transforms)
    total = max(source.featureCount(), 1)
    for i, (feature, points) in enumerate(places):
        if i % 1000 == 0:
            feedback.setProgress(100 * i / total)
            stop_if_cancelled(feedback)
        value, error = _number(feature.attribute(column)), _number(feature.attribute(error_column))
        for x, y in points:
            xs.append(x)
            ys.append(y)
            values.append(value)
            errors.append(error)
    places.say(feedback, "Points")
    if not len(values):
        raise places.nowhere()
    fill = FillValues(f"the field {field}")
    values = fill.remove(values)
    for sentence in fill.sentences():
        feedback.pushWarning(sentence)
    known = ~np.isnan(values)
    if not known.all():
        feedback.pushWarning(f"Points without a number in {field}, skipped: {(~known).sum():,}.")
    if not known.any():
        raise QgsProcessingException(
            f"The layer {name} has no point with a number in the field {field}. "
            "Choose a layer and a field that hold displacements."
        )
    points = Points(np.column_stack([xs, ys])[known], values[known], name)
    if not error_field:
        return points
    errors = FillValues(f"the field {error_field}"), np.array(errors)[known]
    return replace(points, errors=_complete(*errors, error_field, feedback))


def _like_degrees(source: QgsProcessingFeatureSource) -> bool:
    """Whether positions in metres are so near to nothing that they must be degrees."""
    area = source.sourceExtent()
    on_globe = QgsRectangle(-180, -90, 180, 90).contains(area)
    return is_metric(source.sourceCrs()) and on_globe and area.width() + area.height() > 0


class _Places:
    """The features of a layer with their positions in a CRS, and how many have none.

    A feature without positions is passed over.

    Raises
    ------
    QgsProcessingException
        If no position can be brought to the CRS.
    """

    def __init__(self, source: QgsProcessingFeatureSource, columns: list, crs, transforms):
        self._source, self._crs, self._transforms = source, crs, transforms
        self._request = QgsFeatureRequest().setSubsetOfAttributes(columns)
        self._request.setDestinationCrs(crs, transforms)
        self.missing = 0

    def __iter__(self):
        # QGIS tells of each feature by a line in the log; millions of lines help nobody.
        if not any(map(self._reaches, self._shapes())) and any(self._shapes()):
            raise self._lost()
        for feature in self._source.getFeatures(self._request, _UNCHECKED):
            vertices = ((point.x(), point.y()) for point in feature.geometry().vertices())
            points = [each for each in vertices if math.isfinite(sum(each))]
            if points:
                yield feature, points
            else:
                self.missing += 1

    def say(self, feedback, what: str) -> None:
        """Count in the log what was passed over."""
        if not self.missing:
            return
        lost = sum(not self._reaches(each) for each in self._shapes())
        if self.missing > lost:
            feedback.pushWarning(f"{what} without a position, skipped: {self.missing - lost:,}.")
        if lost:
            feedback.pushWarning(
                f"{what} whose position cannot be brought from {title(self._source.sourceCrs())} "
                f"to {title(self._crs)}, skipped: {lost:,}."
            )

    def _shapes(self):
        """The geometries with finite positions, in the layer's CRS."""
        request = QgsFeatureRequest().setNoAttributes()
        for feature in self._source.getFeatures(request, _UNCHECKED):
            if any(math.isfinite(each.x() + each.y()) for each in feature.geometry().vertices()):
                yield QgsGeometry(feature.geometry())

    def _reaches(self, shape: QgsGeometry) -> bool:
        transform = QgsCoordinateTransform(self._source.sourceCrs(), self._crs, self._transforms)
        try:
            shape.transform(transform)
        except QgsCsException:
            return False
        return any(math.isfinite(each.x() + each.y()) for each in shape.vertices())

    def nowhere(self) -> QgsProcessingException:
        """What to say if no feature has a position."""
        return QgsProcessingException(
            f"The layer {_name(self._source)} has no row with a position. Choose a layer that has "
            "some."
        )

    def _lost(self) -> QgsProcessingException:
        crs = title(self._source.sourceCrs())
        return QgsProcessingException(
            f"The positions of the layer {_name(self._source)}, "
            f"{describe(self._source.sourceExtent())}, are none of its coordinate reference system "
            f"(CRS) {crs}. Set the layer's right CRS, then run again."
        )


def _complete(fill, errors, field: str, feedback):
    """The standard deviations, with the median of the others where there is none."""
    import numpy as np

    errors = fill.remove(errors)
    for sentence in fill.sentences():
        feedback.pushWarning(sentence)
    negative = errors < 0
    if negative.any():
        feedback.pushWarning(
            f"Negative standard deviations in {field}: {negative.sum():,}, down to "
            f"{errors[negative].min():.6g}. They are taken as NULL."
        )
    unknown = np.isnan(errors) | negative
    if unknown.all():
        raise QgsProcessingException(
            f"The field {field} holds no standard deviation, a number from 0, at any point. "
            "Choose another field, or none."
        )
    if unknown.any():
        median = float(np.median(errors[~unknown]))
        feedback.pushWarning(
            f"Points without a standard deviation in {field}: {unknown.sum():,}. The median of the "
            f"others, {median:.3g}, is taken."
        )
        errors = np.where(unknown, median, errors)
    return errors


def keep_inside(points: Points, grid: Grid, feedback) -> Points:
    """The points on the grid; the others are counted in the log.

    Raises
    ------
    QgsProcessingException
        If no point is left, or all values are equal.
    """
    area = grid.extent
    x, y = points.xy.T
    inside = (x >= area.xMinimum()) & (x <= area.xMaximum())
    inside &= (y >= area.yMinimum()) & (y <= area.yMaximum())
    number = int(inside.sum())
    if number == 0:
        raise QgsProcessingException(
            f"None of the {len(x):,} points of the layer {points.name} lies in the area of the "
            f"map: in {title(grid.crs)} the points cover {describe(points.extent)}, the map "
            f"{describe(area)}. Check the layers' CRS, and the extents of drivers and EXTENT."
        )
    if number < len(x):
        feedback.pushWarning(
            f"{len(x) - number:,} of {len(x):,} points lie outside the area of the map "
            f"({describe(area)}) and are left out."
        )
    kept = replace(
        points,
        xy=points.xy[inside],
        values=points.values[inside],
        errors=None if points.errors is None else points.errors[inside],
    )
    if kept.values.min() == kept.values.max():
        raise QgsProcessingException(
            f"All {number:,} points in the area of the map have the value {kept.values[0]:g}, so "
            "there is nothing to learn from them. Choose another field or area."
        )
    return kept


def save_points(points: Points, folder: Path) -> str:
    """Write the points into the job folder, and give the file's name."""
    errors = {} if points.errors is None else {"errors": points.errors}
    save_arrays(folder / protocol.POINTS, xy=points.xy, values=points.values, **errors)
    return protocol.POINTS


def read_table(
    source: QgsProcessingFeatureSource, fields: list, crs, transforms, feedback
) -> Table:
    """Read some fields of a layer, and its positions if `crs` is given.

    A multipoint counts as its points, each with the row's values. Rows without a position are
    skipped and counted in the log.

    Raises
    ------
    QgsProcessingException
        If a field does not exist or holds very long texts, or no row has a position.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    name = _name(source)
    columns = [source.fields().lookupField(field) for field in fields]
    if -1 in columns:
        raise QgsProcessingException(
            f"The layer {name} has no field {fields[columns.index(-1)]}. It has "
            f"{', '.join(source.fields().names()) or 'none'}."
        )
    places, rows = array("d"), []
    numeric = [source.fields().at(column).isNumeric() for column in columns]

    def take(feature) -> list:
        if len(rows) % 1000 == 0:
            stop_if_cancelled(feedback)
        row = [feature.attribute(column) for column in columns]
        return [
            _number(value) if number else _text(value, field, name)
            for value, number, field in zip(row, numeric, fields)
        ]

    if crs is None:
        request = QgsFeatureRequest().setSubsetOfAttributes(columns)
        request.setFlags(QgsFeatureRequest.NoGeometry)
        rows.extend(take(feature) for feature in source.getFeatures(request, _UNCHECKED))
    else:
        check_geometry(source)
        found = _Places(source, columns, crs, transforms)
        for feature, points in found:
            row = take(feature)
            for point in points:
                places.extend(point)
                rows.append(row)
        found.say(feedback, f"Rows of {name}")
        if not rows:
            raise found.nowhere()
    return Table(
        None if crs is None else np.array(places).reshape(-1, 2),
        {field: np.array([row[i] for row in rows]) for i, field in enumerate(fields)},
        name,
    )


def _number(value) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _text(value, field: str, name: str) -> str:
    if isinstance(value, (QDate, QDateTime)):
        return value.toString(Qt.DateFormat.ISODate)
    text = "" if value in (None, NULL) else str(value)
    if len(text) > _LONGEST:
        raise QgsProcessingException(
            f"The field {field} of the layer {name} holds a text of {len(text):,} characters, as "
            f"no name, date or class has; up to {_LONGEST:,} are read. Choose another field, or "
            "shorten it."
        )
    return text


def save_table(table: Table, folder: Path, name: str) -> str:
    """Write a table into the job folder, and give the file's name."""
    if "xy" in table.columns:
        raise QgsProcessingException(
            f"The field xy of the layer {table.name} has a name that is taken. Rename the field."
        )
    places = {} if table.xy is None else {"xy": table.xy}
    fields = {protocol.FIELD + field: column for field, column in table.columns.items()}
    save_arrays(folder / f"{name}.npz", **places, **fields)
    return f"{name}.npz"


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
    place = {"title": _name(source), **({"crs": wkt(crs)} if has_crs else {})}
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
    for written, feature in enumerate(source.getFeatures(QgsFeatureRequest(), _UNCHECKED), 1):
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
            f"The layer {_name(source)} cannot be copied to {folder}: "
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
    long = [name for name in names if len(name.encode()) > _LONGEST_DBF]
    if place.lower().endswith(".shp") and long:
        raise QgsProcessingException(
            f"A Shapefile cuts names of fields after {_LONGEST_DBF} letters, here "
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


def _uri(layer: QgsVectorLayer) -> dict:
    return QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
