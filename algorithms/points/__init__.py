"""Persistent scatterers."""
