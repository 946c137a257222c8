"""Stokes parameters from polaroids and turning plates; debiasing; instrumental zero.

Conventions: q, u and p are fractions; angles are degrees, north through east; chi lies in
[0, 180). Everything here is a pure function of small arrays.
"""

from polarnight.polarimetry.angles import unwrap_angles
from polarnight.polarimetry.combine import combine_stokes
from polarnight.polarimetry.comparison import CycleFluxes, Method, compare_methods, modulation
from polarnight.polarimetry.groups import Cycle, PolarimetryRecord, make_groups, pair_cameras
from polarnight.polarimetry.half_wave_plate import fit_half_wave_plate, fit_plate_ratios
from polarnight.polarimetry.instrumental import InstrumentalPolarization
from polarnight.polarimetry.polarization import Polarization, degree_and_angle
from polarnight.polarimetry.polaroids import fit_polaroids, fit_single_beam
from polarnight.polarimetry.quarter_wave_plate import fit_quarter_wave_plate
from polarnight.polarimetry.stokes import Stokes, correct
from polarnight.polarimetry.transparency import Transparency, field_transparency, zero_of_field

__all__ = [
    "Cycle",
    "CycleFluxes",
    "InstrumentalPolarization",
    "Method",
    "PolarimetryRecord",
    "Polarization",
    "Stokes",
    "Transparency",
    "combine_stokes",
    "compare_methods",
    "correct",
    "degree_and_angle",
    "field_transparency",
    "fit_half_wave_plate",
    "fit_plate_ratios",
    "fit_polaroids",
    "fit_quarter_wave_plate",
    "fit_single_beam",
    "make_groups",
    "modulation",
    "pair_cameras",
    "unwrap_angles",
    "zero_of_field",
]
