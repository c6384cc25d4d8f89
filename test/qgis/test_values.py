"""What a user may give for a parameter."""

from __future__ import annotations

import pytest
from qgis.core import QgsProcessingException, QgsProperty, QgsRasterLayer
from subsidence_mapper.algorithms.values import read_numbers


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"METHOD": "magic"}, "METHOD .* was 'magic'; give one of auto, cnn, "),
        ({"SEED": -1}, "SEED .* was -1; give a whole number from 0 to"),
        ({"DRIVERS": ["/missing.tif"]}, "DRIVERS .*missing.tif.*not all of that can be opened"),
    ],
)
def test_values_that_are_refused_say_what_is_expected(run, region, tmp_path, given, message):
    parameters = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "SURFACE": "s.tif", **given}
    with pytest.raises(QgsProcessingException, match=message):
        run("mapsubsidence", **parameters)


@pytest.mark.parametrize(
    ("expression", "message"), [("10 * 3", None), ("0 / 1", "CELL_SIZE was computed as 0")]
)
def test_a_number_that_a_model_computes(run, region, tmp_path, expression, message):
    given = {"PS_POINTS": region["points"], "VALUE_FIELD": "mm", "SURFACE": str(tmp_path / "s.tif")}
    given["CELL_SIZE"] = QgsProperty.fromExpression(expression)
    if message:
        with pytest.raises(QgsProcessingException, match=message):
            run("idw", **given)
    else:
        run("idw", **given)
        assert QgsRasterLayer(given["SURFACE"], "s").rasterUnitsPerPixelX() == 30


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("-50, 100", [-50, 100]), ("-50; 1e2;", [-50, 100]), (None, []), ("12.5", [12.5])],
)
def test_numbers_in_a_text(text, numbers):
    assert read_numbers(text) == numbers


@pytest.mark.parametrize("text", ["-50,5; -100", "nan", "1_0", "5 m", "inf"])
def test_texts_that_hold_something_else(text):
    with pytest.raises(ValueError):
        read_numbers(text)
