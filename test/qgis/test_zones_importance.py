"""`zonesummary` and `driverimportance` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)

SIZE, CELL, LEFT, TOP = 40, 50.0, 500_000.0, 3_600_000.0
ZONES = [("city", 5, 5, 10, 12), ("airport", 25, 20, 6, 6)]


@pytest.fixture
def make_zones():
    """Zones: (name, row, column, height, width) in cells; the name may be None."""

    def make(entries, crs="EPSG:32639", field="name:string"):
        layer = QgsVectorLayer(f"Polygon?crs={crs}&field={field}", "zones", "memory")
        systems = [QgsCoordinateReferenceSystem(code) for code in ("EPSG:32639", crs)]
        transform = QgsCoordinateTransform(*systems, QgsProject.instance())
        features = []
        for name, row, column, height, width in entries:
            feature = QgsFeature(layer.fields())
            west, north = LEFT + CELL * column, TOP - CELL * row
            area = QgsRectangle(west, north - CELL * height, west + CELL * width, north)
            shape = QgsGeometry.fromRect(area)
            shape.transform(transform)
            feature.setGeometry(shape)
            feature.setAttributes([name])
            features.append(feature)
        assert layer.dataProvider().addFeatures(features)[0]
        layer.updateExtents()
        return layer

    return make


@pytest.fixture
def surfaces(write_raster):
    """Cells and paths of two methods, the second on cells half as large."""
    one = np.random.default_rng(0).normal(-50, 40, (SIZE, SIZE)).astype("float32")
    other = np.repeat(np.repeat(one - 10, 2, 0), 2, 1)
    paths = [write_raster("kriging", one, LEFT, TOP, CELL)]
    return one, [*paths, write_raster("cnn", other, LEFT, TOP, CELL / 2)]


def rows(path):
    layer = QgsVectorLayer(path, "table")
    assert layer.isValid() and not layer.isSpatial()
    names = layer.fields().names()
    return [dict(zip(names, feature.attributes())) for feature in layer.getFeatures()]


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


class TestDriverImportance:
    @pytest.fixture
    def given(self, make_points, write_raster, tmp_path):
        """Values made of a smooth driver and of classes; a third driver has nothing to say."""
        random = np.random.default_rng(0)
        row, column = np.mgrid[:SIZE, :SIZE]
        bands = {
            "water": np.sin(row / 4) + np.cos(column / 3),
            "land_use": random.integers(1, 4, (SIZE, SIZE)),
            "noise": random.normal(size=(SIZE, SIZE)),
        }
        bands["noise_too"] = bands["noise"] + random.normal(0, 0.3, (SIZE, SIZE))
        xy = random.uniform(0, SIZE, (400, 2))
        columns, rows_ = xy.astype(int).T
        values = 20 * bands["water"][rows_, columns] + 8 * (bands["land_use"][rows_, columns] == 2)
        kinds = {"land_use": "uint8"}
        return {
            "PS_POINTS": make_points((xy * [CELL, -CELL] + [LEFT, TOP]).tolist(), values.tolist()),
            "VALUE_FIELD": "mm",
            "DRIVERS": [
                write_raster(name, cells.astype(kinds.get(name, "float32")), LEFT, TOP, CELL)
                for name, cells in bands.items()
            ],
            "BLOCK_SIZE": 400,
            "IMPORTANCE": str(tmp_path / "importance.gpkg"),
        }

    @pytest.mark.parametrize("method", ["forest", "boosting"])
    def test_what_values_are_made_of(self, run, given, feedback, tmp_path, method):
        report = tmp_path / "report.html"
        results = run("driverimportance", **given, METHOD=method, REPEATS=3, REPORT=str(report))
        found = rows(results["IMPORTANCE"])
        assert [row["driver"] for row in found[:2]] == ["water", "land_use"]
        increases = [row["rmse_increase"] for row in found]
        assert increases[0] > 5 and increases[1] > 0.5
        assert np.abs(increases[2:]).max() < 0.3
        assert sum(row["share"] for row in found) == pytest.approx(1)
        assert all(row["standard_deviation"] > 0 for row in found[:2])
        assert 0 < results["RMSE"] < 12 and results["R2"] > 0.6
        assert any("noise and noise_too are alike (corr" in text for text in feedback.infos)
        html = report.read_text(encoding="utf-8")
        headline = "needs water most: mixing it up raises the RMSE at held-out points, "
        assert f"{headline}{results['RMSE']:.2f} mm" in html
        assert html.count("<img") == 1 and "Drivers that are alike" in html

    def test_the_same_seed_gives_the_same(self, run, given, tmp_path):
        tables = []
        for _ in range(2):
            run("driverimportance", **given, METHOD="boosting", REPEATS=2, FOLDS=3, SEED=5)
            tables.append(rows(given["IMPORTANCE"]))
        assert tables[0] == tables[1]

    def test_drivers_that_explain_nothing_are_told(self, run, given, feedback):
        drivers = given["DRIVERS"][2:]
        run("driverimportance", **{**given, "DRIVERS": drivers}, METHOD="boosting", REPEATS=2)
        assert any("less than a tenth of the variance" in text for text in feedback.warnings)

    def test_blocks_too_large(self, run, given):
        with pytest.raises(QgsProcessingException, match="Use a smaller BLOCK_SIZE or fewer FOLDS"):
            run("driverimportance", **{**given, "BLOCK_SIZE": 1500})
