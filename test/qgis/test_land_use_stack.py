"""`landusedriver` and `driverstack` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms import styling
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.algorithms.layers.rasters import open_drivers

SIZE, CELL, LEFT, TOP = 40, 30.0, 500_000.0, 3_600_000.0


def kinds_of(path, feedback, categorical="", circular=""):
    """Names and kinds as the training takes them from a stack."""
    drivers = open_drivers([Source.of(QgsRasterLayer(str(path), "stack"))])
    set_kinds(drivers, categorical, circular, feedback)
    return {driver.name: driver.kind for driver in drivers}


@pytest.fixture
def make_polygons():
    """Training polygons: (class, row, column, height, width) in cells; the class may be None."""

    def make(entries, field="class:string"):
        layer = QgsVectorLayer(f"Polygon?crs=EPSG:32639&field={field}", "training", "memory")
        features = []
        for label, row, column, height, width in entries:
            feature = QgsFeature(layer.fields())
            west, north = LEFT + CELL * column, TOP - CELL * row
            area = QgsRectangle(west, north - CELL * height, west + CELL * width, north)
            feature.setGeometry(QgsGeometry.fromRect(area))
            feature.setAttributes([label])
            features.append(feature)
        assert layer.dataProvider().addFeatures(features)[0]
        layer.updateExtents()
        return layer

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


@pytest.fixture
def drivers(write_raster):
    """Height and aspect on one grid, land use and depth on others."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    land = (random.random((SIZE // 2, SIZE // 2)) * 3).astype("uint8") + 1
    land[0, 0] = 255
    return [
        write_raster("height", (1500 + rows).astype("float32"), LEFT, TOP, CELL),
        write_raster("aspect", (360.0 * columns / SIZE).astype("float32"), LEFT, TOP, CELL),
        write_raster("land", land, LEFT, TOP, 2 * CELL),
        write_raster("depth", np.hypot(rows, columns).astype("float32"), LEFT - 95, TOP + 95, 40),
    ]


KINDS = {
    "height": "continuous",
    "aspect": "circular",
    "land": "categorical",
    "depth": "continuous",
}


