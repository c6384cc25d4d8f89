"""`driverstack` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.qgis_layers import kinds_of

SIZE, CELL, LEFT, TOP = 40, 30.0, 500_000.0, 3_600_000.0


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

    def test_bands_of_one_name_can_be_distinguished(self, run, write_raster, feedback, tmp_path):
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
