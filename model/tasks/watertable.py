"""The water table and its change, kriged from piezometers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ..drivers.water_table import DAYS_PER_YEAR, LeftOut, Piezometer, iso, read_piezometers
from ..errors import InputError
from ..geostatistics.variogram import FEW
from ..methods.kriging import OrdinaryKriging
from ..report.figures import variogram_figure
from ..report.kriging_report import variogram_caption
from ..report.report import Report
from ..spatial.points import Points
from ..spatial.raster import SurfaceWriter
from .job import Job

_FIELDS = ("id_field", "date_field", "level_field", "readings_id_field")
_NEIGHBOURS = 64  # few have more piezometers than this


@dataclass
class Quantity:
    """What is mapped: each piezometer's value, or why it has none.

    Parameters
    ----------
    title : str
        With its dates, for the report.
    unit : str
    bands : list of str
        Names of the map's two bands.
    values : ndarray (n,)
        NaN where a piezometer is left out.
    reasons : list of str
        Empty where it is not.
    """

    title: str
    unit: str
    bands: list
    values: np.ndarray
    reasons: list


def run(folder, request, monitor, tile_size: int = 512) -> dict:
    """Write WATER_TABLE, CHANGE and REPORT from the piezometers in the request, tile by tile."""
    job = Job(folder, request, monitor)
    if not request["outputs"]:
        raise InputError("No output was requested. Choose WATER_TABLE, CHANGE or REPORT.")
    fields = {name: job.parameters.get(name) for name in _FIELDS}
    readings = request.get("readings")
    piezometers = read_piezometers(
        job.arrays(request["piezometers"]),
        readings and job.arrays(readings),
        **fields,
        monitor=monitor,
    )
    report = Report("Water table")
    wanted = {"WATER_TABLE": water_table, "CHANGE": change}
    maps = [name for name in wanted if job.wants(name)]
    for i, name in enumerate(maps or ["WATER_TABLE"]):
        quantity = wanted[name](piezometers, job)
        kriging, at = krige(quantity, piezometers, job)
        if job.wants(name):
            part = monitor.part(i / len(maps), (i + 1) / len(maps))
            write_map(kriging, quantity, job, job.file(name, ".tif"), part, tile_size)
        describe(quantity, kriging, at, piezometers, report)
    if job.wants("REPORT"):
        report.settings(job.parameters)
        report.write(job.file("REPORT", ".html"))
    return job.result


def water_table(piezometers: list[Piezometer], job: Job) -> Quantity:
    """The level on DATE, or without it the mean of the period."""
    depth = job.parameters["level_is"] == "depth"
    what = "Depth of the water table" if depth else "Water table"
    bands = ["depth_to_water_m" if depth else "water_table_m", "standard_deviation_m"]
    day, (start, end) = _day(job, "date"), _period(piezometers, job)
    if day is None:
        title = f"{what}, mean of {iso(start)} to {iso(end)}"
        return _quantity(title, "m", bands, piezometers, lambda p: p.between(start, end).mean())
    tolerance = job.parameters["tolerance"]
    title = f"{what} on {iso(day)}"
    return _quantity(title, "m", bands, piezometers, lambda p: p.level_at(day, tolerance))


def change(piezometers: list[Piezometer], job: Job) -> Quantity:
    """The change from START to END, or the trend per year; positive is a rise."""
    start, end = _period(piezometers, job)
    tolerance = job.parameters["tolerance"]
    rise = -1 if job.parameters["level_is"] == "depth" else 1
    bands = ["change_m", "change_standard_deviation_m"]
    if job.parameters["change_is"] == "between_dates":
        title = f"Change of the water table from {iso(start)} to {iso(end)}"
        return _quantity(
            title, "m", bands, piezometers, lambda p: rise * p.change(start, end, tolerance)
        )
    within = [each.between(start, end) for each in piezometers]
    short = sum(len(p.days) > 1 and np.ptp(p.days) < DAYS_PER_YEAR for p in within)
    if short:
        job.monitor.log(
            f"The readings of {short} of {len(within)} piezometers span less than a year: their "
            "trend holds the season too.",
            "warning",
        )
    title = f"Trend of the water table, {iso(start)} to {iso(end)}"
    bands = [f"{band}_per_year" for band in bands]
    return _quantity(title, "m per year", bands, within, lambda p: rise * p.trend())


def _quantity(title, unit, bands, piezometers, value) -> Quantity:
    values, reasons = np.full(len(piezometers), np.nan), [""] * len(piezometers)
    for i, piezometer in enumerate(piezometers):
        try:
            values[i] = value(piezometer)
        except LeftOut as reason:
            reasons[i] = str(reason)
    return Quantity(title, unit, bands, values, reasons)


def _day(job: Job, name: str) -> int | None:
    text = job.parameters.get(name)
    return text and date.fromisoformat(text).toordinal()


def _period(piezometers: list[Piezometer], job: Job) -> tuple[float, float]:
    """START and END, or the first and the last reading of all."""
    days = np.concatenate([each.days for each in piezometers])
    start, end = _day(job, "start") or days.min(), _day(job, "end") or days.max()
    if start >= end and (job.parameters.get("start") or job.parameters.get("end")):
        raise InputError(
            f"The period from {iso(start)} to {iso(end)} has no length; readings run from "
            f"{iso(days.min())} to {iso(days.max())}. Change START or END."
        )
    return start, end


def krige(quantity: Quantity, piezometers: list[Piezometer], job: Job):
    """Fit kriging to the values at different places.

    Returns
    -------
    OrdinaryKriging, ndarray (n,)
        For each piezometer the index of its place, -1 if it is left out.

    Raises
    ------
    InputError
        If fewer than 3 places have a value.
    """
    log = job.monitor.log
    used = np.isfinite(quantity.values)
    title = quantity.title[0].lower() + quantity.title[1:]
    for reason in sorted(set(quantity.reasons) - {""}):
        count = quantity.reasons.count(reason)
        log(f"Left out of the {title}: {count} of {len(used)} piezometers ({reason}).", "warning")
    xy = np.array([each.xy for each in piezometers])
    places, inverse = np.unique(xy[used].round(3), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    if len(places) < 3:
        raise InputError(
            f"Kriging needs 3 places, but the {title} is known at {len(places)}. Left out: "
            f"{(~used).sum()} of {len(used)} piezometers"
            + "".join(f"; {reason}" for reason in sorted(set(quantity.reasons) - {""}))
            + ". Change the dates, TOLERANCE or the outputs."
        )
    values = np.bincount(inverse, quantity.values[used]) / np.bincount(inverse)
    if len(places) < used.sum():
        shared = used.sum() - len(places)
        log(f"Piezometers that share their place with another, averaged: {shared}.")
    across = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if across[1] < 0.01 * across[0]:
        log("The piezometers lie on one line: beside it the map is extrapolated.", "warning")
    model = job.parameters["variogram"]
    if len(places) < FEW and model not in ("auto", "linear"):
        log(f"{len(places)} places are few to fit a {model} variogram to.", "warning")
    kriging = OrdinaryKriging(model, _NEIGHBOURS).fit(Points(places, values), monitor=job.monitor)
    log(
        f"{quantity.title}: {used.sum()} piezometers, leave-one-out RMSE {kriging.rmse_:.3g} "
        f"{quantity.unit}."
    )
    at = np.full(len(used), -1)
    at[used] = inverse
    return kriging, at


def write_map(
    kriging: OrdinaryKriging, quantity: Quantity, job: Job, path, monitor, tile_size: int
) -> None:
    """Write the mean and the standard deviation, tile by tile."""
    kinds = ["continuous", "auxiliary"]
    with SurfaceWriter(path, job.grid, quantity.bands, kinds) as writer:
        tiles = list(job.grid.tiles(tile_size))
        for i, tile in enumerate(tiles):
            mean, deviation = kriging.krige(tile.xy())
            writer.write(tile, mean, deviation)
            monitor.progress((i + 1) / len(tiles))


def describe(quantity: Quantity, kriging: OrdinaryKriging, at, piezometers, report: Report) -> None:
    """Enter one map into the report: variogram, errors, piezometers."""
    unit, variogram = quantity.unit, kriging.variogram_
    report.text(
        f"{quantity.title}: {(at >= 0).sum()} of {len(at)} piezometers at {len(kriging.points_)} "
        f"places; leave-one-out RMSE {kriging.rmse_:.3g} {unit}."
    )
    if variogram:
        report.figure(
            f"Variogram: {quantity.title}",
            variogram_figure(variogram, unit),
            variogram_caption(kriging, unit, "places"),
        )
    rows = []
    for i, piezometer in enumerate(piezometers):
        days, value = piezometer.days, quantity.values[i]
        used = at[i] >= 0
        rows.append(
            [
                piezometer.name,
                len(days),
                iso(days[0]) if len(days) else None,
                iso(days[-1]) if len(days) else None,
                float(value) if used else None,
                float(kriging.error_[at[i]]) if used else None,
                quantity.reasons[i],
            ]
        )
    columns = ["Piezometer", "Readings", "First", "Last", f"Value ({unit})"]
    report.table(
        f"Piezometers: {quantity.title}",
        [*columns, f"Leave-one-out error ({unit})", "Left out because"],
        rows,
        "The error is what kriging from all other places predicts here, minus the value.",
    )
