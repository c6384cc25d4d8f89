"""PS points in layers: their places in well-known binary, their CRS."""

from __future__ import annotations

import struct
from datetime import date

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers import layers
from subsidence_mapper.test.ps_tables import PACE, POINTS, SERIES, series


def point(x, y, code=1, more=()):
    return struct.pack(f"<BI{2 + len(more)}d", 1, code, x, y, *more)


def multipoint(*points, code=4):
    return struct.pack("<BII", 1, code, len(points)) + b"".join(points)


def test_places_in_well_known_binary():
    nan = float("nan")
    elements = [
        point(9, 9),
        point(1, 2),
        None,
        multipoint(point(3, 4), point(5, 6)),
        point(7, 8, 1001, (99,)),
        point(9, 10, 0x80000001, (99,)),
        multipoint(),
        multipoint(point(11, 12, 3001, (1, 2)), code=3004),
        point(nan, nan),
    ]
    rows, xy = layers.read_places(pa.array(elements, pa.binary())[1:])
    assert rows.tolist() == [0, 2, 2, 3, 4, 6, 7]
    assert xy[:-1].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    rows, xy = layers.read_places(pa.array([None], pa.binary()))
    assert len(rows) == 0 and xy.shape == (0, 2)
    with pytest.raises(InputError, match="other geometries than points"):
        layers.read_places(pa.array([struct.pack("<BII", 1, 3, 0)], pa.binary()))


def write_layer(path, geometry, kind, fields, crs="EPSG:25830"):
    pyogrio.raw.write(
        path,
        np.array(geometry, object),
        [np.asarray(values) for values in fields.values()],
        list(fields),
        geometry_type=kind,
        crs=crs,
    )
    return path


@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_multipoint_layers_are_taken_as_points(load, tmp_path, suffix):
    geometry = [multipoint(point(i, 4e6), point(i, 4e6 + 1)) for i in range(5)] + [None]
    fields = {"CODE": [f"id{i}" for i in POINTS], "COHERENCE": np.ones(6), "VEL": PACE}
    fields.update(V_STDEV=np.ones(6), **series())
    path = write_layer(tmp_path / f"ps{suffix}", geometry, "MultiPoint", fields)
    got = load(path)
    assert "TRE ALTAMIRA" in got.log.infos[0]
    assert got.xy.tolist() == [[i, y] for i in range(5) for y in (4e6, 4e6 + 1)]
    assert got.velocity_mm_yr == pytest.approx(np.repeat(PACE[:5], 2))
    assert got.D20160117 == pytest.approx(np.repeat(SERIES[:5, 1], 2), rel=1e-6)
    assert got.ps_id[1] == "id0"
    assert got.crs == "EPSG:25830"
    assert got.log.warnings == ["Skipped, no position: 1."]


def test_layers_that_cannot_be_points(load, tmp_path):
    line = struct.pack("<BII4d", 1, 2, 2, 0, 0, 1, 1)
    path = write_layer(tmp_path / "lines.gpkg", [line], "LineString", {"velocity": [1.0]})
    with pytest.raises(InputError, match="lines.gpkg holds LineString features"):
        load(path, positive="up")
    path = write_layer(tmp_path / "lost.shp", [point(5e5, 4e6)], "Point", {"v_mm": [1.0]}, None)
    options = {"columns": "velocity=v_mm", "positive": "up"}
    with pytest.raises(InputError, match="lost.shp does not state its CRS"):
        load(path, **options)
    assert load(path, crs="EPSG:32639", **options).crs == "EPSG:32639"
    path = write_layer(tmp_path / "told.gpkg", [point(5e5, 4e6)], "Point", {"v_mm": [1.0]})
    (warning,) = load(path, crs="EPSG:32639", **options).log.warnings
    assert "the Point geometries are in EPSG:25830, as the file" in warning


def test_a_table_of_texts_in_a_geopackage(load, tmp_path):
    fields = {
        "lon": ["51.5", " 51.6", ""],
        "lat": ["32.5", "32.6", "1"],
        "v_mm": ["-1", "NULL", "2"],
    }
    path = tmp_path / "table.gpkg"
    columns = [np.array(values, object) for values in fields.values()]
    pyogrio.raw.write(path, None, columns, list(fields), geometry_type=None)
    got = load(path, columns="velocity=v_mm", positive="up")
    assert got.xy.tolist() == [[51.5, 32.5]]
    assert len(got.log.warnings) == 2


@pytest.mark.parametrize(("name", "count", "dates"), [("Asc", 573, 134), ("Desc", 914, 146)])
def test_donana(load, real_data, name, count, dates):
    """MultiPoint, in centimetres, which only the user knows; los_up is cosU."""
    path = real_data(f"donana/Sentinel_{name}.shp")
    columns = "ps_id=ID; velocity=Vel; coherence=Coer; los_up=cosU; height=Topo"
    with pytest.raises(InputError, match=r"unit of the velocity \(Vel\)"):
        load(path, columns=columns, positive="up")
    options = {"columns": columns, "positive": "up", "displacement_unit": "cm"}
    got = load(path, **options)
    assert got.numbers == {"COUNT": count, "DATES": dates}
    assert "Units: velocity in cm/yr, displacement in cm." in got.log.infos
    assert "Columns not used: cosN, cosE, Lon, Lat." in got.log.infos
    assert "25830" in got.crs
    days = [date(int(name[1:5]), int(name[5:7]), int(name[7:])) for name in list(got.fields)[7:]]
    years = np.array([day.toordinal() for day in days]) / 365.25
    motion = np.column_stack(list(got.fields.values())[7:])
    fitted = np.polyfit(years - years.mean(), motion.T, 1)[0]
    assert got.velocity_mm_yr == pytest.approx(fitted, abs=0.1)
    up = load(path, projection="vertical", **options)
    assert (np.abs(up.velocity_mm_yr) >= np.abs(got.velocity_mm_yr)).all()
    assert np.median(got.velocity_mm_yr / up.velocity_mm_yr) == pytest.approx(0.75, abs=0.01)
    with pytest.raises(InputError, match="should be 10 times what Vel says.*VELOCITY_UNIT to cm"):
        load(path, velocity_unit="mm", **options)
