"""Map the Isfahan plain from its raw layers, in the steps of docs/user/isfahan.md.

Run it with the Python of QGIS: python3 run_real.py DATA_FOLDER [RESULTS_FOLDER]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from command_line import map_subsidence, run

CLASSES = "1 = 1 built-up; 2 = 2 vegetation; 3 = 3 bare"


def prepare(data: Path, folder: Path) -> Path:
    """Derive the drivers, all on one grid, and stack them."""
    terrain = {
        name: folder / f"{name.lower()}.tif"
        for name in ("ELEVATION", "SLOPE", "ASPECT", "SPI", "TWI")
    }
    # The land cover is in degrees, so the grid is UTM with CELL_SIZE, over the land cover's area.
    cover = folder / "land_cover_2024.tif"
    for year, more in ((2024, {"CELL_SIZE": 30}), (1985, {"REFERENCE": cover})):
        run(
            "subsidence:landusedriver",
            IMAGE=data / f"landcover_{year}.tif",
            METHOD="reclassify",
            TABLE="own",
            RULES=CLASSES,
            NODATA="*=255",
            **more,
            LAND_USE=folder / f"land_cover_{year}.tif",
        )
    run(
        "subsidence:terraindrivers",
        DEM=data / "dem_globe_30arcsec.tif",
        REFERENCE=cover,
        **terrain,
    )
    stack = folder / "drivers.tif"
    run(
        "subsidence:driverstack",
        DRIVERS=[cover, folder / "land_cover_1985.tif", *terrain.values()],
        STACK=stack,
        REPORT=folder / "drivers_report.html",
    )
    return stack


def main(data: Path, outputs: Path) -> None:
    """Prepare the drivers, map, and interpolate the errors."""
    start = time.monotonic()
    outputs.mkdir(parents=True, exist_ok=True)
    points = {
        "PS_POINTS": f"delimitedtext://file://{data.resolve() / 'ps.csv'}"
        "?delimiter=,&xField=x&yField=y&crs=EPSG:32639",
        "VALUE_FIELD": "subsidence_mm",
        "POSITIVE": "subsidence",
    }
    stack = prepare(data, outputs)
    map_subsidence(points, outputs, DRIVERS=stack, METHOD="cnn", BLOCK_SIZE=5000)
    print(f"\nThe real run took {time.monotonic() - start:.0f} s. Results are in {outputs}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "build/real"))
