"""The parameters that algorithms share, each with its help beside it."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..model.network.presets import PRESETS
from . import layers

# The methods of a map: those that learn from drivers, those that do so where there are any, and
# those of the points alone.
OF_DRIVERS = ("cnn", "regressionkriging", "forest", "boosting")
OF_BOTH = ("hybrid",)
OF_POINTS = ("kriging", "idw", "rbf", "movingleastsquares")

# What `training` asks for.
TRAINING = ("PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER")

GEOMETRIES = {
    "point": QgsProcessing.TypeVectorPoint,
    "polygon": QgsProcessing.TypeVectorPolygon,
    "any": QgsProcessing.TypeVector,
}


def helped(parameter, text: str, advanced: bool = False):
    """A parameter with its help, and among the advanced ones if wanted."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
    return parameter


def number(name, title, text, default=None, *, low, high=1e9, whole=False, advanced=False):
    """A number from `low` to `high`; optional where it has no default."""
    kind = QgsProcessingParameterNumber.Integer if whole else QgsProcessingParameterNumber.Double
    parameter = QgsProcessingParameterNumber(name, title, kind, default, default is None, low, high)
    return helped(parameter, text, advanced)


def choice(name, title, text, options, default=None, advanced=False):
    """One of some words, the same in the dialog, in models and on the command line."""
    parameter = QgsProcessingParameterEnum(
        name, title, options, False, default, default is None, usesStaticStrings=True
    )
    return helped(parameter, text, advanced)


def choices(name, title, text, options, default, advanced=False):
    """Some of some words, one at least."""
    parameter = QgsProcessingParameterEnum(
        name, title, options, True, default, usesStaticStrings=True
    )
    return helped(parameter, text, advanced)


def words(name, title, text, default=None, advanced=False, multiline=False):
    """A text that may be empty."""
    return helped(
        QgsProcessingParameterString(name, title, default, multiline, optional=True), text, advanced
    )


def flag(name, title, text, default=False, advanced=False):
    """Yes or no."""
    return helped(QgsProcessingParameterBoolean(name, title, default), text, advanced)


def date(name, title, text, advanced=False):
    """A day, or nothing."""
    day = QgsProcessingParameterDateTime.Type.Date
    return helped(QgsProcessingParameterDateTime(name, title, day, optional=True), text, advanced)


def crs(name, title, text, advanced=False):
    """A coordinate reference system, or nothing."""
    return helped(QgsProcessingParameterCrs(name, title, optional=True), text, advanced)


def vector(name, title, text, kind="point", optional=False):
    """A vector layer; kind "any" takes tables too."""
    return helped(
        QgsProcessingParameterFeatureSource(name, title, [GEOMETRIES[kind]], None, optional), text
    )


def field(name, title, text, layer, numeric=False, optional=True, default=None, advanced=False):
    """A field of the vector layer that the parameter `layer` gives."""
    kind = QgsProcessingParameterField.Numeric if numeric else QgsProcessingParameterField.Any
    return helped(
        QgsProcessingParameterField(name, title, default, layer, kind, optional=optional),
        text,
        advanced,
    )


def points():
    """The parameters that give the persistent scatterers and their values."""
    return [
        vector(
            "PS_POINTS",
            "Persistent scatterers",
            "Points with the displacement that was measured there. Multipoints count as their "
            "points. Points without a number are skipped, points outside the map's area are left "
            "out; the log counts both.",
        ),
        field(
            "VALUE_FIELD",
            "Displacement field",
            "The numeric field that holds the displacement, in millimetres; or another quantity, "
            "such as the velocity.",
            "PS_POINTS",
            numeric=True,
            optional=False,
        ),
    ]


def unit():
    """What the values are measured in."""
    return words(
        "UNIT",
        "Unit",
        "What the values are measured in, as reports and legends shall say; nothing is converted. "
        "Empty: mm/yr if the field's name has 'vel' in it, as in velocity, else mm.",
        advanced=True,
    )


def positive():
    """What the sign of the values means."""
    return choice(
        "POSITIVE",
        "Positive values mean",
        "up: positive values are uplift. subsidence: positive values are subsidence. Values are "
        "never changed; labels and colours follow this choice.",
        ["up", "subsidence"],
        "up",
    )


