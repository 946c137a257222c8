"""Where lazy cubes are computed, and within which bounds."""
