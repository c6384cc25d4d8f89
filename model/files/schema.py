"""What values of requests, models and studies may be, and how they are refused.

Numbers are finite, texts can be written, and nothing is converted: "1" and True are not 1.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
    validate_call,
)

from ..errors import InputError, shown
from ..protocol import Kind

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

Width = Annotated[int, Field(ge=1, lt=2**31)]  # of a layer, or of a grid
ClassCode = Annotated[int, Field(ge=-(2**53), le=2**53)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Plain = Annotated[Any, AfterValidator(_plain)]


class Message(BaseModel):
    """A part of a file; keys that are not known are of another version, and left alone."""

    model_config = _RULES


class Parameters(BaseModel):
    """Parameters of a task; one that is not known would do nothing."""

    model_config = ConfigDict(**_RULES, extra="forbid")


class Settings(BaseModel):
    """Parameters of a task that knows what it lacks; others beside them are plain."""

    model_config = ConfigDict(**_RULES, extra="allow")
    __pydantic_extra__: dict[Name, Plain] = Field(init=False)


class GridOf(Message):
    crs: Annotated[Text, AfterValidator(lambda wkt: wkt and _crs(wkt))]
    transform: Annotated[list[Number], Field(min_length=6, max_length=6)]
    width: Width
    height: Width

    @model_validator(mode="after")
    def _upright(self):
        _, dx, skew, _, other, dy = self.transform
        if skew or other or not (dx and dy):
            raise ValueError("has cells of no size, or turned ones")
        if self.width * self.height > _MOST_CELLS:
            raise ValueError(f"has more than {_MOST_CELLS:,} cells")
        return self


class DriverOf(Message):
    name: Name
    kind: Kind


def made(cls: type, parameters: dict) -> Any:
    """``cls(**parameters)``, if they are what the annotations of its constructor say.

    Raises
    ------
    InputError
        If one is of another type, beyond its limits, or not known.
    """
    try:
        instance: Any = object.__new__(cls)
        _constructor(cls)(instance, **parameters)
    except ValidationError as problem:
        raise InputError(f"{_first(problem, 'parameters')}.") from None
    return instance


@lru_cache
def _constructor(cls: type) -> Callable[..., None]:
    return validate_call(config=_RULES)(cls.__init__)  # type: ignore[misc]  # of this class itself


def check(schema: type[BaseModel], message: dict, what: str) -> None:
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
