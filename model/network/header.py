"""What the header of a model must say, before any of its arrays is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..files.schema import (
    ClassCode,
    Count,
    DriverOf,
    GridOf,
    Message,
    Name,
    NotNegative,
    Number,
    Parameters,
    Positive,
    Rate,
    Text,
    Width,
    check,
)
from ..protocol import Kind, Sign
from ..spatial.stack import MAX_CLASSES, Encoding
from .presets import Activation, Loss, Optimizer, Preset, weight_shapes


class _EncodingOf(Message):
    name: Name
    kind: Literal["unit", Kind]
    offset: Annotated[float, Field(ge=-3.5e38, le=3.5e38)]
    scale: Annotated[float, Field(ge=1e-30, le=7e38)]
    classes: Annotated[list[ClassCode], Field(max_length=MAX_CLASSES)]


class _Dense(Message):
    units: Width
    dropout: Rate


class _Preset(Parameters):
    name: Name
    padding: Literal["valid", "same"]
    blocks: Annotated[list[Width], Field(min_length=1, max_length=16)]
    dropout: Rate
    dense: Annotated[list[_Dense], Field(min_length=1, max_length=100)]
    momentum: Rate
    scaling: Literal["standard", "unit"]
    scale_target: bool
    patch_size: Width
    learning_rate: Positive
    batch_size: Count
    epochs: Count
    loss: Loss
    optimizer: Optimizer
    activation: Activation
    patience: Count


class _History(Message):
    loss: list[float]
    validation_loss: list[float]


class _ErrorByDistance(Message):
    distance_m: Annotated[list[NotNegative], Field(min_length=1)]
    standard_deviation_mm: list[NotNegative]
    half_width_90_mm: list[NotNegative]

    @model_validator(mode="after")
    def _one_curve(self):
        columns = (self.standard_deviation_mm, self.half_width_90_mm)
        if any(len(column) != len(self.distance_m) for column in columns):
            raise ValueError("its columns differ in length")
        if self.distance_m != sorted(self.distance_m):
            raise ValueError("its distances do not grow")
        return self


class _Array(Message):
    shape: Annotated[list[Annotated[int, Field(ge=0, lt=2**40)]], Field(max_length=4)]
    dtype: Literal["float32", "float64"]
    sha256: Text


class _Header(Message):
    drivers: Annotated[list[DriverOf], Field(min_length=1)]
    grid: GridOf
    field: Text
    unit: Text
    positive: Sign
    preset: _Preset
    encodings: list[_EncodingOf]
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
        encodings = [Encoding.from_dict(each.model_dump()) for each in self.encodings]
        channels = sum(len(encoding.channels) for encoding in encodings)
        shapes = [list(shape) for shape in weight_shapes(preset, channels)]
        arrays = dict(self.arrays)
        points = arrays.pop("points_xy", None)
        if points is None or len(points.shape) != 2 or points.shape[1] != 2 or not points.shape[0]:
            raise ValueError("it does not hold the places of its points")
        if [arrays[name].shape for name in sorted(arrays)] != shapes:
            raise ValueError(f"its weights do not fit its {preset.name} network")


def check_header(header: dict, path) -> None:
    """Refuse a model's header of which the network cannot be made; raises InputError."""
    check(_Header, header, f"{path} is not a model that can be used")
