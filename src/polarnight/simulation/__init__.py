"""Raw nights of any simulated instrument, from a sky with known magnitudes and Stokes
parameters; what the pipeline finds is compared with the truth written beside them.
"""

from __future__ import annotations

from polarnight.simulation.cameras import Camera
from polarnight.simulation.catalogues import field_catalogue, sources, write_catalogues
from polarnight.simulation.detector import Chip, make_chip, make_flat, read_out
from polarnight.simulation.disturbances import DISTURBANCES
from polarnight.simulation.exposure import Exposure
from polarnight.simulation.faults import FAULTS, apply_fault
from polarnight.simulation.fields import grid_field, target_field
from polarnight.simulation.frame import Conditions, Rendered, render_calibration, render_frame
from polarnight.simulation.galaxy import Galaxy
from polarnight.simulation.modulation import (
    beam_fractions,
    draw_instrumental,
    polaroid_fraction,
    retarder_fractions,
    to_instrument,
)
from polarnight.simulation.night import NightSimulator, read_truth, simulate_night, sky_of_truth
from polarnight.simulation.optics import Optics
from polarnight.simulation.options import NightOptions, make_options
from polarnight.simulation.plugin import FrameSetting, Pointing, SimulatedInstrument
from polarnight.simulation.psf import Psf, add_stars
from polarnight.simulation.registry import GROUP, all_simulations, get_simulation, scenarios_of
from polarnight.simulation.sky import Sky
from polarnight.simulation.targets import BL_LAC, HILTNER_960, M_51, Target

__all__ = [
    "BL_LAC",
    "DISTURBANCES",
    "FAULTS",
    "GROUP",
    "HILTNER_960",
    "M_51",
    "Camera",
    "Chip",
    "Conditions",
    "Exposure",
    "FrameSetting",
    "Galaxy",
    "NightOptions",
    "NightSimulator",
    "Optics",
    "Pointing",
    "Psf",
    "Rendered",
    "SimulatedInstrument",
    "Sky",
    "Target",
    "add_stars",
    "all_simulations",
    "apply_fault",
    "beam_fractions",
    "draw_instrumental",
    "field_catalogue",
    "get_simulation",
    "grid_field",
    "make_chip",
    "make_flat",
    "make_options",
    "polaroid_fraction",
    "read_out",
    "read_truth",
    "render_calibration",
    "render_frame",
    "retarder_fractions",
    "scenarios_of",
    "simulate_night",
    "sky_of_truth",
    "sources",
    "target_field",
    "to_instrument",
    "write_catalogues",
]
