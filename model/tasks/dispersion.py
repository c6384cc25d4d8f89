"""The amplitude dispersion index of a stack of images, and the candidates for scatterers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import rasterio
from rasterio.windows import Window as RasterWindow

from ..errors import InputError
from ..scatterers.amplitude import Images, dispersion, mean_gains, no_common_pixel
from ..spatial.grid import Grid
from ..spatial.point_file import write_points
from ..spatial.raster import SurfaceWriter
from .job import Job

FEWEST = 15  # as Azarm et al. (2025) require
BANDS = ["amplitude_dispersion", "mean_amplitude"]
_TILE = 2048


def run(folder, request, monitor) -> dict:
    """Write DISPERSION and, where the index is at most the threshold, CANDIDATES."""
    job = Job(folder, request, monitor)
    files = {image["name"]: folder / image["file"] for image in request["images"]}
    images = Images(files, job.grid, job.parameters["type"])
    threshold = job.parameters["threshold"]
    _check_number(len(files), monitor)
    gains, start = np.ones(len(files)), 0.0
    if job.parameters["calibration"] == "mean":
        gains, start = mean_gains(images, monitor.part(0, 0.45)), 0.45
        _log_gains(images.names, gains, monitor)
    path = job.file("DISPERSION", ".tif")
    count = _write_dispersion(path, images, gains, threshold, monitor.part(start, 0.9))
    if job.wants("CANDIDATES"):
        tables = _candidates(path, job.grid, threshold)
        write_points(job.file("CANDIDATES", ".gpkg"), job.grid.crs, tables)
    job.result["numbers"] = {"COUNT": count}
    return job.result


def _check_number(count: int, monitor) -> None:
    if count < 2:
        raise InputError(
            f"There is {count} image. A dispersion needs at least 2, and {FEWEST} to be reliable: "
            "add the other images of the stack."
        )
    if count < FEWEST:
        monitor.log(
            f"{count} images are few: below {FEWEST} the index is not reliable, and unstable "
            "pixels pass for stable ones. Add images if there are more.",
            "warning",
        )


def _log_gains(names: list[str], gains: np.ndarray, monitor) -> None:
    dark, bright = gains.argmin(), gains.argmax()
    monitor.log(
        "Each image is divided by its mean amplitude relative to the stack's: "
        f"{gains[dark]:.3g} ({names[dark]}) to {gains[bright]:.3g} ({names[bright]})."
    )


def _write_dispersion(path: Path, images: Images, gains, threshold: float, monitor) -> int:
    """Write the raster, log what it holds, and give the number of candidates."""
    candidates, complete, partial, lowest = 0, 0, 0, np.inf
    present = np.zeros(len(gains), int)
    with SurfaceWriter(path, images.grid, BANDS) as surface:
        for window, amplitude in images.strips(monitor):
            there = np.isfinite(amplitude)
            present += there.sum(axis=(1, 2))
            amplitude /= gains[:, None, None]
            index, mean = dispersion(amplitude)
            surface.write(window, index, mean)
            complete += np.isfinite(index).sum()
            partial += (there.any(axis=0) & np.isnan(index)).sum()
            candidates += (index <= threshold).sum()
            lowest = np.fmin(lowest, np.fmin.reduce(index, axis=None))
    if not complete:
        raise no_common_pixel(images)
    if partial:
        sparse = present.argmin()
        monitor.log(
            f"{partial:,} pixels have an amplitude in some images only and are NoData; "
            f"{images.names[sparse]} covers the least, {present[sparse]:,} pixels.",
            "warning",
        )
    monitor.log(
        f"{candidates:,} of {complete:,} pixels with amplitudes in all {len(gains)} images have an "
        f"amplitude dispersion of at most {threshold:g}; the lowest is {lowest:.3g}.",
        "info" if candidates else "warning",
    )
    return int(candidates)


def _candidates(path: Path, grid: Grid, threshold: float) -> Iterator[pa.Table]:
    """The candidates of DISPERSION, tile by tile; their ids are row and column, from 0."""
    with rasterio.open(path) as raster:
        for window in grid.tiles(_TILE):
            place = RasterWindow(window.column, window.row, window.width, window.height)
            index, mean = raster.read(window=place).reshape(2, -1)
            chosen = np.flatnonzero(index <= threshold)
            x, y = window.xy()[chosen].T
            rows, columns = np.divmod(chosen, window.width)
            ids = [
                f"{window.row + row}_{window.column + column}" for row, column in zip(rows, columns)
            ]
            yield pa.table(
                {
                    "x": x,
                    "y": y,
                    "ps_id": pa.array(ids, pa.string()),
                    BANDS[0]: index[chosen].astype(float),
                    BANDS[1]: mean[chosen].astype(float),
                }
            )
