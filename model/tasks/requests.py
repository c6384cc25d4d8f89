"""What a request of each task must hold: the one place where requests are checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..drivers.ndvi import ProductName
from ..errors import InputError, shown
from ..files.schema import (
    Count,
    Day,
    DriverOf,
    File,
    GridOf,
    Message,
    Metres,
    Name,
    NotNegative,
    Number,
    OwnFile,
    Parameters,
    Plain,
    Positive,
    Seed,
    Settings,
    Text,
    Width,
    Word,
    check,
)
from ..network.presets import Activation, Loss, Optimizer, PresetName
from ..protocol import Sign


class _DriverFile(DriverOf):
    file: OwnFile


_Drivers = Annotated[list[_DriverFile], Field(min_length=1)]


class _Points(Message):
    file: OwnFile
    field: Text
    positive: Sign = "up"


class _Training(Parameters):
    preset: PresetName = "standard"
    patch_size: Width = 1
    epochs: Count = 1
    batch_size: Count = 1
    learning_rate: Positive = 1.0
    loss: Loss = "mse"
    optimizer: Optimizer = "adam"
    activation: Activation = "relu"
    split: Word = "random"
    block_size: Metres = 1.0
    seed: Seed = 0


class _Tuning(_Training):
    trials: Count = 1
    minutes: NotNegative = 0.0
    folds: Count = 1


class _Mapping(Parameters):
    method: Word = "auto"
    preset: PresetName = "standard"
    block_size: Metres = 1.0
    seed: Seed = 0


class _Interpolation(Message):
    """Beside these the method's own, which `methods.catalogue.make` checks."""

    method: Word
    tune: bool = False
    neighbours: Count = 1


class _Comparison(Parameters):
    methods: Annotated[list[Word], Field(min_length=1)]
    splits: Annotated[list[Word], Field(min_length=1)]
    folds: Count = 10
    tune: bool = False
    preset: PresetName = "standard"
    block_sizes: list[Metres] = []
    seed: Seed = 0


class _Importance(Parameters):
    method: Word
    preset: PresetName = "standard"
    block_size: Metres
    folds: Count
    repeats: Count
    seed: Seed = 0


class _Request(Message):
    """What every task is given; its own texts, numbers and files beside that are plain."""

    task: Name
    grid: GridOf | None = None
    outputs: list[Name] = []
    drivers: list[_DriverFile] = []
    points: _Points | None = None
    unit: Text = "mm"
    engine: Text = "local"


class _Other(_Request):
    parameters: dict[Name, Plain] = {}


class _OnGrid(_Request):
    grid: GridOf
    outputs: list[Name]
    drivers: list[_DriverFile]


class _OfPoints(_OnGrid):
    points: _Points


class _Train(_OfPoints):
    drivers: _Drivers
    parameters: _Training


class _Tune(_Train):
    parameters: _Tuning
    study: File | None = None


class _Predict(_OnGrid):
    model: File
    parameters: dict[Name, Plain]


class _Map(_OfPoints):
    parameters: _Mapping


class _Interpolate(_OfPoints):
    parameters: _Interpolation


class _ErrorMap(_OfPoints):
    drivers: Annotated[list[_DriverFile], Field(min_length=1, max_length=1)]
    parameters: dict[Name, Plain]


class _Compare(_OfPoints):
    parameters: _Comparison


class _ImportanceOf(_OfPoints):
    drivers: _Drivers
    parameters: _Importance


class _Flow(Settings):
    flow: Literal["dinf", "mfd"] = "dinf"
    depressions: Literal["breach", "fill"] = "breach"
    slope_floor: Positive = 1.0


class _Terrain(_OnGrid):
    area: GridOf
    elevation: OwnFile
    parameters: _Flow


class _Product(Settings):
    product: ProductName = "reflectance"
    mask_values: Text = ""


class _Scene(Message):
    name: Name
    day: Day | None
    red: OwnFile
    nir: OwnFile
    mask: OwnFile | None = None


