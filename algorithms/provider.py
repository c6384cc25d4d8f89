"""The Processing provider: what the toolbox shows."""

from __future__ import annotations

from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .base import ICONS, homepage

ROOMS = ("workflow", "points", "drivers", "interpolation", "cnn", "evaluation")


def declared() -> list[type]:
    """The algorithms: each class in a file of these rooms that has a NAME of its own."""
    found = []
    for room in ROOMS:
        folders = import_module(f".{room}", __package__).__path__
        for file in iter_modules(folders):
            module = import_module(f".{room}.{file.name}", __package__)
            found += [
                each
                for _, each in getmembers(module, isclass)
                if each.__module__ == module.__name__ and vars(each).get("NAME")
            ]
    return found


class SubsidenceProvider(QgsProcessingProvider):
    """Lists the algorithms; each is `subsidence:` and its name."""

    def loadAlgorithms(self):
        for algorithm in declared():
            self.addAlgorithm(algorithm())

    def id(self):
        return "subsidence"

    def name(self):
        return "Subsidence Mapper"

    def icon(self):
        return QIcon(str(ICONS / "subsidence.svg"))

    def helpId(self):
        return homepage()

    def supportedOutputRasterLayerExtensions(self):
        return ["tif", "vrt"]
