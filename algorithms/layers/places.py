"""Where the features of a vector layer are, in the CRS of the map."""

from __future__ import annotations

import math

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsRectangle,
)

from ..worker.process import stop_if_cancelled
from .crs import describe, is_metric, title
from .sources import UNCHECKED, title_of


class Places:
    """The features of a layer with their positions in a CRS, and how many have none.

    A feature without positions is passed over.

    Raises
    ------
    QgsProcessingException
        If no position can be brought to the CRS.
    JobCancelled
        When the user cancels while `say` looks for the reasons.
    """

    def __init__(
        self, source: QgsProcessingFeatureSource, columns: list, crs, transforms, feedback
    ):
        self._source, self._crs, self._feedback = source, crs, feedback
        self._transform = QgsCoordinateTransform(source.sourceCrs(), crs, transforms)
        self._request = QgsFeatureRequest().setSubsetOfAttributes(columns)
        self._request.setDestinationCrs(crs, transforms)
        self.missing = 0

    def __iter__(self):
        # QGIS logs each such feature by a line; millions of lines help nobody.
        if not any(map(self._reaches, self._shapes())) and any(self._shapes()):
            raise self._lost()
        for feature in self._source.getFeatures(self._request, UNCHECKED):
            vertices = ((point.x(), point.y()) for point in feature.geometry().vertices())
            points = [each for each in vertices if math.isfinite(sum(each))]
            if points:
                yield feature, points
            else:
                self.missing += 1

    def say(self, what: str) -> None:
        """Count in the log what was passed over."""
        if not self.missing:
            return
        lost = sum(not self._reaches(each) for each in self._shapes())
        if self.missing > lost:
            self._feedback.pushWarning(
                f"{what} without a position, skipped: {self.missing - lost:,}."
            )
        if lost:
            self._feedback.pushWarning(
                f"{what} whose position cannot be brought from {title(self._source.sourceCrs())} "
                f"to {title(self._crs)}, skipped: {lost:,}."
            )

    def _shapes(self):
        """The geometries with finite positions, in the layer's CRS."""
        request = QgsFeatureRequest().setNoAttributes()
        for i, feature in enumerate(self._source.getFeatures(request, UNCHECKED)):
            if i % 1000 == 0:
                stop_if_cancelled(self._feedback)
            if any(math.isfinite(each.x() + each.y()) for each in feature.geometry().vertices()):
                yield QgsGeometry(feature.geometry())

    def _reaches(self, shape: QgsGeometry) -> bool:
        try:
            shape.transform(self._transform)
        except QgsCsException:
            return False
        return any(math.isfinite(each.x() + each.y()) for each in shape.vertices())

    def nowhere(self) -> QgsProcessingException:
        """What to say if no feature has a position."""
        return QgsProcessingException(
            f"The layer {title_of(self._source)} has no row with a position. Choose a layer that "
            "has some."
        )

    def _lost(self) -> QgsProcessingException:
        crs = title(self._source.sourceCrs())
        return QgsProcessingException(
            f"The positions of the layer {title_of(self._source)}, "
            f"{describe(self._source.sourceExtent())}, are none of its coordinate reference system "
            f"(CRS) {crs}. Set the layer's right CRS, then run again."
        )


def look_like_degrees(source: QgsProcessingFeatureSource) -> bool:
    """Whether positions in metres are so near to nothing that they must be degrees."""
    area = source.sourceExtent()
    on_globe = QgsRectangle(-180, -90, 180, 90).contains(area)
    return is_metric(source.sourceCrs()) and on_globe and area.width() + area.height() > 0
