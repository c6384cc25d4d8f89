"""`idw` with real layers through the real worker."""

from __future__ import annotations

import numpy as np
from osgeo import gdal
from subsidence_mapper.test.results import cells

LEFT, TOP = 500_000.0, 3_600_000.0


def test_idw_is_the_mean_weighted_by_inverse_distance(run, make_points, write_raster, tmp_path):
    generator = np.random.default_rng(1)
    xy = np.column_stack([LEFT + 900 * generator.random(40), TOP - 900 * generator.random(40)])
    values = generator.normal(-20, 10, 40)
    place = str(tmp_path / "idw.tif")
    run(
        "idw",
        PS_POINTS=make_points(xy.tolist(), values.tolist()),
        VALUE_FIELD="mm",
        REFERENCE=write_raster("reference", np.ones((10, 12)), LEFT, TOP, 90),
        POWER=3,
        NEIGHBOURS=40,
        SURFACE=place,
    )
    x = LEFT + 90 * (np.arange(12) + 0.5)
    y = TOP - 90 * (np.arange(10) + 0.5)
    distance = np.hypot(x[None, :, None] - xy[:, 0], y[:, None, None] - xy[:, 1])
    weights = distance**-3
    expected = (weights * values).sum(axis=2) / weights.sum(axis=2)
    assert np.allclose(cells(place), expected, atol=1e-4)
    raster = gdal.Open(place)
    assert raster.GetGeoTransform() == (LEFT, 90, 0, TOP, 0, -90)
    assert raster.GetRasterBand(1).GetDescription() == "displacement_mm"


def test_idw_knows_nothing_beyond_the_radius(run, make_points, tmp_path):
    place = str(tmp_path / "idw.tif")
    points = make_points([(LEFT, TOP), (LEFT + 1000, TOP)], [1.0, 3.0])
    options = {"VALUE_FIELD": "mm", "CELL_SIZE": 100, "RADIUS": 200, "SURFACE": place}
    run("idw", PS_POINTS=points, EXTENT="499000,502000,3599000,3601000 [EPSG:32639]", **options)
    got = cells(place)
    assert got.shape == (20, 30)
    assert np.isfinite(got).sum() == 24  # cells whose centre is within 200 m of one of two points
    assert set(np.unique(got[np.isfinite(got)])) == {1.0, 3.0}
