"""`driverimportance` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsVectorLayer
from subsidence_mapper.test.results import rows

SIZE, CELL, LEFT, TOP = 40, 50.0, 500_000.0, 3_600_000.0


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
        assert not QgsVectorLayer(results["IMPORTANCE"], "importance").isSpatial()
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
        headline = "needs water most: permuting it raises the RMSE at held-out points, "
        assert f"{headline}{results['RMSE']:.2f} mm" in html
        assert html.count("<img") == 1 and "Drivers that are alike" in html

    def test_the_same_seed_gives_the_same(self, run, given, tmp_path):
        tables = []
        for _ in range(2):
            run("driverimportance", **given, METHOD="boosting", REPEATS=2, FOLDS=3, SEED=5)
            tables.append(rows(given["IMPORTANCE"]))
        assert tables[0] == tables[1]

    def test_drivers_that_explain_nothing_are_reported(self, run, given, feedback):
        drivers = given["DRIVERS"][2:]
        run("driverimportance", **{**given, "DRIVERS": drivers}, METHOD="boosting", REPEATS=2)
        assert any("less than a tenth of the variance" in text for text in feedback.warnings)

    def test_blocks_too_large(self, run, given):
        with pytest.raises(QgsProcessingException, match="Use a smaller BLOCK_SIZE or fewer FOLDS"):
            run("driverimportance", **{**given, "BLOCK_SIZE": 1500})
