"""Splits, metrics and what held-out errors say about the map."""
