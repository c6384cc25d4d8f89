"""What a raster rests on, and which files are refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal, ogr
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsVectorLayer
from subsidence_mapper.algorithms.layers.driver import Source
from subsidence_mapper.algorithms.layers.files import check_files, files_of, files_of_vector
from subsidence_mapper.algorithms.layers.grids import Grid
from subsidence_mapper.algorithms.layers.rasters import open_drivers
from subsidence_mapper.algorithms.layers.warp import stack_drivers
from subsidence_mapper.algorithms.worker.folders import PREFIX
from subsidence_mapper.algorithms.worker.interpreter import worker_python
from subsidence_mapper.algorithms.worker.process import JobCancelled
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.test.qgis_layers import CELLS, INSIDE, brought, opened

VIRTUAL = (
    '<VRTDataset rasterXSize="60" rasterYSize="60"><SRS>EPSG:32639</SRS>'
    "<GeoTransform>500000, 30, 0, 3600000, 0, -30</GeoTransform>"
    '<VRTRasterBand dataType="Float32" band="1"{kind}>{inside}</VRTRasterBand></VRTDataset>'
)


SOURCE = "<SimpleSource><SourceFilename{beside}>{file}</SourceFilename></SimpleSource>"


class TestFiles:
    @pytest.fixture
    def virtual(self, tmp_path):
        def write(inside, kind="", name="rain.vrt"):
            path = tmp_path / name
            path.write_text(VIRTUAL.format(inside=inside, kind=kind))
            return str(path)

        return write

    def test_all_that_a_raster_rests_on(self, write_raster, virtual, tmp_path):
        path = write_raster("a", CELLS)
        inner = virtual(SOURCE.format(beside=' relativeToVRT="1"', file="a.tif"), name="b.vrt")
        outer = virtual(SOURCE.format(beside="", file=inner), name="c.vrt")
        assert files_of(outer) == {path, inner, outer}
        text = VIRTUAL.format(inside=SOURCE.format(beside="", file=inner), kind="")
        assert files_of(text) == {path, inner}
        os.symlink(path, tmp_path / "link.tif")
        assert path in files_of(str(tmp_path / "link.tif"))
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.write(path, "a.tif")
        assert files_of(f"/vsizip/{tmp_path}/z.zip/a.tif") == {str(tmp_path / "z.zip")}
        assert files_of(f'NETCDF:"{path}":rain') == {path}
        assert files_of("no such file") == set()

    @pytest.fixture
    def asked(self, monkeypatch):
        """The names of all that GDAL is told to open."""
        names, open_it = [], gdal.OpenEx

        def remember(name, *args, **options):
            names.append(name)
            return open_it(name, *args, **options)

        monkeypatch.setattr(gdal, "OpenEx", remember)
        return names

    def test_the_tiles_of_a_mosaic_are_found_without_opening_them(
        self, write_raster, tmp_path, asked
    ):
        tiles = [write_raster(f"{i}", CELLS, 500_000 + 1800 * i) for i in range(3)]
        inner, outer = str(tmp_path / "inner.vrt"), str(tmp_path / "outer.vrt")
        gdal.BuildVRT(inner, tiles).FlushCache()
        gdal.BuildVRT(outer, [inner]).FlushCache()
        beside = tmp_path / "0.tif.aux.xml"
        beside.write_text("<PAMDataset></PAMDataset>")
        asked.clear()
        assert files_of(outer) == {*tiles, inner, outer}
        assert files_of(tiles[0]) == {tiles[0], str(beside)}
        assert asked == [outer, tiles[0]]

    def test_a_vector_file_is_opened_for_the_files_beside_it_alone(self, tmp_path, asked):
        places = gdal.GetDriverByName("Memory").Create("", 0, 0, 0, gdal.GDT_Unknown)
        places.CreateLayer("ps", geom_type=ogr.wkbPoint).CreateField(ogr.FieldDefn("mm"))
        shape, text = str(tmp_path / "ps.shp"), str(tmp_path / "ps.geojson")
        gdal.VectorTranslate(shape, places, dstSRS="EPSG:32639")
        gdal.VectorTranslate(text, places, dstSRS="EPSG:4326")
        asked.clear()
        beside = {str(tmp_path / f"ps.{end}") for end in ("shp", "shx", "dbf", "prj")}
        assert files_of_vector(QgsVectorLayer(shape, "ps")) == beside
        assert files_of_vector(QgsVectorLayer(text, "ps")) == {text}
        assert asked == [shape]

    def test_our_own_stack_rests_on_its_drivers_and_can_be_used(
        self, write_raster, tmp_path, feedback
    ):
        path = write_raster("a", np.where(INSIDE, CELLS, -9999))
        (driver,) = opened(path)
        grid = Grid(driver.crs, 500_000, 3_600_000, 60, 60, 30, 30)
        stack = tmp_path / "stack.vrt"
        stack_drivers([driver], grid, stack, feedback)
        assert files_of(str(stack)) >= {path, str(stack)}
        check_files(str(stack), "stack")
        got = brought(opened(str(stack))[0], tmp_path / "job", feedback)
        assert np.isnan(got).sum() == 30 * 30 - 20 * 20

    @pytest.mark.parametrize(
        "file",
        [
            "/vsicurl/http://localhost/a.tif",
            "http://localhost/a.tif",
            "ftp://localhost/a.tif",
            "/vsis3/bucket/a.tif",
            "/vsizip//vsicurl/http://localhost/a.zip/a.tif",
            "/vsizip//vsis3/bucket/a.zip/a.tif",
            "/vsicurl_streaming/http://localhost/a.tif",
            "/vsis3_streaming/bucket/a.tif",
            'NETCDF:"/vsigs/bucket/a.nc":rain',
            "/vsisparse//tmp/parts.xml",
        ],
    )
    def test_a_file_that_fetches_from_the_net_is_refused(self, virtual, file):
        path = virtual(SOURCE.format(beside="", file=file))
        outer = virtual(SOURCE.format(beside="", file=path), name="outer.vrt")
        said = re.escape(f"{path}, which fetches {file} from the net")
        for each in (path, outer):
            source = Source("rain", each, QgsCoordinateReferenceSystem("EPSG:32639"))
            with pytest.raises(QgsProcessingException, match=said):
                open_drivers([source])

    @pytest.mark.parametrize("folder", ["vsites", "vsis3", "a/vsicurl_copies"])
    def test_a_folder_may_be_called_as_a_file_system(self, write_raster, virtual, tmp_path, folder):
        (tmp_path / folder).mkdir(parents=True)
        path = write_raster(f"{folder}/a", CELLS)
        outer = virtual(SOURCE.format(beside="", file=path))
        check_files(outer, "rain")
        assert files_of(outer) == {path, outer}
        assert opened(outer)[0].band.ReadAsArray()[1, 2] == CELLS[1, 2]

    @pytest.mark.skipif(sys.platform != "linux", reason="no such file")
    def test_a_file_that_cannot_be_read_is_named_with_the_reason(self, virtual):
        memory = f"/proc/{os.getpid()}/mem"  # a file whose start nobody can read, not even root
        path = virtual(SOURCE.format(beside="", file=memory))
        said = f"The raster layer rain rests on {memory}, which cannot be read: Input/output error."
        with pytest.raises(QgsProcessingException, match=said):
            check_files(path, "rain")

    def test_a_service_is_refused(self, tmp_path):
        path = tmp_path / "tiles.xml"
        path.write_text(
            "<GDAL_WMS><Service name='TMS'><ServerUrl>http://localhost/${z}</ServerUrl></Service>"
            "</GDAL_WMS>"
        )
        with pytest.raises(QgsProcessingException, match="tiles.xml, which describes a service"):
            check_files(str(path), "tiles")

    def test_a_file_that_names_a_service_is_refused(self, virtual):
        path = virtual(SOURCE.format(beside="", file="PG:host=localhost dbname=a table=b"))
        with pytest.raises(QgsProcessingException, match=f"{path}, which describes a service"):
            check_files(path, "rain")

    def test_python_in_a_file_is_refused(self, virtual):
        code = (
            "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python"
            "</PixelFunctionLanguage>"
        )
        path = virtual(code, kind=' subClass="VRTDerivedRasterBand"')
        with pytest.raises(
            QgsProcessingException, match=f"{path}, which computes pixels by Python"
        ):
            check_files(path, "rain")

    def test_bytes_of_other_files_are_no_pixels(self, virtual, tmp_path):
        kind = ' subClass="VRTRawRasterBand"'
        raw = "<SourceFilename relativeToVRT='{}'>{}</SourceFilename>"
        for beside, name in ((0, "/etc/passwd"), (1, "other.bin"), (1, "../rain")):
            path = virtual(raw.format(beside, name), kind)
            with pytest.raises(QgsProcessingException, match=f"takes the bytes of {name}"):
                check_files(path, "rain")
        check_files(virtual(raw.format(1, "rain"), kind), "rain")


@given(st.text() | st.text(alphabet='/vsizp:"{}.<>|\0tifNETCDF'), st.booleans())
def test_property_any_name_rests_on_no_file_or_some(text, inside):
    uri = VIRTUAL.format(inside=SOURCE.format(beside="", file=text), kind="") if inside else text
    assert files_of(uri) == set()


MAKE_HDF5 = """
import sys, h5py, numpy as np
folder, how = sys.argv[1:]
cells = np.arange(3600, dtype="f4").reshape(60, 60)
with h5py.File(folder + "/other.h5", "w") as other:
    other["rain"] = cells
