"""The parameters that algorithms share."""

from __future__ import annotations

from ...model.methods.catalogue import CATALOGUE
from ...model.network.presets import PRESETS
from ..layers.kinds import MAX_GUESSED_CLASSES
from ..layers.working_grid import DEFAULT_CELL_SIZE
from . import makers

# What `training` asks for.
TRAINING = ("PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LOSS", "OPTIMIZER")


def points():
    """The persistent scatterers, their values, and what these mean."""
    return [
        makers.vector(
            "PS_POINTS",
            "Persistent scatterers",
            "Points with the displacement that was measured there. The parts of a multipoint are "
            "points of their own. Points without a number, and points outside the map's area, are "
            "skipped and counted in the log.",
        ),
        makers.field(
            "VALUE_FIELD",
            "Displacement field",
            "The numeric field with the displacement in millimetres, or with another quantity, "
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
        "The unit of the values, for reports and legends; nothing is converted. Empty: mm/yr if "
        "the field's name contains 'vel', as in velocity, else mm.",
        advanced=True,
    )


def positive():
    """What the sign of the values means."""
    return makers.choice(
        "POSITIVE",
        "Positive values mean",
        "up: positive values are uplift. subsidence: positive values are subsidence. This changes "
        "labels and colours, never the values.",
        ["up", "subsidence"],
        "up",
    )


def drivers(optional=False, note=""):
    """The rasters of the driving forces."""
    return makers.rasters(
        "DRIVERS",
        "Driving forces",
        "Rasters of what drives subsidence, such as the water table, wells, land use and terrain. "
        "They may have any CRS and cell size. A layer with one band is one driver with the layer's "
        "name. Each band of a multi-band layer is one driver with the band's description." + note,
        optional,
    )


def nodata():
    """NoData values that the files do not state."""
    return makers.words(
        "NODATA",
        "NoData of drivers without a tag",
        "Values that mean NoData where the file does not say so: name=value, separated by "
        "semicolons. Example: landcover_1985=255; landcover_2024=255. Use *=255 for every driver "
        "without a NoData tag. The value replaces the tag of a driver that you name. Infinite "
        "numbers, numbers beyond 1e15, and outliers such as -9999 are always NoData.",
        advanced=True,
    )


def driver_kinds():
    """The kinds of the drivers, and their NoData."""
    return [
        makers.words(
            "CATEGORICAL",
            "Categorical drivers",
            "Names of drivers whose values are classes, such as land use, separated by commas. "
            "none: no driver. Empty: as the driver's file states, if this plugin made it. Other "
            "drivers are categorical if they have a colour table, or at most "
            f"{MAX_GUESSED_CLASSES} different whole numbers. The log lists each driver's kind.",
            advanced=True,
        ),
        makers.words(
            "CIRCULAR",
            "Circular drivers",
            "Names of drivers that are directions in degrees, such as aspect, separated by commas. "
            "none: no driver. Empty: as the driver's file states, if this plugin made it. Other "
            "drivers are circular if their name contains aspect.",
            advanced=True,
        ),
        nodata(),
    ]


def extent(empty: str, advanced=True):
    """The area of the map; `empty` says what it is without this."""
    return makers.extent(
        "EXTENT",
        "Extent",
        f"The area of the map, extended to whole cells. Empty: {empty}.",
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
        Completes "the area that ..." for the map.
    points : str
        What gives the area where no raster does; empty if nothing else can.
    """
    grid, area = "UTM, with CELL_SIZE", f"the area of the {points}"
    cell = f"{DEFAULT_CELL_SIZE:g}"
    if from_rasters:
        grid = f"the {from_rasters}'s if that is projected in metres, else {grid}"
        area = f"the area that {covered}" + (f", else {area}" if points else "")
        cell = f"the {from_rasters}'s if that is projected in metres, else {cell}"
    return [
        makers.raster(
            "REFERENCE",
            "Reference raster",
            "A raster, projected in metres, that gives the map its CRS, cell size, alignment and "
            f"extent. Empty: the grid is {grid}.",
            optional=True,
            advanced=bool(from_rasters),
        ),
        extent(f"the reference's extent, else {area}", bool(from_rasters)),
        makers.number(
            "CELL_SIZE",
            "Cell size (m)",
            f"Cell size of the map in metres, if you give no REFERENCE. Empty: {cell}.",
            low=0.001,
            advanced=bool(from_rasters),
        ),
    ]


def explain_methods(names: list[str]) -> str:
    """The sentence of each method in the catalogue, for help."""
    return " ".join(f"{name}: {CATALOGUE[name].help}" for name in names)


def preset():
    """The network's architecture and training."""
    return makers.choice(
        "PRESET",
        "Network",
        "standard: trains in minutes and maps fast. paper: the network of Azarm, Mehrabi and Nadi "
        "(2025) with 21 million weights; it needs a GPU or a night.",
        ["standard", "paper"],
        "standard",
    )


def training(empty: str):
    """How the network is trained; `empty` says what an empty one means, {} the preset's value."""

    def left_out(name: str) -> str:
        own = {getattr(preset, name): preset.name for preset in PRESETS.values()}
        values = [f"{value} of {preset}" for value, preset in own.items()]
        return f"Empty: {empty.format(' and '.join(values if len(own) > 1 else map(str, own)))}."

    return [
        makers.number(
            "PATCH_SIZE",
            "Patch size (cells)",
            "Side of the square of cells around a point that is the network's input. "
            + left_out("patch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "EPOCHS",
            "Epochs",
            "The maximum number of passes through all training points. standard stops after "
            f"{PRESETS['standard'].patience} epochs without improvement. " + left_out("epochs"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "BATCH_SIZE",
            "Batch size",
            "The number of points in each training step. " + left_out("batch_size"),
            low=1,
            whole=True,
            advanced=True,
        ),
        makers.number(
            "LEARNING_RATE",
            "Learning rate",
            "The size of each training step. " + left_out("learning_rate"),
            low=1e-9,
            advanced=True,
        ),
        makers.choice(
            "LOSS",
            "Loss",
            "What the training minimises. mse: squared errors. mae: absolute errors. huber: "
            "squared for small errors, absolute for large ones. " + left_out("loss"),
            ["mse", "mae", "huber"],
            advanced=True,
        ),
        makers.choice(
            "OPTIMIZER",
            "Optimiser",
            "The algorithm that makes the training steps. " + left_out("optimizer"),
            ["adam", "sgd", "rmsprop"],
            advanced=True,
        ),
    ]


def split(default: str):
    """How the points are split into training, validation and test."""
    return makers.choice(
        "SPLIT",
        "Split",
        "How the points are split: 80 % training, 10 % validation, 10 % test. random: at random as "
        "in the paper. Neighbouring points then fall into different parts, so the errors are "
        "optimistic. block: by whole blocks, which shows the errors far from any point. Points in "
        "the same cell stay together.",
        ["random", "block"],
        default,
    )


def block_size():
    """How large the blocks are that are held out together."""
    return makers.number(
        "BLOCK_SIZE",
        "Block size (m)",
        "Side of the square blocks, in metres, that are held out to estimate the errors far from "
        "any point.",
        5000,
        low=1,
        advanced=True,
    )


def seed():
    """The seed of all random choices."""
    return makers.number(
        "SEED",
        "Seed",
        "The same seed gives the same split, model and map on the same computer.",
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
        "local: this computer, with all its GPUs for training networks. Or give the address of a "
        "Dask scheduler, such as tcp://host:8786; its workers share the tiles of the map and the "
        "folds. They run any code that they receive, so use only a scheduler that you trust. The "
        "guide says how to start one.",
        "local",
        advanced=True,
    )


def model_output(optional=False):
    """The trained model."""
    return makers.file_output(
        "MODEL",
        "Trained model",
        "The network with all that 'Predict surface' needs: names, kinds and scales of the "
        "drivers, the grid, the errors and the seed.",
        "Model (*.zip)",
        optional,
    )


def surface_output(title="Subsidence surface"):
    """The map itself."""
    return makers.raster_output("SURFACE", title, "Displacement in millimetres.")


def uncertainty_output():
    """The expected error of a map."""
    return makers.raster_output(
        "UNCERTAINTY",
        "Uncertainty",
        "The expected error of the map, in millimetres. It is estimated from the errors at "
        "held-out points at the same distance from the nearest point. Band 1: standard deviation "
        "of the error. Bands 2 and 3: lower and upper limit of the 90 % prediction interval.",
        optional=True,
    )


def report_output(text):
    """The HTML report."""
    return makers.file_output("REPORT", "Report", text, "HTML files (*.html)", optional=True)
