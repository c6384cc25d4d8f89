"""Map the Isfahan plain from its layers as they come; docs/isfahan.md tells the same by hand.

Run it with the Python of QGIS: python3 run_real.py DATA_FOLDER [RESULTS_FOLDER]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from command_line import run
from osgeo import gdal

gdal.UseExceptions()


def main(data: Path, outputs: Path) -> None:
    """Derive slope and aspect with GDAL, map, and interpolate the errors."""
    start = time.monotonic()
    outputs.mkdir(parents=True, exist_ok=True)
    dem = data / "dem_globe_30arcsec.tif"
    metric = gdal.Warp(
        str(outputs / "dem_utm.tif"), str(dem), dstSRS="EPSG:32639", resampleAlg="bilinear"
    )
    slope, aspect = outputs / "slope.tif", outputs / "aspect.tif"
    gdal.DEMProcessing(str(slope), metric, "slope")
    gdal.DEMProcessing(str(aspect), metric, "aspect")
    surface = outputs / "surface.tif"
    points = {
        "PS_POINTS": f"delimitedtext://file://{data.resolve() / 'ps.csv'}"
        "?delimiter=,&xField=x&yField=y&crs=EPSG:32639",
        "VALUE_FIELD": "subsidence_mm",
        "POSITIVE": "subsidence",
    }
    run(
        "subsidence:mapsubsidence",
        **points,
        # Land cover first: its degrees make the grid a UTM one with CELL_SIZE.
        DRIVERS=[data / "landcover_1985.tif", data / "landcover_2024.tif", dem, slope, aspect],
        NODATA="landcover_1985=255; landcover_2024=255",
        CELL_SIZE=30,
        METHOD="cnn",
        BLOCK_SIZE=5000,
        SURFACE=surface,
        UNCERTAINTY=outputs / "uncertainty.tif",
        TRUST=outputs / "trust.tif",
        ERROR_POINTS=outputs / "error_points.gpkg",
        REPORT=outputs / "report.html",
        MODEL=outputs / "model.zip",
    )
    run(
        "subsidence:errormap",
        **points,
        SURFACE=surface,
        ERROR_POINTS=outputs / "error_at_all_points.gpkg",
        ERROR_SURFACE=outputs / "error_surface.tif",
    )
    print(f"\nThe real run took {time.monotonic() - start:.0f} s. Results are in {outputs}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "build/real"))
