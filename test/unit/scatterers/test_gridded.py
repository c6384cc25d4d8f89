"""PS in grids: HDF5 of LiCSBAS and MintPy."""

from __future__ import annotations

from collections import Counter

import h5py
import numpy as np
import pytest
from subsidence_mapper.model.errors import InputError
from subsidence_mapper.model.scatterers.gridded import open_grid
from subsidence_mapper.test.ps_tables import DAYS, FITTED, PACE, SERIES


def cube():
    """Six points of SERIES in a grid of 3 x 4 cells; the other cells are empty."""
    cells = np.full((40, 3, 4), np.nan, "float32")
    at = np.array([0, 3, 5, 6, 8, 11])
    cells.reshape(40, -1)[:, at] = SERIES.T - SERIES[:, 0]
    return cells, np.divmod(at, 4)


def test_licsbas(load, tmp_path):
    cells, (rows, columns) = cube()
    velocity = np.full((3, 4), np.nan)
    velocity[rows, columns] = PACE
    with h5py.File(tmp_path / "cum.h5", "w") as file:
        file["imdates"] = [int(day.strftime("%Y%m%d")) for day in DAYS]
        file["cum"] = cells
        file["vel"] = velocity
        file["U.geo"] = np.full((3, 4), 0.8)
        file["corner_lat"], file["corner_lon"] = 40.0, 140.0
        file["post_lat"], file["post_lon"] = -0.001, 0.002
    got = load(tmp_path / "cum.h5", projection="vertical")
    assert "LiCSBAS" in got.log.infos[0]
    # corner_lat is the centre of the first cell.
    assert got.xy == pytest.approx(np.column_stack([140 + 0.002 * columns, 40 - 0.001 * rows]))
    assert got.crs == "EPSG:4326"
    assert got.velocity_mm_yr == pytest.approx(PACE / 0.8)
    assert got.displacement_mm == pytest.approx((SERIES[:, -1] - SERIES[:, 0]) / 0.8, rel=1e-5)
    assert got.log.warnings == ["Skipped, outside the mask, or without values: 6."]
    batches = list(open_grid(tmp_path / "cum.h5", "auto", values_at_once=40 * 4).read(Counter()))
    assert len(batches) == 3
    assert np.concatenate([batch.xy for batch in batches]) == pytest.approx(got.xy)
    assert np.hstack([batch.series for batch in batches]) == pytest.approx(cells[:, rows, columns])
    with h5py.File(tmp_path / "cum.h5", "a") as file:
        del file["corner_lat"]
    with pytest.raises(InputError, match="no known format. Found: .*imdates.*is not geocoded"):
        load(tmp_path / "cum.h5")
    with pytest.raises(InputError, match="is for tables and layers"):
        load(tmp_path / "cum.h5", columns="velocity=vel")


@pytest.mark.parametrize(
    ("lattice", "crs", "first"),
    [
        ({"X_FIRST": "10", "Y_FIRST": "50", "X_STEP": "0.2", "Y_STEP": "-0.4"}, 4326, (10.1, 49.8)),
        (
            {
                "X_FIRST": "500000",
                "Y_FIRST": "4000000",
                "X_STEP": "80",
                "Y_STEP": "-40",
                "X_UNIT": "meters",
                "UTM_ZONE": "33S",
            },
            32733,
            (500040, 3999980),
        ),
    ],
)
def test_mintpy_hdf_eos5(load, tmp_path, lattice, crs, first):
    cells, (rows, columns) = cube()
    path = tmp_path / "S1_IW12_128_0593_0597_20160105_20170417.he5"
    with h5py.File(path, "w") as file:
        group = file.create_group("HDFEOS/GRIDS/timeseries")
        group["observation/displacement"] = np.nan_to_num(cells[::-1]) / 1000
        group["observation/displacement"].attrs["Units"] = "meters"
        group["observation/date"] = np.array([f"{day:%Y%m%d}" for day in DAYS[::-1]], "S8")
        group["quality/mask"] = np.isfinite(cells[0])
        group["quality/temporalCoherence"] = np.arange(12.0).reshape(3, 4) / 12
        group["geometry/height"] = np.full((3, 4), 7.0)
        group["geometry/incidenceAngle"] = np.full((3, 4), 60.0)
        file.attrs.update(lattice)
    got = load(path, projection="vertical")
    assert "MintPy HDF-EOS5" in got.log.infos[0]
    assert got.crs == f"EPSG:{crs}"
    assert got.xy[0] == pytest.approx(first)
    step = [float(lattice["X_STEP"]), float(lattice["Y_STEP"])]
    assert got.xy - got.xy[0] == pytest.approx(np.column_stack([columns, rows]) * step)
    assert got.velocity_mm_yr == pytest.approx(2 * FITTED, rel=1e-4)
    assert got.coherence == pytest.approx((4 * rows + columns) / 12)
    assert got.height_m.tolist() == [7] * 6
    with h5py.File(path, "a") as file:
        for name in lattice:
            del file.attrs[name]
    with pytest.raises(InputError, match="is not geocoded"):
        load(path)


def test_a_file_that_is_no_hdf5(load, tmp_path):
    (tmp_path / "cum.h5").write_text("no")
    with pytest.raises(InputError, match="cum.h5 is no HDF5 file"):
        load(tmp_path / "cum.h5")