def raster(name, title, text, optional=False, advanced=False):
    """A raster layer."""
    return helped(QgsProcessingParameterRasterLayer(name, title, None, optional), text, advanced)


def rasters(name, title, text, optional=False):
    """Several raster layers."""
    return helped(
        QgsProcessingParameterMultipleLayers(
            name, title, QgsProcessing.TypeRaster, optional=optional
        ),
        text,
    )


def file_input(name, title, text, file_filter, optional=False, advanced=False):
    """A file that is there, or whose name the user writes."""
    return helped(
        QgsProcessingParameterFile(name, title, fileFilter=file_filter, optional=optional),
        text,
        advanced,
    )


def drivers(optional=False, note=""):
    """The rasters of the driving forces."""
    return rasters(
        "DRIVERS",
        "Driving forces",
        "Rasters of what drives subsidence, such as the water table, wells, land use and terrain. "
        "They may have any CRS and cell size. Each layer is one driver with the layer's name; each "
        "band of a layer of several bands is one driver with the band's description." + note,
        optional,
    )


def nodata():
    """NoData values that files do not tell."""
    return words(
        "NODATA",
        "NoData of drivers without a tag",
        "Values that mean no data where the file does not say so: name=value, separated by "
        "semicolons, for instance landcover_1985=255; landcover_2024=255, or *=255 for every "
        "driver without a NoData tag. A driver named here has this value instead of its tag's. "
        "Infinities, numbers beyond 1e15, and -9999 and the like far from all other values are "
        "NoData without it.",
        advanced=True,
    )


def driver_kinds():
    """How the drivers are to be understood."""
    return [
        words(
            "CATEGORICAL",
            "Drivers that hold classes",
            "Names of drivers whose numbers are classes, such as land use, separated by commas. "
            "Empty: what the raster itself says, if this plugin made it; else rasters with a "
            "colour table, or with whole numbers of which at most "
            f"{layers.MAX_GUESSED_CLASSES} differ. none: no driver. The log tells what each was "
            "taken as.",
            advanced=True,
        ),
        words(
            "CIRCULAR",
            "Drivers that hold directions",
            "Names of drivers that are directions in degrees, such as aspect, separated by commas. "
            "Empty: what the raster itself says, if this plugin made it; else drivers with aspect "
            "in their name. none: no driver.",
            advanced=True,
        ),
        nodata(),
    ]


def extent(empty: str, advanced=True):
    """The area of the map; `empty` says what it is without this."""
    return helped(
        QgsProcessingParameterExtent("EXTENT", "Extent", optional=True),
        f"The area of the map, widened to whole cells. Empty: {empty}.",
        advanced,
    )


def working_area(from_rasters="first driver", covered="all drivers cover", points="points"):
    """The parameters that give the working grid.

    Parameters
    ----------
    from_rasters : str
        Which raster gives the grid, if it is projected; empty if there are no rasters. With
        rasters these parameters are among the advanced ones.
    covered : str
        Completes "what ..." for the area of the map.
    points : str
        What gives the area where no raster does; empty if nothing else can.
    """
    grid, area = "UTM, with CELL_SIZE", f"where the {points} are"
    cell = f"{layers.DEFAULT_CELL_SIZE:g}"
    if from_rasters:
        grid = f"the {from_rasters}'s if that is projected in metres, else {grid}"
        area = f"what {covered}" + (f", or without them {area}" if points else "")
        cell = f"the {from_rasters}'s if that is projected in metres, else {cell}"
    return [
        raster(
            "REFERENCE",
            "Reference raster",
            "A raster, projected in metres, whose CRS, cell size, alignment and extent the map is "
            f"to have. Empty: the grid is {grid}.",
            optional=True,
            advanced=bool(from_rasters),
        ),
        extent(f"the reference's extent, else {area}", bool(from_rasters)),
        number(
            "CELL_SIZE",
            "Cell size (m)",
            f"Cell size of the map in metres, if there is no reference. Empty: {cell}.",
            low=0.001,
            advanced=bool(from_rasters),
        ),
    ]


