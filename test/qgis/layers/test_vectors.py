"""Vector layers as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProcessingException,
)
from subsidence_mapper.algorithms.layers.grids import Grid
from subsidence_mapper.algorithms.layers.sources import check_points, check_source
from subsidence_mapper.algorithms.layers.vectors import (
    Points,
    keep_inside,
    read_points,
    read_table,
    save_points,
)
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.test.qgis_layers import TRANSFORMS, source_of

UTM39 = QgsCoordinateReferenceSystem("EPSG:32639")


WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")


class TestPoints:
    def read(self, layer, feedback, field="mm", crs=UTM39):
        check_source(source_of(layer))
        check_points(source_of(layer), field)
        return read_points(source_of(layer), field, crs, TRANSFORMS, feedback)

    def test_positions_come_in_the_grids_crs(self, make_points, feedback):
        points = self.read(make_points([(51, 32), (51.5, 32.5)], [1, 2], "EPSG:4326"), feedback)
        to_utm = QgsCoordinateTransform(WGS84, UTM39, TRANSFORMS)
        expected = [to_utm.transform(QgsPointXY(51, 32)), to_utm.transform(QgsPointXY(51.5, 32.5))]
        assert np.allclose(points.xy, [(p.x(), p.y()) for p in expected], rtol=0, atol=1e-6)
        assert points.values.tolist() == [1, 2]

    def test_multipoints_are_split(self, make_points, feedback):
        layer = make_points(
            ["MultiPoint ((1 2), (3 4))", "MultiPoint ((5 6))"], [7.0, 8.0], kind="MultiPoint"
        )
        points = self.read(layer, feedback)
        assert points.xy.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert points.values.tolist() == [7, 7, 8]

    def test_what_cannot_be_used_is_skipped_and_counted(self, make_points, feedback):
        places = [(5e5, 0), (5e5, 1), (5e5, 2), (5e5, 3), None]
        values = [1.0, None, float("nan"), float("inf"), 2.0]
        points = self.read(make_points(places, values), feedback)
        assert points.xy.tolist() == [[5e5, 0]]
        assert feedback.warnings == [
            "Points without a position, skipped: 1.",
            "In the field mm 1 value is inf, which means no value beside 1 to 1: taken as NULL.",
            "Points without a number in mm, skipped: 3.",
        ]

    def test_whole_numbers_are_numbers(self, make_points, feedback):
        layer = make_points([(0, 0), (1, 1)], [3, 4], field="mm:integer")
        assert self.read(layer, feedback).values.tolist() == [3, 4]

    @pytest.mark.parametrize(
        ("options", "field", "message"),
        [
            (
                {"field": "mm:string"},
                "mm",
                "field mm of the layer ps is of type .*Numeric fields: none",
            ),
            ({}, "cm", "field cm of the layer ps does not exist.*Numeric fields: mm"),
            ({"crs": ""}, "mm", "layer ps has no valid coordinate reference system"),
        ],
    )
    def test_refused(self, make_points, feedback, options, field, message):
        layer = make_points(
            [(0, 0), (1, 1)], ["1", "2"] if options.get("field") else [1, 2], **options
        )
        with pytest.raises(QgsProcessingException, match=message):
            self.read(layer, feedback, field)

    def test_lines_are_refused(self, make_points, feedback):
        layer = make_points(["LineString (0 0, 1 1)"], [1.0], kind="LineString")
        with pytest.raises(QgsProcessingException, match="ps is no point layer"):
            self.read(layer, feedback)

    def test_no_points(self, make_points, feedback):
        with pytest.raises(QgsProcessingException, match="The layer ps has no features"):
            self.read(make_points([], []), feedback)
        with pytest.raises(
            QgsProcessingException, match="ps has no point with a number in the field"
        ):
            self.read(make_points([(0, 1), (1, 1)], [None, None]), feedback)

    def test_cancel_while_reading(self, make_points, feedback):
        layer = make_points([(0, 0), (1, 1)], [1.0, 2.0])
        feedback.cancel()
        with pytest.raises(JobCancelled):
            self.read(layer, feedback)

    def table(self, layer, fields, crs, feedback):
        return read_table(source_of(layer), fields, crs, TRANSFORMS, feedback)

    def test_a_table_has_numbers_and_texts(self, make_points, feedback):
        layer = make_points(["MultiPoint ((1 2), (3 4))", None], ["a", "b"], field="id:string")
        table = self.table(layer, ["id"], UTM39, feedback)
        assert table.xy.tolist() == [[1, 2], [3, 4]]
        assert table.columns["id"].tolist() == ["a", "a"]
        assert feedback.warnings == ["Rows of ps without a position, skipped: 1."]
        layer = make_points([(0, 0), (1, 1)], [None, 4.5])
        table = self.table(layer, ["mm"], None, feedback)
        assert table.xy is None
        assert np.array_equal(table.columns["mm"], [np.nan, 4.5], equal_nan=True)

    def test_a_field_that_is_not_there(self, make_points, feedback):
        with pytest.raises(QgsProcessingException, match="ps has no field cm. It has mm"):
            self.table(make_points([(0, 0)], [1.0]), ["cm"], UTM39, feedback)

    def kept(self, xy, values, feedback):
        grid = Grid(UTM39, 0.0, 100.0, 10.0, 10.0, 10, 10)
        points = Points(np.array(xy, float), np.array(values, float), "ps")
        return keep_inside(points, grid, feedback)

    def test_points_outside_are_left_out_and_counted(self, feedback):
        kept = self.kept([(0, 0), (50, 50), (100, 100), (101, 50), (50, -1)], range(5), feedback)
        assert kept.values.tolist() == [0, 1, 2]
        assert len(feedback.warnings) == 1
        assert feedback.warnings[0].startswith("2 of 5 points lie outside the area of the map")

    def test_no_overlap_says_both_extents(self, feedback):
        with pytest.raises(QgsProcessingException) as problem:
            self.kept([(500, 600), (700, 800)], [1, 2], feedback)
        assert "None of the 2 points of the layer ps" in str(problem.value)
        assert "points cover x 500 to 700, y 600 to 800" in str(problem.value)
        assert "the map x 0 to 100, y 0 to 100" in str(problem.value)

    def test_all_values_equal(self, feedback):
        with pytest.raises(QgsProcessingException, match="All 2 points .* have the value 5"):
            self.kept([(1, 1), (2, 2), (500, 500)], [5, 5, 6], feedback)

    def test_saved(self, tmp_path):
        points = Points(np.array([[1.0, 2.0]]), np.array([3.0]), "ps")
        with np.load(tmp_path / save_points(points, tmp_path)) as arrays:
            assert arrays["xy"].tolist() == [[1, 2]]
            assert arrays["values"].tolist() == [3]
