"""Stokes parameters from polaroids and half-wave plates; debiasing; instrumental zero.

Conventions: q, u and p are fractions; angles are degrees, north through east; chi lies in
[0, 180). Everything here is a pure function of small arrays.
"""

from polarnight.polarimetry.groups import Cycle, PolarimetryRecord, make_groups
from polarnight.polarimetry.half_wave_plate import fit_half_wave_plate, fit_plate_ratios
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.polarimetry.polarization import Polarization
from polarnight.polarimetry.polaroids import fit_polaroids, fit_single_beam
from polarnight.polarimetry.stokes import Stokes, correct

__all__ = [
    "Cycle",
    "InstrumentalPolarization",
    "PolarimetryRecord",
    "Polarization",
    "Stokes",
    "correct",
    "fit_half_wave_plate",
    "fit_plate_ratios",
    "fit_polaroids",
    "fit_single_beam",
    "make_groups",
]
