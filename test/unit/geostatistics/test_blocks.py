"""Maps whose cells share neighbourhoods, beside those where each cell has its own."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.geostatistics import blocks
from subsidence_mapper.model.geostatistics.variogram import Structure, Variogram
from subsidence_mapper.model.machine.threads import in_chunks
from subsidence_mapper.model.methods import kriging
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.spatial.grid import Grid, Window
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.test.examples import both, make_grid

GRID = make_grid(40, 48)
EXACT = Variogram(0.0, (Structure("spherical", 12.0, 2000.0),))
NOISY = Variogram(1.0, EXACT.structures)


def clustered(count=300, seed=0):
    """Points as PS lie: two towns, and some between; off the centres of cells."""
    random = np.random.default_rng(seed)
    grid = GRID
    centres = grid.window.xy()[random.permutation(grid.window.size)]
    town = np.abs(centres - centres.mean(axis=0)).max(axis=1) < 300
    xy = np.concatenate([centres[town][: 3 * count // 4], centres[~town][: count // 4]])
    xy += random.uniform(-14, 14, xy.shape)
    x, y = (xy - xy.min(axis=0)).T / 300
    return Points(xy, 20 * np.sin(x) * np.cos(y / 1.3) + random.normal(0, 1, len(xy)))


def methods():
    yield "exact", make("kriging", variogram=EXACT)
    yield "noisy", make("kriging", variogram=NOISY)
    yield "anisotropic", make("kriging", variogram=NOISY, azimuth=30.0, ratio=0.4)


@pytest.fixture(params=[pytest.param(method, id=name) for name, method in methods()])
def method(request):
    return request.param.fit(clustered())


def own(method, target):
    return both(method.predict(target.xy()))


def in_blocks(method, target):
    return both(method.predict(target))


def differ_little(method, window):
    """Whether maps of shared and of own neighbourhoods do, in standard deviations."""
    expected = own(method, window)
    apart = np.abs(in_blocks(method, window) - expected) / expected[-1]
    close = np.sqrt(np.square(apart).mean()) < kriging._SHARE / 2
    return close and np.quantile(apart, 0.99) < 3 * kriging._SHARE


def test_sharing_makes_next_to_no_difference(method):
    assert differ_little(method, GRID.window)


def test_blocks_are_shared_and_pass_their_checks(method, monkeypatch):
    filled, fill = {}, blocks._Blocks.fill

    def noted(blocks, rows, columns, size):
        passed = fill(blocks, rows, columns, size)
        filled[size] = rows[passed], columns[passed]
        return passed

    monkeypatch.setattr(blocks._Blocks, "fill", noted)
    window = GRID.window
    method.predict(window)
    assert sum(len(rows) for rows, _ in filled.values()) < 0.5 * window.size
    left, dx, _, top, _, dy = GRID.transform
    for size, (rows, columns) in filled.items():
        if size == 1:
            continue
        index = method.near(
            np.column_stack([left + dx * (columns + size / 2), top + dy * (rows + size / 2)])
        )
        for row, column in ((0, 0), (0, size), (size, 0), (size, size)):
            corner = np.column_stack([left + dx * (columns + column), top + dy * (rows + row)])
            of_corner = method.near(corner)
            said = method.systems(of_corner)(corner[:, None])[..., 0]
            apart = np.abs(method.systems(index)(corner[:, None])[..., 0] - said)
            allowed = method.allowed(said) * size / (size - 1)
            assert (apart <= allowed * (1 + 1e-6) + 1e-9).all()


def test_without_a_share_every_cell_has_its_own(method, monkeypatch):
    monkeypatch.setattr(kriging, "_SHARE", 0.0)
    window = Window(GRID, 5, 3, 20, 30)
    assert np.allclose(in_blocks(method, window), own(method, window), atol=1e-9)


def test_a_value_does_not_depend_on_the_window(method):
    grid = GRID
    whole = in_blocks(method, grid.window).reshape(-1, grid.height, grid.width)
    for window in (Window(grid, 0, 0, 7, 9), Window(grid, 21, 13, 17, 30), *grid.tiles(24)):
        part = in_blocks(method, window).reshape(-1, window.height, window.width)
        assert np.array_equal(part, whole[(slice(None), *window.slices)])


@pytest.mark.parametrize(("count", "neighbours"), [(60, 32), (700, 8)])
def test_the_map_passes_through_the_points(count, neighbours):
    """In shared blocks, and where a cell has more points around it than a block has neighbours."""
    grid = GRID
    cells = np.random.default_rng(4).permutation(grid.window.size)[:count]
    points = Points(grid.window.xy()[cells], np.random.default_rng(5).normal(size=count))
    method = make("kriging", variogram=EXACT, neighbours=neighbours).fit(points)
    mean = method.predict(grid.window).mean
    assert np.allclose(mean[cells], points.values, atol=1e-6)


def test_all_points_as_neighbours_are_exact():
    points, window = clustered(60), GRID.window
    method = make("kriging", variogram=NOISY, neighbours=60).fit(points)
    assert np.allclose(in_blocks(method, window), own(method, window), atol=1e-10)


def test_a_grid_that_runs_south_and_points_outside():
    grid = Grid("", (500_300.0, 25.0, 0.0, 3_598_600.0, 0.0, 25.0), 33, 18)
    assert differ_little(make("kriging", variogram=NOISY).fit(clustered()), grid.window)


@pytest.mark.parametrize(("count", "each"), [(0, 1), (1, 10**9), (10_001, 60), (5, 125_000)])
def test_chunks_cover_everything_in_order(count, each):
    parts = in_chunks(lambda part: np.arange(count)[part], count, each)
    assert np.array_equal(np.concatenate([[], *parts]), np.arange(count))
