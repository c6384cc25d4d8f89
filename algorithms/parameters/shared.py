"""The parameters that algorithms share."""

from __future__ import annotations

from ...model.methods.catalogue import CATALOGUE
from ...model.network.presets import PRESETS
from .. import layers
from . import makers

# What `training` asks for.
TRAINING = ("PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER")


def points():
    """The persistent scatterers, their values, and what these mean."""
    return [
        makers.vector(
            "PS_POINTS",
            "Persistent scatterers",
            "Points with the displacement that was measured there. Multipoints count as their "
            "points. Points without a number are skipped, points outside the map's area are left "
            "out; the log counts both.",
        ),
        makers.field(
            "VALUE_FIELD",
            "Displacement field",
            "The numeric field that holds the displacement, in millimetres; or another quantity, "
            "such as the velocity.",
            "PS_POINTS",
            numeric=True,
            optional=False,
        ),
        positive(),
        unit(),
    ]


def unit():
    """What the values are measured in."""
    return makers.words(
        "UNIT",
        "Unit",
        "What the values are measured in, as reports and legends shall say; nothing is converted. "
        "Empty: mm/yr if the field's name has 'vel' in it, as in velocity, else mm.",
        advanced=True,
    )


def positive():
    """What the sign of the values means."""
    return makers.choice(
        "POSITIVE",
        "Positive values mean",
        "up: positive values are uplift. subsidence: positive values are subsidence. Values are "
        "never changed; labels and colours follow this choice.",
        ["up", "subsidence"],
        "up",
    )


def drivers(optional=False, note=""):
    """The rasters of the driving forces."""
    return makers.rasters(
        "DRIVERS",
        "Driving forces",
        "Rasters of what drives subsidence, such as the water table, wells, land use and terrain. "
        "They may have any CRS and cell size. Each layer is one driver with the layer's name; each "
        "band of a layer of several bands is one driver with the band's description." + note,
        optional,
    )


def nodata():
    """NoData values that files do not tell."""
    return makers.words(
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
        makers.words(
            "CATEGORICAL",
            "Drivers that hold classes",
            "Names of drivers whose numbers are classes, such as land use, separated by commas. "
            "Empty: what the raster itself says, if this plugin made it; else rasters with a "
            "colour table, or with whole numbers of which at most "
            f"{layers.MAX_GUESSED_CLASSES} differ. none: no driver. The log tells what each was "
            "taken as.",
            advanced=True,
        ),
        makers.words(
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
    return makers.extent(
        "EXTENT",
        "Extent",
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
        makers.raster(
            "REFERENCE",
            "Reference raster",
            "A raster, projected in metres, whose CRS, cell size, alignment and extent the map is "
            f"to have. Empty: the grid is {grid}.",
            optional=True,
            advanced=bool(from_rasters),
        ),
        extent(f"the reference's extent, else {area}", bool(from_rasters)),
        makers.number(
            "CELL_SIZE",
            "Cell size (m)",
            f"Cell size of the map in metres, if there is no reference. Empty: {cell}.",
            low=0.001,
            advanced=bool(from_rasters),
        ),
    ]


def explain_methods(names: list[str]) -> str:
    """The sentence of each method in the catalogue, for help."""
    return " ".join(f"{name}: {CATALOGUE[name].help}" for name in names)


def preset():
    """Which network."""
    return makers.choice(
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
        makers.number(
            "PATCH_SIZE",
            "Patch size (cells)",
            "Side of the square of cells around a point that the network sees. "
            + left_out("patch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "EPOCHS",
            "Epochs",
            "How often the network sees all points, at most: standard ends when "
            f"{PRESETS['standard'].patience} more have not helped. " + left_out("epochs"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "BATCH_SIZE",
            "Batch size",
            "How many points make one step of the training. " + left_out("batch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "LEARNING_RATE",
            "Learning rate",
            "How large a step is. " + left_out("learning_rate"),
            low=1e-9,
            advanced=True,
        ),
        makers.choice(
            "LOSS",
            "Loss",
            "What training makes small: mse, squared errors; mae, absolute errors; huber, squared "
            "small and absolute large ones. " + left_out("loss"),
            ["mse", "mae", "huber"],
            advanced=True,
        ),
        makers.choice(
            "OPTIMIZER",
            "Optimiser",
            "How steps are made. " + left_out("optimizer"),
            ["adam", "sgd", "rmsprop"],
            advanced=True,
        ),
    ]


def split(default: str):
    """How points are held out."""
    return makers.choice(
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
    return makers.number(
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
    return makers.number(
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
    return makers.words(
        "ENGINE",
        "Engine",
        "local: this computer, with all its GPUs where networks are trained. The address of a Dask "
        "scheduler, such as tcp://host:8786: its workers share the tiles of the map and the folds. "
        "They run what they are sent, so give only a scheduler that you trust; the guide says how "
        "to start one.",
        "local",
        advanced=True,
    )


def model_output(optional=False):
    """The trained model."""
    return makers.file_output(
        "MODEL",
        "Trained model",
        "The network with all it needs to map again: names, kinds and scales of the drivers, the "
        "grid, the figures and the seed. 'Predict surface' reads it.",
        "Model (*.zip)",
        optional,
    )


def uncertainty_output():
    """How far a map may be wrong."""
    return makers.raster_output(
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
    return makers.file_output("REPORT", "Report", text, "HTML files (*.html)", optional=True)
