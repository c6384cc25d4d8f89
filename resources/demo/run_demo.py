"""Map the demo region through `qgis_process` and score the map against the known truth.

Run it with the Python of QGIS: python3 run_demo.py REGION_FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from command_line import run
from osgeo import gdal

PICTURE = Path(__file__).with_name("picture.py")
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


def main(region: Path) -> None:
    """Map, score, draw."""
    start = time.monotonic()
    outputs = region / "results"
    outputs.mkdir(exist_ok=True)
    points = {"PS_POINTS": region / "ps_points.gpkg", "VALUE_FIELD": "displacement_mm"}
    drivers = sorted((region / "drivers").glob("*.tif"))
    surface = outputs / "surface.tif"
    mapped = run(
        "subsidence:mapsubsidence",
        **points,
        DRIVERS=drivers,
        METHOD="cnn",
        BLOCK_SIZE=2000,
        SURFACE=surface,
        UNCERTAINTY=outputs / "uncertainty.tif",
        TRUST=outputs / "trust.tif",
        ERROR_POINTS=outputs / "error_points.gpkg",
        REPORT=outputs / "report.html",
        MODEL=outputs / "model.zip",
    )
    idw = outputs / "idw.tif"
    run("subsidence:idw", **points, REFERENCE=drivers[0], SURFACE=idw)
    run(
        "subsidence:errormap",
        **points,
        SURFACE=surface,
        ERROR_POINTS=outputs / "error_at_all_points.gpkg",
        ERROR_SURFACE=outputs / "error_surface.tif",
    )
    picture = outputs / "map.png"
    subprocess.run([sys.executable, PICTURE, surface, points["PS_POINTS"], picture], check=True)
    truth, distance = read(region / "true_displacement.tif"), read(outputs / "trust.tif")
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
