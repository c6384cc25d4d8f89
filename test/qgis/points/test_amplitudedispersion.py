"""`amplitudedispersion` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

LEFT, TOP, CELL = 500_000.0, 3_600_000.0, 30.0


@pytest.fixture
def speckle():
    """Sixteen amplitude images, stable to the right, of which one is twice as bright."""
    random = np.random.default_rng(1)
    looks = np.linspace(2, 400, 12)
    cells = 100 * random.gamma(looks, 1 / looks, (16, 9, 12))
    cells[5] *= 2
    return cells.astype("float32")


def test_dispersion_and_candidates(run, write_raster, speckle, tmp_path, feedback):
    images = [write_raster(f"a{i}", image) for i, image in enumerate(speckle[:10])]
    images.append(write_raster("rest", speckle[10:]))  # six bands
    results = run(
        "amplitudedispersion",
        IMAGES=images,
        DISPERSION=str(tmp_path / "d.tif"),
        CANDIDATES=str(tmp_path / "c.gpkg"),
    )
    level = speckle / speckle.mean(axis=(1, 2), keepdims=True, dtype=float) * speckle.mean()
    index = level.std(axis=0) / level.mean(axis=0)
    raster = gdal.Open(results["DISPERSION"])
    assert raster.GetGeoTransform() == (LEFT, CELL, 0, TOP, 0, -CELL)
    assert np.allclose(raster.ReadAsArray(), [index, level.mean(axis=0)], rtol=1e-4)
    names = [raster.GetRasterBand(band).GetDescription() for band in (1, 2)]
    assert names == ["amplitude_dispersion", "mean_amplitude"]
    points = QgsVectorLayer(results["CANDIDATES"])
    rows, columns = np.nonzero(index <= 0.25)
    assert 0 < len(rows) == results["COUNT"] == points.featureCount() < index.size
    assert points.crs().authid() == "EPSG:32639"
    for feature, row, column in zip(points.getFeatures(), rows, columns):
        assert feature["ps_id"] == f"{row}_{column}"
        assert feature["amplitude_dispersion"] == pytest.approx(index[row, column], rel=1e-4)
        place = feature.geometry().asPoint()
        assert (place.x(), place.y()) == (LEFT + CELL * (column + 0.5), TOP - CELL * (row + 0.5))
    assert feedback.warnings == []
    assert any("to 1.8" in text and "(a5)." in text for text in feedback.infos)


def test_the_map_is_named_and_styled(run, context, write_raster, speckle, tmp_path, feedback):
    images = [write_raster(f"a{i}", image) for i, image in enumerate(speckle)]
    place = str(tmp_path / "d.tif")
    title = "Amplitude dispersion"
    details = QgsProcessingContext.LayerDetails(title, QgsProject.instance(), "DISPERSION")
    context.addLayerToLoadOnCompletion(place, details)
    run("amplitudedispersion", IMAGES=images, DISPERSION=place)
    details = context.layerToLoadOnCompletionDetails(place)
    assert details.name == title
    layer = QgsRasterLayer(place)
    details.postProcessor().postProcessLayer(layer, context, feedback)
    shader = layer.renderer().shader().rasterShaderFunction()
    assert layer.renderer().band() == 1
    assert shader.minimumValue() == 0
    assert 0.4 < shader.maximumValue() < 1.2  # of two looks: 1 / sqrt(2)


def test_candidates_can_be_selected(run, write_raster, speckle, tmp_path):
    images = [write_raster(f"a{i}", image) for i, image in enumerate(speckle)]
    options = {"IMAGES": images, "DISPERSION": str(tmp_path / "d.tif")}
    found = run("amplitudedispersion", CANDIDATES=str(tmp_path / "c.gpkg"), **options)
    strict = run("amplitudedispersion", THRESHOLD=0.1, **options)
    chosen = run(
        "selectpspoints",
        INPUT=found["CANDIDATES"],
        MAX_DISPERSION=0.1,
        PS_POINTS=str(tmp_path / "s.gpkg"),
    )
    assert 0 < chosen["COUNT"] == strict["COUNT"] < found["COUNT"]


def test_degrees_and_decibels_will_do(run, write_raster, speckle, tmp_path, feedback):
    place = {"left": 51.0, "top": 32.0, "cell": 0.001, "epsg": 4326}
    images = [
        write_raster(f"a{i}", 20 * np.log10(image), **place) for i, image in enumerate(speckle[:5])
    ]
    results = run(
        "amplitudedispersion",
        IMAGES=images,
        TYPE="decibel",
        CALIBRATION="none",
        DISPERSION=str(tmp_path / "d.tif"),
    )
    got = gdal.Open(results["DISPERSION"])
    index = speckle[:5].std(axis=0) / speckle[:5].mean(axis=0)
    assert np.allclose(got.GetRasterBand(1).ReadAsArray(), index, rtol=1e-4)
    assert got.GetGeoTransform() == (51.0, 0.001, 0, 32.0, 0, -0.001)
    assert got.GetSpatialRef().GetAuthorityCode(None) == "4326"
    assert feedback.warnings[0].startswith("5 images are few")


@pytest.mark.parametrize("kind", [gdal.GDT_CFloat32, gdal.GDT_CInt16])
def test_complex_images_give_their_magnitude(run, write_raster, tmp_path, kind):
    """3 + 4i and 3i: of 5 and 3 the mean is 4 and the standard deviation 1."""
    images = []
    for name, value in (("a", 3 + 4j), ("b", 3j)):
        images.append(str(tmp_path / f"{name}.tif"))
        raster = gdal.GetDriverByName("GTiff").Create(images[-1], 4, 2, 1, kind)
        like = gdal.Open(write_raster("like", np.ones((2, 4))))
        raster.SetGeoTransform(like.GetGeoTransform())
        raster.SetProjection(like.GetProjection())
        raster.GetRasterBand(1).WriteArray(np.full((2, 4), value, "complex64"))
        raster = None
    results = run(
        "amplitudedispersion",
        IMAGES=images,
        CALIBRATION="none",
        DISPERSION=str(tmp_path / "d.tif"),
    )
    bands = gdal.Open(results["DISPERSION"]).ReadAsArray()
    assert np.allclose(bands[0], 1 / 4) and np.allclose(bands[1], 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsg": 32638}, "a2 is in EPSG:32638, not in EPSG:32639 like a0"),
        ({"left": LEFT + 15}, "a2 lies 0.5 cells away from a0"),
        ({"top": TOP - 90}, "a2 lies 3 cells away from a0"),
        ({"cell": 30.1}, "a2 has cells of 30.1 x 30.1, not 30 x 30 like a0"),
        ({"rows": 8}, "a2 has 12 x 8 cells, not 12 x 9 like a0"),
    ],
)
def test_the_first_image_on_another_grid_is_named(run, write_raster, tmp_path, options, message):
    rows = options.pop("rows", 9)
    images = [write_raster(f"a{i}", np.ones((9, 12))) for i in range(2)]
    images += [write_raster(f"a{i}", np.ones((rows, 12)), **options) for i in (2, 3)]
    with pytest.raises(QgsProcessingException, match=message):
        run("amplitudedispersion", IMAGES=images, DISPERSION=str(tmp_path / "d.tif"))


def test_rounded_headers_are_one_grid(run, write_raster, tmp_path):
    images = [
        write_raster(f"a{i}", np.full((9, 12), i + 1.0), LEFT + 0.001 * i, TOP, 30 + 1e-6 * i)
        for i in range(2)
    ]
    results = run("amplitudedispersion", IMAGES=images, DISPERSION=str(tmp_path / "d.tif"))
    assert results["COUNT"] == 9 * 12  # calibrated, both are constant


def test_images_that_are_refused(run, write_raster, tmp_path):
    place = {"DISPERSION": str(tmp_path / "d.tif")}
    one = write_raster("one", np.ones((3, 3)))
    with pytest.raises(QgsProcessingException, match="There is 1 image"):
        run("amplitudedispersion", IMAGES=[one], **place)
    empty = write_raster("empty", np.zeros((3, 3)))
    with pytest.raises(QgsProcessingException, match="No pixel has an amplitude in all 2 images"):
        run("amplitudedispersion", IMAGES=[one, empty], **place)
    decibels = write_raster("decibels", np.full((3, 3), -8.0))
    with pytest.raises(QgsProcessingException, match="decibels holds the negative value -8"):
        run("amplitudedispersion", IMAGES=[one, decibels], **place)
    assert not (tmp_path / "d.tif").exists()
