"""Layers to points and aligned drivers: every rule on CRS, grid and NoData."""

from __future__ import annotations

from importlib import import_module

DEFAULT_CELL_SIZE = 30.0  # metres
MAX_GUESSED_CLASSES = 32

# Opened when they are asked for: QGIS waits at its start until the plugin is loaded.
_ROOMS = {
    "crs": (
        "WGS84",
        "check_crs",
        "describe",
        "is_metric",
        "is_true",
        "scale",
        "title",
        "utm",
        "wkt",
    ),
    "copies": ("fields_for", "save_layer"),
    "files": ("check_files", "files_of", "files_of_vector"),
    "grids": ("MAX_CELLS", "Grid", "choose_grid", "choose_lattice", "common_area", "grid_of"),
    "pixels": ("gdal_errors",),
    "rasters": (
        "Driver",
        "Source",
        "link_drivers",
        "name_classes",
        "open_drivers",
        "parse_nodata",
        "set_kinds",
        "stack_drivers",
        "warp_drivers",
    ),
    "sources": (
        "check_filled",
        "check_geometry",
        "check_layer",
        "check_points",
        "check_source",
        "find_number",
        "table_of",
    ),
    "vectors": (
        "Points",
        "Table",
        "keep_inside",
        "read_points",
        "read_polygons",
        "read_table",
        "save_points",
        "save_table",
    ),
}


def __getattr__(name: str):
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f".{room}", __name__), name)
    raise AttributeError(f"{__name__} has no {name}")
