"""The main road, from points to a map, and the worker environment."""
