"""Persistent scatterers: how their layers and images are read."""
