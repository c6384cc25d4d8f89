from __future__ import annotations

import numpy as np
import pytest
import rasterio
from scipy.integrate import dblquad
from subsidence_mapper.model.drivers.wells import density, is_active
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.tasks import wells as task
from subsidence_mapper.test.examples import RecordingMonitor

LEFT, TOP = 500_000.0, 3_600_000.0


def make_grid(height, width, cell) -> Grid:
    return Grid("EPSG:32639", (LEFT, cell, 0.0, TOP, 0.0, -cell), height=height, width=width)


def kernel_of_silverman(distance, bandwidth):
    """3 / pi (1 - r^2)^2 in units of the bandwidth, per km2."""
    ratio = np.asarray(distance) / bandwidth
    return np.where(ratio < 1, 3 / np.pi * (1 - ratio**2) ** 2, 0) / (bandwidth / 1000) ** 2


@pytest.fixture
def run(tmp_path):
    """Run the task; gives the rasters by output and what was logged."""

    def run(xy, grid, outputs=("DISTANCE", "DENSITY"), columns=None, **parameters):
        np.savez(tmp_path / "wells.npz", xy=np.array(xy, float), **(columns or {}))
        notes = RecordingMonitor()
        request = {
            "grid": grid.to_dict(),
            "outputs": list(outputs),
            "wells": "wells.npz",
            "parameters": {"bandwidth": 2000.0, **parameters},
        }
        result = task.run(tmp_path, request, notes, tile_size=16)
        rasters = {}
        for name, file in result["files"].items():
            with rasterio.open(tmp_path / file) as raster:
                rasters[name] = raster.read(1)
                rasters[name + "_BAND"] = raster.descriptions[0]
        return rasters, notes.lines

    return run


def test_one_well_in_closed_form(run):
    grid = make_grid(40, 50, 100.0)
    well = np.array([LEFT + 1234.5, TOP - 987.6])
    rasters, _ = run([well], grid, bandwidth=1500.0)
    distance = np.hypot(*(grid.window.xy() - well).T).reshape(40, 50)
    assert np.allclose(rasters["DISTANCE"], distance, rtol=1e-6)
    assert np.allclose(rasters["DENSITY"], kernel_of_silverman(distance, 1500), atol=1e-6)
    assert rasters["DISTANCE_BAND"] == "well_distance_m"
    assert rasters["DENSITY_BAND"] == "wells_per_km2"


def test_many_wells_equal_the_full_matrix_across_tiles(run):
    grid = make_grid(40, 50, 100.0)
    random = np.random.default_rng(0)
    wells = np.column_stack(
        [LEFT + random.uniform(-2000, 7000, 60), TOP - random.uniform(-2000, 6000, 60)]
    )
    rasters, _ = run(wells, grid, bandwidth=1200.0)
    distance = np.linalg.norm(grid.window.xy()[:, None] - wells, axis=2)
    assert np.allclose(rasters["DISTANCE"].ravel(), distance.min(axis=1), rtol=1e-6)
    expected = kernel_of_silverman(distance, 1200).sum(axis=1)
    assert np.allclose(rasters["DENSITY"].ravel(), expected, atol=1e-5)


def test_the_density_holds_all_wells_and_all_they_pump():
    grid = make_grid(300, 300, 20.0)
    wells = np.array(
        [[LEFT + 2500, TOP - 2500], [LEFT + 3333, TOP - 3100], [LEFT + 3333, TOP - 3100]]
    )
    cell_km2 = 0.02**2
    for weights in (np.ones(3), np.array([5.0, 0.0, 0.25])):
        total = density(grid.window, wells, weights, 2000.0).sum() * cell_km2
        assert total == pytest.approx(weights.sum(), rel=1e-4)


