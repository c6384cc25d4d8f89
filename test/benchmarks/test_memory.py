"""The memory of a prediction does not grow with the map: `make bench`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from subsidence_mapper.model.network.build import build
from subsidence_mapper.model.network.model_file import save_model
from subsidence_mapper.model.network.presets import STANDARD
from subsidence_mapper.model.network.training import TrainedNetwork
from subsidence_mapper.model.protocol import PROTOCOL_VERSION
from subsidence_mapper.model.spatial.grid import Grid
from subsidence_mapper.model.spatial.points import Points
from subsidence_mapper.model.spatial.stack import Encoding
from subsidence_mapper.model.statistics.conformal import Intervals

from .benchmark import run_worker

DRIVERS, SOURCE = 9, 1000


def write_drivers(folder, side):
    """Virtual rasters of side x side cells, stretched from files of 1000 x 1000, with holes."""
    random = np.random.default_rng(0)
    (folder / "drivers").mkdir()
    drivers = []
    for i in range(DRIVERS):
        cells = random.normal(size=(SOURCE, SOURCE)).astype("float32")
        cells[400:420, 100 * i : 100 * i + 50] = np.nan
        options = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": np.nan}
        options["transform"] = rasterio.Affine(30, 0, 500_000, 0, -30, 3_600_000)
        path = folder / f"drivers/{i}.tif"
        with rasterio.open(path, "w", width=SOURCE, height=SOURCE, **options) as raster:
            raster.write(cells, 1)
        (folder / f"drivers/{i}.vrt").write_text(
            f"<VRTDataset rasterXSize='{side}' rasterYSize='{side}'>"
            "<VRTRasterBand dataType='Float32' band='1'><NoDataValue>nan</NoDataValue>"
            f"<SimpleSource><SourceFilename relativeToVRT='1'>{i}.tif</SourceFilename>"
            f"<SourceBand>1</SourceBand><SrcRect xOff='0' yOff='0' xSize='{SOURCE}' "
            f"ySize='{SOURCE}'/><DstRect xOff='0' yOff='0' xSize='{side}' ySize='{side}'/>"
            "</SimpleSource></VRTRasterBand></VRTDataset>"
        )
        drivers.append({"name": f"driver{i}", "kind": "continuous", "file": f"drivers/{i}.vrt"})
    return drivers


def make_grid(side):
    return Grid("EPSG:32639", (500_000.0, 30.0, 0.0, 3_600_000.0, 0.0, -30.0), side, side)


def write_model(path, drivers, side):
    """An untrained network of the standard preset, with 60,000 points for distances."""
    history = {"loss": [1.0], "validation_loss": [1.0]}
    trained = TrainedNetwork(build(STANDARD, DRIVERS), 0.0, 1.0, history, 1, 0.0)
    random = np.random.default_rng(1)
    xy = [500_000, 3_600_000 - 30 * side] + random.uniform(0, 30 * side, (60_000, 2))
    save_model(
        path,
        STANDARD,
        0,
        trained,
        [Encoding(driver["name"], "continuous") for driver in drivers],
        Intervals(*np.array([[0.0, 1000.0], [3.0, 9.0], [5.0, 15.0]])),
        Points(xy, random.normal(size=60_000)),
        {
            "drivers": [{"name": each["name"], "kind": each["kind"]} for each in drivers],
            "grid": make_grid(side).to_dict(),
            "field": "mm",
            "unit": "mm",
            "positive": "up",
        },
    )


@pytest.mark.parametrize("side", [1800, 3103, 10_000])  # the second has the cells of Isfahan
def test_prediction_of_any_size_takes_less_than_1_5_gb(tmp_path, side):
    drivers = write_drivers(tmp_path, side)
    write_model(tmp_path / "model.zip", drivers, side)
    grid = make_grid(side)
    request = {
        "protocol": PROTOCOL_VERSION,
        "task": "predict",
        "outputs": ["SURFACE", "UNCERTAINTY"],
        "grid": grid.to_dict(),
        "drivers": drivers,
        "model": str(tmp_path / "model.zip"),
        "parameters": {},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    took, cpu_seconds, peak = run_worker(tmp_path)
    print(
        f"\n{side:,} x {side:,} cells in {took:.0f} s (CPU time {cpu_seconds:.0f} s), "
        f"peak memory {peak:.2f} GB"
    )
    with rasterio.open(tmp_path / "surface.tif") as raster:
        row = raster.read(1, window=((0, 1), (0, side)))
    assert np.isfinite(row).all()
    assert peak < 1.5
