"""The public contract: ids, parameters and outputs are frozen once released."""

from __future__ import annotations

import re

import pytest
from qgis.core import QgsProcessingParameterDefinition
from subsidence_mapper.model.scatterers import formats

POINTS = ["PS_POINTS", "VALUE_FIELD", "POSITIVE", "UNIT"]
KINDS = ["CATEGORICAL", "CIRCULAR", "NODATA"]
AREA = ["REFERENCE", "EXTENT", "CELL_SIZE"]
RUN = ["BLOCK_SIZE", "SEED", "ENGINE"]
TRAINING = ["PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER", "SPLIT"]
KRIGING = ["VARIOGRAM", "NEIGHBOURS", "SECTORS", "ESTIMATOR", "AZIMUTH", "RATIO"]
LIMITS = ["MAX_DISPERSION", "MIN_COHERENCE", "MAX_VELOCITY_STD", "MIN_DATES"]
LIMIT_FIELDS = {  # a layer may lack them
    "DISPERSION_FIELD": "amplitude_dispersion",
    "COHERENCE_FIELD": "coherence",
    "VELOCITY_STD_FIELD": "velocity_std",
}
READING_FIELDS = ["ID_FIELD", "DATE_FIELD", "LEVEL_FIELD"]
PARTS = ["TRAIN", "VALIDATION", "TEST"]

