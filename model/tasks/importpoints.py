"""PS points of any processor as one clean layer."""

from __future__ import annotations

import re
from pathlib import Path

from rasterio.crs import CRS

from ..dates import like_dates
from ..errors import InputError
from ..scatterers.gridded import open_grid
from ..scatterers.layers import open_vector
from ..scatterers.layout import Source, list_columns, parse_mapping
from ..scatterers.standard import Standardizer, name_crs, period
from ..scatterers.tables import open_table
from ..scatterers.text_file import open_text
from ..spatial.point_file import write_points
from .job import Job

GRIDS = (".h5", ".he5", ".hdf5")


def run(folder, request, monitor) -> dict:
    """Write PS_POINTS of the request's source with standard fields, mm and positive up."""
    job = Job(folder, request, monitor)
    source = open_source(request["source"], job.parameters)
    layout = source.layout
    by = f", recognised by {', '.join(layout.recognised_by)}" if layout.recognised_by else ""
    monitor.log(f"Format: {layout.format.title}{by}.")
    taken = ", ".join(f"{name} from {column}" for name, column in layout.columns.items())
    monitor.log(f"Columns: {taken or 'the time series only'}; {period(list(layout.dates))}.")
    if layout.format.vertical and re.search("_E(_|$)", Path(request["source"]["path"]).stem):
        monitor.log("By its name this file holds east-west motion, not vertical.", "warning")
    for note in source.notes:
        monitor.log(note, "warning")
    dates = like_dates(layout.unused)
    if len(dates) > 1 or dates and not layout.dates:
        monitor.log(
            f"{list_columns(dates, 'Columns that look like dates, but are not read')} Rename them "
            "like D20141009 if they are the time series.",
            "warning",
        )
    if layout.unused:
        monitor.log(list_columns(layout.unused, "Columns not used"))
    monitor.log(f"Positions: {source.places}, in {name_crs(source.crs)}.")
    given_crs = job.parameters.get("crs")
    if given_crs and CRS.from_user_input(given_crs) != CRS.from_user_input(source.crs):
        monitor.log(
            f"CRS ({name_crs(given_crs)}) is not used: {source.places} are in "
            f"{name_crs(source.crs)}, as the file or its format says. For a table, name x and y by "
            "COLUMNS to use it.",
            "warning",
        )
    standard = Standardizer(source, job.parameters, monitor)
    count = write_points(job.file("PS_POINTS", ".gpkg"), source.crs, standard.tables())
    standard.log_counts()
    monitor.log(f"Points: {count:,}.")
    job.result["numbers"] = {"COUNT": count, "DATES": len(layout.dates)}
    return job.result


def open_source(given: dict, parameters: dict) -> Source:
    """Open the request's source: `path`, and `layer` and `crs` if it is a layer."""
    path = Path(given["path"])
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check its name, or choose another file.")
    key = parameters.get("format", "auto")
    mapping = parse_mapping(parameters.get("columns", ""))
    crs = parameters.get("crs")
    suffix = path.suffix.lower()
    if suffix in GRIDS:
        if mapping:
            raise InputError("COLUMNS is for tables and layers: HDF5 files name their datasets.")
        return open_grid(path, key)
    text = None if given.get("layer") else open_text(path)
    if text:
        return open_table(text, key, mapping, crs)
    own = {name: given.get(name) for name in ("layer", "crs", "names", "title")}
    return open_vector(path, key, mapping, crs, **own)
