"""What judges the trials of `tunemodel`."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.statistics.splits import make_split
from subsidence_mapper.model.tasks.tune import _parts


@pytest.mark.parametrize("name", ["random", "block"])
def test_each_point_judges_once_and_no_test_point_has_a_part(grid, points, name):
    split = make_split(name, points, grid, 300.0, 5)
    parts = _parts(split, points, grid, 3, name, 300.0, 5)
    known = {tuple(xy) for part in (split.train, split.validation) for xy in points.xy[part]}
    judged = [tuple(xy) for _, judging in parts for xy in judging.xy]
    assert len(parts) == 3 and len(judged) == len(known) and set(judged) == known
    for learned, judging in parts:
        assert {tuple(xy) for xy in learned.xy} == known - {tuple(xy) for xy in judging.xy}
        assert 0.2 < len(judging) / len(known) < 0.5
        if name == "block":
            inside, outside = (
                set(map(tuple, (each.xy - [500_000, 3_600_000]) // 300))
                for each in (judging, learned)
            )
            assert not inside & outside


def test_one_fold_is_the_validation_points_and_two_are_refused(grid, points):
    split = make_split("block", points, grid, 300.0, 5)
    ((learned, judging),) = _parts(split, points, grid, 1, "block", 300.0, 5)
    assert np.array_equal(learned.xy, points.xy[split.train])
    assert np.array_equal(judging.values, points.values[split.validation])
    with pytest.raises(InputError, match="FOLDS was 2; at least 3"):
        _parts(split, points, grid, 2, "block", 300.0, 5)
