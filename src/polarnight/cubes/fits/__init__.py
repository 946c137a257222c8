"""Images of FITS files as cubes and back: found by their headers, read when they are indexed."""
