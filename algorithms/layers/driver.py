"""A driver: one band of a raster layer, which users speak of by its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException

from .crs import check_crs


@dataclass(frozen=True)
class Source:
    """What GDAL needs to open a raster layer; layers may only be touched in the main thread."""

    name: str
    uri: str
    crs: QgsCoordinateReferenceSystem

    @classmethod
    def of(cls, layer) -> Source:
        """Describe a raster layer.

        Raises
        ------
        QgsProcessingException
            If the layer has no valid CRS, or is not a file that GDAL reads.
        """
        if layer.providerType() != "gdal":
            raise QgsProcessingException(
                f"The raster layer {layer.name()} comes from '{layer.providerType()}', which "
                "cannot be read here. Save it as a GeoTIFF first and use that."
            )
        check_crs(layer.crs(), layer.name())
        return cls(_name(layer), layer.source(), layer.crs())


def _name(layer) -> str:
    """The layer's name; the file's, where QGIS has cut that at the first of several dots."""
    file = os.path.basename(layer.source().split("|")[0])
    return os.path.splitext(file)[0] if layer.name() == file.split(".")[0] else layer.name()


@dataclass
class Driver:
    """One band of a raster layer.

    Parameters
    ----------
    name : str
        The layer's name; for a layer of several bands the band's description.
    band : osgeo.gdal.Dataset
        A virtual raster of that band alone, with its CRS and NoData set.
    crs : QgsCoordinateReferenceSystem
    kind : str
        "continuous", "circular" or "categorical".
    stated : str
        The kind that the file states, as this plugin's own rasters do; else empty.
    uri : str
        How GDAL finds the layer.
    """

    name: str
    band: Any
    crs: QgsCoordinateReferenceSystem
    kind: str = "continuous"
    stated: str = ""
    uri: str = ""


def split_names(text: str) -> list[str]:
    return [part.strip() for part in re.split("[,;\n]", text) if part.strip()]


def check_names(given, names: list[str], parameter: str) -> None:
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise QgsProcessingException(
            f"{parameter} names {', '.join(unknown)}, which is not among the drivers: "
            f"{', '.join(names)}."
        )
