"""The algorithms that make driving forces."""
