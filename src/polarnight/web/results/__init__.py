"""One result, and one aperture: what stands behind it, and the pictures that tell."""
