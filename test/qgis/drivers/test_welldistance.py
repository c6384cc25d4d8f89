"""`welldistance` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException
from subsidence_mapper.test.results import cells

LEFT, TOP = 500_000.0, 3_600_000.0


MAP = {"EXTENT": "500000,505000,3595000,3600000 [EPSG:32639]", "CELL_SIZE": 100}


def centres(size=50, cell=100.0):
    steps = cell * (np.arange(size) + 0.5)
    return np.meshgrid(LEFT + steps, TOP - steps)


def test_distance_and_density_of_active_wells(run, make_layer, feedback, tmp_path):
    multi = f"MultiPoint(({LEFT + 1000} {TOP - 1000}), ({LEFT + 4000} {TOP - 1000}))"
    wells = make_layer(
        "MultiPoint",
        ["active:bool", "q:double"],
        [
            (multi, True, 2.0),
            (f"MultiPoint(({LEFT + 2500} {TOP - 2500}))", False, 9.0),
            (f"MultiPoint(({LEFT + 2000} {TOP - 6000}))", True, 4.0),
            (f"MultiPoint(({LEFT + 2000} {TOP - 2000}))", None, 4.0),
        ],
    )
    results = run(
        "welldistance",
        WELLS=wells,
        FILTER_FIELD="active",
        WEIGHT_FIELD="q",
        BANDWIDTH=1500,
        **MAP,
        DISTANCE=str(tmp_path / "distance.tif"),
        DENSITY=str(tmp_path / "density.tif"),
    )
    x, y = centres()
    active = [(1000, 1000, 2.0), (4000, 1000, 2.0), (2000, 6000, 4.0)]
    apart = [np.hypot(x - LEFT - east, TOP - south - y) for east, south, _ in active]
    assert np.allclose(cells(results["DISTANCE"]), np.min(apart, axis=0), rtol=1e-6)
    density = sum(
        q * 3 / (np.pi * 1.5**2) * np.maximum(1 - (far / 1500) ** 2, 0) ** 2
        for far, (_, _, q) in zip(apart, active)
    )
    assert np.allclose(cells(results["DENSITY"]), density, atol=1e-5)
    assert any("By active 2 of 5 wells do not count" in text for text in feedback.infos)


def test_wells_in_degrees(run, make_layer, tmp_path):
    wells = make_layer("Point", ["id:int"], [((51.0, 32.5), 1)], "EPSG:4326")
    place = str(tmp_path / "distance.tif")
    run(
        "welldistance",
        WELLS=wells,
        CELL_SIZE=30,
        EXTENT="50.99,51.01,32.49,32.51 [EPSG:4326]",
        DISTANCE=place,
    )
    raster = gdal.Open(place)
    # 51 degrees east is the central meridian of UTM zone 39: x is 500 km there.
    left, dx, _, top, _, dy = raster.GetGeoTransform()
    rows, columns = np.unravel_index(
        raster.ReadAsArray().argmin(), (raster.RasterYSize, raster.RasterXSize)
    )
    assert abs(left + dx * (columns + 0.5) - 500_000) <= 15
    assert raster.ReadAsArray().min() < 22


def test_what_is_no_layer_of_wells(run, make_layer, tmp_path):
    out = {"DISTANCE": str(tmp_path / "distance.tif")}
    square = make_layer("Polygon", [], [("Polygon((0 0, 1 0, 1 1, 0 0))",)])
    with pytest.raises(QgsProcessingException, match="l is no point layer"):
        run("welldistance", WELLS=square, **MAP, **out)
    with pytest.raises(QgsProcessingException, match="no feature with a position"):
        run("welldistance", WELLS=make_layer("Point", ["q:double"], [(None, 1.0)]), **out)
    with pytest.raises(QgsProcessingException, match="lie in one place.* Give an EXTENT"):
        run("welldistance", WELLS=make_layer("Point", [], [((LEFT, TOP),)]), **out)
    with pytest.raises(QgsProcessingException, match="without FILTER_FIELD. Give FILTER_FIELD"):
        wells = make_layer("Point", [], [((LEFT, TOP),)])
        run("welldistance", WELLS=wells, FILTER_VALUES="yes", **MAP, **out)


def test_no_well_counts(run, make_layer, tmp_path):
    wells = make_layer("Point", ["state:string"], [((LEFT, TOP), "closed")])
    with pytest.raises(
        QgsProcessingException, match="None of the 1 wells counts: state holds closed"
    ):
        run(
            "welldistance",
            WELLS=wells,
            FILTER_FIELD="state",
            FILTER_VALUES="active",
            **MAP,
            DISTANCE=str(tmp_path / "d.tif"),
        )