class _Ndvi(_OnGrid):
    parameters: _Product
    scenes: Annotated[list[_Scene], Field(min_length=1)]


class _Pumping(Settings):
    filter_field: Text | None = None
    filter_values: Text | None = None
    weight_field: Text | None = None
    bandwidth: Positive = 1.0


class _Wells(_OnGrid):
    parameters: _Pumping
    wells: OwnFile


class _Levels(Settings):
    id_field: Text | None = None
    date_field: Text | None = None
    level_field: Text | None = None
    readings_id_field: Text | None = None
    level_is: Literal["elevation", "depth"] = "elevation"
    change_is: Literal["between_dates", "trend_per_year"] = "between_dates"
    date: Day | None = None
    start: Day | None = None
    end: Day | None = None
    tolerance: NotNegative = 0.0
    variogram: Word = "auto"


class _Piezometers(_OnGrid):
    piezometers: OwnFile
    readings: OwnFile | None = None
    parameters: _Levels


class _Amplitudes(Settings):
    type: Literal["amplitude", "intensity", "decibel"] = "amplitude"
    calibration: Literal["mean", "none"] = "mean"
    threshold: NotNegative = 0.0


class _Dispersion(_OnGrid):
    images: _Drivers
    parameters: _Amplitudes


class _Limits(Settings):
    positive: Sign = "up"
    thresholds: list[Number] = []


class _Zones(_OnGrid):
    drivers: _Drivers
    zones: OwnFile
    parameters: _Limits


class _Classes(Settings):
    method: Literal["forest", "kmeans", "reclassify"] = "forest"
    classes: Annotated[int, Field(ge=2, le=255)] = 2
    table: Literal["worldcover", "corine", "own"] = "worldcover"
    rules: Text = ""
    seed: Seed = 0


class _LandUse(_OnGrid):
    drivers: _Drivers
    training: OwnFile | None = None
    parameters: _Classes


class _Layout(Settings):
    format: Literal["geotiff", "vrt"] = "geotiff"


class _StackOf(_OnGrid):
    drivers: _Drivers
    parameters: _Layout


class _SourceOf(Message):
    path: File
    layer: Text | None = None
    crs: Text | None = None
    names: list[Text] | None = None
    title: Text | None = None


_Unit = Literal["auto", "mm", "cm", "m", "inch"]


class _Reading(Settings):
    format: Word = "auto"
    columns: Text = ""
    velocity_unit: _Unit = "auto"
    displacement_unit: _Unit = "auto"
    positive: Literal["auto", "up", "subsidence"] = "auto"
    projection: Literal["line_of_sight", "vertical"] = "line_of_sight"
    crs: Text | None = None


class _Import(_Request):
    grid: GridOf | None
    outputs: list[Name]
    source: _SourceOf
    parameters: _Reading


class _WholeFile(_Other):
    file: File


# The tasks there are, and what the request of each holds.
_REQUESTS: dict[str, type[_Request]] = {
    "probe": _Other,
    "importpoints": _Import,
    "whole": _WholeFile,
    "train": _Train,
    "tune": _Tune,
    "predict": _Predict,
    "map": _Map,
    "interpolate": _Interpolate,
    "errormap": _ErrorMap,
    "compare": _Compare,
    "importance": _ImportanceOf,
    "terrain": _Terrain,
    "ndvi": _Ndvi,
    "wells": _Wells,
    "watertable": _Piezometers,
    "dispersion": _Dispersion,
    "zones": _Zones,
    "landuse": _LandUse,
    "stack": _StackOf,
}


def check_request(request: dict) -> None:
    """Refuse a request of an unknown task, or that its task cannot do; raises InputError."""
    task = request.get("task")
    schema = _REQUESTS.get(task, _Other) if isinstance(task, str) else _Other
    check(schema, request, "The request cannot be used")
    if task not in _REQUESTS:
        known = ", ".join(_REQUESTS)
        raise InputError(f"Unknown task '{shown(request['task'])}'. Known: {known}.")