cells.tofile(folder + "/other.bin")
with h5py.File(folder + "/a.h5", "w") as file:
    if how == "link":
        file["inner/rain"] = h5py.ExternalLink("other.h5", "/rain")
    elif how == "storage":
        file.create_dataset("rain", (60, 60), "f4", external=folder + "/other.bin")
    elif how == "virtual":
        layout = h5py.VirtualLayout((60, 60), "f4")
        layout[:] = h5py.VirtualSource(folder + "/other.h5", "rain", (60, 60))
        file.create_virtual_dataset("rain", layout)
    else:
        file["rain"] = cells
"""


@pytest.mark.parametrize(
    ("how", "other"), [("link", "other.h5"), ("storage", "other.bin"), ("virtual", "other.h5")]
)
def test_parts_of_an_hdf5_file_in_other_files_are_refused(tmp_path, how, other):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, how], check=True)
    uri = f'HDF5:"{tmp_path}/a.h5"://rain'
    with pytest.raises(InputError, match=f"a.h5 keeps .*rain in another file .*{other}"):
        check_files(uri, "rain")


@pytest.fixture
def own_temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_look_into_an_hdf5_file_can_be_cancelled(tmp_path, own_temporary, feedback):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    feedback.cancel()
    source = Source(
        "rain", f'HDF5:"{tmp_path}/a.h5"://rain', QgsCoordinateReferenceSystem("EPSG:32639")
    )
    with pytest.raises(JobCancelled, match="Cancelled. Nothing was written."):
        open_drivers([source], feedback=feedback)
    assert not list(own_temporary.iterdir())


# A Python whose worker breaks.
BREAKS = """#!/bin/sh
case "$*" in *model.worker*) echo It broke >&2; exit 3;; esac
exec {} "$@"
"""


def test_the_look_into_an_hdf5_file_that_fails_is_kept(
    tmp_path, own_temporary, feedback, monkeypatch
):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    broken = tmp_path / "python"
    broken.write_text(BREAKS.format(worker_python()))
    broken.chmod(0o755)
    uri = f'HDF5:"{tmp_path}/a.h5"://rain'
    with monkeypatch.context() as patched:
        patched.setenv("SUBSIDENCE_PYTHON", str(broken))
        with pytest.raises(QgsProcessingException, match="a.h5 .*It said: It broke") as failed:
            check_files(uri, "rain", feedback)
    (kept,) = own_temporary.iterdir()
    assert kept.name.startswith(PREFIX)
    assert f"The job is kept for a week in {kept}." in str(failed.value)
    assert (kept / "worker.log").read_text() == "It broke\n"
    check_files(uri, "rain", feedback)  # a look that failed is taken anew
    assert list(own_temporary.iterdir()) == [kept]


def test_an_hdf5_file_that_is_whole_is_read(tmp_path):
    subprocess.run([worker_python(), "-c", MAKE_HDF5, tmp_path, "whole"], check=True)
    crs = QgsCoordinateReferenceSystem("EPSG:32639")
    (driver,) = open_drivers([Source("rain", f'HDF5:"{tmp_path}/a.h5"://rain', crs)])
    assert driver.band.ReadAsArray()[1, 2] == 62
