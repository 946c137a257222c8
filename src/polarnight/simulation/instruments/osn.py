"""The cameras with filters and polaroids of Sierra Nevada: AndorT90, RoperT90, AndorT150."""

from __future__ import annotations

import functools
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.frames import ImageType
from polarnight.simulation.cameras import DARK_SKY, EXTINCTION, Camera
from polarnight.simulation.headers import maxim_header
from polarnight.simulation.plugin import FrameSetting, HeaderWriter, SimulatedInstrument
from polarnight.simulation.targets import BL_LAC

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.exposure import Exposure

__all__ = ["ANDOR_T90", "ANDOR_T150", "ROPER_T90"]

_POLAROIDS: Final = MappingProxyType({-45.0: "R_45", 0.0: "R0", 45.0: "R45", 90.0: "R90"})

_CAMERA: Final = Camera(
    instrument="AndorT90",
    telescope="OSN-T090",
    chip=(2048, 2048),
    window=(2048, 2048),
    scale=0.3885,
    rotation=1.3,
    mirrored=False,
    distortion=0.2,
    # R = 15 gives 1500 e-/s: a signal-to-noise ratio of about 300 in 60 s.
    zero_points=MappingProxyType({"U": 20.4, "B": 22.6, "V": 22.95, "R": 22.94, "I": 22.3}),
    sky=DARK_SKY,
    extinction=EXTINCTION,
    polarimeter_throughput=0.76,
    gain=4.5,
    read_noise=8.0,
    saturation=65535.0,
    dark_current=0.005,
    bias=305.0,
    bias_slope=3.0,
    junk=False,
    cosmic_rate=2.4e-8,
    seeing=2.0,
)


def polaroid_header(
    exposure: Exposure,
    setting: FrameSetting,
    *,
    telescope: str,
    instrument: str,
    pixel_microns: float,
) -> Header:
    """Return a header of MaxIm DL with the filter wheel of the OSN cameras.

    Parameters
    ----------
    exposure, setting
        See `HeaderWriter`.
    telescope, instrument : str
        As TELESCOP and INSTRUME have them.
    pixel_microns : float
        Size of an unbinned pixel.
    """
    name = exposure.band if exposure.rotangle is None else _POLAROIDS[exposure.rotangle]
    lit = exposure.imgtype in (ImageType.LIGHT, ImageType.FLAT)
    return maxim_header(
        exposure,
        setting,
        telescope=telescope,
        instrument=instrument,
        pixel_microns=pixel_microns,
        image_type=exposure.imgtype.value,
        filter_name=name if lit else None,
    )


def polaroid_filename(exposure: Exposure, number: int) -> str:
    """Return names such as ``BLLac-0003R_45.fit``."""
    stem = exposure.object_name
    if exposure.imgtype is not ImageType.LIGHT:
        stem = exposure.imgtype.value.capitalize()
    path = "R_45" if exposure.rotangle == -45.0 else exposure.band
    if exposure.rotangle is not None and exposure.rotangle >= 0:
        path += f"{exposure.rotangle:.0f}"
    return f"{stem}-{number:04d}{path}.fit"


def _writer(telescope: str, instrument: str, pixel_microns: float) -> HeaderWriter:
    return functools.partial(
        polaroid_header, telescope=telescope, instrument=instrument, pixel_microns=pixel_microns
    )


_GRID: Final = MappingProxyType(
    {
        "size": 1024,
        "photometry": ("R",),
        "n_photometry": 4,
        "n_cycles": 2,
        "n_calibrators": 12,
        "flat_stars": 0,
        "exptime_polarimetry": 120.0,
        "ip_per": "cycle",
    }
)

ANDOR_T90: Final = SimulatedInstrument(
    camera=_CAMERA,
    header=_writer("T90-OSN", "AndorT90", 13.5),
    filename=polaroid_filename,
    target=BL_LAC,
    scenarios=MappingProxyType(
        {
            # Cycles are independent trials of the quoted constants: what the demonstration
            # counts as independent shall be so.
            "demo": MappingProxyType({"size": 1024, "binning": 2, "ip_per": "cycle"}),
            "grid": _GRID,
        }
    ),
)
"""AndorT90."""

_DEMO: Final = MappingProxyType({"size": 1024, "binning": 2})

ROPER_T90: Final = SimulatedInstrument(
    # The same telescope and filters; less sensitive, and of coarser numbers.
    camera=replace(
        _CAMERA,
        instrument="RoperT90",
        scale=0.3865,
        rotation=-0.8,
        distortion=0.3,
        zero_points=MappingProxyType({"U": 19.9, "B": 22.3, "V": 22.8, "R": 22.8, "I": 22.0}),
        gain=7.14,
        bias=1180.0,
        bias_slope=6.0,
        cosmic_rate=6.0e-8,
    ),
    header=_writer("T90-OSN", "RoperT90", 13.5),
    filename=polaroid_filename,
    target=BL_LAC,
    scenarios=MappingProxyType({"demo": _DEMO, "grid": _GRID}),
)
"""RoperT90, the camera before AndorT90; its nights end before 2021-10-23."""

ANDOR_T150: Final = SimulatedInstrument(
    # 2.8 times the light, a smaller field.
    camera=replace(
        _CAMERA,
        instrument="AndorT150",
        telescope="OSN-T150",
        scale=0.2325,
        rotation=181.2,
        distortion=0.15,
        zero_points=MappingProxyType({"U": 21.5, "B": 23.7, "V": 24.05, "R": 24.05, "I": 23.4}),
        bias=310.0,
        seeing=1.6,
    ),
    header=_writer("T150-OSN", "Andor", 13.5),
    filename=polaroid_filename,
    target=BL_LAC,
    scenarios=MappingProxyType(
        {
            # The quoted errors of its polaroids are those of ignorance (six percent, any
            # angle); the simulated ones are perfect.
            "demo": _DEMO
            | {"n_stars": 160, "exptime": 30.0, "exptime_polarimetry": 45.0, "ip_scatter": 0.0},
            "grid": _GRID | {"ip_scatter": 0.0, "mag_range": (13.0, 18.0)},
        }
    ),
    brightest_star=13.0,
)
"""AndorT150."""
