"""What drives subsidence, computed from what people have: terrain, images, wells, piezometers."""
