"""Figures of a stack's bands against numpy on the whole, and closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.drivers.statistics import (
    BandStatistics,
    Sample,
    StackStatistics,
    close_pairs,
    strips,
)
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.tasks import stack as task
from subsidence_mapper.test.examples import RecordingMonitor, make_grid, write_driver

NAN = np.nan


def of_stack(kinds, cells, parts=1):
    statistics = StackStatistics([{"name": name, "kind": kind} for name, kind in kinds.items()])
    for part in np.array_split(np.asarray(cells, np.float32), parts, axis=1):
        statistics.add(part)
    return statistics


def test_strips_are_the_rasters_row_by_row(tmp_path):
    grid = make_grid(11, 7)
    cells = np.random.default_rng(0).normal(size=(2, 11, 7)).astype(np.float32)
    cells[0, 3, 2] = NAN
    drivers = [write_driver(tmp_path, name, "continuous", band) for name, band in zip("ab", cells)]
    read = list(strips(drivers, grid, tmp_path, cells=2 * 7 * 4))
    assert [window.row for window, _ in read] == [0, 4, 8]
    assert [window.height for window, _ in read] == [4, 4, 3]
    assert np.array_equal(np.concatenate([part for _, part in read], axis=1), cells, equal_nan=True)


def test_a_sample_does_not_depend_on_the_parts():
    rows = np.arange(5000.0).reshape(-1, 1)
    whole, parted = Sample(300, seed=4), Sample(300, seed=4)
    whole.add(rows)
    for part in np.array_split(rows, 13):
        parted.add(part)
    assert len(whole.rows) == 300
    assert set(whole.rows.ravel()) == set(parted.rows.ravel())


def test_a_sample_is_uniform():
    sample = Sample(2000, seed=1)
    for part in np.array_split(np.arange(100_000), 50):
        sample.add(part)
    assert len(np.unique(sample.rows)) == 2000
    counts = np.histogram(sample.rows, bins=10, range=(0, 100_000))[0]
    # 200 are expected in each tenth, with a standard deviation of 13.
    assert np.abs(counts - 200).max() < 60


def test_figures_of_a_band_that_comes_in_parts():
    random = np.random.default_rng(0)
    band = random.normal(1e6, 0.5, (60, 50))
    band[random.random(band.shape) < 0.3] = NAN
    statistics = BandStatistics("heads", "continuous")
    for rows in np.array_split(band, 7):
        statistics.add(rows)
    assert statistics.count == np.isfinite(band).sum()
    assert statistics.valid_share == np.isfinite(band).mean()
    assert statistics.minimum == np.nanmin(band) and statistics.maximum == np.nanmax(band)
    assert statistics.mean == pytest.approx(np.nanmean(band), abs=1e-6)
    assert statistics.standard_deviation == pytest.approx(np.nanstd(band), rel=1e-9)
    assert np.allclose(statistics.percentiles, np.nanpercentile(band, [2, 50, 98]))


def test_directions_about_north_do_not_cancel():
    statistics = BandStatistics("aspect", "circular")
    statistics.add(np.array([350.0, 10.0, NAN]))
    direction, strength = statistics.direction
    assert min(direction, 360 - direction) == pytest.approx(0, abs=1e-9)
    assert strength == pytest.approx(np.cos(np.radians(10)))
    opposite = BandStatistics("aspect", "circular")
    opposite.add(np.array([90.0, 270.0]))
    assert opposite.direction[1] == pytest.approx(0, abs=1e-12)


def test_correlation_is_pearsons_where_every_band_is():
    random = np.random.default_rng(1)
    a = random.normal(size=(40, 30))
    b = 2 * a + random.normal(size=a.shape)
    aspect = random.uniform(0, 360, a.shape)
    c = np.cos(np.radians(aspect)) + 0.1 * random.normal(size=a.shape)
    b[0, :9] = NAN
    aspect[1, 1] = NAN
    kinds = {
        "a": "continuous",
        "b": "continuous",
        "land": "categorical",
        "aspect": "circular",
        "c": "continuous",
    }
    cells = np.stack([a, b, np.round(a), aspect, c]).astype(np.float32)
    statistics = of_stack(kinds, cells, parts=6)
    names, matrix = statistics.correlation()
    assert names == ["a", "b", "aspect (sine)", "aspect (cosine)", "c"]
    assert statistics.complete == a.size - 9  # a flat cell has no direction, and is not missing
    known = np.isfinite(b)
    angle = np.radians(aspect[known])
    columns = [a[known], b[known], np.sin(angle), np.cos(angle), c[known]]
    assert np.allclose(matrix, np.corrcoef(np.nan_to_num(columns)), atol=1e-5)
    assert close_pairs(names, matrix) == [("aspect (cosine)", "c", pytest.approx(matrix[3, 4]))]


def test_a_constant_band_has_no_correlation():
    ramp = np.linspace(0, 1, 60).reshape(6, 10)
    cells = [ramp, np.full_like(ramp, 0.1), -ramp]
    names, matrix = of_stack(dict.fromkeys("abc", "continuous"), cells).correlation()
    assert np.isnan(matrix[1]).all() and np.isnan(matrix[:, 1]).all()
    assert matrix[0, 2] == pytest.approx(-1)
    assert close_pairs(names, matrix) == [("a", "c", pytest.approx(-1))]


def test_bands_that_never_meet():
    cells = np.full((2, 4, 4), NAN)
    cells[0, :2], cells[1, 2:] = 1, 2
    statistics = of_stack(dict.fromkeys("ab", "continuous"), cells)
    assert statistics.complete == 0
    assert np.isnan(statistics.correlation()[1]).all()


@pytest.fixture
def job(tmp_path):
    grid = make_grid(20, 30)
    ramp = np.add.outer(np.arange(20.0), np.arange(30.0))
    sparse = np.full((20, 30), NAN)
    sparse[:5, :10] = np.random.default_rng(0).normal(size=(5, 10))
    land = np.where(ramp > 30, 3.0, 1.0)
    aspect = np.full((20, 30), 45.0)
    given = {
        "slope": ("continuous", ramp),
        "twice": ("continuous", 2 * ramp + 1),
        "sparse": ("continuous", sparse),
        "flat": ("continuous", np.full((20, 30), 7.0)),
        "land": ("categorical", land),
        "aspect": ("circular", aspect),
    }
    drivers = [write_driver(tmp_path, name, *each) for name, each in given.items()]

    def run(drivers=drivers, **parameters):
        request = {
            "grid": grid.to_dict(),
            "drivers": drivers,
            "parameters": {"format": "geotiff", **parameters},
            "outputs": ["STACK", "REPORT"],
        }
        log = RecordingMonitor()
        return task.run(tmp_path, json.loads(json.dumps(request)), log), log

    run.folder, run.given, run.drivers = tmp_path, given, drivers
    return run


def test_the_stack_holds_every_band_with_its_name_and_kind(job):
    result, _ = job()
    with rasterio.open(job.folder / result["files"]["STACK"]) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.descriptions == tuple(job.given)
        for band, (kind, cells) in enumerate(job.given.values(), 1):
            assert raster.tags(band)["KIND"] == kind
            assert np.array_equal(raster.read(band), cells.astype("float32"), equal_nan=True)


def test_the_report_and_its_warnings(job):
    result, log = job()
    assert log.warnings == [
        "Bands with one value everywhere, which carry no information: flat (7), aspect (45).",
        "Bands with a value in less than half of the cells: sparse (8.3%).",
        "Bands that nearly repeat each other (correlation above 0.95): slope and twice (+1.00).",
    ]
    page = (job.folder / result["files"]["REPORT"]).read_text(encoding="utf-8")
    assert "Bands: 6, on 30 x 20 cells" in page and "8.3% of the cells" in page
    assert all(text in page for text in log.warnings)
    share = np.mean(job.given["land"][1] == 3)
    assert "Classes of land" in page and f"{share:.4g}" in page
    assert "data:image/png" in page


def test_a_band_without_a_valid_cell(job):
    empty = write_driver(job.folder, "empty", "continuous", np.full((20, 30), NAN))
    with pytest.raises(InputError, match="driver empty has no valid cell"):
        job([empty])


def test_one_categorical_band_alone(job):
    result, log = job([each for each in job.drivers if each["name"] == "land"])
    assert log.warnings == []
    page = (job.folder / result["files"]["REPORT"]).read_text(encoding="utf-8")
    assert "Bands: 1, on" in page and "data:image/png" not in page
