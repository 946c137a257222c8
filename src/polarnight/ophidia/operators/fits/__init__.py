"""Operators between cubes and FITS files: import, calibration, export, the data repository."""
