"""The amplitude dispersion index against closed forms and a second implementation."""

from __future__ import annotations

import json

import numpy as np
import pyogrio
import pytest
import rasterio
from rasterio.transform import Affine
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers import amplitude
from subsidence_mapper.model.scatterers.amplitude import Images, dispersion, mean_gains
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.tasks import dispersion as task
from subsidence_mapper.test.examples import RecordingMonitor

HEIGHT, WIDTH = 23, 17
NAN = np.nan


def geographic_grid(height=HEIGHT, width=WIDTH) -> Grid:
    return Grid("EPSG:4326", (51.0, 0.001, 0.0, 32.0, 0.0, -0.0005), width, height)


@pytest.fixture
def make_images(tmp_path):
    """Write (n, rows, columns) cells as n files and give the images."""

    def make(cells, kind="amplitude", nodata=None, dtype="float32"):
        grid = geographic_grid(*cells.shape[1:])
        files = {}
        for i, image in enumerate(cells):
            files[f"image {i}"] = tmp_path / f"{i}.tif"
            with rasterio.open(
                tmp_path / f"{i}.tif",
                "w",
                driver="GTiff",
                width=grid.width,
                height=grid.height,
                count=1,
                dtype=dtype,
                nodata=nodata,
                crs=grid.crs,
                transform=Affine.from_gdal(*grid.transform),
            ) as raster:
                raster.write(image.astype(dtype), 1)
        return Images(files, grid, kind)

    return make


@pytest.fixture
def speckled():
    """Twenty images: a mean per pixel times gamma-distributed factors, less noisy to the right."""
    random = np.random.default_rng(3)
    mean = random.uniform(10, 500, (HEIGHT, WIDTH))
    looks = np.linspace(2, 400, WIDTH)
    return (mean * random.gamma(looks, 1 / looks, (20, HEIGHT, WIDTH))).astype(np.float32)


@pytest.fixture
def run(tmp_path):
    """Run the task on images, and give its result, its bands, its candidates and its log."""

    def run(images, calibration="none", threshold=0.25, outputs=("DISPERSION", "CANDIDATES")):
        request = {
            "grid": images.grid.to_dict(),
            "outputs": list(outputs),
            "images": [{"name": name, "file": file.name} for name, file in images.files.items()],
            "parameters": {
                "type": images.kind,
                "calibration": calibration,
                "threshold": threshold,
            },
        }
        log = RecordingMonitor()
        result = task.run(tmp_path, json.loads(json.dumps(request)), log)
        with rasterio.open(tmp_path / result["files"]["DISPERSION"]) as raster:
            assert raster.descriptions == ("amplitude_dispersion", "mean_amplitude")
            assert raster.transform == Affine.from_gdal(*images.grid.transform)
            bands = raster.read()
        points = None
        if "CANDIDATES" in outputs:
            meta, table = pyogrio.read_arrow(tmp_path / result["files"]["CANDIDATES"])
            assert meta["crs"] == images.grid.crs
            points = table.to_pydict()
        return result["numbers"]["COUNT"], bands, points, log

    return run


def all_strips(images):
    """All strips, put together."""
    whole = np.empty((len(images.files), images.grid.height, images.grid.width), np.float32)
    for window, cells in images.strips():
        whole[(slice(None), *window.slices)] = cells
    return whole


def test_closed_forms():
    same = np.full(15, 0.1)
    two_values = np.array([1.0, 3.0])
    ramp = np.arange(1.0, 16.0)
    for series, expected in (
        (same, 0),
        (two_values, 1 / 2),
        (ramp, np.sqrt((15**2 - 1) / 12) / 8),  # the variance of 1 ... n is (n^2 - 1) / 12
        (7 * ramp, np.sqrt((15**2 - 1) / 12) / 8),
    ):
        index, mean = dispersion(series[:, None].astype(np.float32))
        assert index[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)
        assert mean[0] == pytest.approx(series.mean(), rel=1e-6)


def test_of_gamma_speckle_it_is_one_over_the_root_of_the_looks():
    random = np.random.default_rng(0)
    for looks in (4, 25, 100):
        cells = 300 * random.gamma(looks, 1 / looks, 200_000).astype(np.float32)
        index, _ = dispersion(cells[:, None])
        assert index[0] == pytest.approx(1 / np.sqrt(looks), rel=0.01)


def test_the_whole_stack_with_numpy_says_the_same(make_images, run, speckled):
    count, bands, points, log = run(make_images(speckled))
    index = speckled.std(axis=0, dtype=float) / speckled.mean(axis=0, dtype=float)
    assert np.allclose(bands[0], index, rtol=1e-5)
    assert np.allclose(bands[1], speckled.mean(axis=0, dtype=float), rtol=1e-6)
    rows, columns = np.nonzero(index <= 0.25)
    assert 0 < count == len(rows) < HEIGHT * WIDTH
    assert points["ps_id"] == [f"{r}_{c}" for r, c in zip(rows, columns)]
    assert np.allclose(points["amplitude_dispersion"], index[rows, columns], rtol=1e-5)
    assert np.allclose(points["mean_amplitude"], bands[1][rows, columns])
    assert log.warnings == []
    assert f"{count} of 391 pixels" in log.infos[-1]


def test_candidates_lie_at_the_centres_of_their_pixels(make_images, run, speckled):
    _, _, points, _ = run(make_images(speckled))
    xy = np.array([np.frombuffer(point[-16:], "<f8") for point in points["geom"]])
    cells = np.array([[int(part) for part in name.split("_")] for name in points["ps_id"]])
    assert np.allclose(xy[:, 0], 51 + 0.001 * (cells[:, 1] + 0.5), rtol=0, atol=1e-12)
    assert np.allclose(xy[:, 1], 32 - 0.0005 * (cells[:, 0] + 0.5), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 4, HEIGHT])
