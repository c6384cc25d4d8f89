"""From raw inputs to a map through `qgis_process`, and its errors against the truth.

Run it with the Python of QGIS: python3 run_demo.py REGION_FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from command_line import map_subsidence, run
from osgeo import gdal

PICTURE = Path(__file__).with_name("picture.py")
PREPARE = Path(__file__).resolve().parents[1] / "models" / "prepare_drivers.model3"
GAP, NEAR = 1000, 200  # metres from the nearest PS


def read(path, band=1):
    """One band of a raster, NaN where it has no value."""
    raster = gdal.Open(str(path))
    values = raster.GetRasterBand(band).ReadAsArray().astype(float)
    values[values == raster.GetRasterBand(band).GetNoDataValue()] = np.nan
    return values


def print_scores(maps: dict, truth, distance) -> None:
    """Print the RMSE of maps (name to array) against the truth, by distance to the PS."""
    everywhere = np.isfinite(truth) & np.all([np.isfinite(each) for each in maps.values()], axis=0)
    places = {
        "everywhere": everywhere,
        f"less than {NEAR} m from a PS": everywhere & (distance < NEAR),
        f"more than {GAP} m from any PS": everywhere & (distance > GAP),
    }
    print(f"{'RMSE against the true displacement (mm)':44}", *(f"{name:>8}" for name in maps))
    for place, here in places.items():
        errors = (np.sqrt(np.mean((each - truth)[here] ** 2)) for each in maps.values())
        print(f"  {place:42}", *(f"{error:8.2f}" for error in errors))


def prepare(region: Path) -> tuple[Path, Path]:
    """Selected points and a stack of drivers, from the raw inputs."""
    inputs = region / "inputs"
    imported, selected = region / "ps_imported.gpkg", region / "ps_points.gpkg"
    run("subsidence:importpspoints", FILE=inputs / "ps.csv", PS_POINTS=imported)
    run("subsidence:selectpspoints", INPUT=imported, MIN_COHERENCE=0.8, PS_POINTS=selected)
    stack = region / "drivers.tif"
    run(
        PREPARE,
        DEM=inputs / "dem.tif",
        RED=sorted(inputs.glob("red_*.tif")),
        NIR=sorted(inputs.glob("nir_*.tif")),
        CLOUD_MASK=sorted(inputs.glob("quality_*.tif")),
        PRODUCT="landsat_c2l2",
        LAND_COVER=inputs / "land_cover.tif",
        WELLS=inputs / "wells.gpkg",
        ACTIVE="active",
        PIEZOMETERS=inputs / "piezometers.gpkg",
        DATE="date",
        LEVEL="level_m",
        START="2014-01-01",
        END="2021-01-01",
        **{"stack:STACK": stack, "stack:REPORT": region / "drivers_report.html"},
    )
    return selected, stack


def main(region: Path) -> None:
    """Prepare, map, compare with the truth, draw."""
    start = time.monotonic()
    outputs = region / "results"
    selected, stack = prepare(region)
    points = {"PS_POINTS": selected, "VALUE_FIELD": "displacement_mm"}
    mapped = map_subsidence(points, outputs, DRIVERS=stack, METHOD="cnn", BLOCK_SIZE=2000)
    surface, idw, picture = (outputs / name for name in ("surface.tif", "idw.tif", "map.png"))
    run("subsidence:idw", **points, REFERENCE=stack, SURFACE=idw)
    subprocess.run([sys.executable, PICTURE, surface, selected, picture], check=True)
    truth = read(region / "true_displacement.tif")
    distance = read(outputs / "trust.tif", band=5)
    maps = {"CNN": read(surface), "IDW": read(idw)}
    print(f"\nThe demo took {time.monotonic() - start:.0f} s. Results:")
    for path in sorted(outputs.iterdir()):
        print(f"  {path}")
    print(
        f"\nHeld-out points: RMSE {float(mapped['RMSE']):.2f} mm at random, "
        f"{float(mapped['BLOCK_RMSE']):.2f} mm in blocks of 2 km.\n"
    )
    print_scores(maps, truth, distance)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