class TestStack:
    def read(self, path):
        """The bands as floats, NaN where there is no value."""
        raster = gdal.Open(str(path))
        bands = [raster.GetRasterBand(i + 1) for i in range(raster.RasterCount)]
        return np.array(
            [
                np.where(band.GetMaskBand().ReadAsArray() > 0, band.ReadAsArray(), np.nan)
                for band in bands
            ]
        )

    @pytest.mark.parametrize(("chosen", "suffix"), [("geotiff", "tif"), ("vrt", "vrt")])
    def test_names_kinds_and_cells(self, run, drivers, feedback, tmp_path, chosen, suffix):
        results = run(
            "driverstack",
            DRIVERS=drivers,
            FORMAT=chosen,
            NODATA="land=255",
            STACK=str(tmp_path / f"stack.{suffix}"),
            REPORT=str(tmp_path / "report.html"),
        )
        raster = gdal.Open(results["STACK"])
        assert raster.GetDriver().ShortName == ("VRT" if chosen == "vrt" else "GTiff")
        assert raster.GetGeoTransform() == (LEFT, CELL, 0, TOP, 0, -CELL)
        assert kinds_of(results["STACK"], feedback) == KINDS
        cells = self.read(results["STACK"])
        assert np.array_equal(cells[0], gdal.Open(drivers[0]).ReadAsArray())
        land = gdal.Open(drivers[2]).ReadAsArray().astype(float)
        land[land == 255] = np.nan
        assert np.array_equal(cells[2], np.kron(land, np.ones((2, 2))), equal_nan=True)
        # Row and column of depth's cells, 40 m wide, at the centres of these; rather linear there.
        rows, columns = (30 * (np.mgrid[:20, :20] + 0.5) + 95) / 40 - 0.5
        assert np.allclose(cells[3, :20, :20], np.hypot(rows, columns), atol=0.2)
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "Classes of land" in page and "Mean direction" in page

    def test_a_vrt_copies_nothing_and_can_be_moved(self, run, drivers, tmp_path):
        made = run("driverstack", DRIVERS=drivers, STACK=str(tmp_path / "stack.tif"))
        results = run(
            "driverstack", DRIVERS=drivers, FORMAT="vrt", STACK=str(tmp_path / "stack.vrt")
        )
        (tmp_path / "away").mkdir()
        (tmp_path / "stack.vrt").rename(tmp_path / "away" / "other.vrt")
        moved = self.read(tmp_path / "away" / "other.vrt")
        assert np.allclose(moved, self.read(made["STACK"]), atol=1e-4, equal_nan=True)
        # It shows what is in the drivers now.
        height = gdal.Open(drivers[0], gdal.GA_Update)
        height.GetRasterBand(1).WriteArray(np.full((SIZE, SIZE), 7, "float32"))
        height = None
        assert (self.read(tmp_path / "away" / "other.vrt")[0] == 7).all()
        assert results["STACK"] == str(tmp_path / "stack.vrt")

    def test_a_temporary_vrt(self, run, drivers, feedback):
        results = run("driverstack", DRIVERS=drivers, FORMAT="vrt", STACK="TEMPORARY_OUTPUT")
        assert gdal.Open(results["STACK"]).GetDriver().ShortName == "VRT"
        assert kinds_of(results["STACK"], feedback) == KINDS

    @pytest.mark.parametrize(
        "names", ["head, exposition, use, depth", "aspect=exposition; height = head; land=use"]
    )
    def test_new_names_are_those_that_count(self, run, drivers, names, feedback, tmp_path):
        results = run(
            "driverstack",
            DRIVERS=drivers,
            NAMES=names,
            CIRCULAR="exposition",
            NODATA="use=255",
            STACK=str(tmp_path / "stack.tif"),
        )
        new = ["head", "exposition", "use", "depth"]
        assert kinds_of(results["STACK"], feedback) == dict(zip(new, KINDS.values()))
        assert np.isnan(self.read(results["STACK"])[2, 0, 0])

    def test_bands_of_one_name_can_be_told_apart(self, run, write_raster, feedback, tmp_path):
        cells = np.arange(16, dtype="float32").reshape(4, 4) / 2
        (tmp_path / "a").mkdir()
        source = write_raster("ndvi", cells)
        other = str(tmp_path / "a" / "ndvi.tif")
        gdal.Translate(other, source)
        with pytest.raises(QgsProcessingException, match="More than one driver is called ndvi"):
            run("driverstack", DRIVERS=[source, other], STACK=str(tmp_path / "s.tif"))
        results = run(
            "driverstack",
            DRIVERS=[source, other],
            NAMES="ndvi_2014, ndvi_2020",
            STACK=str(tmp_path / "s.tif"),
        )
        assert list(kinds_of(results["STACK"], feedback)) == ["ndvi_2014", "ndvi_2020"]
        assert any("ndvi_2014 and ndvi_2020 (+1.00)" in text for text in feedback.warnings)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"NAMES": "a, b"}, "NAMES holds 2 names, but there are 4 drivers: height, aspect"),
            ({"NAMES": "a=b; land=c"}, "NAMES names a, which is not among the drivers"),
            ({"NAMES": "height=h, b"}, "NAMES holds 'b'. Write a name for each"),
            ({"NAMES": "height="}, "NAMES holds 'height='"),
            ({"NAMES": "height=depth"}, "More than one driver is called depth"),
            ({"FORMAT": "vrt"}, "FORMAT vrt needs a name that ends in .vrt"),
            ({"STACK": "stack.vrt"}, "FORMAT geotiff needs a name that ends in .tif"),
            ({"STACK": "stack.png"}, "STACK is a GeoTIFF or VRT: give it a name that ends in .tif"),
        ],
    )
    def test_refused(self, run, drivers, tmp_path, given, message):
        given = {"STACK": "stack.tif", **given}
        place = tmp_path / given.pop("STACK")
        with pytest.raises(QgsProcessingException, match=message):
            run("driverstack", DRIVERS=drivers, STACK=str(place), **given)
        assert not place.exists()

    def test_rasters_that_do_not_meet_unless_a_reference_says_where(
        self, run, drivers, write_raster, tmp_path
    ):
        far = write_raster("far", np.ones((9, 9), "float32"), 700_000)
        with pytest.raises(QgsProcessingException, match="no area in common: height covers"):
            run("driverstack", DRIVERS=[drivers[0], far], STACK=str(tmp_path / "s.tif"))
        for chosen, suffix in [("geotiff", "tif"), ("vrt", "vrt")]:
            with pytest.raises(QgsProcessingException, match="far has no valid cell"):
                run(
                    "driverstack",
                    DRIVERS=[drivers[0], far],
                    REFERENCE=drivers[0],
                    FORMAT=chosen,
                    STACK=str(tmp_path / f"s.{suffix}"),
                )

    def test_isfahan(self, run, real_data, feedback, tmp_path):
        results = run(
            "driverstack",
            DRIVERS=[
                str(real_data("isfahan/dem_globe_30arcsec.tif")),
                str(real_data("isfahan/landcover_1985.tif")),
                str(real_data("isfahan/landcover_2024.tif")),
            ],
            NAMES="altitude, landcover_1985, landcover_2024",
            NODATA="landcover_1985=255; landcover_2024=255",
            CELL_SIZE=100,
            EXTENT="51.60,51.80,32.70,32.85 [EPSG:4326]",
            STACK=str(tmp_path / "stack.tif"),
            REPORT=str(tmp_path / "report.html"),
        )
        assert kinds_of(results["STACK"], feedback) == {
            "altitude": "continuous",
            "landcover_1985": "categorical",
            "landcover_2024": "categorical",
        }
        altitude, *covers = self.read(results["STACK"])
        assert 1400 < np.nanmin(altitude) and np.nanmax(altitude) < 3500
        for cover in covers:
            assert set(np.unique(cover[np.isfinite(cover)])) <= {1, 2, 3}
            assert np.isfinite(cover).any()


class TestStatedKinds:
    def kinds(self, path, feedback, **words):
        return kinds_of(path, feedback, **words)["stack"]

    @pytest.fixture
    def stated(self, write_raster):
        """Whole numbers that say they are continuous, or whatever else."""

        def write(kind):
            path = write_raster("stated", (np.arange(16) % 4).astype("uint8").reshape(4, 4))
            raster = gdal.Open(path, gdal.GA_Update)
            raster.GetRasterBand(1).SetMetadataItem("KIND", kind)
            return path

        return write

    @pytest.mark.parametrize("kind", ["continuous", "circular", "categorical"])
    def test_the_file_counts_more_than_a_guess(self, stated, feedback, kind):
        assert self.kinds(stated(kind), feedback) == kind
        assert f"Driver stack: {kind}, as its file says." in feedback.infos

    def test_the_user_counts_more_than_the_file(self, stated, feedback):
        path = stated("circular")
        assert self.kinds(path, feedback, categorical="stack") == "categorical"
        assert self.kinds(path, feedback, circular="none", categorical="none") == "continuous"
        assert self.kinds(stated("continuous"), feedback, circular="stack") == "circular"
        assert self.kinds(stated("categorical"), feedback, categorical="none") == "continuous"

    def test_another_programs_word_is_not_understood(self, stated, feedback):
        assert self.kinds(stated("raw"), feedback) == "categorical"
