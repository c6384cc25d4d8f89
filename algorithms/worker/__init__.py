"""The other Python: found, made, and run."""
