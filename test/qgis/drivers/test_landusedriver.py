"""`landusedriver` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsGeometry,
    QgsProcessingException,
    QgsRasterLayer,
    QgsRectangle,
)
from subsidence_mapper.algorithms import styling
from subsidence_mapper.test.qgis_layers import kinds_of, memory_layer

SIZE, CELL, LEFT, TOP = 40, 30.0, 500_000.0, 3_600_000.0


@pytest.fixture
def make_polygons():
    """Training polygons: (class, row, column, height, width) in cells; the class may be None."""

    def make(entries, field="class:string"):
        made = []
        for label, row, column, height, width in entries:
            west, north = LEFT + CELL * column, TOP - CELL * row
            area = QgsRectangle(west, north - CELL * height, west + CELL * width, north)
            made.append((QgsGeometry.fromRect(area), label))
        return memory_layer("Polygon", "EPSG:32639", [field], made, "training")

    return make


@pytest.fixture
def image(write_raster):
    """Left half dark, right half bright, in two bands."""
    half = np.repeat([1.0, 9.0], SIZE // 2) * np.ones((SIZE, 1))
    bands = np.stack([half, 10 - half]) + np.random.default_rng(0).normal(0, 0.2, (2, SIZE, SIZE))
    return write_raster("image", bands.astype("float32"), LEFT, TOP, CELL, names=["red", "nir"])


POLYGONS = [
    ("water", 2, 2, 6, 6),
    ("water", 20, 5, 6, 6),
    ("built-up", 2, 25, 6, 6),
    ("built-up", 20, 30, 6, 6),
]


class TestLandUse:
    def test_forest(self, run, image, make_polygons, feedback, tmp_path):
        results = run(
            "landusedriver",
            IMAGE=image,
            METHOD="forest",
            TRAINING=make_polygons([*POLYGONS, (None, 1, 1, 1, 1)]),
            CLASS_FIELD="class",
            LAND_USE=str(tmp_path / "land.tif"),
            REPORT=str(tmp_path / "land.html"),
        )
        raster = gdal.Open(results["LAND_USE"])
        band = raster.GetRasterBand(1)
        assert raster.GetGeoTransform() == (LEFT, CELL, 0, TOP, 0, -CELL)
        assert (band.ReadAsArray() == np.repeat([2, 1], SIZE // 2)).all()
        assert band.GetCategoryNames()[:3] == ["", "built-up", "water"]
        assert band.GetColorTable().GetColorEntry(1)[:3] == (0xD7, 0x30, 0x1F)
        assert (results["OOB_ACCURACY"], results["POLYGON_ACCURACY"], results["CLASSES"]) == (
            1,
            1,
            2,
        )
        assert "Training polygons without a class or a shape, skipped: 1." in feedback.warnings
        assert "Importance of the bands" in (tmp_path / "land.html").read_text(encoding="utf-8")
        layer = QgsRasterLayer(results["LAND_USE"], "land")
        styling.apply(layer, styling.LOOKS["LAND_USE"], "up")
        shown = [(each.value, each.label, each.color.name()) for each in layer.renderer().classes()]
        assert shown == [(1, "built-up", "#d7301f"), (2, "water", "#2b7bba")]
        # The next algorithm takes it as classes, because it says so.
        assert kinds_of(results["LAND_USE"], feedback) == {"stack": "categorical"}
        assert "Driver stack: categorical, as its file says." in feedback.infos

    def test_numbers_as_classes_in_another_crs(self, run, image, make_polygons, tmp_path):
        numbers = {"water": 7.0, "built-up": 3.0}
        layer = make_polygons([(numbers[name], *box) for name, *box in POLYGONS], "class:double")
        results = run(
            "landusedriver",
            IMAGE=image,
            TRAINING=layer,
            CLASS_FIELD="class",
            CELL_SIZE=60,
            LAND_USE=str(tmp_path / "land.tif"),
        )
        got = gdal.Open(results["LAND_USE"]).ReadAsArray()
        assert np.array_equal(got, np.repeat([[7, 3]], SIZE // 4, axis=1) * np.ones((20, 1)))

    def test_kmeans(self, run, image, tmp_path):
        results = run(
            "landusedriver",
            IMAGE=image,
            METHOD="kmeans",
            CLASSES=2,
            LAND_USE=str(tmp_path / "land.tif"),
        )
        got = gdal.Open(results["LAND_USE"]).ReadAsArray()
        assert np.array_equal(got, np.repeat([1, 2], SIZE // 2) * np.ones((SIZE, 1)))
        assert results["CLASSES"] == 2 and "OOB_ACCURACY" not in results

    def test_reclassify_keeps_classes_on_a_coarser_grid(
        self, run, write_raster, feedback, tmp_path
    ):
        block = np.array([[10, 10, 50], [30, 10, 50], [10, 50, 255]], "uint8")
        cover = np.tile(block, (4, 5))
        results = run(
            "landusedriver",
            IMAGE=write_raster("cover", np.stack([cover, cover]), LEFT, TOP, CELL),
            METHOD="reclassify",
            TABLE="own",
            RULES="10 = 4 trees; 50 = 9 town",
            CELL_SIZE=90,
            NODATA="*=255",
            LAND_USE=str(tmp_path / "land.tif"),
        )
        assert (gdal.Open(results["LAND_USE"]).ReadAsArray() == 4).all()
        warnings = [text for text in feedback.warnings if "METHOD reclassify" in text]
        assert warnings == ["IMAGE has 2 bands; METHOD reclassify uses the first alone."]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "METHOD forest learns from polygons. Give TRAINING and its CLASS_FIELD"),
            ({"CLASS_FIELD": "kind"}, "training has no field kind. It has class"),
            ({"METHOD": "kmeans", "CLASSES": 1}, "CLASSES .* was 1; give a whole number from 2 to"),
            ({"METHOD": "reclassify", "TABLE": "own"}, "RULES is empty"),
            ({"METHOD": "reclassify", "TABLE": "own", "RULES": "1 to 2"}, "RULES holds '1 to 2'"),
        ],
    )
    def test_refused(self, run, image, make_polygons, tmp_path, given, message):
        if "CLASS_FIELD" in given:
            given = {**given, "TRAINING": make_polygons(POLYGONS)}
        with pytest.raises(QgsProcessingException, match=message):
            run("landusedriver", IMAGE=image, LAND_USE=str(tmp_path / "land.tif"), **given)
        assert not (tmp_path / "land.tif").exists()

    def test_polygons_without_a_class(self, run, image, make_polygons, tmp_path):
        with pytest.raises(QgsProcessingException, match="No training polygon has both a shape"):
            run(
                "landusedriver",
                IMAGE=image,
                TRAINING=make_polygons([(None, 2, 2, 6, 6)]),
                CLASS_FIELD="class",
                LAND_USE=str(tmp_path / "land.tif"),
            )

    def test_isfahan(self, run, real_data, write_raster, feedback, tmp_path):
        source = str(real_data("isfahan/landcover_2024.tif"))
        edge = np.zeros((200, 200), "uint8")
        given = {
            "IMAGE": source,
            "METHOD": "reclassify",
            "TABLE": "own",
            "RULES": "1 = 1 built-up; 2 = 6 vegetation; 3 = 3 bare",
            "REFERENCE": write_raster("edge", edge, 549_000, 3_601_000, 30),
            "LAND_USE": str(tmp_path / "land.tif"),
        }
        results = run("landusedriver", **given, NODATA="*=255", REPORT=str(tmp_path / "land.html"))
        got = gdal.Open(results["LAND_USE"]).ReadAsArray()
        # The file ends within, at 32.498 degrees north, in 255s that no tag calls NoData.
        inside = dict(format="MEM", projWin=(51.522, 32.545, 51.586, 32.499))
        window = gdal.Translate("", source, **inside)
        before = np.bincount(window.ReadAsArray().ravel(), minlength=256)
        after = np.bincount(got.ravel(), minlength=7)
        assert before[1:4].sum() > 10_000 and set(np.unique(got)) == {0, 1, 3, 6}
        shares = before[[1, 2, 3]] / before[1:4].sum()
        assert np.allclose(after[[1, 6, 3]] / after[1:].sum(), shares, atol=0.01)
        assert not [text for text in feedback.warnings if "without a rule" in text]
        run("landusedriver", **given)
        assert "Codes without a rule are NoData: 255 (" in " ".join(feedback.warnings)
        assert np.array_equal(gdal.Open(results["LAND_USE"]).ReadAsArray(), got)
