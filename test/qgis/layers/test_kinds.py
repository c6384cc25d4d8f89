"""What kind each driver is."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer
from subsidence_mapper.algorithms.layers.kinds import set_kinds
from subsidence_mapper.test.qgis_layers import CELLS, SIZE, kinds_of, opened


class TestKinds:
    def kinds(self, feedback, *made, categorical="", circular=""):
        drivers = opened(*made)
        set_kinds(drivers, categorical, circular, feedback)
        return {driver.name: driver.kind for driver in drivers}

    @pytest.fixture
    def some(self, make_raster):
        return [
            make_raster("height", np.arange(100, dtype="int16").reshape(10, 10)),
            make_raster("land", (np.arange(100) % 4).astype("uint8").reshape(10, 10)),
            make_raster("slope", np.full((10, 10), 1.5, "float32")),
            make_raster("Aspect_30", np.ones((10, 10), "float32")),
        ]

    def test_guessed(self, some, feedback):
        assert self.kinds(feedback, *some) == {
            "height": "continuous",
            "land": "categorical",
            "slope": "continuous",
            "Aspect_30": "circular",
        }
        assert (
            "Driver land: categorical, it holds only 4 different whole numbers." in feedback.infos
        )
        assert "Driver Aspect_30: circular, its name holds 'aspect'." in feedback.infos

    def test_said(self, some, feedback):
        kinds = self.kinds(feedback, *some, categorical="height, slope", circular="land")
        assert kinds == {
            "height": "categorical",
            "land": "circular",
            "slope": "categorical",
            "Aspect_30": "continuous",
        }

    def test_none(self, some, feedback):
        kinds = self.kinds(feedback, *some, categorical="none", circular="none")
        assert set(kinds.values()) == {"continuous"}

    def test_nodata_is_no_class(self, make_raster, feedback):
        cells = np.arange(33, dtype="uint8").reshape(1, 33)
        assert self.kinds(feedback, make_raster("a", cells)) == {"a": "continuous"}
        assert self.kinds(feedback, make_raster("b", cells, nodata=0)) == {"b": "categorical"}

    def test_a_colour_table_means_classes(self, write_raster, feedback):
        path = write_raster("a", np.arange(100, dtype="uint8").reshape(10, 10))
        table = gdal.ColorTable()
        table.SetColorEntry(1, (255, 0, 0, 255))
        raster = gdal.Open(path, gdal.GA_Update)
        raster.GetRasterBand(1).SetColorTable(table)
        raster = None
        assert self.kinds(feedback, QgsRasterLayer(path, "a")) == {"a": "categorical"}

    def test_unknown_name(self, some, feedback):
        with pytest.raises(QgsProcessingException, match="CIRCULAR names wind, which is not among"):
            self.kinds(feedback, *some, circular="wind")


class TestFloatClasses:
    @pytest.mark.parametrize("count, kind", [(4, "categorical"), (32, "categorical")])
    def test_few_whole_numbers_are_classes(self, write_raster, feedback, count, kind):
        cells = (np.arange(SIZE * SIZE) % count).reshape(SIZE, SIZE).astype(np.float32)
        cells[0, :5] = np.nan
        drivers = opened(write_raster("rain", cells))
        set_kinds(drivers, "", "", feedback)
        assert drivers[0].kind == kind
        assert f"it holds only {count} different whole numbers" in feedback.infos[0]

    def test_many_or_decimal_ones_are_not(self, write_raster, feedback):
        many = (np.arange(SIZE * SIZE) % 33).reshape(SIZE, SIZE).astype(np.float32)
        for cells in (many, many % 4 + 0.5):
            drivers = opened(write_raster("rain", cells))
            set_kinds(drivers, "", "", feedback)
            assert drivers[0].kind == "continuous"

    def test_complex_numbers_are_refused(self, run, write_raster, tmp_path):
        path = str(tmp_path / "slc.tif")
        gdal.Translate(path, write_raster("rain", CELLS), outputType=gdal.GDT_CFloat32)
        with pytest.raises(QgsProcessingException, match="The raster slc holds complex numbers"):
            run("driverstack", DRIVERS=[path], STACK=str(tmp_path / "stack.tif"))


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
