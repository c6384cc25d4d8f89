"""The public contract: ids, parameters and outputs are frozen once released."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsProcessingParameterDefinition
from subsidence_mapper.algorithms.provider import SubsidenceProvider

POINTS = ["PS_POINTS", "VALUE_FIELD", "POSITIVE"]
KINDS = ["CATEGORICAL", "CIRCULAR", "NODATA"]
AREA = ["REFERENCE", "EXTENT", "CELL_SIZE"]
TRAINING = ["PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER", "SPLIT"]
PARTS = ["TRAIN", "VALIDATION", "TEST"]

INPUTS = {
    "mapsubsidence": [*POINTS, "DRIVERS", "METHOD", "PRESET", *KINDS, *AREA, "BLOCK_SIZE", "SEED"],
    "trainmodel": [*POINTS, "DRIVERS", "PRESET", *KINDS, *AREA, *TRAINING, "BLOCK_SIZE", "SEED"],
    "predictsurface": ["MODEL", "DRIVERS", "NODATA", "EXTENT"],
    "idw": [*POINTS, *AREA, "POWER", "NEIGHBOURS", "RADIUS"],
    "errormap": ["SURFACE", *POINTS],
}
OUTPUTS = {
    "mapsubsidence": {
        "SURFACE": "outputRaster",
        "UNCERTAINTY": "outputRaster",
        "TRUST": "outputRaster",
        "ERROR_POINTS": "outputVector",
        "REPORT": "outputHtml",
        "MODEL": "outputFile",
        **dict.fromkeys(
            ["RMSE", "MAE", "R2", "BLOCK_RMSE", "BLOCK_MAE", "BLOCK_R2"], "outputNumber"
        ),
    },
    "trainmodel": {
        "MODEL": "outputFile",
        "REPORT": "outputHtml",
        **{
            f"{part}_{figure}": "outputNumber"
            for part in PARTS
            for figure in ["COUNT", "RMSE", "MAE", "R2"]
        },
    },
    "predictsurface": {"SURFACE": "outputRaster", "UNCERTAINTY": "outputRaster"},
    "idw": {"SURFACE": "outputRaster"},
    "errormap": {
        "ERROR_POINTS": "outputVector",
        "ERROR_SURFACE": "outputRaster",
        **dict.fromkeys(["COUNT", "RMSE", "MAE", "R2", "BIAS"], "outputNumber"),
    },
}
CHOICES = {
    "POSITIVE": ["up", "subsidence"],
    "METHOD": ["cnn", "idw"],
    "PRESET": ["standard", "paper"],
    "LOSS": ["mse", "mae", "huber"],
    "OPTIMIZER": ["adam", "sgd", "rmsprop"],
    "SPLIT": ["random", "block"],
}
DEFAULTS = {
    "POSITIVE": "up",
    "METHOD": "cnn",
    "PRESET": "standard",
    "SPLIT": "random",
    "BLOCK_SIZE": 5000,
    "SEED": 0,
    "POWER": 2,
    "NEIGHBOURS": 12,
}
REQUIRED = {"PS_POINTS", "VALUE_FIELD", "MODEL", "SURFACE", "DRIVERS"}


@pytest.fixture(scope="module")
def provider(qgis_app):
    registry = QgsApplication.processingRegistry()
    provider = SubsidenceProvider()
    registry.addProvider(provider)
    yield provider
    registry.removeProvider(provider)


def test_ids(provider):
    found = {algorithm.id() for algorithm in provider.algorithms()}
    assert found == {f"subsidence:{name}" for name in [*INPUTS, "runtime"]}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs(provider, name):
    algorithm = provider.algorithm(name)
    found = [each.name() for each in algorithm.parameterDefinitions() if not each.isDestination()]
    assert found == INPUTS[name]


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs(provider, name):
    algorithm = provider.algorithm(name)
    assert {each.name(): each.type() for each in algorithm.outputDefinitions()} == OUTPUTS[name]


@pytest.mark.parametrize("name", INPUTS)
def test_choices_defaults_and_what_may_be_left_out(provider, name):
    optional = QgsProcessingParameterDefinition.FlagOptional
    for each in provider.algorithm(name).parameterDefinitions():
        if each.name() in CHOICES:
            assert each.usesStaticStrings()
            assert each.options() == CHOICES[each.name()]
        if not each.isDestination():
            assert each.defaultValue() == DEFAULTS.get(each.name())
        may_be_empty = bool(each.flags() & optional)
        must_be_given = each.name() in REQUIRED and (name, each.name()) not in {
            ("mapsubsidence", "DRIVERS"),
            ("mapsubsidence", "MODEL"),
        }
        assert may_be_empty == (not must_be_given and each.name() not in DEFAULTS)


@pytest.mark.parametrize("name", [*INPUTS, "runtime"])
def test_help_stands_beside_every_parameter(provider, name):
    algorithm = provider.algorithm(name)
    text = algorithm.shortHelpString()
    for each in algorithm.parameterDefinitions():
        assert len(each.help()) > 20, each.name()
        assert each.help() in text
        assert each.description() in text


@pytest.mark.parametrize("name", [*INPUTS, "runtime"])
def test_how_it_is_found(provider, name):
    algorithm = provider.algorithm(name)
    assert not algorithm.icon().isNull()
    assert algorithm.icon().availableSizes() or not algorithm.icon().pixmap(24, 24).isNull()
    assert len(algorithm.tags()) > 3
    assert algorithm.helpUrl().startswith("https://")
    assert algorithm.group() in {"Workflow", "CNN", "Interpolation", "Evaluation"}
    assert algorithm.groupId() == algorithm.group().lower()
