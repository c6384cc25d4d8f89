"""Splits, metrics and intervals: what knows points and errors, and no method."""
