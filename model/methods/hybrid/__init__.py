"""The hybrid: krigings that know the drivers, corrected by trees, and networks for wide gaps."""
