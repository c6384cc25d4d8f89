"""Upslope area, stream power and wetness against closed forms."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import rasterio
from scipy import ndimage
from subsidence_mapper.model.drivers.terrain import (
    _write,
    drain,
    enclosed_holes,
    load_tools,
    slope_and_aspect,
    specific_area,
    stream_power,
    wetness,
)
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.raster import read_band
from subsidence_mapper.model.tasks import terrain as task
from subsidence_mapper.test.examples import RecordingMonitor

CELL, SIZE = 30.0, 101
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
METHODS = [(flow, depressions) for flow in ("dinf", "mfd") for depressions in ("breach", "fill")]


@pytest.fixture
def upslope(tmp_path):
    def upslope(heights, flow="dinf", depressions="breach", cell_size=(CELL, CELL)):
        heights = np.asarray(heights, np.float32)
        return specific_area(heights, cell_size, flow, depressions, tmp_path)

    return upslope


@pytest.fixture
def drained(tmp_path):
    """The terrain on which water runs, without pits."""

    def drained(heights, depressions):
        tools = load_tools()
        terrain = tools.read_raster(str(_write(np.asarray(heights, float), CELL, tmp_path)))
        cells = drain(tools, terrain, depressions).to_numpy()
        return np.where(np.isnan(heights), np.nan, cells)

    return drained


def ends(terrain):
    """Cells that no neighbour lies below."""
    lowest = ndimage.minimum_filter(np.nan_to_num(terrain, nan=np.inf), 3, mode="nearest")
    return terrain <= lowest


@pytest.mark.parametrize("flow, depressions", METHODS)
@pytest.mark.parametrize("turns", range(4))
def test_on_a_plane_the_area_is_the_distance_to_the_upper_edge(upslope, flow, depressions, turns):
    heights = np.rot90(1000 - 0.1 * CELL * ROWS, turns)
    area = np.rot90(upslope(heights, flow, depressions), -turns)
    assert area.dtype == np.float32
    expected = CELL * (ROWS + 1)
    # What spreads to the sides comes back at the map's edges: exact up to there, and in each row.
    exact = (np.minimum(COLUMNS, SIZE - 1 - COLUMNS) > ROWS) if flow == "mfd" else ROWS >= 0
    np.testing.assert_allclose(area[exact], expected[exact], rtol=1e-5)
    np.testing.assert_allclose(area.mean(axis=1), expected[:, 0], rtol=1e-5)


def test_on_an_oblique_plane_d_infinity_counts_along_the_column(upslope):
    angle = np.radians(30)
    fall = ROWS * np.cos(angle) + COLUMNS * np.sin(angle)
    area = upslope(1000 - 0.1 * CELL * fall)
    # Two thirds go down, one third to the diagonal: a row hands all of its water to the next.
    fed_from_above = COLUMNS > ROWS + 2
    expected = CELL * (ROWS + 1)
    inner = fed_from_above & (COLUMNS < SIZE - 1) & (ROWS < SIZE - 1)
    np.testing.assert_allclose(area[inner], expected[inner], rtol=1e-3)


@pytest.mark.parametrize("flow, low, high", [("dinf", 0.87, 1.0), ("mfd", 1.05, 1.16)])
def test_on_a_cone_the_area_is_half_the_radius(upslope, flow, low, high):
    # The width a flow passes is the cell size along an axis and less between: D-infinity, which
    # keeps it at the cell size, gives up to 1 - cos(45 deg) less, and on the mean a tenth.
    radius = CELL * np.hypot(ROWS - SIZE // 2, COLUMNS - SIZE // 2)
    area = upslope(1000 - 0.1 * radius, flow)
    for ring in (10, 20, 30, 40):
        on_ring = np.abs(radius / CELL - ring) < 0.5
        assert low < (area[on_ring] / (radius[on_ring] / 2)).mean() < high


@pytest.mark.parametrize("depressions", ["breach", "fill"])
def test_in_a_valley_the_sides_drain_straight_and_the_channel_collects_them(upslope, depressions):
    middle = SIZE // 2
    away = np.abs(COLUMNS - middle)
    area = upslope(1000 + 1.0 * CELL * away - 1e-4 * CELL * ROWS, "dinf", depressions)
    sides = (away > 0) & (ROWS > 0) & (ROWS < SIZE - 1)
    np.testing.assert_allclose(area[sides], CELL * (middle + 1 - away)[sides], rtol=0.01)
    np.testing.assert_allclose(area[:, middle], CELL * SIZE * (ROWS[:, 0] + 1), rtol=0.01)


@pytest.mark.parametrize("flow, depressions", METHODS)
def test_all_water_arrives_somewhere_and_no_pit_keeps_it(upslope, drained, flow, depressions):
    random = np.random.default_rng(3)
    bumps = np.cumsum(np.cumsum(random.normal(size=(SIZE, SIZE)), 0), 1) / 40
    heights = np.round(bumps - 0.05 * ROWS)  # whole metres: flats and nested depressions
    heights[70:75, 30:33] = np.nan
    assert ends(heights).sum() > 100
    area, terrain = upslope(heights, flow, depressions), drained(heights, depressions)
    ways_out = ndimage.binary_dilation(np.isnan(heights), np.ones((3, 3)), border_value=1)
    assert not (ends(terrain) & ~ways_out).any()
    assert area[ends(terrain)].sum() / CELL == pytest.approx(SIZE**2 - 15, rel=1e-5)
    assert np.nanmin(area) == CELL


def test_breaching_changes_less_than_filling(drained):
    heights = 1000.0 + 0 * ROWS
    heights[10:91, 10:91] = 950 - 0.1 * ROWS[10:91, 10:91]
    heights[91:, 50] = 955  # a gully, but for the dam
    heights[91:94, 50] = 990
    filled, breached = drained(heights, "fill"), drained(heights, "breach")
    assert filled[50, 50] == pytest.approx(990, abs=0.01)
    assert breached[50, 50] == pytest.approx(955, abs=0.01)
    assert np.abs(breached - heights).sum() < np.abs(filled - heights).sum()


@pytest.mark.parametrize("depressions", ["breach", "fill"])
def test_a_pit_passes_on_what_it_receives(upslope, depressions):
    heights = 1000 - 0.1 * CELL * ROWS
    heights[50, 50] -= 20
    area = upslope(heights, "dinf", depressions)
    assert area[50, 50] > CELL * 51
    assert area[-1].sum() == pytest.approx(CELL * SIZE**2, rel=1e-5)


def test_a_deep_wide_depression_is_filled_where_no_channel_is_short_enough(upslope):
    heights = 1000 - 0.1 * CELL * ROWS
    away = np.hypot(ROWS - 50, COLUMNS - 50)
    heights[away < 25] -= 300
    assert upslope(heights, "dinf", "breach")[-1].sum() == pytest.approx(CELL * SIZE**2, rel=1e-5)


def test_water_that_runs_into_a_hole_is_gone(upslope):
    heights = 1000 - 0.1 * CELL * ROWS
    heights[50, 40:60] = np.nan
    area = upslope(heights)
    np.testing.assert_array_equal(np.isnan(area), np.isnan(heights))
    np.testing.assert_allclose(area[51, 42:58], CELL, rtol=1e-5)
    np.testing.assert_allclose(area[-1, :30], CELL * SIZE, rtol=1e-5)


def test_a_level_dem_drains_to_its_edges(upslope, drained):
    heights = np.full((20, 30), 12.5)
    area, terrain = upslope(heights), drained(heights, "breach")
    assert area[ends(terrain)].sum() == pytest.approx(CELL * 600)
    assert np.ptp(terrain) < 1e-3


def test_unequal_cells_have_their_mean_as_width(upslope):
    area = upslope(1000 - 3.0 * ROWS, cell_size=(20.0, 45.0))
    np.testing.assert_allclose(area, 30.0 * (ROWS + 1), rtol=1e-5)


def test_indices():
    area, slope = np.array([30.0, 3000.0, 30.0]), np.array([45.0, 10.0, 0.0])
    power, wet = stream_power(area, slope, 0.1), wetness(area, slope, 0.1)
    assert power[0] == pytest.approx(30)
    assert wet[0] == pytest.approx(np.log(30))
    assert power[1] == pytest.approx(3000 * np.tan(np.radians(10)))
    assert wet[2] == pytest.approx(np.log(30 / np.tan(np.radians(0.1))))
    np.testing.assert_allclose(power * np.exp(wet), area**2)


def test_holes_are_those_that_land_surrounds():
    heights = np.zeros((9, 9))
    heights[0, :3] = heights[4, 4] = heights[5, 5] = heights[7, 1:3] = np.nan
    assert enclosed_holes(heights) == (2, 4)
    assert enclosed_holes(np.zeros((3, 3))) == (0, 0)


def plane(east, south, size=12):
    """Heights of a plane that rises so much per metre, with an unknown cell all around."""
    rows, columns = np.mgrid[-1 : size + 1, -1 : size + 1]
    heights = 500 + CELL * (east * columns + south * rows)
    heights[[0, -1]] = heights[:, [0, -1]] = np.nan
    return heights


@pytest.mark.parametrize(
    ("east", "south", "faces"),
    [
        (0.1, 0, 270),
        (-0.1, 0, 90),
        (0, 0.1, 0),
        (0, -0.1, 180),
        (-0.2, -0.2, 135),
        (0.2, -0.2, 225),
    ],
)
def test_a_plane_keeps_slope_and_aspect_up_to_edges_and_holes(east, south, faces):
    heights = plane(east, south)
    heights[5, 5] = heights[7:10, 7:9] = np.nan
    slope, aspect = slope_and_aspect(heights, (CELL, CELL))
    hole = np.isnan(heights[1:-1, 1:-1])
    expected = np.where(hole, np.nan, np.degrees(np.arctan(np.hypot(east, south))))
    np.testing.assert_allclose(slope, expected, rtol=1e-9)
    np.testing.assert_allclose(aspect, np.where(hole, np.nan, faces), atol=1e-6)


def test_cells_are_not_always_square():
    slope, _ = slope_and_aspect(plane(0.1, 0.1), (2 * CELL, CELL))
    np.testing.assert_allclose(np.tan(np.radians(slope)), np.hypot(0.05, 0.1))


def test_slope_of_rough_ground_is_horns():
    heights = np.random.default_rng(0).normal(size=(30, 40))
    slope, aspect = slope_and_aspect(heights, (CELL, CELL))
    weights = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / (8 * CELL)
    east, south = (ndimage.correlate(heights, each)[1:-1, 1:-1] for each in (weights, weights.T))
    np.testing.assert_allclose(np.tan(np.radians(slope)), np.hypot(east, south))
    np.testing.assert_allclose(np.sin(np.radians(aspect)), -east / np.hypot(east, south))
    np.testing.assert_allclose(np.cos(np.radians(aspect)), south / np.hypot(east, south))


def test_level_cells_face_nowhere_and_lone_rows_have_no_slope():
    slope, aspect = slope_and_aspect(np.full((5, 5), 7.0), (CELL, CELL))
    assert (slope == 0).all() and np.isnan(aspect).all()
    heights = plane(0.1, 0.1)
    heights[4] = heights[6] = np.nan
    slope, aspect = slope_and_aspect(heights, (CELL, CELL))
    assert np.isnan(slope[4]).all() and np.isnan(aspect[4]).all()


def grid_of(height, width, row=0, column=0):
    transform = (500_000 + CELL * column, CELL, 0.0, 3_600_000 - CELL * row, 0.0, -CELL)
    return Grid("EPSG:32639", transform, width, height)


@pytest.fixture
def run(tmp_path):
    """Run the task on a DEM; gives the outputs and what was logged."""

    def run(heights, grid=None, outputs=tuple(task.BANDS), **parameters):
        area = grid_of(*np.shape(heights))
        with rasterio.open(
            tmp_path / "elevation.in.tif",
            "w",
            driver="GTiff",
            width=area.width,
            height=area.height,
            count=1,
            dtype="float32",
            nodata=np.nan,
            transform=rasterio.transform.from_origin(0, 0, CELL, CELL),
        ) as raster:
            raster.write(np.asarray(heights, np.float32), 1)
        settings = {"flow": "dinf", "depressions": "breach", "slope_floor": 0.1}
        notes = RecordingMonitor()
        request = {
            "grid": (grid or area).to_dict(),
            "area": area.to_dict(),
            "elevation": "elevation.in.tif",
            "outputs": list(outputs),
            "parameters": {**settings, **parameters},
        }
        result = task.run(tmp_path, request, notes)
        return {name: tmp_path / file for name, file in result["files"].items()}, notes.lines

    return run


def test_what_is_written(run):
    files, lines = run(1000 - 0.1 * CELL * ROWS)
    assert not lines
    kinds = {}
    for name, file in files.items():
        with rasterio.open(file) as raster:
            kinds[name] = (raster.descriptions[0], raster.tags(1)["KIND"])
            assert raster.profile["dtype"] == "float32"
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert kinds == task.BANDS
    np.testing.assert_allclose(read_band(files["ELEVATION"]), 1000 - 3.0 * ROWS)
    area, tangent = CELL * (ROWS + 1), 0.1
    slope = np.full(ROWS.shape, np.degrees(np.arctan(tangent)))
    np.testing.assert_allclose(read_band(files["SLOPE"]), slope, rtol=1e-4)
    np.testing.assert_allclose(read_band(files["ASPECT"]), np.full(ROWS.shape, 180), rtol=1e-5)
    np.testing.assert_allclose(read_band(files["SPI"]), area * tangent, rtol=1e-4)
    np.testing.assert_allclose(read_band(files["TWI"]), np.log(area / tangent), rtol=1e-4)


def test_water_comes_from_beyond_the_map(run):
    part = grid_of(20, 30, row=60, column=10)
    files, _ = run(1000 - 3.0 * ROWS, part, outputs=("SPI", "ELEVATION"))
    assert set(files) == {"SPI", "ELEVATION"}
    upslope = read_band(files["SPI"]) / 0.1
    np.testing.assert_allclose(upslope, CELL * (ROWS + 1)[60:80, 10:40], rtol=1e-4)
    np.testing.assert_allclose(read_band(files["ELEVATION"]), 1000 - 3.0 * ROWS[60:80, 10:40])


def test_the_slope_floor_counts(run):
    heights = 1000 - 3e-4 * ROWS
    (low, _), (high, _) = (
        (read_band(run(heights, slope_floor=floor)[0]["TWI"]), floor) for floor in (0.1, 1.0)
    )
    np.testing.assert_allclose(
        low - high, np.log(np.tan(np.radians(1)) / np.tan(np.radians(0.1))), rtol=1e-4
    )


def test_without_the_library_the_rest_works(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "whitebox_workflows", None)
    files, _ = run(1000 - 3.0 * ROWS, outputs=("ELEVATION", "SLOPE"))
    assert set(files) == {"ELEVATION", "SLOPE"}
    with pytest.raises(InputError, match="which is not there for this kind of computer"):
        run(1000 - 3.0 * ROWS)


def test_odd_dems(run):
    heights = 1000 - 3.0 * ROWS
    heights[50:52, 50] = np.nan
    _, lines = run(heights)
    assert lines[0][0] == "warning" and "1 hole of 2 cells" in lines[0][1]
    _, lines = run(np.full((20, 20), 7.0))
    assert lines[0][0] == "warning" and "All of the DEM is at 7 m" in lines[0][1]
    with pytest.raises(InputError, match="no value in the area of the map"):
        run(np.full((20, 20), np.nan))
    with pytest.raises(InputError, match="-32768 m, which is no height"):
        run(np.where(ROWS == 3, -32768.0, 100.0))
