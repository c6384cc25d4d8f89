"""Files, and what may stand in them."""
