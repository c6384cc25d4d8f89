"""What the map's error points say of points that were held out and of others."""

from __future__ import annotations

import numpy as np
import pytest
from subsidence_mapper.model.methods.base import Prediction
from subsidence_mapper.model.methods.catalogue import make
from subsidence_mapper.model.statistics.conformal import HeldOut
from subsidence_mapper.model.statistics.splits import make_folds
from subsidence_mapper.model.tasks.job import Job
from subsidence_mapper.model.tasks.map import write_error_points
from subsidence_mapper.model.validation.auto import Candidate, Choice, first_folds
from subsidence_mapper.model.validation.comparison import Score
from subsidence_mapper.test.examples import RecordingMonitor


@pytest.mark.parametrize("holds_back", [False, True])
def test_only_points_that_were_held_back_are_validation(tmp_path, grid, points, holds_back):
    """One fold of five is enough of many points; the map still learns from all others."""
    (folds,) = first_folds([make_folds("kfold", points, grid, 5)], 1)
    (split,) = folds.splits
    score = Score("idw", "IDW", folds, points)
    score.predicted[split.test] = 7.0
    score.fitted = make("idw").fit(points) if holds_back else None
    held = HeldOut(split.test, np.zeros(len(split.test)), np.zeros(len(split.test)))
    candidate = Candidate("idw", "IDW", [score], held, 1.0)
    choice = Choice(points, None, [], [], candidate, held, folds)
    request = {"grid": grid.to_dict(), "points": {"field": "mm"}, "parameters": {}}
    job = Job(tmp_path, request, RecordingMonitor())
    write_error_points(job, choice, Prediction(np.full(len(points), 1.0)))
    with np.load(tmp_path / "error_points.npz") as written:
        part, predicted = written["part"], written["predicted"]
    assert (part[split.test] == "test").all() and (predicted[split.test] == 7).all()
    assert (predicted[split.known] == 1).all()
    expected = "validation" if holds_back else "train"
    assert (part[split.validation] == expected).all() and (part[split.train] == "train").all()