def preset():
    """Which network."""
    return choice(
        "PRESET",
        "Network",
        "standard: trains in minutes and maps fast. paper: the network of Azarm, Mehrabi and Nadi "
        "(2025), 21 million weights; wants a GPU or a night.",
        ["standard", "paper"],
        "standard",
    )


def training(empty: str):
    """How the network is trained; `empty` says what is taken without, {} what the preset has."""

    def left_out(name: str) -> str:
        own = {getattr(preset, name): preset.name for preset in PRESETS.values()}
        told = own if len(own) == 1 else [f"{value} of {preset}" for value, preset in own.items()]
        return f"Empty: {empty.format(' and '.join(map(str, told)))}."

    return [
        number(
            "PATCH_SIZE",
            "Patch size (cells)",
            "Side of the square of cells around a point that the network sees. "
            + left_out("patch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        number(
            "EPOCHS",
            "Epochs",
            "How often the network sees all points, at most: standard ends when "
            f"{PRESETS['standard'].patience} more have not helped. " + left_out("epochs"),
            low=1,
            whole=True,
            advanced=True,
        ),
        number(
            "BATCH_SIZE",
            "Batch size",
            "How many points make one step of the training. " + left_out("batch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        number(
            "LEARNING_RATE",
            "Learning rate",
            "How large a step is. " + left_out("learning_rate"),
            low=1e-9,
            advanced=True,
        ),
        choice(
            "LOSS",
            "Loss",
            "What training makes small: mse, squared errors; mae, absolute errors; huber, squared "
            "small and absolute large ones. " + left_out("loss"),
            ["mse", "mae", "huber"],
            advanced=True,
        ),
        choice(
            "OPTIMIZER",
            "Optimiser",
            "How steps are made. " + left_out("optimizer"),
            ["adam", "sgd", "rmsprop"],
            advanced=True,
        ),
    ]


def split(default: str):
    """How points are held out."""
    return choice(
        "SPLIT",
        "Split",
        "random: 80, 10 and 10 percent of the points at random, as in the paper; points near each "
        "other fall into different parts, which flatters. block: whole blocks, which tells what to "
        "expect far from any point. Points of one cell stay together.",
        ["random", "block"],
        default,
    )


def block_size():
    """How large the blocks are that are held out together."""
    return number(
        "BLOCK_SIZE",
        "Block size (m)",
        "Side of the square blocks, in metres, that are held out as a whole to see how the map "
        "does far from any point.",
        5000,
        low=1,
        advanced=True,
    )


def seed():
    """What makes runs repeatable."""
    return number(
        "SEED",
        "Seed",
        "The same seed gives the same split, network and map on the same machine.",
        0,
        low=0,
        high=2**31 - 1,
        whole=True,
        advanced=True,
    )


def engine():
    """Where the work is done."""
    return helped(
        QgsProcessingParameterString("ENGINE", "Engine", "local"),
        "local: this computer, with all its GPUs where networks are trained. The address of a Dask "
        "scheduler, such as tcp://host:8786: its workers share the tiles of the map and the folds. "
        "They run what they are sent, so give only a scheduler that you trust; the guide says how "
        "to start one.",
        advanced=True,
    )


def neighbours(default: int, text: str):
    """How many points have a say."""
    return number("NEIGHBOURS", "Neighbours", text, default, low=1, whole=True)


def variogram(points: str, advanced=False):
    """The model of kriging; `points` says what it is fitted to."""
    return choice(
        "VARIOGRAM",
        "Variogram",
        "The model that is fitted. auto: the one under which left-out values are most likely; with "
        f"fewer than 10 {points}, which cannot tell the models apart, linear. stable and matern "
        "have a form of their own that is fitted too; nested is two spherical ones.",
        ["auto", "spherical", "exponential", "gaussian", "stable", "matern", "nested", "linear"],
        "auto",
        advanced,
    )


def kriging():
    """What every kriging of persistent scatterers asks for."""
    return [
        variogram("points"),
        neighbours(32, "How many of the nearest points make a cell."),
        number(
            "SECTORS",
            "Sectors",
            "The neighbours are taken from as many equal sectors around a cell, so that a cluster "
            "does not hide the points on its other side. 1: the nearest, wherever they are.",
            8,
            low=1,
            high=32,
            whole=True,
            advanced=True,
        ),
        choice(
            "ESTIMATOR",
            "Estimator of the variogram",
            "matheron: the mean of half squared differences. cressie_hawkins: robust against "
            "single wild values; where subsidence has bowls, which are no errors, its standard "
            "deviation is too small.",
            ["matheron", "cressie_hawkins"],
            "matheron",
            advanced=True,
        ),
        number(
            "AZIMUTH",
            "Direction of the longest range (°)",
            "Where values are alike farther in one direction: that direction, in degrees clockwise "
            "from north. The report shows the variogram by direction.",
            0.0,
            low=-180,
            high=180,
            advanced=True,
        ),
        number(
            "RATIO",
            "Ratio of the ranges",
            "The range across that direction over the range along it. 1: the same in all "
            "directions.",
            1.0,
            low=0.01,
            high=1,
            advanced=True,
        ),
    ]


def kriging_outputs():
    """What every kriging of persistent scatterers makes."""
    return [
        raster_output("SURFACE", "Subsidence surface", "Displacement in millimetres."),
        raster_output(
            "STANDARD_DEVIATION",
            "Standard deviation",
            "Kriging standard deviation in millimetres: how far a measurement there may lie from "
            "the surface, as the variogram has it.",
            optional=True,
        ),
        report_output("The variogram, the map and the parameters, as a page to read."),
    ]


def coordinates():
    """Whether a method that learns from drivers sees the position too."""
    return flag(
        "COORDINATES",
        "Learn from coordinates",
        "Whether the position is learned from as the driving forces are. It helps near points and "
        "says nothing far from them.",
        True,
        advanced=True,
    )


def tune(names: str):
    """Whether the method's parameters called `names` are to be found by trial."""
    return flag(
        "TUNE",
        "Tune",
        f"Whether to choose {names} by trial: the values that predict left-out points best, in "
        "five random folds of the points, are taken and written to the log, and those given here "
        "are ignored.",
        advanced=True,
    )


def raster_output(name, title, text, optional=False):
    """A GeoTIFF that the job makes."""
    return helped(QgsProcessingParameterRasterDestination(name, title, None, optional), text)


def points_output(name, title, text, optional=False):
    """A point layer that the job makes."""
    sink = QgsProcessingParameterFeatureSink(
        name, title, QgsProcessing.TypeVectorPoint, None, optional
    )
    return helped(sink, text)


def table_output(name, title, text, optional=False):
    """A table without geometry that the job makes."""
    sink = QgsProcessingParameterFeatureSink(name, title, QgsProcessing.TypeVector, None, optional)
    return helped(sink, text)


def vector_output(name, title, text, optional=False):
    """A GeoPackage of points that the worker writes whole, because there may be millions."""
    sink = QgsProcessingParameterVectorDestination(
        name, title, QgsProcessing.TypeVectorPoint, None, optional
    )
    return helped(sink, text)


def file_output(name, title, text, file_filter, optional=False):
    """Another file that the job makes."""
    return helped(
        QgsProcessingParameterFileDestination(name, title, file_filter, None, optional), text
    )


def model_output(optional=False):
    """The trained model."""
    return file_output(
        "MODEL",
        "Trained model",
        "The network with all it needs to map again: names, kinds and scales of the drivers, the "
        "grid, the figures and the seed. 'Predict surface' reads it.",
        "Model (*.zip)",
        optional,
    )


def uncertainty_output():
    """How far a map may be wrong."""
    return raster_output(
        "UNCERTAINTY",
        "Uncertainty",
        "How far the map may be wrong, in millimetres, by errors at points that were held out at "
        "the same distance from the nearest point. Band 1: standard deviation of the error; bands "
        "2 and 3: the lower and the upper value between which nine measurements in ten should "
        "lie.",
        optional=True,
    )


def report_output(text):
    """The HTML report."""
    return file_output("REPORT", "Report", text, "HTML files (*.html)", optional=True)