def test_strips_equal_the_whole(make_images, speckled, monkeypatch, rows):
    images = make_images(speckled)
    monkeypatch.setattr(amplitude, "STRIP_VALUES", rows * WIDTH * len(speckled))
    heights = [window.height for window, _ in images.strips()]
    assert max(heights) == rows and sum(heights) == HEIGHT
    assert np.array_equal(all_strips(images), speckled)
    assert np.allclose(mean_gains(images), speckled.mean((1, 2)) / speckled.mean(), rtol=1e-6)


def test_calibration_undoes_a_gain_of_each_image(make_images, run, speckled):
    gains = np.geomspace(0.1, 30, len(speckled))[:, None, None]
    _, plain, _, _ = run(make_images(speckled), calibration="mean")
    _, raw, _, _ = run(make_images(gains * speckled), calibration="none")
    count, undone, _, log = run(make_images(gains * speckled), calibration="mean")
    assert np.allclose(undone[0], plain[0], rtol=1e-4)
    assert np.all(raw[0] > undone[0])
    ratio = undone[1] / plain[1]  # of the mean amplitudes: one factor for all pixels
    assert np.allclose(ratio, gains.mean(), rtol=0.05) and np.ptp(ratio) < 1e-4 * ratio.mean()
    assert "(image 0) to" in log.infos[0] and "(image 19)" in log.infos[0]


def test_calibration_looks_at_common_pixels_only(make_images):
    cells = np.full((3, 4, 4), 10.0)
    cells[:, 0] = 1000.0  # a bright town
    cells[1, 0] = 0.0  # which one image does not cover
    assert np.allclose(mean_gains(make_images(cells)), 1)


def test_intensity_decibel_and_complex_are_amplitudes_in_other_clothes(make_images, speckled):
    small = speckled[:3]
    assert np.allclose(all_strips(make_images(small**2, "intensity")), small, rtol=1e-5)
    decibel = 10 * np.log10(np.square(small, dtype=float))
    assert np.allclose(all_strips(make_images(decibel, "decibel")), small, rtol=1e-5)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, small.shape)
    waves = small * np.exp(1j * phase)
    got = all_strips(make_images(waves, "intensity", dtype="complex64"))
    assert np.allclose(got, small, rtol=1e-5)


def test_a_complex_pixel_without_a_real_part_has_an_amplitude(make_images):
    cells = np.array([[[2j, 0, 3 + 4j]]] * 2)
    got = all_strips(make_images(cells, nodata=0, dtype="complex64"))
    assert np.array_equal(got[0], [[2, NAN, 5]], equal_nan=True)


def test_zero_nan_infinity_and_nodata_are_no_amplitude(make_images):
    cells = np.array([[[0, NAN, np.inf, -9999, 3]]] * 2)
    got = all_strips(make_images(cells, nodata=-9999))
    assert np.array_equal(got[0], [[NAN, NAN, NAN, NAN, 3]], equal_nan=True)


def test_whole_numbers_and_their_nodata(make_images):
    cells = np.array([[[0, 255, 7, 9]]] * 2)
    got = all_strips(make_images(cells, nodata=255, dtype="uint8"))
    assert np.array_equal(got[0], [[NAN, NAN, 7, 9]], equal_nan=True)


def test_a_pixel_that_one_image_lacks_is_nodata_and_counted(make_images, run, speckled):
    speckled[:, 0] = 0  # outside all images
    speckled[4, 1] = NAN
    speckled[4, 2, 0] = 0
    _, bands, points, log = run(make_images(speckled), threshold=9)
    missing = np.zeros((HEIGHT, WIDTH), bool)
    missing[:2] = missing[2, 0] = True
    assert np.array_equal(np.isnan(bands), [missing, missing])
    assert len(points["ps_id"]) == (~missing).sum()
    assert log.warnings == [
        "18 pixels have an amplitude in some images only and are NoData; image 4 covers the least, "
        "356 pixels."
    ]


def test_without_candidates_the_count_stays_and_none_is_a_warning(make_images, run, speckled):
    images = make_images(speckled)
    assert run(images, outputs=["DISPERSION"])[0] == run(images)[0]
    count, _, points, log = run(images, threshold=0.001)
    assert count == len(points["ps_id"]) == 0
    assert "0 of 391 pixels" in log.warnings[0] and "the lowest is 0.0" in log.warnings[0]


def test_few_images_are_a_warning_and_one_is_an_error(make_images, run, speckled):
    assert run(make_images(speckled[:15]))[3].warnings == []
    assert run(make_images(speckled[:14]))[3].warnings[0].startswith("14 images are few: below 15")
    with pytest.raises(InputError, match="There is 1 image. A dispersion needs at least 2"):
        run(make_images(speckled[:1]))


@pytest.mark.parametrize("calibration", ["none", "mean"])
def test_nothing_in_common_is_an_error(make_images, run, calibration):
    cells = np.ones((2, 4, 4))
    cells[0, :2] = 0
    cells[1, 2:] = 0
    with pytest.raises(InputError, match="No pixel has an amplitude in all 2 images"):
        run(make_images(cells), calibration)


def test_negative_values_are_refused_with_the_way_out(make_images):
    cells = np.full((2, 3, 3), 5.0)
    cells[1, 1, 1] = -12.5
    for kind in ("amplitude", "intensity"):
        with pytest.raises(InputError, match=f"image 1 holds .* -12.5, .* no {kind}.*decibel"):
            all_strips(make_images(cells, kind))
    assert np.isfinite(all_strips(make_images(cells, "decibel"))).all()
