"""Raw nights of any simulated instrument, from a sky with known magnitudes and Stokes
parameters; what the pipeline finds is compared with the truth written beside them.
"""

from __future__ import annotations

from polarnight.simulation.cameras import CAMERAS, Camera, get_camera
from polarnight.simulation.catalogues import field_catalogue, sources, write_catalogues
from polarnight.simulation.detector import Chip, make_chip, make_flat, read_out
from polarnight.simulation.faults import FAULTS, apply_fault
from polarnight.simulation.fields import BL_LAC, HILTNER_960, Target, grid_field, target_field
from polarnight.simulation.frame import (
    Conditions,
    Exposure,
    Rendered,
    render_calibration,
    render_frame,
)
from polarnight.simulation.headers import HEADER_WRITERS, Pointing, andor_header, cafos_header
from polarnight.simulation.modulation import (
    beam_fractions,
    draw_instrumental,
    polaroid_fraction,
    to_instrument,
)
from polarnight.simulation.night import NightSimulator, read_truth, simulate_night, sky_of_truth
from polarnight.simulation.optics import Optics
from polarnight.simulation.options import SCENARIOS, NightOptions, make_options
from polarnight.simulation.psf import Psf, add_stars
from polarnight.simulation.sky import Sky

__all__ = [
    "BL_LAC",
    "CAMERAS",
    "FAULTS",
    "HEADER_WRITERS",
    "HILTNER_960",
    "SCENARIOS",
    "Camera",
    "Chip",
    "Conditions",
    "Exposure",
    "NightOptions",
    "NightSimulator",
    "Optics",
    "Pointing",
    "Psf",
    "Rendered",
    "Sky",
    "Target",
    "add_stars",
    "andor_header",
    "apply_fault",
    "beam_fractions",
    "cafos_header",
    "draw_instrumental",
    "field_catalogue",
    "get_camera",
    "grid_field",
    "make_chip",
    "make_flat",
    "make_options",
    "polaroid_fraction",
    "read_out",
    "read_truth",
    "render_calibration",
    "render_frame",
    "simulate_night",
    "sky_of_truth",
    "sources",
    "target_field",
    "to_instrument",
    "write_catalogues",
]
