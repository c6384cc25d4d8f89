"""PS points in HDF5 grids of MintPy and LiCSBAS, read in windows of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from ..dates import find_dates
from ..errors import InputError
from ..files.hdf5 import elsewhere
from .damage import explained
from .formats import EOS, FORMATS, LICSBAS, WGS84
from .layout import Batch, Layout, Source

_MOST_DATES = 100_000
_GRIDS = [each for each in FORMATS if each.known_by == "datasets"]


def open_grid(path: Path, key: str, values_at_once: int = 4_000_000) -> Source:
    """Open a time series of rasters; each cell that has values is a point at its centre.

    About so many values, of all dates together, are read at a time.

    Raises
    ------
    InputError
        If the file is no HDF5, of no known format, or not geocoded.
    """
    no_hdf5 = InputError(f"{path.name} is no HDF5 file, or a damaged one.")
    with explained(lambda _: no_hdf5):
        file = h5py.File(path, "r")
    damaged = InputError(f"{path.name} is damaged, or its datasets are not what its format says.")
    with explained(lambda _: damaged):
        _check_own(file, path.name)
        source = _open_grid(file, path, key, values_at_once)

    def read(skipped: Counter) -> Iterator[Batch]:
        with explained(lambda _: damaged):
            yield from source.read(skipped)

    return replace(source, read=read)


def _open_grid(file: h5py.File, path: Path, key: str, values_at_once: int) -> Source:
    formats = [each for each in _GRIDS if key in ("auto", each.key)]
    known = next((each for each in formats if all(mark in file for mark in each.marks)), None)
    if known is None:
        raise InputError(
            f"{path.name} is of no known format. Found: {', '.join(_names(file))}. Needed for "
            + "; ".join(f"{each.title}: {', '.join(each.marks)}" for each in _GRIDS)
            + ". A file without corner_lat is not geocoded."
        )
    cube, days = (file[name] for name in known.marks[:2])
    if cube.ndim != 3 or days.size > _MOST_DATES or np.prod(cube.shape[1:], dtype=float) > 1e10:
        raise InputError(
            f"{path.name} holds {known.marks[0]} of shape {cube.shape} and {days.size:,} dates; "
            "expected is an image for each date."
        )
    names = [day.decode() if isinstance(day, bytes) else str(day) for day in days[()]]
    dates = find_dates(names)
    if len(dates) < len(names) or len(names) != cube.shape[0]:
        raise InputError(f"{path.name} has {cube.shape[0]} images and these dates: {names}.")
    order = [names.index(name) for name in dates.values()]
    columns = {name: each for name, each in known.columns.items() if each in file}
    mask = "mask" if known is LICSBAS else f"{EOS}/quality/mask"
    for each in [*columns.values(), *([mask] if mask in file else [])]:
        if file[each].shape != cube.shape[1:]:
            raise InputError(
                f"In {path.name} {each} has the shape {file[each].shape}, but the images have "
                f"{cube.shape[1:]}."
            )
    if known is LICSBAS:
        left, right, top, down = (
            float(file[name][()]) for name in ("corner_lon", "post_lon", "corner_lat", "post_lat")
        )
        crs = WGS84
    else:
        left, right, top, down, crs = _mintpy_lattice(file, path.name, columns)

    def read(skipped: Counter) -> Iterator[Batch]:
        _, height, width = cube.shape
        # Whole chunks, because each is unpacked anew by each window, unless they are very large.
        chunk, most = (cube.chunks or (1, 1))[1], max(1, values_at_once // (len(names) * width))
        step = most // chunk * chunk or min(chunk, 10 * most)
        for row in range(0, height, step):
            rows = slice(row, row + step)
            window = cube[:, rows].reshape(len(names), -1)[order]
            inside = np.isfinite(window).any(axis=0)
            if mask in file:
                inside &= np.nan_to_num(file[mask][rows].reshape(-1)) > 0
            else:
                inside &= (window != 0).any(axis=0)
            skipped["outside the mask, or without values"] += int((~inside).sum())
            values = {
                name: file[each][rows].reshape(-1)[inside].astype(float)
                for name, each in columns.items()
            }
            if left is None:
                xy = np.column_stack([values["longitude"], values["latitude"]])
            else:
                y, x = np.divmod(np.flatnonzero(inside), width)
                xy = np.column_stack([left + right * x, top + down * (row + y)])
            if len(xy):
                series = window[:, inside].astype(float)
                yield Batch(xy, values, series, min(1.0, (row + step) / height))

    layout = Layout(known, columns, dates, known.marks)
    return Source(layout, crs, "the centres of the cells", read)


def _check_own(file: h5py.File, name: str) -> None:
    """Refuse a file whose datasets lie in other files."""
    if found := elsewhere(file):
        path, other = found
        raise InputError(
            f"{name} keeps {path} in another file ({other}). Copy all into one file, and give that."
        )


def _mintpy_lattice(file, name: str, columns: dict) -> tuple:
    """Centre of the first cell, steps and CRS; X_FIRST and Y_FIRST are the corner of that cell."""
    stated = file.attrs
    if "X_FIRST" in stated:
        left, right, top, down = (
            float(stated[each]) for each in ("X_FIRST", "X_STEP", "Y_FIRST", "Y_STEP")
        )
        crs = WGS84
        if str(stated.get("X_UNIT", "degrees")).startswith("m"):
            if "EPSG" not in stated and "UTM_ZONE" not in stated:
                raise InputError(f"{name} is in metres but states neither EPSG nor UTM_ZONE.")
            zone = str(stated.get("UTM_ZONE", "0N"))
            utm = (32600 if zone[-1] == "N" else 32700) + int(zone[:-1])
            crs = f"EPSG:{int(stated.get('EPSG', utm))}"
        return left + right / 2, right, top + down / 2, down, crs
    if columns.keys() >= {"longitude", "latitude"}:
        return None, None, None, None, WGS84
    raise InputError(
        f"{name} is not geocoded: it has neither X_FIRST and Y_FIRST nor longitude and latitude. "
        "Geocode the time series in MintPy first."
    )


def _names(file) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    return names
