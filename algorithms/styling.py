"""How results look: a QML style by output, stretched to the data.

Colours in the style files stand on -1 to 1, or 0 to 1 where there are no negative values.
Subsidence is red and uplift blue, whichever of them the user's numbers call positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsVectorLayerUtils,
)

STYLES = Path(__file__).absolute().parent.parent / "resources" / "styles"

_CELLS = 250_000  # enough to know the range of the colours


@dataclass(frozen=True)
class Look:
    """How an output is called in the layer tree, and the files in resources/styles for it.

    A raster of classes needs no file: it brings its colours and names along. Points that have no
    field of the styles, but errors of several methods, get the style `by_method` for each of them,
    on one scale.
    """

    title: str
    styles: tuple
    follows_sign: bool = False
    by_method: str = ""
    from_zero: bool = True  # else the colours begin at the lowest value, as suits heights
    stretched: bool = True  # else the colours are those of the file, as suits classes


LOOKS = {
    "SURFACE": Look("Subsidence", ("surface",), follows_sign=True),
    "UNCERTAINTY": Look("Uncertainty", ("uncertainty",)),
    "STANDARD_DEVIATION": Look("Standard deviation", ("uncertainty",)),
    "TRUST": Look("Trust", ("trust",), stretched=False),
    "DISPERSION": Look("Amplitude dispersion", ("dispersion",)),
    "DISTANCE": Look("Distance to wells", ("well_distance",)),
    "DENSITY": Look("Density of wells", ("well_density",)),
    "WATER_TABLE": Look("Water table", ("water_table",), from_zero=False),
    "CHANGE": Look("Change of the water table", ("water_table_change",)),
    "NDVI": Look("NDVI", ("ndvi",)),
    "NDVI_CHANGE": Look("Annual change of NDVI", ("ndvi_change",)),
    "LAND_USE": Look("Land use", ()),
    "ERROR_SURFACE": Look("Error", ("error",)),
    "ERROR_POINTS": Look(
        "Error at points", ("absolute_error_points", "error_points"), by_method="error_points"
    ),
    "LEADERBOARD": Look("Leaderboard", ()),
    "SUMMARY": Look("Zones", ()),
    "IMPORTANCE": Look("Importance of drivers", ()),
    "TRIALS_TABLE": Look("Trials", ()),
}


def dress(job, output, place: str) -> None:
    """Let QGIS name and style an output when it loads it.

    Parameters
    ----------
    job : Job
        Knows what the layer shows: field, unit and what a positive value means.
    output : QgsProcessingDestinationParameter
    place : str
        The layer's path or id.
    """
    look = LOOKS.get(output.name())
    if look is None or not job.context.willLoadLayerOnCompletion(place):
        return
    details = job.context.layerToLoadOnCompletionDetails(place)
    if details.name == output.description():  # else a model has given it a name
        details.name = f"{look.title} ({job.field})" if job.field else look.title
    details.setPostProcessor(_Dresser(look, job.positive, job.unit))


def apply(layer, look: Look, positive: str, unit: str = "mm") -> None:
    """Give a layer its styles, stretched to its data; the last of them is shown."""
    if look.by_method and layer.fields().lookupField("error") < 0:
        _style_methods(layer, look.by_method, unit)
        return
    styles = layer.styleManager()
    for style in look.styles:
        if len(look.styles) > 1:
            styles.addStyleFromLayer(style)
            styles.setCurrentStyle(style)
        layer.loadNamedStyle(str(STYLES / f"{style}.qml"))
        if not look.stretched:
            continue
        if isinstance(layer, QgsRasterLayer):
            _stretch_raster(layer, look.follows_sign and positive == "subsidence", look.from_zero)
        else:
            _stretch_points(layer, unit)
    if not look.styles and isinstance(layer, QgsRasterLayer):
        _keep_classes(layer)
    layer.rendererChanged.emit()  # or the legend would keep the file's -1 to 1


class _Dresser(QgsProcessingLayerPostProcessorInterface):
    """Styles one layer after it is loaded; QGIS owns it, Python must keep it alive until then."""

    _alive: list = []

    def __init__(self, look: Look, positive: str, unit: str):
        super().__init__()
        self._look = look
        self._positive = positive
        self._unit = unit
        self._alive.append(self)

    def postProcessLayer(self, layer, context, feedback):
        apply(layer, self._look, self._positive, self._unit)
        layer.triggerRepaint()
        self._alive.remove(self)


def _stretch_raster(layer, reverse: bool, from_zero: bool) -> None:
    cut = layer.dataProvider().cumulativeCut(1, 0.02, 0.98, layer.extent(), _CELLS)
    limit = max((abs(value) for value in cut if math.isfinite(value)), default=0.0) or 1.0
    renderer = layer.renderer()
    colours = renderer.shader().rasterShaderFunction()
    if reverse:
        ramp = colours.sourceColorRamp().clone()
        ramp.invert()
        colours.setSourceColorRamp(ramp)
    low = colours.minimumValue() * limit
    if not from_zero and cut[0] < cut[1]:
        low, limit = cut
    colours.setMinimumValue(low)
    colours.setMaximumValue(limit)
    colours.classifyColorRamp()
    renderer.setClassificationMin(low)
    renderer.setClassificationMax(limit)


def _keep_classes(layer) -> None:
    """Take the codes that are no class, and black, out of the legend: colour tables hold 256."""
    classes = [each for each in layer.renderer().classes() if each.color.lightness()]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))


def _style_methods(layer, style: str, unit: str) -> None:
    """A style for the errors of each method, by the field's name; the first is shown."""
    fields = [each.name() for each in layer.fields() if each.isNumeric()]
    fields = [name for name in fields if name not in ("fid", "observed")]
    values = [QgsVectorLayerUtils.getValues(layer, name)[0] for name in fields]
    limits = _limits([value for column in values for value in column])
    styles = layer.styleManager()
    for name in reversed(fields):
        styles.addStyleFromLayer(name)
        styles.setCurrentStyle(name)
        layer.loadNamedStyle(str(STYLES / f"{style}.qml"))
        layer.renderer().setClassAttribute(f'"{name}"')
        _stretch_classes(layer, limits, unit)
    layer.rendererChanged.emit()


def _stretch_points(layer, unit: str) -> None:
    values, found = QgsVectorLayerUtils.getValues(layer, layer.renderer().classAttribute())
    _stretch_classes(layer, _limits(values) if found else None, unit)


def _limits(values: list) -> tuple[float, float] | None:
    """The size below which 98 % of the values are, and that of the largest."""
    sizes = sorted(abs(value) for value in values if isinstance(value, (int, float)))
    return (sizes[int(0.98 * (len(sizes) - 1))] or 1.0, sizes[-1]) if sizes else None


def _stretch_classes(layer, limits: tuple[float, float] | None, unit: str) -> None:
    if limits is None:
        return
    renderer = layer.renderer()
    for i, part in enumerate(renderer.ranges()):
        # The outermost classes take in what lies beyond the bulk of the points.
        low, high = (
            edge * limits[abs(edge) == 1] for edge in (part.lowerValue(), part.upperValue())
        )
        renderer.updateRangeLowerValue(i, low)
        renderer.updateRangeUpperValue(i, high)
        renderer.updateRangeLabel(i, f"{low:.1f} to {high:.1f} {unit}")
