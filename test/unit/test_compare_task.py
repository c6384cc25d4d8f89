"""What the comparison decides before any method runs."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.monitor import SILENT
from subsidence_mapper.model.points import Points
from subsidence_mapper.model.tasks.compare import usual_block_size
from subsidence_mapper.model.tasks.job import Job


def spread(count, extent=2000.0):
    return np.random.default_rng(0).uniform(0, extent, (count, 2))


def test_blocks_are_as_wide_as_values_are_alike_but_not_too_few():
    xy = spread(1200)
    wave = 10 * np.sin(xy[:, 0] / 50) * np.sin(xy[:, 1] / 50)
    assert 80 < usual_block_size(Points(xy, wave), 4, 10.0) < 314  # a quarter of the wave, and all
    size = usual_block_size(Points(xy, xy[:, 0]), 4, 10.0)  # alike without end
    assert len(np.unique(xy // size, axis=0)) >= 12


def test_blocks_where_next_to_no_value_differs():
    """Of so many points not all pairs are measured: none with the one that differs, far away."""
    xy = np.r_[spread(5000), [[9000.0, 9000.0]]]
    size = usual_block_size(Points(xy, np.r_[np.zeros(5000), 5.0]), 4, 10.0)
    assert 12 <= len(np.unique(xy // size, axis=0)) <= 30


def test_blocks_of_points_in_one_place():
    one = Points(np.ones((30, 2)), np.arange(30.0))
    assert usual_block_size(one, 4, 25.0) == 25


def test_values_that_differ_only_beside_the_drivers_are_refused(tmp_path, grid, stack):
    stack.valid[:, 35:] = False
    xy = np.array([[500_030.0, 3_599_000.0], [500_060.0, 3_599_000.0], [502_000.0, 3_599_000.0]])
    request = {"grid": grid.to_dict(), "parameters": {}, "points": {"field": "mm"}}
    job = Job(tmp_path, request, SILENT)
    with pytest.raises(InputError, match="All 2 values of mm where all drivers have values are 5"):
        job.on_drivers(Points(xy, np.array([5.0, 5.0, 9.0])), stack)
    assert len(job.on_drivers(Points(xy, np.full(3, 5.0)), stack)) == 2
    assert len(job.on_drivers(Points(xy, np.array([5.0, 6.0, 9.0])), stack)) == 2
