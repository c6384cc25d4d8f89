"""Distance to the nearest well, and density of wells."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
from scipy.spatial import cKDTree

from ..drivers.wells import density, is_active
from ..errors import InputError
from ..files.columns import as_text
from ..files.fill_values import FillValues
from ..spatial.raster import SurfaceWriter
from .job import Job


def run(folder, request, monitor, tile_size: int = 1024) -> dict:
    """Write DISTANCE and DENSITY of the wells in the request, tile by tile."""
    job = Job(folder, request, monitor)
    wells = job.arrays(request["wells"])
    xy = wells["xy"]
    if "filter_field" in job.parameters:
        active = _active(wells[job.parameters["filter_field"]], job)
        xy, wells = xy[active], {name: column[active] for name, column in wells.items()}
    inside = job.grid.inside(xy).sum()
    if not inside:
        monitor.log(
            "No well lies in the area of the map; distances are to wells outside. Check EXTENT "
            "if that is not what you want.",
            "warning",
        )
    monitor.log(f"Wells that count: {len(xy):,}, {len(xy) - inside:,} of them outside the map.")
    tree = cKDTree(xy)
    maps = {"DISTANCE": ("well_distance_m", lambda tile: tree.query(tile.xy(), workers=-1)[0])}
    if job.wants("DENSITY"):
        weights, band = _weights(wells, job)
        known = np.isfinite(weights)
        pumping = xy[known], weights[known], job.parameters["bandwidth"]
        maps["DENSITY"] = band, lambda tile: density(tile, *pumping)
    with ExitStack() as writers:
        files = {}
        for name, (band, _) in maps.items():
            writer = SurfaceWriter(job.file(name, ".tif"), job.grid, [band], ["continuous"])
            files[name] = writers.enter_context(writer)
        tiles = list(job.grid.tiles(tile_size))
        for i, tile in enumerate(tiles):
            for name, (_, cells) in maps.items():
                files[name].write(tile, cells(tile))
            monitor.progress((i + 1) / len(tiles))
    return job.result


def _active(column: np.ndarray, job: Job) -> np.ndarray:
    field, accepted = job.parameters["filter_field"], job.parameters.get("filter_values")
    active = is_active(column, accepted)
    if not active.any():
        found = ", ".join(value or "nothing" for value in np.unique(as_text(column))[:10])
        raise InputError(
            f"None of the {len(active):,} wells counts: {field} holds {found}; counted is "
            f"{accepted or 'all but 0, false, no and empty'}. Check FILTER_FIELD and "
            "FILTER_VALUES."
        )
    job.monitor.log(f"By {field} {(~active).sum():,} of {len(active):,} wells do not count.")
    return active


def _weights(wells: dict, job: Job) -> tuple[np.ndarray, str]:
    """The wells' weights (n,), NaN where unknown, and the density's name."""
    bandwidth, field = job.parameters["bandwidth"], job.parameters.get("weight_field")
    if bandwidth < max(job.grid.cell_size):
        job.monitor.log(
            f"BANDWIDTH ({bandwidth:g} m) is smaller than a cell ({max(job.grid.cell_size):g} m): "
            "wells between the cells' centres are lost in the density. Give a larger one.",
            "warning",
        )
    if field is None:
        return np.ones(len(wells["xy"])), "wells_per_km2"
    weights = wells[field]
    if weights.dtype.kind != "f":
        raise InputError(f"WEIGHT_FIELD {field} holds text. Choose a field of numbers.")
    fill = FillValues(f"the field {field}")
    weights = fill.remove(weights)
    for sentence in fill.sentences():
        job.monitor.log(sentence, "warning")
    unknown, negative = ~np.isfinite(weights), weights < 0
    if negative.any():
        raise InputError(
            f"{negative.sum():,} of {len(weights):,} wells have a negative {field}, for instance "
            f"{weights[negative][0]:g}. A density needs amounts: correct the field, or take its "
            "absolute value if negative means pumped out."
        )
    if unknown.all():
        raise InputError(f"No well has a number in WEIGHT_FIELD {field}. Choose another field.")
    if unknown.any():
        job.monitor.log(
            f"{unknown.sum():,} of {len(weights):,} wells have no number in {field}: they count "
            "for the distance, not for the density.",
            "warning",
        )
    return weights, f"{field}_per_km2"
