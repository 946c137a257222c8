"""Many frames into one, and a raw frame into a calibrated one: compiled, and defined in numpy."""
