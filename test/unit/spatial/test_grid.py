import numpy as np
from subsidence_mapper.model.spatial.grid import Window, reflect, sample_cells
from subsidence_mapper.test.examples import make_grid


def test_cell_centres_fall_into_their_own_cells(grid):
    window = Window(grid, 3, 7, 5, 4)
    rows, columns = grid.cells(window.xy())
    assert np.array_equal(rows.reshape(5, 4), np.arange(3, 8)[:, None].repeat(4, 1))
    assert np.array_equal(columns.reshape(5, 4), np.arange(7, 11)[None].repeat(5, 0))


def test_far_edges_belong_to_the_last_cells_and_beyond_is_outside():
    grid = make_grid(height=2, width=3, cell=10.0)
    xy = np.array([[500_030.0, 3_599_980.0], [500_030.1, 3_599_990.0], [499_999.9, 3_599_990.0]])
    assert [axis[0] for axis in grid.cells(xy)] == [1, 2]
    assert grid.inside(xy).tolist() == [True, False, False]


def test_tiles_cover_every_cell_once(grid):
    seen = np.zeros((grid.height, grid.width), int)
    for tile in grid.tiles(17):
        seen[tile.slices] += 1
    assert (seen == 1).all()


def test_reflect_equals_numpy_pad():
    for size in (1, 2, 5):
        values = np.arange(size)
        padded = np.pad(values, 13, mode="reflect") if size > 1 else np.zeros(27, int)
        assert np.array_equal(reflect(np.arange(-13, size + 13), size), padded)


def test_cells_are_drawn_from_the_valid_ones(grid):
    valid = np.random.default_rng(5).uniform(size=(grid.height, grid.width)) < 0.4
    valid[:7] = False
    for given, cells in ((valid, valid), (None, np.ones_like(valid))):
        xy = sample_cells(grid, given, 5000, 3)
        rows, columns = grid.cells(xy)
        drawn = np.random.default_rng(3).choice(np.flatnonzero(cells), cells.sum(), replace=False)
        assert np.array_equal(rows * grid.width + columns, drawn)
