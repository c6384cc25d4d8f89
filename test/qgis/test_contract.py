"""The public contract: ids, parameters and outputs are frozen once released."""

from __future__ import annotations

import pytest
from qgis.core import QgsProcessingParameterDefinition

POINTS = ["PS_POINTS", "VALUE_FIELD", "POSITIVE"]
KINDS = ["CATEGORICAL", "CIRCULAR", "NODATA"]
AREA = ["REFERENCE", "EXTENT", "CELL_SIZE"]
TRAINING = ["PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER", "SPLIT"]
LIMITS = ["MAX_DISPERSION", "MIN_COHERENCE", "MAX_VELOCITY_STD", "MIN_DATES"]
LIMIT_FIELDS = {  # a layer may lack them
    "DISPERSION_FIELD": "amplitude_dispersion",
    "COHERENCE_FIELD": "coherence",
    "VELOCITY_STD_FIELD": "velocity_std",
}
READING_FIELDS = ["ID_FIELD", "DATE_FIELD", "LEVEL_FIELD"]
PARTS = ["TRAIN", "VALIDATION", "TEST"]

INPUTS = {
    "mapsubsidence": [*POINTS, "DRIVERS", "METHOD", "PRESET", *KINDS, *AREA, "BLOCK_SIZE", "SEED"],
    "trainmodel": [*POINTS, "DRIVERS", "PRESET", *KINDS, *AREA, *TRAINING, "BLOCK_SIZE", "SEED"],
    "predictsurface": ["MODEL", "DRIVERS", "NODATA", "EXTENT"],
    "idw": [*POINTS, *AREA, "POWER", "NEIGHBOURS", "RADIUS"],
    "errormap": ["SURFACE", *POINTS],
    "importpspoints": [
        *["LAYER", "FILE", "FORMAT", "COLUMNS", "VELOCITY_UNIT", "DISPLACEMENT_UNIT"],
        *["POSITIVE", "PROJECTION", "CRS"],
    ],
    "selectpspoints": ["INPUT", *LIMITS[:3], "AREA", *LIMITS[3:], *LIMIT_FIELDS],
    "amplitudedispersion": ["IMAGES", "TYPE", "CALIBRATION", "THRESHOLD"],
    "terraindrivers": ["DEM", "FLOW", "DEPRESSIONS", "SLOPE_FLOOR", *AREA, "NODATA"],
    "ndvidriver": ["RED", "NIR", "PRODUCT", "CLOUD_MASK", "MASK_VALUES", "DATES", *AREA],
    "landusedriver": [
        *["IMAGE", "METHOD", "TRAINING", "CLASS_FIELD", "CLASSES", "TABLE", "RULES"],
        *[*AREA, "NODATA", "SEED"],
    ],
    "driverstack": ["DRIVERS", "NAMES", "FORMAT", *KINDS, *AREA],
    "welldistance": ["WELLS", "FILTER_FIELD", "FILTER_VALUES", "WEIGHT_FIELD", "BANDWIDTH", *AREA],
    "watertable": [
        "PIEZOMETERS",
        *READING_FIELDS,
        "READINGS",
        *(f"READINGS_{name}" for name in READING_FIELDS),
        *["LEVEL_IS", "DATE", "START", "END", "CHANGE_IS", "TOLERANCE", *AREA, "VARIOGRAM"],
    ],
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
    "importpspoints": {
        "PS_POINTS": "outputVector",
        "COUNT": "outputNumber",
        "DATES": "outputNumber",
    },
    "selectpspoints": {
        "PS_POINTS": "outputVector",
        "COUNT": "outputNumber",
        "REMOVED": "outputNumber",
    },
    "amplitudedispersion": {
        "DISPERSION": "outputRaster",
        "CANDIDATES": "outputVector",
        "COUNT": "outputNumber",
    },
    "terraindrivers": dict.fromkeys(["ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI"], "outputRaster"),
    "ndvidriver": {"NDVI": "outputRaster", "NDVI_CHANGE": "outputRaster"},
    "landusedriver": {
        "LAND_USE": "outputRaster",
        "REPORT": "outputHtml",
        **dict.fromkeys(["CLASSES", "OOB_ACCURACY", "POLYGON_ACCURACY"], "outputNumber"),
    },
    "driverstack": {"STACK": "outputRaster", "REPORT": "outputHtml"},
    "welldistance": {"DISTANCE": "outputRaster", "DENSITY": "outputRaster"},
    "watertable": {
        "WATER_TABLE": "outputRaster",
        "CHANGE": "outputRaster",
        "REPORT": "outputHtml",
    },
}
CHOICES = {
    "FLOW": ["dinf", "mfd"],
    "DEPRESSIONS": ["breach", "fill"],
    "PRODUCT": ["reflectance", "landsat_c2l2", "sentinel2_l2a", "sentinel2_l2a_before_2022"],
    "LEVEL_IS": ["elevation", "depth"],
    "CHANGE_IS": ["between_dates", "trend_per_year"],
    "VARIOGRAM": ["auto", "spherical", "exponential", "gaussian", "linear"],
    "POSITIVE": ["up", "subsidence"],
    "METHOD": ["cnn", "idw"],
    "PRESET": ["standard", "paper"],
    "LOSS": ["mse", "mae", "huber"],
    "OPTIMIZER": ["adam", "sgd", "rmsprop"],
    "SPLIT": ["random", "block"],
    "landusedriver:METHOD": ["forest", "kmeans", "reclassify"],
    "TABLE": ["worldcover", "corine", "own"],
    "FORMAT": ["geotiff", "vrt"],
    "TYPE": ["amplitude", "intensity", "decibel"],
    "CALIBRATION": ["mean", "none"],
    "importpspoints:FORMAT": [
        *["auto", "egms", "sarproz", "mintpy", "stamps", "licsbas", "tre", "table"],
    ],
    "importpspoints:POSITIVE": ["auto", "up", "subsidence"],
    "VELOCITY_UNIT": ["auto", "mm", "cm", "m", "inch"],
    "DISPLACEMENT_UNIT": ["auto", "mm", "cm", "m", "inch"],
    "PROJECTION": ["line_of_sight", "vertical"],
}
DEFAULTS = {
    "FLOW": "dinf",
    "DEPRESSIONS": "breach",
    "SLOPE_FLOOR": 0.1,
    "PRODUCT": "reflectance",
    "BANDWIDTH": 2000,
    "LEVEL_IS": "elevation",
    "CHANGE_IS": "between_dates",
    "TOLERANCE": 90,
    "VARIOGRAM": "auto",
    "POSITIVE": "up",
    "METHOD": "cnn",
    "PRESET": "standard",
    "SPLIT": "random",
    "BLOCK_SIZE": 5000,
    "SEED": 0,
    "POWER": 2,
    "NEIGHBOURS": 12,
    "MAX_DISPERSION": 0.25,
    "MIN_COHERENCE": 0.7,
    "landusedriver:METHOD": "forest",
    "CLASSES": 5,
    "TABLE": "worldcover",
    "FORMAT": "geotiff",
    "TYPE": "amplitude",
    "CALIBRATION": "mean",
    "THRESHOLD": 0.25,
    "importpspoints:FORMAT": "auto",
    "importpspoints:POSITIVE": "auto",
    "VELOCITY_UNIT": "auto",
    "DISPLACEMENT_UNIT": "auto",
    "PROJECTION": "line_of_sight",
}
GROUPS = {
    "workflow": "Workflow",
    "points": "PS points",
    "drivers": "Driving forces",
    "cnn": "CNN",
    "interpolation": "Interpolation",
    "evaluation": "Evaluation",
}
REQUIRED = {
    "DEM",
    "RED",
    "NIR",
    "IMAGE",
    "LAND_USE",
    "STACK",
    "WELLS",
    "DISTANCE",
    "PIEZOMETERS",
    "PS_POINTS",
    "VALUE_FIELD",
    "MODEL",
    "SURFACE",
    "DRIVERS",
    "INPUT",
    "IMAGES",
    "DISPERSION",
}


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
        own = f"{name}:{each.name()}"
        if each.name() in CHOICES:
            assert each.usesStaticStrings()
            assert each.options() == CHOICES.get(own, CHOICES[each.name()])
        if not each.isDestination():
            defaults = {**DEFAULTS, **LIMIT_FIELDS}
            assert each.defaultValue() == defaults.get(own, defaults.get(each.name()))
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
    assert algorithm.group() == GROUPS[algorithm.groupId()]
