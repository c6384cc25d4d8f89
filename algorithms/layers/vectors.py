"""Vector layers as arrays: persistent scatterers, and tables of any fields.

numpy is imported inside functions, because loading the plugin must stay fast.
"""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from ...model.files.archive import save_arrays
from ..worker.process import stop_if_cancelled
from .crs import describe, title
from .grids import Grid
from .places import Places, look_like_degrees
from .sources import UNCHECKED, check_geometry, find_number, title_of

_LONGEST = 1000  # characters of an id, a date or a class
_MOST = 2**28  # characters of a column; numpy keeps as many for each row as for the longest


@dataclass(frozen=True)
class Points:
    """Positions (n, 2) in the grid's CRS, metres, and values (n,), mm, of the layer `name`.

    `errors` (n,), mm, are the standard deviations of the values' measurement errors; None if they
    are not known.
    """

    xy: Any
    values: Any
    name: str
    errors: Any = None

    @property
    def extent(self) -> QgsRectangle:
        """The smallest rectangle around the points."""
        return QgsRectangle(*self.xy.min(axis=0), *self.xy.max(axis=0))


@dataclass(frozen=True)
class Table:
    """Rows of the layer `name`: positions (n, 2), or None, and a column (n,) for each field.

    A column of numbers is float64 with NaN for NULL; any other is text with "" for NULL.
    """

    xy: Any
    columns: dict
    name: str


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
    name, columns = title_of(source), []
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
    for feature in source.getFeatures(request, UNCHECKED):
        stop_if_cancelled(feedback)
        label = feature.attribute(columns[0]) if columns else ""
        label = f"{label:.15g}" if isinstance(label, float) else _text(label, field, name).strip()
        shape = feature.geometry()
        polygons.append((label, None if shape.isEmpty() else json.loads(shape.asJson())))
    return polygons


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

    from ...model.files.fill_values import FillValues

    name, column = title_of(source), source.fields().lookupField(field)
    error_column = column
    if error_field:
        error_column = find_number(source, error_field, "the standard deviation must be a number")
    feedback.setProgressText("Reading the points")
    xs, ys, values, errors = array("d"), array("d"), array("d"), array("d")
    if look_like_degrees(source):
        feedback.pushWarning(
            f"The positions of the layer {name}, {describe(source.sourceExtent())}, look like "
            f"degrees, but {title(source.sourceCrs())} counts in metres. Check the layer's CRS."
        )
    places = Places(source, [column, error_column], crs, transforms, feedback)
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
    places.say("Points")
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
    fill = FillValues(f"the field {error_field}")
    complete = _complete(fill, np.array(errors)[known], error_field, feedback)
    return replace(points, errors=complete)


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
        If a field does not exist or its texts are too long, or no row has a position.
    JobCancelled
        When the user cancels.
    """
    import numpy as np

    name = title_of(source)
    columns = [source.fields().lookupField(field) for field in fields]
    if -1 in columns:
        raise QgsProcessingException(
            f"The layer {name} has no field {fields[columns.index(-1)]}. It has "
            f"{', '.join(source.fields().names()) or 'none'}."
        )
    places = array("d")
    rows: list[list] = []
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
        rows.extend(take(feature) for feature in source.getFeatures(request, UNCHECKED))
    else:
        check_geometry(source)
        found = Places(source, columns, crs, transforms, feedback)
        for feature, points in found:
            row = take(feature)
            for point in points:
                places.extend(point)
                rows.append(row)
        found.say(f"Rows of {name}")
        if not rows:
            raise found.nowhere()
    return Table(
        None if crs is None else np.array(places).reshape(-1, 2),
        {
            field: np.array(_bounded([row[i] for row in rows], field, name))
            for i, field in enumerate(fields)
        },
        name,
    )


def _bounded(values: list, field: str, name: str) -> list:
    """The values of a column, unless its longest text makes too much of it."""
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    if longest * len(values) > _MOST:
        raise QgsProcessingException(
            f"The field {field} of the layer {name} holds a text of {longest:,} characters. With "
            f"{len(values):,} rows up to {_MOST // len(values):,} are read, because each row takes "
            "the memory of the longest. Choose another field, or shorten it."
        )
    return values


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
