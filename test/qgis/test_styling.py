"""Colours reach as far as the data, evenly about 0; subsidence is red whatever its sign."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterRasterDestination,
    QgsProject,
    QgsVectorLayer,
)
from subsidence_mapper.algorithms import styling

RED, WHITE, BLUE = "#67001f", "#f7f7f7", "#053061"


@pytest.fixture
def dress(feedback):
    """Dress a layer as an output, as QGIS does once it has loaded it."""

    def dress(layer, output, positive="up", name="Title", unit="mm"):
        context = QgsProcessingContext()
        details = QgsProcessingContext.LayerDetails(name, QgsProject.instance(), output)
        context.addLayerToLoadOnCompletion("place", details)
        definition = QgsProcessingParameterRasterDestination(output, "Title")
        job = SimpleNamespace(context=context, field="mm", unit=unit, positive=positive)
        styling.dress(job, definition, "place")
        details = context.layerToLoadOnCompletionDetails("place")
        details.postProcessor().postProcessLayer(layer, context, feedback)
        return details.name

    return dress


def colours(layer):
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    return {round(item.value, 3): item.color.name() for item in items}


@pytest.mark.parametrize(
    ("output", "positive", "name", "expected"),
    [
        ("SURFACE", "up", "Subsidence (mm)", {-80: RED, 0: WHITE, 80: BLUE}),
        ("SURFACE", "subsidence", "Subsidence (mm)", {-80: BLUE, 0: WHITE, 80: RED}),
        ("ERROR_SURFACE", "subsidence", "Error (mm)", {-80: "#7f3b08", 0: WHITE, 80: "#2d004b"}),
        ("UNCERTAINTY", "up", "Uncertainty (mm)", {0: "#fcfbfd", 80: "#3f007d"}),
        ("DISTANCE", "up", "Distance to wells (mm)", {0: "#081d58", 80: "#ffffd9"}),
        ("DENSITY", "up", "Density of wells (mm)", {0: "#ffffcc", 80: "#800026"}),
        ("NDVI", "up", "NDVI (mm)", {0: "#ffffe5", 80: "#004529"}),
        (
            "NDVI_CHANGE",
            "up",
            "Annual change of NDVI (mm)",
            {-80: "#543005", 0: "#f5f5f5", 80: "#003c30"},
        ),
        ("CHANGE", "up", "Change of the water table (mm)", {-80: RED, 0: WHITE, 80: BLUE}),
    ],
)
def test_rasters(make_raster, dress, output, positive, name, expected):
    cells = np.full((100, 100), 80, "float32")
    cells[:40] = -20
    cells[0] = np.nan
    layer = make_raster("a", cells)
    assert dress(layer, output, positive) == name
    found = colours(layer)
    limit = max(found)
    assert limit == pytest.approx(80, rel=0.01)
    assert {round(value / limit * 80): found[value] for value in found}.items() >= expected.items()
    assert layer.renderer().classificationMax() == pytest.approx(limit)
    assert layer.renderer().classificationMin() == pytest.approx(min(found))


def test_trust_fades_what_cannot_be_trusted(make_raster, dress):
    layer = make_raster("a", np.tile(np.arange(1.0, 5), (4, 1)).astype("float32"))
    assert dress(layer, "TRUST") == "Trust (mm)"
    found = {each.value: each for each in layer.renderer().classes()}
    assert [found[code].label for code in (1, 2, 3, 4)] == [
        *("1 measured nearby", "2 interpolated", "3 extrapolated", "4 outside"),
    ]
    alpha = [found[code].color.alpha() for code in (1, 2, 3, 4)]
    assert alpha[0] == 0 and sorted(set(alpha)) == alpha
    assert {each.color.name() for each in found.values()} == {"#ffffff"}


def test_the_name_that_a_model_gives_stays(make_raster, dress):
    layer = make_raster("a", np.ones((4, 4)))
    assert dress(layer, "SURFACE", name="Sinking ground") == "Sinking ground"


def test_one_far_cell_does_not_wash_out_the_rest(make_raster, dress):
    cells = np.linspace(-10, 10, 10_000).reshape(100, 100).astype("float32")
    cells[50, 50] = 5000
    layer = make_raster("a", cells)
    dress(layer, "SURFACE")
    assert max(colours(layer)) < 100


def test_heights_need_no_zero(make_raster, dress):
    levels = np.linspace(1000, 1100, 10_000).reshape(100, 100).astype("float32")
    layer = make_raster("a", np.stack([levels, levels / 100]))
    assert dress(layer, "WATER_TABLE").startswith("Water table")
    found = colours(layer)
    assert (min(found), max(found)) == pytest.approx((1002, 1098), abs=1)


def test_points(dress):
    layer = QgsVectorLayer("Point?field=error:double&field=absolute_error:double", "e", "memory")
    for error in (-40.0, *np.linspace(-10, 10, 99).tolist(), None):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([error, None if error is None else abs(error)])
        layer.dataProvider().addFeature(feature)
    dress(layer, "ERROR_POINTS", unit="mm/yr")
    styles = layer.styleManager()
    assert styles.currentStyle() == "error_points"
    assert layer.renderer().classAttribute() == "error"
    edges = [(part.lowerValue(), part.upperValue()) for part in layer.renderer().ranges()]
    assert edges[0][0] == -40 and edges[-1][1] == 40
    assert [high for _, high in edges[:-1]] == [low for low, _ in edges[1:]]
    assert edges[3] == pytest.approx((-1, 1), rel=0.02)  # a tenth of where the bulk ends
    assert layer.renderer().ranges()[3].label() == f"{edges[3][0]:.1f} to {edges[3][1]:.1f} mm/yr"
    styles.setCurrentStyle("absolute_error_points")
    assert layer.renderer().classAttribute() == "absolute_error"
    assert layer.renderer().ranges()[-1].upperValue() == 40


def test_without_an_interest_in_the_layer_nothing_happens():
    context = QgsProcessingContext()
    output = QgsProcessingParameterRasterDestination("SURFACE", "Title")
    styling.dress(SimpleNamespace(context=context), output, "place")
    assert not context.layersToLoadOnCompletion()
