"""Grids, rasters, polygons and points, on disk and as arrays."""
