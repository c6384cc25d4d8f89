"""Vector layers as arrays: persistent scatterers, and tables of any fields.

numpy is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import dataclass, replace
from pathlib import Path

from qgis.core import (
    NULL,
    QgsFeatureRequest,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from ...model import protocol
from ..child import JobCancelled
from .crs import check_crs, describe, title
from .grids import Grid


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
        check_crs(source.sourceCrs(), _name(source))
    if source.featureCount() == 0:
        raise QgsProcessingException(
            f"The layer {_name(source)} has no features. Choose a layer that has some."
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
    numeric = [each.name() for each in source.fields() if each.isNumeric()]
    if field not in numeric:
        column = source.fields().lookupField(field)
        kind = source.fields().at(column).typeName() if column >= 0 else ""
        raise QgsProcessingException(
            f"The field {field} of the layer {name} "
            f"{f'is of type {kind}' if kind else 'does not exist'}; displacement must be a number. "
            f"Numeric fields: {', '.join(numeric) or 'none'}."
        )
    if source.sourceExtent().isNull():
        raise QgsProcessingException(
            f"The layer {name} has no points. Choose a layer that has some."
        )


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
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    polygons = []
    for feature in source.getFeatures(request, flags):
        if feedback.isCanceled():
            raise JobCancelled("Cancelled.")
        label = feature.attribute(columns[0]) if columns else ""
        label = f"{label:.15g}" if isinstance(label, float) else _text(label).strip()
        shape = feature.geometry()
        polygons.append((label, None if shape.isEmpty() else json.loads(shape.asJson())))
    return polygons


def _name(source: QgsProcessingFeatureSource) -> str:
    return source.sourceName() or "of the points"


def read_points(
    source: QgsProcessingFeatureSource, field: str, crs, transforms, feedback, error_field: str = ""
) -> Points:
    """Read persistent scatterers and the values of a field into arrays.

    A multipoint counts as its points. Features without a finite number or without a geometry are
    skipped and counted in the log. Where the `error_field` holds no error, the median of the
    others is taken.

    Raises
    ------
    QgsProcessingException
        If no feature is left. `check_points` comes first.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    name, column = _name(source), source.fields().lookupField(field)
    feedback.setProgressText("Reading the points")
    error_column = source.fields().lookupField(error_field) if error_field else column
    request = QgsFeatureRequest().setSubsetOfAttributes([column, error_column])
    request.setDestinationCrs(crs, transforms)
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    total = max(source.featureCount(), 1)
    xs, ys, values, errors = array("d"), array("d"), array("d"), array("d")
    without_value = without_place = 0
    for i, feature in enumerate(source.getFeatures(request, flags)):
        if i % 1000 == 0:
            feedback.setProgress(100 * i / total)
            if feedback.isCanceled():
                raise JobCancelled("Cancelled.")
        value = feature.attribute(column)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            without_value += 1
            continue
        before = len(values)
        for point in feature.geometry().vertices():
            if math.isfinite(point.x()) and math.isfinite(point.y()):
                xs.append(point.x())
                ys.append(point.y())
                values.append(value)
                errors.append(_number(feature.attribute(error_column)))
        without_place += len(values) == before
    if without_value:
        feedback.pushWarning(f"Points without a number in {field}, skipped: {without_value:,}.")
    if without_place:
        feedback.pushWarning(f"Points without a position, skipped: {without_place:,}.")
    if not values:
        raise QgsProcessingException(
            f"The layer {name} has no point with a number in the field {field}. "
            "Choose a layer and a field that hold displacements."
        )
    points = Points(np.column_stack([xs, ys]), np.array(values), name)
    if not error_field:
        return points
    return replace(points, errors=_complete(np.array(errors), error_field, feedback))


def _complete(errors, field: str, feedback):
    import numpy as np

    unknown = ~(errors >= 0) | np.isinf(errors)
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
    count = int(inside.sum())
    if count == 0:
        raise QgsProcessingException(
            f"None of the {len(x):,} points of the layer {points.name} lies in the area of the "
            f"map: in {title(grid.crs)} the points cover {describe(points.extent)}, the map "
            f"{describe(area)}. Check the layers' CRS, and the extents of drivers and EXTENT."
        )
    if count < len(x):
        feedback.pushWarning(
            f"{len(x) - count:,} of {len(x):,} points lie outside the area of the map "
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
            f"All {count:,} points in the area of the map have the value {kept.values[0]:g}, so "
            "there is nothing to learn from them. Choose another field or area."
        )
    return kept


def save_points(points: Points, folder: Path) -> str:
    """Write the points into the job folder, and give the file's name."""
    import numpy as np

    errors = {} if points.errors is None else {"errors": points.errors}
    np.savez(folder / protocol.POINTS, xy=points.xy, values=points.values, **errors)
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
        If a field does not exist, or no row has a position.
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
    request = QgsFeatureRequest().setSubsetOfAttributes(columns)
    if crs is None:
        request.setFlags(QgsFeatureRequest.NoGeometry)
    else:
        check_geometry(source)
        request.setDestinationCrs(crs, transforms)
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    places, rows, without_place = array("d"), [], 0
    for feature in source.getFeatures(request, flags):
        if feedback.isCanceled():
            raise JobCancelled("Cancelled.")
        row = [feature.attribute(column) for column in columns]
        if crs is None:
            rows.append(row)
            continue
        before = len(rows)
        for point in feature.geometry().vertices():
            if math.isfinite(point.x()) and math.isfinite(point.y()):
                places.extend((point.x(), point.y()))
                rows.append(row)
        without_place += len(rows) == before
    if without_place:
        feedback.pushWarning(f"Rows of {name} without a position, skipped: {without_place:,}.")
    if not rows:
        raise QgsProcessingException(
            f"The layer {name} has no row with a position. Choose a layer that has some."
        )
    numeric = [source.fields().at(column).isNumeric() for column in columns]
    return Table(
        None if crs is None else np.array(places).reshape(-1, 2),
        {
            field: np.array([_number(row[i]) if numeric[i] else _text(row[i]) for row in rows])
            for i, field in enumerate(fields)
        },
        name,
    )


def _number(value) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _text(value) -> str:
    if isinstance(value, (QDate, QDateTime)):
        return value.toString(Qt.DateFormat.ISODate)
    return "" if value in (None, NULL) else str(value)


def save_table(table: Table, folder: Path, name: str) -> str:
    """Write a table into the job folder, and give the file's name."""
    import numpy as np

    if "xy" in table.columns:
        raise QgsProcessingException(
            f"The field xy of the layer {table.name} has a name that is taken. Rename the field."
        )
    places = {} if table.xy is None else {"xy": table.xy}
    fields = {protocol.FIELD + field: column for field, column in table.columns.items()}
    np.savez(folder / f"{name}.npz", **places, **fields)
    return f"{name}.npz"
