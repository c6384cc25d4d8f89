"""What files may hold: the one place where requests, models and studies are checked.

Numbers are finite, texts can be written, and nothing is converted: "1" and True are not 1.
"""

from __future__ import annotations

import reprlib
from datetime import date
from functools import lru_cache
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
    validate_call,
)

from .drivers.ndvi import PRODUCTS
from .errors import InputError
from .network.bundle import KINDS, SIGNS
from .network.presets import ACTIVATIONS, LOSSES, OPTIMIZERS, PRESETS, Preset, weight_shapes
from .stack import MAX_CLASSES
from .stack import Encoding as StackEncoding
from .texts import shown

LARGEST = 1e15  # its square, summed over many points, is still a number in 32 bits

_MOST_CELLS = 10**10  # some times what QGIS lets pass
_RULES = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


def _written(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
        raise ValueError("is a text that cannot be written") from None
    return text


def _path(name: str) -> str:
    if "\0" in name:
        raise ValueError("is the name of no file")
    return name


def _inside(name: str) -> str:
    path = PurePath(name)
    if path.is_absolute() or path.drive or ".." in path.parts:
        raise ValueError("is not in the job folder")
    return name


def _plain(value: Any) -> Any:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            _written(each)
        elif isinstance(each, (dict, list)):
            raise ValueError("is neither a number nor a text, nor some of them")
        elif each is not None and not -LARGEST <= each <= LARGEST:
            raise ValueError(f"was {reprlib.repr(each)}; it should lie within {LARGEST:g} of 0")
    return value


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day such as 2020-12-31") from None
    return text


def _crs(wkt: str) -> str:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        CRS.from_user_input(wkt)
    except CRSError:
        raise ValueError("is no CRS") from None
    return wkt


Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
Metres = Annotated[float, Field(ge=1e-3, le=LARGEST)]
Count = Annotated[int, Field(ge=1, le=2**53)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Text = Annotated[str, Field(max_length=1_000_000), AfterValidator(_written)]
Name = Annotated[Text, Field(min_length=1)]
Word = Annotated[Text, Field(min_length=1, max_length=60)]
Day = Annotated[Word, AfterValidator(_day)]
File = Annotated[Name, AfterValidator(_path)]
OwnFile = Annotated[File, AfterValidator(_inside)]

_Kind = Literal[KINDS]
_Sign = Literal[SIGNS]
_Width = Annotated[int, Field(ge=1, lt=2**31)]  # of a layer, or of a grid
_Class = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Rate = Annotated[float, Field(ge=0, lt=1)]
_Plain = Annotated[Any, AfterValidator(_plain)]


class _Message(BaseModel):
    """A part of a file; keys that are not known are of another version, and left alone."""

    model_config = _RULES


class _Parameters(BaseModel):
    """Parameters of a task; one that is not known would do nothing."""

    model_config = ConfigDict(**_RULES, extra="forbid")


class _Settings(BaseModel):
    """Parameters of a task that knows what it lacks; others beside them are plain."""

    model_config = ConfigDict(**_RULES, extra="allow")
    __pydantic_extra__: dict[Name, _Plain] = Field(init=False)


class _Grid(_Message):
    crs: Annotated[Text, AfterValidator(lambda wkt: wkt and _crs(wkt))]
    transform: Annotated[list[Number], Field(min_length=6, max_length=6)]
    width: _Width
    height: _Width

    @model_validator(mode="after")
    def _upright(self):
        _, dx, skew, _, other, dy = self.transform
        if skew or other or not (dx and dy):
            raise ValueError("has cells of no size, or turned ones")
        if self.width * self.height > _MOST_CELLS:
            raise ValueError(f"has more than {_MOST_CELLS:,} cells")
        return self


class _Driver(_Message):
    name: Name
    kind: _Kind


class _DriverFile(_Driver):
    file: OwnFile


_Drivers = Annotated[list[_DriverFile], Field(min_length=1)]


class _Points(_Message):
    file: OwnFile
    field: Text
    positive: _Sign = "up"


class _Training(_Parameters):
    preset: Literal[tuple(PRESETS)] = "standard"
    patch_size: _Width = 1
    epochs: Count = 1
    batch_size: Count = 1
    learning_rate: Positive = 1.0
    loss: Literal[LOSSES] = LOSSES[0]
    optimizer: Literal[OPTIMIZERS] = OPTIMIZERS[0]
    activation: Literal[ACTIVATIONS] = ACTIVATIONS[0]
    split: Word = "random"
    block_size: Metres = 1.0
    seed: Seed = 0


class _Tuning(_Training):
    trials: Count = 1
    minutes: NotNegative = 0.0
    folds: Count = 1


class _Mapping(_Parameters):
    method: Word = "auto"
    preset: Literal[tuple(PRESETS)] = "standard"
    block_size: Metres = 1.0
    seed: Seed = 0


class _Interpolation(_Message):
    """Beside these the method's own, which `methods.make` checks."""

    method: Word
    tune: bool = False
    neighbours: Count = 1


class _Comparison(_Parameters):
    methods: Annotated[list[Word], Field(min_length=1)]
    splits: Annotated[list[Word], Field(min_length=1)]
    folds: Count = 10
    tune: bool = False
    preset: Literal[tuple(PRESETS)] = "standard"
    block_sizes: list[Metres] = []
    seed: Seed = 0


class _Importance(_Parameters):
    method: Word
    preset: Literal[tuple(PRESETS)] = "standard"
    block_size: Metres
    folds: Count
    repeats: Count
    seed: Seed = 0


class _Request(_Message):
    """What every task is given; its own texts, numbers and files beside that are plain."""

    task: Name
    grid: _Grid | None = None
    outputs: list[Name] = []
    drivers: list[_DriverFile] = []
    points: _Points | None = None
    unit: Text = "mm"
    engine: Text = "local"
    parameters: dict[Name, _Plain] = {}


class _OnGrid(_Request):
    grid: _Grid
    outputs: list[Name]
    drivers: list[_DriverFile]
    parameters: dict[Name, _Plain]


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


class _Map(_OfPoints):
    parameters: _Mapping


class _Interpolate(_OfPoints):
    parameters: _Interpolation


class _Errors(_OfPoints):
    drivers: Annotated[list[_DriverFile], Field(min_length=1, max_length=1)]


class _Compare(_OfPoints):
    parameters: _Comparison


class _ImportanceOf(_Train):
    parameters: _Importance


class _Flow(_Settings):
    flow: Literal["dinf", "mfd"] = "dinf"
    depressions: Literal["breach", "fill"] = "breach"
    slope_floor: Positive = 1.0


class _Terrain(_OnGrid):
    area: _Grid
    elevation: OwnFile
    parameters: _Flow


class _Product(_Settings):
    product: Literal[tuple(PRODUCTS)] = "reflectance"
    mask_values: Text = ""


class _Scene(_Message):
    name: Name
    day: Day | None
    red: OwnFile
    nir: OwnFile
    mask: OwnFile | None = None


class _Ndvi(_OnGrid):
    parameters: _Product
    scenes: Annotated[list[_Scene], Field(min_length=1)]


class _Pumping(_Settings):
    filter_field: Text | None = None
    filter_values: Text | None = None
    weight_field: Text | None = None
    bandwidth: Positive = 1.0


class _Wells(_OnGrid):
    parameters: _Pumping
    wells: OwnFile


class _Levels(_Settings):
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


class _Amplitudes(_Settings):
    type: Literal["amplitude", "intensity", "decibel"] = "amplitude"
    calibration: Literal["mean", "none"] = "mean"
    threshold: NotNegative = 0.0


class _Dispersion(_OnGrid):
    images: _Drivers
    parameters: _Amplitudes


class _Limits(_Settings):
    positive: _Sign = "up"
    thresholds: list[Number] = []


class _Zones(_OnGrid):
    drivers: _Drivers
    zones: OwnFile
    parameters: _Limits


class _Classes(_Settings):
    method: Literal["forest", "kmeans", "reclassify"] = "forest"
    classes: Annotated[int, Field(ge=2, le=255)] = 2
    table: Literal["worldcover", "corine", "own"] = "worldcover"
    rules: Text = ""
    seed: Seed = 0


class _LandUse(_OnGrid):
    drivers: _Drivers
    training: OwnFile | None = None
    parameters: _Classes


class _Layout(_Settings):
    format: Literal["geotiff", "vrt"] = "geotiff"


class _StackOf(_OnGrid):
    drivers: _Drivers
    parameters: _Layout


class _SourceOf(_Message):
    path: File
    layer: Text | None = None
    crs: Text | None = None
    names: list[Text] | None = None
    title: Text | None = None


_Unit = Literal["auto", "mm", "cm", "m", "inch"]


class _Reading(_Settings):
    format: Word = "auto"
    columns: Text = ""
    velocity_unit: _Unit = "auto"
    displacement_unit: _Unit = "auto"
    positive: Literal["auto", "up", "subsidence"] = "auto"
    projection: Literal["line_of_sight", "vertical"] = "line_of_sight"
    crs: Text | None = None


class _Import(_Request):
    grid: _Grid | None
    outputs: list[Name]
    source: _SourceOf
    parameters: _Reading


class _WholeFile(_Request):
    file: File


_REQUESTS = {
    "importpoints": _Import,
    "whole": _WholeFile,
    "train": _Train,
    "tune": _Tune,
    "predict": _Predict,
    "map": _Map,
    "interpolate": _Interpolate,
    "errors": _Errors,
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


class _Encoding(_Message):
    name: Name
    kind: Literal[("unit", *KINDS)]
    offset: Annotated[float, Field(ge=-3.5e38, le=3.5e38)]
    scale: Annotated[float, Field(ge=1e-30, le=7e38)]
    classes: Annotated[list[_Class], Field(max_length=MAX_CLASSES)]


class _Dense(_Message):
    units: _Width
    dropout: _Rate


class _Preset(_Parameters):
    name: Name
    padding: Literal["valid", "same"]
    blocks: Annotated[list[_Width], Field(min_length=1, max_length=16)]
    dropout: _Rate
    dense: Annotated[list[_Dense], Field(min_length=1, max_length=100)]
    momentum: _Rate
    scaling: Literal["standard", "unit"]
    scale_target: bool
    patch_size: _Width
    learning_rate: Positive
    batch_size: Count
    epochs: Count
    loss: Literal[LOSSES]
    optimizer: Literal[OPTIMIZERS]
    activation: Literal[ACTIVATIONS] = ACTIVATIONS[0]
    patience: Count = 1


class _History(_Message):
    loss: list[float]
    validation_loss: list[float]


class _ErrorByDistance(_Message):
    distance_m: Annotated[list[NotNegative], Field(min_length=1)]
    standard_deviation_mm: list[NotNegative]
    half_width_90_mm: list[NotNegative] = []  # older models do not tell it

    @model_validator(mode="after")
    def _one_curve(self):
        if any(len(getattr(self, each)) != len(self.distance_m) for each in self.model_fields_set):
            raise ValueError("its columns differ in length")
        if self.distance_m != sorted(self.distance_m):
            raise ValueError("its distances do not grow")
        return self


class _Array(_Message):
    shape: Annotated[list[Annotated[int, Field(ge=0, lt=2**40)]], Field(max_length=4)]
    dtype: Literal["float32", "float64"]
    sha256: Text


class _Header(_Message):
    drivers: Annotated[list[_Driver], Field(min_length=1)]
    grid: _Grid
    field: Text
    unit: Text = "mm"
    positive: _Sign
    preset: _Preset
    encodings: list[_Encoding]
    target_offset: Number
    target_scale: Positive
    history: _History
    best_epoch: Count
    error_by_distance: _ErrorByDistance
    arrays: dict[Name, _Array]

    @model_validator(mode="after")
    def _whole(self):
        names = [driver.name for driver in self.drivers]
        if len(set(names)) < len(names) or names != [each.name for each in self.encodings]:
            raise ValueError("its drivers and their encodings do not match")
        for driver, encoding in zip(self.drivers, self.encodings):
            if encoding.kind not in (driver.kind, "unit"):
                raise ValueError(f"the driver {driver.name} is of two kinds")
        preset = Preset.from_dict(self.preset.model_dump())
        if preset.patch_size < preset.smallest_patch:
            raise ValueError("its patch is too small for its blocks")
        self._check_arrays(preset)
        return self

    def _check_arrays(self, preset: Preset) -> None:
        """See that the arrays are the network's, before any of them is read."""
        encodings = [StackEncoding.from_dict(each.model_dump()) for each in self.encodings]
        channels = sum(len(encoding.channels) for encoding in encodings)
        shapes = [list(shape) for shape in weight_shapes(preset, channels)]
        arrays = dict(self.arrays)
        points = arrays.pop("points_xy", None)
        if points is None or len(points.shape) != 2 or points.shape[1] != 2 or not points.shape[0]:
            raise ValueError("it does not hold the places of its points")
        if [arrays[name].shape for name in sorted(arrays)] != shapes:
            raise ValueError(f"its weights do not fit its {preset.name} network")


class _Trial(_Parameters):
    number: Annotated[int, Field(ge=0)]
    state: Literal["complete", "pruned", "failed"]
    parameters: dict[Name, int | Number | Text]
    history: list[NotNegative]
    errors: list[NotNegative]
    seconds: NotNegative
    reason: Text = ""


class _Study(_Message):
    about: dict[Text, Any]
    trials: list[_Trial]


def check_request(request: dict) -> None:
    """Refuse a request that its task cannot do; raises InputError."""
    task = request.get("task")
    schema = _REQUESTS.get(task, _Request) if isinstance(task, str) else _Request
    _check(schema, request, "The request cannot be used")


def check_header(header: dict, path) -> None:
    """Refuse a model's header of which the network cannot be made; raises InputError."""
    _check(_Header, header, f"{path} is not a model that can be used")


def check_study(message: dict, path) -> None:
    """Refuse what is not the trials of a search; raises InputError."""
    _check(_Study, message, f"{path} is not the STUDY of a search, or is damaged")


def made(cls: type, parameters: dict):
    """``cls(**parameters)``, if they are what the annotations of its constructor say.

    Raises
    ------
    InputError
        If one is of another type, beyond its limits, or not known.
    """
    try:
        _constructor(cls)(instance := object.__new__(cls), **parameters)
    except ValidationError as problem:
        raise InputError(f"{_first(problem, 'parameters')}.") from None
    return instance


@lru_cache
def _constructor(cls: type):
    return validate_call(cls.__init__, config=_RULES)


def _check(schema: type[BaseModel], message: dict, what: str) -> None:
    try:
        schema.model_validate(message)
    except ValidationError as problem:
        raise InputError(f"{what}: {_first(problem)}.") from None


def _first(problem: ValidationError, *within: str) -> str:
    """The first of the problems in words: NEIGHBOURS was 0; it should be greater than 0."""
    error = problem.errors(include_url=False, include_context=False)[0]
    where = [*within, *map(str, error["loc"])]
    if where[:1] == ["parameters"] and where[1:]:  # known to the user by another name
        where = [where[1].upper(), *where[2:]]
    place = shown(".".join(where))
    what = error["msg"].replace("Input should", "it should").replace("List should", "it should")
    if error["type"] == "model_type":
        what = "it should be an object"
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"the parameter {place} is not known"
    if error["type"] == "value_error":
        return f"{place} {what.removeprefix('Value error, ')}".strip()
    return f"{place} was {reprlib.repr(error['input'])}; {what.removesuffix(' after validation')}"
