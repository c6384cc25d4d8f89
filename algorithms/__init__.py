"""The only rooms that know QGIS: one algorithm per file, and what they share."""
