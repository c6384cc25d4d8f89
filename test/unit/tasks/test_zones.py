"""Figures of zones equal to what numpy says of a raster made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.spatial.polygons import points_within
from subsidence_mapper.model.tasks import zones as task
from subsidence_mapper.test.examples import RecordingMonitor, make_grid

LEFT, TOP, CELL = 500_000.0, 3_600_000.0, 30.0


def box(row, column, height, width):
    """A ring around cells."""
    west, north = LEFT + CELL * column, TOP - CELL * row
    east, south = west + CELL * width, north - CELL * height
    return [[west, north], [east, north], [east, south], [west, south], [west, north]]


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.fixture
def surfaces():
    """Two methods on 40 x 50 cells; the second has a hole."""
    random = np.random.default_rng(0)
    one = random.normal(-60, 40, (40, 50)).astype("float32")
    other = random.normal(-20, 40, (40, 50)).astype("float32")
    other[0:10, 0:10] = np.nan
    return {"kriging": one, "cnn": other}


@pytest.fixture
def summarise(tmp_path, surfaces):
    """Run the task on (name, geometry) pairs; gives the rows of SUMMARY and the warnings."""

    def run(
        zones,
        thresholds=(-50.0, 20.0),
        points=None,
        outputs=("SUMMARY",),
        positive="up",
        unit="mm",
    ):
        drivers = []
        for name, cells in surfaces.items():
            crs, place = "EPSG:32639", rasterio.transform.from_origin(LEFT, TOP, CELL, CELL)
            options = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": np.nan}
            height, width = cells.shape
            options |= {"crs": crs, "transform": place, "height": height, "width": width}
            with rasterio.open(tmp_path / f"{name}.tif", "w", **options) as raster:
                raster.write(cells, 1)
            drivers.append({"name": name, "kind": "continuous", "file": f"{name}.tif"})
        entries = [{"name": name, "geometry": geometry} for name, geometry in zones]
        (tmp_path / "zones.json").write_text(json.dumps(entries), encoding="utf-8")
        request = {
            "task": "zones",
            "outputs": list(outputs),
            "unit": unit,
            "grid": make_grid(40, 50).to_dict(),
            "drivers": drivers,
            "zones": "zones.json",
            "parameters": {"thresholds": list(thresholds), "positive": positive},
        }
        if points is not None:
            np.savez(tmp_path / "points.npz", xy=points[0], values=points[1])
            request["points"] = {"file": "points.npz", "field": "mm", "positive": positive}
        log = RecordingMonitor()
        result = task.run(tmp_path, request, log)
        with np.load(tmp_path / result["points"]["SUMMARY"]) as table:
            columns = {name: table[name].tolist() for name in table.files}
        return [dict(zip(columns, row)) for row in zip(*columns.values())], log.warnings

    return run


def test_figures_are_those_of_numpy(summarise, surfaces):
    rows, warnings = summarise([("city", polygon(box(5, 5, 10, 20)))])
    assert [row["method"] for row in rows] == ["kriging", "cnn"]
    for row in rows:
        cells = surfaces[row["method"]][5:15, 5:25].astype(float)
        known = cells[np.isfinite(cells)]
        assert row["zone"] == "city"
        assert row["cells"] == known.size
        assert row["cells_without_value"] == np.isnan(cells).sum()
        assert row["smallest"] == known.min() and row["largest"] == known.max()
        assert row["mean"] == pytest.approx(known.mean())
        assert row["km2_beyond_-50"] == pytest.approx((known < -50).sum() * 0.0009)
        assert row["km2_beyond_20"] == pytest.approx((known > 20).sum() * 0.0009)
        assert "ps_count" not in row
    assert rows[1]["cells_without_value"] == 25
    assert warnings == ["Zones with cells that have no value, and how many: city (cnn: 25 of 200)."]


def test_polygons_of_one_name_are_one_zone(summarise, surfaces):
    parts = [box(20, 5, 4, 4), box(30, 30, 5, 5)]
    overlapping = [("a", polygon(box(20, 5, 4, 4))), ("a", polygon(box(22, 5, 4, 4)))]
    several = {"type": "MultiPolygon", "coordinates": [[part] for part in parts]}
    rows, _ = summarise([*overlapping, ("b", several), ("a", polygon(box(35, 0, 2, 2)))])
    assert [row["zone"] for row in rows] == ["a", "a", "b", "b"]
    cells = surfaces["kriging"]
    a = np.concatenate([cells[20:26, 5:9].ravel(), cells[35:37, 0:2].ravel()])
    b = np.concatenate([cells[20:24, 5:9].ravel(), cells[30:35, 30:35].ravel()])
    assert [rows[0]["cells"], rows[2]["cells"]] == [a.size, b.size]
    assert rows[0]["mean"] == pytest.approx(a.astype(float).mean())
    assert rows[2]["mean"] == pytest.approx(b.astype(float).mean())


def test_a_hole_is_not_in_the_zone(summarise, surfaces):
    zone = polygon(box(12, 12, 10, 10), box(14, 14, 3, 3))
    inside = np.zeros((40, 50), bool)
    inside[12:22, 12:22] = True
    inside[14:17, 14:17] = False
    xy = make_grid(40, 50).window.xy()
    assert np.array_equal(points_within(zone, xy), inside.ravel())
    rows, _ = summarise([("ring", zone)])
    assert rows[0]["cells"] == 91
    assert rows[0]["largest"] == surfaces["kriging"][inside].max()


def test_points_count_where_they_lie_even_off_the_surfaces(summarise):
    zone = polygon(box(30, 40, 20, 20))  # half of it beyond the south-eastern corner
    inside = np.array([[41.5, 31.5], [55.2, 45.1], [59.9, 49.9]]) * [CELL, -CELL] + [LEFT, TOP]
    outside = np.array([[39.9, 31.5], [10, 10], [60.1, 45]]) * [CELL, -CELL] + [LEFT, TOP]
    points = np.vstack([inside, outside]), np.array([-80.0, 10, -20, -999, 999, 999])
    rows, warnings = summarise([("edge", zone)], points=points)
    for row in rows:
        assert row["cells"] == 100
        assert [row["ps_count"], row["ps_smallest"], row["ps_largest"]] == [3, -80, 10]
        assert row["ps_mean"] == pytest.approx(-30)
    assert warnings == [
        "Zones that extend beyond the surfaces, so that the figures are of a part of them: edge."
    ]
    _, warnings = summarise([("far", polygon(box(0, 20, 5, 5)))], points=points)
    assert warnings == ["No persistent scatterer lies in any zone."]


def test_zones_without_cells_are_named_and_kept(summarise):
    zones = [
        ("fine", polygon(box(20, 20, 5, 5))),
        ("tiny", polygon(box(20.6, 20.6, 0.3, 0.3))),
        ("beside", polygon(box(100, 0, 5, 5))),
        ("shapeless", None),
    ]
    rows, warnings = summarise(zones)
    assert [row["zone"] for row in rows[::2]] == ["fine", "tiny", "beside", "shapeless"]
    for row in rows[2:]:
        assert row["cells"] == row["cells_without_value"] == 0
        assert np.isnan([row["smallest"], row["mean"], row["km2_beyond_-50"]]).all()
    assert "Zones without a shape, so without figures: shapeless." in warnings
    assert any(text.endswith("so without figures: tiny, beside.") for text in warnings)
    with pytest.raises(InputError, match="None of the 2 zones .* overlap"):
        summarise(zones[1:3])


@pytest.mark.parametrize(
    ("positive", "name", "unit"), [("up", "smallest", "mm"), ("subsidence", "largest", "mm/yr")]
)
def test_the_report_begins_with_the_most_subsidence(
    summarise, surfaces, tmp_path, positive, name, unit
):
    surfaces["kriging"][33, 33] = -333.3 if positive == "up" else 333.3
    zones = [("city", polygon(box(20, 5, 10, 10))), ("airport", polygon(box(30, 30, 5, 5)))]
    place = np.array([[LEFT + CELL * 32, TOP - CELL * 32]] * 2)
    points = place, np.array([-222.2, 222.2])
    options = {"outputs": ["SUMMARY", "REPORT"], "positive": positive, "unit": unit}
    rows, _ = summarise(zones, points=points, **options)
    assert abs(rows[2][name]) == pytest.approx(333.3, abs=1e-3)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    sign = "-" if positive == "up" else ""
    assert f"The most subsidence is in airport: {sign}333.3 {unit} by kriging" in html
    assert f"the PS there show up to {sign}222.2 {unit}" in html
    assert html.count("<img") == 2
    # The zone with the larger displacement comes first.
    assert html.index('alt="airport"') < html.index('alt="city"')
    rising = 1.0 if positive == "up" else -1.0
    surfaces.update({key: np.full((40, 50), rising, "float32") for key in surfaces})
    summarise(zones, outputs=["SUMMARY", "REPORT"], positive=positive)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No surface shows subsidence in any zone." in html
