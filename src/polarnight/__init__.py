"""Polarnight: from a night of raw CCD frames to calibrated photometry and polarimetry.

In a script or a notebook::

    import polarnight

    polarnight.Config(config_db=True)  # needed for what is in the data directory
    curve = polarnight.photometry.lightcurve("BL Lac", band="R")

Config
    The settings in force; with ``config_db=True`` the models of `polarnight.db` can be used.
polarimetry
    Stokes parameters of fluxes, degree and angle of polarization, standards.
photometry
    Apertures, zero points, light curves, host galaxies.
frames
    `read_frame` and `write_frame`: a frame with variance, bits and celestial coordinates.
db
    The models: nights, frames, sources, results.
cubes
    Lazy arrays over many frames.
astrometry, calibration, config, errors, instruments, pipeline, simulation, telescopes
    Plate solving, masters, settings, errors, what headers mean, recipes, simulated nights, sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from polarnight.config import Config as Config

__all__ = ["Config", "__version__"]

__version__ = "0.1.0"

_ROOMS = frozenset(
    {
        "astrometry", "calibration", "config", "cubes", "db", "errors", "frames", "instruments",
        "photometry", "pipeline", "polarimetry", "simulation", "telescopes",
    }
)  # fmt: skip


def __getattr__(name: str) -> _Any:
    # Lazy, so that importing a computing room costs nothing of the configuration, and
    # `polarnight.photometry.lightcurve` needs no import besides that of polarnight.
    import importlib

    if name == "Config":
        return importlib.import_module("polarnight.config").Config
    if name in _ROOMS:
        return importlib.import_module(f"polarnight.{name}")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    own = {name for name in globals() if name.startswith("__")}
    return sorted(own | _ROOMS | set(__all__))