INPUTS = {
    "mapsubsidence": [*POINTS, "DRIVERS", "METHOD", "PRESET", *KINDS, *AREA, *RUN],
    "trainmodel": [*POINTS, "DRIVERS", "PRESET", *KINDS, *AREA, *TRAINING, *RUN],
    "tunemodel": [
        *[*POINTS, "DRIVERS", "PRESET", "TRIALS", "MINUTES", *KINDS, *AREA, *TRAINING],
        *["BLOCK_SIZE", "FOLDS", "STUDY", "SEED"],
    ],
    "predictsurface": ["MODEL", "DRIVERS", "NODATA", "EXTENT", "ENGINE"],
    "kriging": [*POINTS, "ERROR_FIELD", *AREA, *KRIGING, "ENGINE"],
    "regressionkriging": [*POINTS, "DRIVERS", "TREND", *KRIGING, *KINDS, *AREA, *RUN[1:]],
    "idw": [*POINTS, *AREA, "POWER", "NEIGHBOURS", "RADIUS", "TUNE", "ENGINE"],
    "rbf": [*POINTS, *AREA, "KERNEL", "NEIGHBOURS", "SMOOTHING", "LENGTH", "TUNE", "ENGINE"],
    "movingleastsquares": [
        *[*POINTS, *AREA, "DEGREE", "NEIGHBOURS", "WEIGHTS", "ROBUST", "TUNE", "ENGINE"],
    ],
    "forest": [
        *[*POINTS, "DRIVERS", "KIND", "TREES", "MIN_LEAF", "COORDINATES"],
        *[*KINDS, *AREA, *RUN[1:]],
    ],
    "boosting": [
        *[*POINTS, "DRIVERS", "LEARNING_RATE", "MAX_TREES", "LEAVES", "COORDINATES"],
        *[*KINDS, *AREA, *RUN[1:]],
    ],
    "hybrid": [*POINTS, "DRIVERS", "LESSONS", *KINDS, *AREA, *RUN[1:]],
    "comparemethods": [
        *[*POINTS, "DRIVERS", "METHODS", "SPLITS", "FOLDS", "BLOCK_SIZE", "TUNE", "PRESET"],
        *[*KINDS, *AREA, *RUN[1:]],
    ],
    "errormap": ["SURFACE", *POINTS],
    "zonesummary": ["ZONES", "NAME_FIELD", "SURFACES", *POINTS, "THRESHOLDS"],
    "driverimportance": [
        *[*POINTS, "DRIVERS", "METHOD", "PRESET", "BLOCK_SIZE", "FOLDS", "REPEATS"],
        *[*KINDS, *AREA, "SEED"],
    ],
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
    "tunemodel": {
        "MODEL": "outputFile",
        "TRIALS_TABLE": "outputVector",
        "REPORT": "outputHtml",
        **dict.fromkeys(
            [
                *["BEST_TRIAL", "VALIDATION_RMSE", "TEST_RMSE"],
                *["PRESET_VALIDATION_RMSE", "PRESET_TEST_RMSE"],
            ],
            "outputNumber",
        ),
    },
    "predictsurface": {"SURFACE": "outputRaster", "UNCERTAINTY": "outputRaster"},
    "idw": {"SURFACE": "outputRaster"},
    **dict.fromkeys(
        ["kriging", "regressionkriging"],
        {
            "SURFACE": "outputRaster",
            "STANDARD_DEVIATION": "outputRaster",
            "REPORT": "outputHtml",
        },
    ),
    "rbf": {"SURFACE": "outputRaster"},
    "movingleastsquares": {"SURFACE": "outputRaster"},
    "forest": {"SURFACE": "outputRaster", "STANDARD_DEVIATION": "outputRaster"},
    "boosting": {"SURFACE": "outputRaster"},
    "hybrid": {"SURFACE": "outputRaster", "STANDARD_DEVIATION": "outputRaster"},
    "comparemethods": {
        "LEADERBOARD": "outputVector",
        "ERROR_POINTS": "outputVector",
        "ERROR_SURFACE": "outputRaster",
        "REPORT": "outputHtml",
    },
    "errormap": {
        "ERROR_POINTS": "outputVector",
        "ERROR_SURFACE": "outputRaster",
        **dict.fromkeys(["COUNT", "RMSE", "MAE", "R2", "CCC", "BIAS"], "outputNumber"),
    },
    "zonesummary": {"SUMMARY": "outputVector", "REPORT": "outputHtml"},
    "driverimportance": {
        "IMPORTANCE": "outputVector",
        "REPORT": "outputHtml",
        **dict.fromkeys(["RMSE", "R2"], "outputNumber"),
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
FROM_POINTS = ["kriging", "idw", "rbf", "movingleastsquares"]
LEARNING = ["cnn", "regressionkriging", "forest", "boosting", "hybrid"]
METHODS = [*FROM_POINTS, *LEARNING]
SPLITS = ["random", "kfold", "block", "knndm"]
CHOICES = {
    "METHODS": METHODS,
    "SPLITS": SPLITS,
    "KERNEL": [
        *["linear", "thin_plate_spline", "cubic", "quintic"],
        *["multiquadric", "inverse_multiquadric", "gaussian"],
    ],
    "WEIGHTS": ["wendland", "gaussian"],
    "KIND": ["random", "extra"],
    "FLOW": ["dinf", "mfd"],
    "DEPRESSIONS": ["breach", "fill"],
    "PRODUCT": ["reflectance", "landsat_c2l2", "sentinel2_l2a", "sentinel2_l2a_before_2022"],
    "LEVEL_IS": ["elevation", "depth"],
    "CHANGE_IS": ["between_dates", "trend_per_year"],
    "VARIOGRAM": [
        *["auto", "spherical", "exponential", "gaussian", "stable", "matern", "nested", "linear"],
    ],
    "ESTIMATOR": ["matheron", "cressie_hawkins"],
    "TREND": ["linear", "forest"],
    "POSITIVE": ["up", "subsidence"],
    "METHOD": ["auto", *LEARNING, *FROM_POINTS],
    "PRESET": ["standard", "paper"],
    "LOSS": ["mse", "mae", "huber"],
    "OPTIMIZER": ["adam", "sgd", "rmsprop"],
    "SPLIT": ["random", "block"],
    "landusedriver:METHOD": ["forest", "kmeans", "reclassify"],
    "driverimportance:METHOD": ["forest", "boosting", "cnn"],
    "TABLE": ["worldcover", "corine", "own"],
    "FORMAT": ["geotiff", "vrt"],
    "TYPE": ["amplitude", "intensity", "decibel"],
    "CALIBRATION": ["mean", "none"],
    "importpspoints:FORMAT": formats.keys(),
    "importpspoints:POSITIVE": ["auto", "up", "subsidence"],
    "VELOCITY_UNIT": ["auto", "mm", "cm", "m", "inch"],
    "DISPLACEMENT_UNIT": ["auto", "mm", "cm", "m", "inch"],
    "PROJECTION": ["line_of_sight", "vertical"],
}
DEFAULTS = {
    "METHODS": [method for method in METHODS if method not in ("cnn", "hybrid")],
    "SPLITS": SPLITS,
    "FOLDS": 10,
    "comparemethods:BLOCK_SIZE": None,
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
    "METHOD": "auto",
    "PRESET": "standard",
    "SPLIT": "random",
    "tunemodel:SPLIT": "block",
    "TRIALS": 30,
    "BLOCK_SIZE": 5000,
    "SEED": 0,
    "ENGINE": "local",
    "POWER": 2,
    "NEIGHBOURS": 12,
    **{f"{each}:NEIGHBOURS": 32 for each in ("kriging", "regressionkriging")},
    "SECTORS": 8,
    "ESTIMATOR": "matheron",
    "AZIMUTH": 0,
    "RATIO": 1,
    "TREND": "linear",
    "rbf:NEIGHBOURS": 50,
    "movingleastsquares:NEIGHBOURS": 24,
    "TUNE": False,
    "KERNEL": "linear",
    "SMOOTHING": 0,
    "DEGREE": 2,
    "WEIGHTS": "wendland",
    "ROBUST": False,
    "KIND": "random",
    "TREES": 300,
    "MIN_LEAF": 1,
    "COORDINATES": True,
    "boosting:LEARNING_RATE": 0.05,
    "MAX_TREES": 1000,
    "LEAVES": 31,
    "LESSONS": 20000,
    "MAX_DISPERSION": 0.25,
    "MIN_COHERENCE": 0.7,
    "landusedriver:METHOD": "forest",
    "driverimportance:METHOD": "forest",
    "driverimportance:FOLDS": 5,
    "tunemodel:FOLDS": 3,
    "REPEATS": 5,
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
OUR_OWN_WORDS = re.compile(
    r"\b(contest|rivals?|ways?|told|tells?|lessons?|foretells?|once|reach(?:es)?|joined|merged"
    r"|promises?|remarks?|fewest|highest|lowest|anew)\b",
    re.IGNORECASE,
)
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
    "ZONES",
    "SURFACES",
    "SUMMARY",
    "IMPORTANCE",
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
        has_default = DEFAULTS.get(own, DEFAULTS.get(each.name())) is not None
        must_be_given = each.name() in REQUIRED and (name, each.name()) not in {
            ("mapsubsidence", "DRIVERS"),
            ("mapsubsidence", "MODEL"),
            ("comparemethods", "DRIVERS"),
            ("hybrid", "DRIVERS"),
            ("zonesummary", "PS_POINTS"),
            ("zonesummary", "VALUE_FIELD"),
        }
        assert may_be_empty == (not must_be_given and not has_default)


def test_formats_that_were_released_stay():
    released = {"auto", "egms", "sarproz", "mintpy", "stamps", "licsbas", "tre", "table"}
    assert released <= set(formats.keys())


@pytest.mark.parametrize("name", [*INPUTS, "runtime"])
def test_help_stands_beside_every_parameter(provider, name):
    algorithm = provider.algorithm(name)
    text = algorithm.shortHelpString()
    for each in algorithm.parameterDefinitions():
        assert len(each.help()) > 20, each.name()
        assert each.help() in text
        assert each.description() in text


@pytest.mark.parametrize("name", [*INPUTS, "runtime"])
def test_texts_are_short_sentences_in_the_words_of_the_field(provider, name):
    algorithm = provider.algorithm(name)
    parameters = algorithm.parameterDefinitions()
    outputs = algorithm.outputDefinitions()
    titles = [each.description() for each in [*parameters, *outputs]]
    for text in [algorithm.HELP, *titles, *(each.help() for each in parameters)]:
        assert not OUR_OWN_WORDS.findall(text)
        for sentence in re.split(r"(?<=[.!?]) ", text):
            assert len(sentence.split()) <= 25, sentence


@pytest.mark.parametrize("name", [*INPUTS, "runtime"])
def test_how_it_is_found(provider, name):
    algorithm = provider.algorithm(name)
    assert not algorithm.icon().isNull()
    assert algorithm.icon().availableSizes() or not algorithm.icon().pixmap(24, 24).isNull()
    assert len(algorithm.tags()) > 3
    assert algorithm.helpUrl().startswith("https://")
    assert algorithm.group() == GROUPS[algorithm.groupId()]
