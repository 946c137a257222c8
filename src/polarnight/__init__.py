"""Polarnight: from a night of raw CCD frames to calibrated photometry and polarimetry."""

from __future__ import annotations

__version__ = "0.1.0"
