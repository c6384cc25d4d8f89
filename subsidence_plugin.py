"""QGIS's front door: it registers the Processing provider and one menu entry, and does no work."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QIcon

from .algorithms.provider import SubsidenceProvider

ICON = str(Path(__file__).parent / "resources" / "icons" / "subsidence.svg")


class SubsidencePlugin:
    """The plugin as QGIS sees it.

    `qgis_process` calls `initProcessing` only; the desktop calls `initGui`.
    """

    def __init__(self, iface):
        self.iface = iface
        self.provider = None
        self.menu = None

    def initProcessing(self):
        """Register the Processing provider."""
        self.provider = SubsidenceProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        """Register the provider and the entry in the Plugins menu."""
        self.initProcessing()
        self.menu = self.iface.pluginMenu().addMenu(QIcon(ICON), "Subsidence Mapper")
        self.menu.addAction("Worker environment…", self.open_runtime)

    def unload(self):
        """Take everything out again."""
        if self.menu is not None:
            self.iface.pluginMenu().removeAction(self.menu.menuAction())
            self.menu = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None

    def open_runtime(self):
        """Show the dialog of the algorithm that makes and checks the worker environment."""
        from processing import execAlgorithmDialog

        execAlgorithmDialog("subsidence:runtime")
