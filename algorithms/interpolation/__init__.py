"""Classical interpolation."""
