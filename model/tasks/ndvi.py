"""Mean vegetation and its change."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from ..drivers.ndvi import PRODUCTS, mean_and_trend, ndvi, parse_mask_values
from ..drivers.scenes import decimal_year
from ..errors import InputError
from ..spatial.raster import SurfaceWriter
from .job import Job

BANDS = {"NDVI": "ndvi", "NDVI_CHANGE": "ndvi_change_per_year"}

_BRIGHTEST = 10  # no reflectance is higher
_DARKEST = 100  # a scene of digital numbers has higher ones


def run(folder, request, monitor, cells_at_once: int = 4_000_000) -> dict:
    """Write NDVI and NDVI_CHANGE of the request's scenes: files of red, nir and mask, and a day.

    So many cells of all scenes together are in memory at a time.
    """
    job = Job(folder, request, monitor)
    scenes = request["scenes"]
    product = PRODUCTS[job.parameters["product"]]
    masked = parse_mask_values(job.parameters.get("mask_values", ""))
    if job.wants("NDVI_CHANGE"):
        _check_days(scenes)
    years = np.array([decimal_year(each["day"]) if each["day"] else np.nan for each in scenes])
    valid, highest = np.zeros(len(scenes), np.int64), np.full(len(scenes), -np.inf)
    empty = lonely = 0
    tiles = list(job.grid.tiles(max(16, int(np.sqrt(cells_at_once / len(scenes))))))
    with ExitStack() as opened:
        rasters = [
            {
                band: opened.enter_context(rasterio.open(folder / each[band]))
                for band in ("red", "nir", "mask")
                if band in each
            }
            for each in scenes
        ]
        writers = {
            name: opened.enter_context(
                SurfaceWriter(job.file(name, ".tif"), job.grid, [band], ["continuous"])
            )
            for name, band in BANDS.items()
            if job.wants(name)
        }
        for i, tile in enumerate(tiles):
            place = RasterWindow(tile.column, tile.row, tile.width, tile.height)
            index = np.empty((len(scenes), tile.height, tile.width))
            for scene, bands in enumerate(rasters):
                cells = {band: raster.read(1, window=place) for band, raster in bands.items()}
                highest[scene] = np.nanmax([highest[scene], _top(cells["red"]), _top(cells["nir"])])
                index[scene] = ndvi(*(product.reflectance(cells[band]) for band in ("red", "nir")))
                if "mask" in cells:
                    index[scene][product.is_masked(cells["mask"], masked)] = np.nan
            mean, trend = mean_and_trend(index, years)
            for name, band in (("NDVI", mean), ("NDVI_CHANGE", trend)):
                if name in writers:
                    writers[name].write(tile, band)
            known = np.isfinite(index)
            valid += known.sum(axis=(1, 2))
            empty += (~known.any(axis=0)).sum()
            lonely += (known.sum(axis=0) == 1).sum()
            monitor.progress((i + 1) / len(tiles))
        _check_numbers(highest, job)
        if empty == job.grid.window.size:
            raise InputError(
                "No cell can be used on any date: all are NoData or masked. Check CLOUD_MASK, "
                "MASK_VALUES and PRODUCT."
            )
    _tell(scenes, valid, empty, lonely, job)
    return job.result


def _top(cells: np.ndarray) -> float:
    return np.fmax.reduce(cells, axis=None)


def _check_days(scenes: list[dict]) -> None:
    if len(scenes) < 2:
        raise InputError(
            "NDVI_CHANGE needs at least two dates; there is one. Give more scenes, or skip that "
            "output."
        )
    unknown = sum(each["day"] is None for each in scenes)
    if unknown:
        raise InputError(
            f"NDVI_CHANGE needs to know the dates, but {unknown} of {len(scenes)} names of RED's "
            "layers hold none. Give DATES, or name the layers like red_20140715."
        )


def _check_numbers(highest: np.ndarray, job: Job) -> None:
    """Compare the highest number of each scene, -inf if it has none, with the product's."""
    product = job.parameters["product"]
    seen = highest[np.isfinite(highest)]
    if product == "reflectance":
        if (seen > _BRIGHTEST).any():
            job.monitor.log(
                f"Reflectance goes from 0 to 1, but the rasters hold values up to {seen.max():g}. "
                "A common factor does no harm; an offset, as Landsat and Sentinel-2 have, does: "
                "choose PRODUCT accordingly.",
                "warning",
            )
    elif (seen < _DARKEST).any():
        raise InputError(
            f"PRODUCT {product} holds numbers of thousands, but a scene has none above "
            f"{seen.min():g}: it seems to be scaled already. Choose PRODUCT reflectance."
        )


def _tell(scenes: list[dict], valid: np.ndarray, empty: int, lonely: int, job: Job) -> None:
    size = job.grid.window.size
    for each, count in zip(scenes, valid):
        job.monitor.log(
            f"{each['day'] or each['name']}: {count / size:.1%} of the cells can be used.",
            "info" if count else "warning",
        )
    if empty:
        job.monitor.log(f"{empty:,} of {size:,} cells have no value on any date: NoData.")
    if lonely and job.wants("NDVI_CHANGE"):
        job.monitor.log(
            f"{lonely:,} of {size:,} cells have a value on one date only: no NDVI_CHANGE there."
        )
