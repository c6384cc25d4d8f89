"""What a user may give for a parameter, and what is said where it cannot be used."""

from __future__ import annotations

import difflib
import math
import re

from qgis.core import (
    NULL,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProcessingParameters,
    QgsProperty,
)

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)

_OPTIONAL = QgsProcessingParameterDefinition.Flag.FlagOptional


def is_empty(value) -> bool:
    """Whether the user gave nothing."""
    return value in (None, NULL, "", [])


def check(definition: QgsProcessingParameterDefinition, value, context) -> str:
    """Why a value cannot be used for a parameter, as a sentence; empty if it can.

    QGIS itself lets much of that pass: a text that is no number is the default of an optional
    number, decimals of whole numbers are cut off, any word but false is true, and an unknown CRS is
    none.
    """
    if is_empty(value):
        given = value not in (None, NULL)  # as nothing: a default takes the place of the others
        needed = not definition.flags() & _OPTIONAL and not definition.isDestination()
        if needed and (given or is_empty(definition.defaultValue())):
            return f"{definition.name()} ({definition.description()}) is empty. {definition.help()}"
        return ""
    fine: bool = definition.checkValueIsAcceptable(value, context)
    if not isinstance(value, QgsProperty):  # what a model computes is not known yet
        kind = definition.type()
        if kind == "number":
            fine = is_within(definition, value)
        elif kind == "boolean":
            fine = str(value).lower() in ("true", "false", "1", "0")
        elif kind == "crs":
            parameters = {definition.name(): value}
            fine = QgsProcessingParameters.parameterAsCrs(definition, parameters, context).isValid()
    return "" if fine else why_refused(definition, value)


def is_whole(definition: QgsProcessingParameterNumber) -> bool:
    """Whether a number parameter takes whole numbers only."""
    return definition.dataType() == QgsProcessingParameterNumber.Integer


def is_within(definition: QgsProcessingParameterNumber, value) -> bool:
    """Whether what the user gave for a number is one, and within its limits."""
    if not _NUMBER.fullmatch(str(value)):
        return False
    number = float(value)
    within = definition.minimum() <= number <= definition.maximum()
    return within and (not is_whole(definition) or number == math.floor(number))


def read_numbers(text: str | None) -> list[float]:
    """The numbers in a text, separated by semicolons, or else by commas.

    Raises
    ------
    ValueError
        If one is no number; such as 12,5 among semicolons.
    """
    text = text or ""
    parts = [part for part in text.split(";" if ";" in text else ",") if part.strip()]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(text)
    return [float(part) for part in parts]


def why_refused(definition, value) -> str:
    """A sentence in the place of QGIS's 'Incorrect parameter value'."""
    got = f"{definition.name()} ({definition.description()}) was {value!r}"
    if definition.type() == "enum":
        return f"{got}; give one of {', '.join(definition.options())}."
    if definition.type() in ("source", "raster", "multilayer"):
        return f"{got}; not all of that can be opened as a layer. Check names and paths."
    if definition.type() == "boolean":
        return f"{got}; give true or false."
    if definition.type() == "crs":
        return f"{got}, which is no known CRS; give a code such as EPSG:32639."
    if definition.type() == "number":
        whole = "whole number" if is_whole(definition) else "number"
        low, high = definition.minimum(), definition.maximum()
        decimals = " Write decimals with a point." if "," in str(value) else ""
        return f"{got}; give a {whole} from {low:.10g} to {high:.10g}.{decimals}"
    return f"{got}, which cannot be used. {definition.help()}"


def why_unknown(name: str, known: dict) -> str:
    """A sentence on a parameter that an algorithm does not have; QGIS lets it pass."""
    alike = difflib.get_close_matches(name.upper(), known, n=1)
    meant = f" Did you mean {alike[0]}?" if alike else ""
    return f"{name} is no parameter of this algorithm.{meant} It has {', '.join(known)}."
