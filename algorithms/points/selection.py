"""Rules that keep or remove persistent scatterers, each with its tally."""

from __future__ import annotations

import math
import operator
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateTransform,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
)

from ...model.files.fill_values import SMALLEST, FillValues
from ..layers.sources import find_number
from ..run import Job
from ..worker.process import stop_if_cancelled

# The parameters of a field and of its limit, what the limit is, and the largest possible value.
LIMITS = (
    ("DISPERSION_FIELD", "MAX_DISPERSION", "at most", operator.le, math.inf),
    ("COHERENCE_FIELD", "MIN_COHERENCE", "at least", operator.ge, 1.001),  # float32 rounds
    ("VELOCITY_STD_FIELD", "MAX_VELOCITY_STD", "at most", operator.le, math.inf),
)
DATE_FIELD = re.compile(r"D\d{8}")


@dataclass
class Rule:
    """One thing that a point must fulfil.

    Parameters
    ----------
    title : str
        For the log, such as "coherence at least 0.7".
    check : callable
        Whether a feature fulfils it; None if that is unknown.
    fill : FillValues, optional
        The values that mean NoData, which the rule finds.

    Attributes
    ----------
    failed, unknown : int
        How many of all points do not fulfil it, and for how many that is unknown: both are removed.
    removed : int
        How many of them no rule before this one had removed.
    """

    title: str
    check: Callable[[QgsFeature], bool | None]
    fill: FillValues | None = None
    failed: int = 0
    unknown: int = 0
    removed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.title}: not fulfilled by {self.failed:,}, unknown (NULL) for "
            f"{self.unknown:,}; removed after the rules before: {self.removed:,}"
        )


class Selection:
    """Rules that are applied one after the other, and what comes of it.

    Parameters
    ----------
    rules : list of Rule

    Attributes
    ----------
    count, kept : int
        How many points there were, and how many remain.
    """

    def __init__(self, rules: list[Rule]):
        self.rules = rules
        self.count = self.kept = 0

    def keeps(self, feature: QgsFeature) -> bool:
        """Whether all rules keep a point; every rule looks at it and counts."""
        kept = True
        for rule in self.rules:
            fulfilled = rule.check(feature)
            if not fulfilled:
                rule.unknown += fulfilled is None
                rule.failed += fulfilled is not None
                rule.removed += kept
                kept = False
        self.count += 1
        self.kept += kept
        return kept

    def __str__(self) -> str:
        return "\n".join([f"{self.kept:,} of {self.count:,} points remain.", *map(str, self.rules)])


def rules(job: Job, source: QgsProcessingFeatureSource) -> list[Rule]:
    """The rules that the user chose; the log names those that the layer does not allow.

    Raises
    ------
    QgsProcessingException
        If a field that the user named is not there or not numeric, or AREA has no area.
    """
    chosen = []
    for field_parameter, limit_parameter, words, holds, high in LIMITS:
        limit = job.value(limit_parameter)
        column = _column(job, source, field_parameter) if limit else None
        known = None if column is None else _known(job, source, column, high)
        if column is not None and known is not None:
            title = f"{source.fields().at(column).name()} {words} {limit:g}"
            chosen.append(Rule(title, _limit(column, holds, limit, known)))
    area = job.optional_source("AREA")
    if area is not None:
        title = f"in {area.sourceName()}"
        chosen.append(Rule(title, _within(area, source.sourceCrs(), job.transforms)))
    minimum, fields = job.value("MIN_DATES"), source.fields()
    numbers = [field.name() for field in fields if field.isNumeric()]
    dates = [name for name in numbers if DATE_FIELD.fullmatch(name)]
    if minimum and dates:
        title = f"at least {minimum} of {len(dates)} dates"
        fill = FillValues("the time series")
        chosen.append(Rule(title, _has(dates, fields, minimum, fill), fill))
    elif minimum:
        job.feedback.pushWarning(
            "The layer has no numeric field called DYYYYMMDD: MIN_DATES is not applied."
        )
    return chosen


def features(
    source: QgsProcessingFeatureSource, request: QgsFeatureRequest, feedback
) -> Iterator[QgsFeature]:
    """The features of a layer, one by one, with progress.

    Raises
    ------
    JobCancelled
        When the user cancels.
    """
    total = max(source.featureCount(), 1)
    flags = QgsProcessingFeatureSource.FlagSkipGeometryValidityChecks
    for i, feature in enumerate(source.getFeatures(request, flags)):
        if i % 1000 == 0:
            feedback.setProgress(100 * i / total)
            stop_if_cancelled(feedback)
        yield feature