def test_the_kernel_integrates_to_one():
    def at(y, x):
        return float(kernel_of_silverman(np.hypot(x, y), 2000.0)) / 1e6

    whole, _ = dblquad(at, -2000, 2000, -2000, 2000, epsabs=1e-4)
    assert whole == pytest.approx(1, abs=1e-3)
    # And the code's is that kernel.
    grid = make_grid(1, 1, 2.0)
    for apart in (0.0, 700.0, 1999.0, 2001.0):
        well = np.array([[LEFT + 1 + apart, TOP - 1]])
        got = density(grid.window, well, np.ones(1), 2000.0)[0, 0]
        assert got == pytest.approx(float(kernel_of_silverman(apart, 2000.0)), abs=1e-9)


def test_which_wells_count():
    numbers = np.array([1.0, 0.0, np.nan, -1.0, 2.0])
    assert is_active(numbers).tolist() == [True, False, False, True, True]
    assert is_active(numbers, "2; 0").tolist() == [False, True, False, False, True]
    texts = np.array(["active", "No", "", " yes ", "False", "0", "ACTIVE"])
    assert is_active(texts).tolist() == [True, False, False, True, False, False, True]
    assert is_active(texts, "active").tolist() == [True, *[False] * 5, True]


def test_filtered_wells_are_counted_and_do_not_count(run):
    grid = make_grid(5, 5, 100.0)
    places = [(LEFT + 50, TOP - 50), (LEFT + 450, TOP - 450)]
    columns = {"active": np.array(["no", "yes"])}
    rasters, lines = run(places, grid, columns=columns, filter_field="active")
    assert rasters["DISTANCE"][0, 0] == pytest.approx(np.hypot(400, 400))
    assert ("info", "By active 1 of 2 wells do not count.") in lines
    with pytest.raises(InputError, match="None of the 2 wells counts: active holds no, yes"):
        run(places, grid, columns=columns, filter_field="active", filter_values="pumping")


def test_wells_outside_the_map_only(run):
    grid = make_grid(5, 5, 100.0)
    rasters, lines = run([(LEFT + 1050, TOP - 50)], grid, ["DISTANCE"])
    assert rasters["DISTANCE"][0].tolist() == pytest.approx([1000, 900, 800, 700, 600])
    assert any(level == "warning" and "No well lies in the area" in text for level, text in lines)


def test_weights(run):
    grid = make_grid(20, 20, 100.0)
    places = [(LEFT + 450, TOP - 450), (LEFT + 450, TOP - 450), (LEFT + 1550, TOP - 1550)]
    columns = {"q": np.array([3.0, 4.0, np.nan])}
    rasters, lines = run(places, grid, columns=columns, weight_field="q", bandwidth=500.0)
    peak = 7 * float(kernel_of_silverman(0, 500.0))
    assert rasters["DENSITY"][4, 4] == pytest.approx(peak)
    # The well without a discharge is there, but adds nothing.
    assert rasters["DISTANCE"][15, 15] == 0 and rasters["DENSITY"][15, 15] == 0
    assert rasters["DENSITY_BAND"] == "q_per_km2"
    assert any("1 of 3 wells have no number in q" in text for _, text in lines)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -2.5], "1 of 2 wells have a negative q, for instance -2.5"),
        ([np.nan, np.nan], "No well has a number in WEIGHT_FIELD q"),
        (["many", "few"], "WEIGHT_FIELD q holds text"),
    ],
)
def test_weights_that_cannot_be_used(run, weights, message):
    places = [(LEFT + 50, TOP - 50), (LEFT + 150, TOP - 50)]
    with pytest.raises(InputError, match=message):
        run(places, make_grid(5, 5, 100.0), columns={"q": np.array(weights)}, weight_field="q")


def test_a_bandwidth_that_falls_between_the_cells(run):
    _, lines = run([(LEFT + 100, TOP - 100)], make_grid(5, 5, 100.0), bandwidth=30.0)
    assert any("BANDWIDTH (30 m) is smaller than a cell (100 m)" in text for _, text in lines)
