"""A picture of the map as QGIS shows it, with legend and scale bar.

Run it with the Python of QGIS: python3 picture.py SURFACE POINTS PICTURE.png [up|subsidence]
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsLayoutExporter,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemScaleBar,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsMarkerSymbol,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsSingleSymbolRenderer,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QFont

MILLIMETRES = QgsUnitTypes.LayoutMillimeters
WIDTH, HEIGHT = 280, 178


def draw(surface: QgsRasterLayer, points: QgsVectorLayer, picture: str) -> None:
    """Lay out the surface under its points and write the picture."""
    project = QgsProject.instance()
    layers = [points, surface]
    project.addMapLayers(layers)
    project.setCrs(surface.crs())
    layout = QgsPrintLayout(project)
    layout.initializeDefaults()
    layout.pageCollection().page(0).setPageSize(QgsLayoutSize(WIDTH, HEIGHT, MILLIMETRES))
    area = QgsLayoutItemMap(layout)
    place(layout, area, 8, 18, 180, HEIGHT - 26)
    area.setLayers(layers)
    area.setExtent(surface.extent())
    area.setFrameEnabled(True)
    title = QgsLayoutItemLabel(layout)
    title.setText(surface.name())
    title.setFont(QFont("Sans", 16))
    place(layout, title, 8, 6, 200, 10)
    legend = QgsLayoutItemLegend(layout)
    legend.setLinkedMap(area)
    place(layout, legend, 192, 18, 70, 100)
    scale = QgsLayoutItemScaleBar(layout)
    scale.setLinkedMap(area)
    scale.setUnits(QgsUnitTypes.DistanceKilometers)
    scale.setUnitLabel("km")
    scale.setNumberOfSegmentsLeft(0)
    scale.setUnitsPerSegment(2)
    place(layout, scale, 192, 120, 60, 14)
    image = QgsLayoutExporter(layout).renderPageToImage(0, dpi=120)
    if not image.save(picture):
        raise OSError(f"{picture} could not be written.")


def place(layout, item, x: float, y: float, width: float, height: float) -> None:
    """Put an item on the page, millimetres from the upper left."""
    layout.addLayoutItem(item)
    item.attemptMove(QgsLayoutPoint(x, y, MILLIMETRES))
    item.attemptResize(QgsLayoutSize(width, height, MILLIMETRES))


def main(surface: str, points: str, picture: str, positive: str = "up") -> None:
    """Style the two layers as the plugin does and draw them."""
    plugin = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(plugin.parent))
    styling = import_module(f"{plugin.name}.algorithms.styling")
    raster = QgsRasterLayer(surface, "Cumulative displacement (mm)")
    styling.apply(raster, styling.LOOKS["SURFACE"], positive)
    scatterers = QgsVectorLayer(points, "Persistent scatterers")
    dot = QgsMarkerSymbol.createSimple(
        {"color": "30,30,30,160", "size": "0.35", "outline_style": "no"}
    )
    scatterers.setRenderer(QgsSingleSymbolRenderer(dot))
    draw(raster, scatterers, picture)


if __name__ == "__main__":
    application = QgsApplication([], True)
    application.initQgis()
    main(*sys.argv[1:])
    application.exitQgis()