def _column(job: Job, source: QgsProcessingFeatureSource, parameter: str) -> int | None:
    """The column of a numeric field, or None, with a warning, if the default is not there."""
    name, fields = job.value(parameter), source.fields()
    default = job.algorithm.parameterDefinition(parameter).defaultValue()
    if fields.lookupField(name) < 0 and name == default:
        job.feedback.pushWarning(f"The layer has no field {name}: its rule is not applied.")
        return None
    return find_number(source, name, f"{parameter} must be a number")


def _known(job: Job, source: QgsProcessingFeatureSource, column: int, high: float):
    """A function that says which values of a field are valid; None, with a warning, if none is.

    Raises
    ------
    QgsProcessingException
        If the values go beyond what they can be.
    """
    import numpy as np

    name, layer = source.fields().at(column).name(), source.sourceName()
    request = QgsFeatureRequest().setSubsetOfAttributes([column])
    request.setFlags(QgsFeatureRequest.NoGeometry)
    given = (each.attribute(column) for each in features(source, request, job.feedback))
    values = np.array(array("d", filter(_is_number, given)))
    fill = FillValues(f"the field {name}")
    values = fill.remove(values)
    for sentence in fill.sentences():
        job.feedback.pushWarning(sentence)
    values = values[~np.isnan(values)]
    if not len(values):
        job.feedback.pushWarning(
            f"The field {name} is NULL for every point: its rule is not applied."
        )
        return None
    beyond, negative = values > high, values < 0
    if beyond.mean() > 0.01:
        raise QgsProcessingException(
            f"The field {name} of the layer {layer} has {beyond.sum():,} of {len(values):,} values "
            f"above 1, up to {values.max():.6g}, but a coherence goes from 0 to 1. Divide it by "
            "100 if it is percent, or choose another field."
        )
    for which, what in ((beyond, "above 1"), (negative, "negative")):
        if which.any():
            job.feedback.pushWarning(
                f"Values of {name} that are {what}, which none can be, and count as unknown: "
                f"{which.sum():,}, for instance {values[which][0]:.6g}."
            )
    return lambda value: _is_number(value) and 0 <= value <= high and value not in fill.counts


def _limit(column: int, holds: Callable, limit: float, known: Callable):
    def check(feature: QgsFeature) -> bool | None:
        value = feature.attribute(column)
        return holds(value, limit) if known(value) else None

    return check


def _within(area: QgsProcessingFeatureSource, crs, transforms):
    """Check that a point lies in the polygons of a layer, or on their border."""
    shapes = [each.geometry().makeValid() for each in area.getFeatures() if each.hasGeometry()]
    # Not a collection: where two of its polygons overlap, it would have a hole.
    union = QgsGeometry.unaryUnion(shapes)
    if not union.area() > 0:
        raise QgsProcessingException(
            f"The layer {area.sourceName()} has no polygon with an area. Choose another AREA."
        )
    engine = QgsGeometry.createGeometryEngine(union.constGet())
    engine.prepareGeometry()
    # The points go to the polygons, whose straight edges would be curves in another CRS.
    to_area = QgsCoordinateTransform(crs, area.sourceCrs(), transforms)

    def check(feature: QgsFeature) -> bool | None:
        if not feature.hasGeometry():
            return None
        place = QgsGeometry(feature.geometry())
        place.transform(to_area)
        # Naming the union here also keeps it alive for the engine, which looks into it.
        return union.boundingBoxIntersects(place) and engine.intersects(place.constGet())

    return check


def _has(dates: list[str], fields, minimum: int, fill: FillValues):
    """Check that at least `minimum` of some fields have a valid value."""
    import numpy as np

    # All attributes at once, and no function for each: there may be hundreds for each point.
    take = operator.itemgetter(0, *(fields.lookupField(date) for date in dates))

    def check(feature: QgsFeature) -> bool:
        values = [
            each
            for each in take(feature.attributes())[1:]
            if isinstance(each, (int, float)) and each == each
        ]
        known = len(values)
        if values and max(-min(values), max(values)) >= SMALLEST:
            known = np.isfinite(fill.remove(np.array(values, float))).sum()
        return known >= minimum

    return check


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and value == value
