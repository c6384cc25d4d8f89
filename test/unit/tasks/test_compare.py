"""What the comparison decides before any method runs."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.report.report import rounded
from subsidence_mapper.model.spatial.grid import sample_cells
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.tasks.compare import requested_folds, usual_block_size
from subsidence_mapper.model.tasks.job import Job
from subsidence_mapper.test.examples import RecordingMonitor


@pytest.fixture
def job(tmp_path, grid):
    request = {
        "grid": grid.to_dict(),
        "points": {"field": "mm"},
        "parameters": {"splits": ["knndm"], "folds": 4},
    }
    return Job(tmp_path, request, RecordingMonitor())


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


@pytest.mark.parametrize(
    ("width", "level", "end"),
    [(40, "warning", "the map is worse than they show."), (1800, "info", "are the random folds.")],
)
def test_how_far_away_knndm_tests_is_reported(job, width, level, end):
    """A cluster of points can be tested within itself only; points all over the map, anywhere."""
    xy = [500_000, 3_600_000] + spread(60, width) * [1, -1]
    targets = sample_cells(job.grid, None, 5000, 0)
    requested_folds(job, Points(xy, xy[:, 0]), targets, 0)
    ((said, text),) = job.monitor.lines
    assert said == level and text.endswith(end)


def test_values_that_differ_only_beside_the_drivers_are_refused(job, stack):
    stack.valid[:, 35:] = False
    xy = np.array([[500_030.0, 3_599_000.0], [500_060.0, 3_599_000.0], [502_000.0, 3_599_000.0]])
    with pytest.raises(InputError, match="All 2 values of mm where all drivers have values are 5"):
        job.on_drivers(Points(xy, np.array([5.0, 5.0, 9.0])), stack)
    assert len(job.on_drivers(Points(xy, np.full(3, 5.0)), stack)) == 2
    assert len(job.on_drivers(Points(xy, np.array([5.0, 6.0, 9.0])), stack)) == 2


def test_errors_in_metres_keep_their_digits():
    values = (12.345, 0.1, 0.0032149, -0.0000456, 3e-14, 0.0)
    texts = ["+12.35", "+0.10", "+0.00321", "-0.0000456", "+0.00", "+0.00"]
    assert [rounded(value, "+") for value in values] == texts
    assert rounded(0.05) == "0.0500"
