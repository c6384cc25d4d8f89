"""The numeric core. It imports no qgis, no osgeo and no Qt, and runs in the worker's own Python."""
