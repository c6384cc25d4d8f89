"""Layers to points and aligned drivers: every rule on CRS, grid and NoData."""
