"""`zonesummary` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from subsidence_mapper.test.qgis_layers import memory_layer
from subsidence_mapper.test.results import rows

SIZE, CELL, LEFT, TOP = 40, 50.0, 500_000.0, 3_600_000.0


ZONES = [("city", 5, 5, 10, 12), ("airport", 25, 20, 6, 6)]


@pytest.fixture
def make_zones():
    """Zones: (name, row, column, height, width) in cells; the name may be None."""

    def make(entries, crs="EPSG:32639", field="name:string"):
        systems = [QgsCoordinateReferenceSystem(code) for code in ("EPSG:32639", crs)]
        transform = QgsCoordinateTransform(*systems, QgsProject.instance())
        made = []
        for name, row, column, height, width in entries:
            west, north = LEFT + CELL * column, TOP - CELL * row
            area = QgsRectangle(west, north - CELL * height, west + CELL * width, north)
            shape = QgsGeometry.fromRect(area)
            shape.transform(transform)
            made.append((shape, name))
        return memory_layer("Polygon", crs, [field], made, "zones")

    return make


@pytest.fixture
def surfaces(write_raster):
    """Cells and paths of two methods, the second on cells half as large."""
    one = np.random.default_rng(0).normal(-50, 40, (SIZE, SIZE)).astype("float32")
    other = np.repeat(np.repeat(one - 10, 2, 0), 2, 1)
    paths = [write_raster("kriging", one, LEFT, TOP, CELL)]
    return one, [*paths, write_raster("cnn", other, LEFT, TOP, CELL / 2)]


class TestZoneSummary:
    @pytest.mark.parametrize("crs", ["EPSG:32639", "EPSG:4326"])
    def test_figures(self, run, surfaces, make_zones, make_points, feedback, tmp_path, crs):
        cells, paths = surfaces
        xy = np.random.default_rng(1).uniform(0, SIZE, (300, 2))  # column and row
        values = np.random.default_rng(2).normal(-50, 30, 300)
        results = run(
            "zonesummary",
            ZONES=make_zones(ZONES, crs),
            NAME_FIELD="name",
            SURFACES=paths,
            PS_POINTS=make_points((xy * [CELL, -CELL] + [LEFT, TOP]).tolist(), values.tolist()),
            VALUE_FIELD="mm",
            SUMMARY=str(tmp_path / "summary.gpkg"),
            REPORT=str(tmp_path / "report.html"),
        )
        assert not QgsVectorLayer(results["SUMMARY"], "summary").isSpatial()
        found = rows(results["SUMMARY"])
        pairs = [(row["zone"], row["method"]) for row in found]
        assert pairs == [(zone, name) for zone, *_ in ZONES for name in ("kriging", "cnn")]
        for (_, row, column, height, width), pair in zip(ZONES, (found[:2], found[2:])):
            inside = cells[row : row + height, column : column + width].astype(float)
            kriging, cnn = pair
            assert kriging["cells"] == inside.size and kriging["cells_without_value"] == 0
            assert kriging["smallest"] == inside.min() and kriging["largest"] == inside.max()
            assert kriging["mean"] == pytest.approx(inside.mean())
            assert kriging["km2_beyond_-50"] == pytest.approx((inside < -50).sum() * 0.0025)
            assert kriging["km2_beyond_-100"] == pytest.approx((inside < -100).sum() * 0.0025)
            assert cnn["mean"] == pytest.approx(inside.mean() - 10, abs=1e-3)
            x, y = xy.T
            near = (x > column) & (x < column + width) & (y > row) & (y < row + height)
            assert kriging["ps_count"] == near.sum() > 0
            assert kriging["ps_smallest"] == values[near].min()
            assert cnn["ps_mean"] == pytest.approx(values[near].mean())
        assert feedback.warnings == []
        html = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert html.count("<img") == 2 and "The most subsidence is in" in html

    def test_polygons_without_a_name_and_points(
        self, run, surfaces, make_zones, feedback, tmp_path
    ):
        cells, paths = surfaces
        zones = make_zones([*ZONES, (None, 0, 0, 3, 3), ("airport", 35, 35, 2, 2)])
        given = {"ZONES": zones, "SURFACES": paths[:1], "POSITIVE": "subsidence"}
        place = str(tmp_path / "summary.gpkg")
        run("zonesummary", **given, NAME_FIELD="name", THRESHOLDS="12.5", SUMMARY=place)
        found = {row["zone"]: row for row in rows(place)}
        assert list(found) == ["city", "airport", "(polygon 3)"]
        assert found["airport"]["cells"] == 40
        corner = found["(polygon 3)"]
        assert corner["km2_beyond_12.5"] == pytest.approx((cells[:3, :3] > 12.5).sum() * 0.0025)
        assert "ps_count" not in corner
        assert any("without a name in name" in text for text in feedback.warnings)
        place = str(tmp_path / "numbered.gpkg")
        run("zonesummary", **given, SUMMARY=place)
        found = rows(place)
        assert [row["zone"] for row in found] == [f"(polygon {n})" for n in (1, 2, 3, 4)]
        assert "km2_beyond_50" in found[0] and "km2_beyond_100" in found[0]

    def test_refused(self, run, surfaces, make_zones, make_points, make_raster, tmp_path):
        _, paths = surfaces
        given = {"ZONES": make_zones(ZONES), "SURFACES": paths}
        given["SUMMARY"] = str(tmp_path / "summary.gpkg")
        points = make_points([(LEFT + 10, TOP - 10)], [1.0])
        for changes, message in [
            ({"THRESHOLDS": "deep"}, "THRESHOLDS was 'deep'. Give displacements"),
            ({"THRESHOLDS": "-50, 0"}, "other than 0"),
            ({"NAME_FIELD": "title"}, "zones has no field title. It has name"),
            ({"ZONES": points}, "ps is no polygon layer"),
            ({"PS_POINTS": points}, "without the VALUE_FIELD"),
            ({"ZONES": make_zones([("far", 500, 500, 9, 9)])}, "None of the 1 zones holds"),
        ]:
            with pytest.raises(QgsProcessingException, match=message):
                run("zonesummary", **{**given, **changes})
        assert not (tmp_path / "summary.gpkg").exists()
