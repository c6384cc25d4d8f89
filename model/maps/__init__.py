"""Maps written tile by tile, and what they rest on."""
