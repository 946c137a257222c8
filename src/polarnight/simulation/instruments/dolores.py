"""DOLORES (LRS), the camera of the TNG."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.frames import ImageType
from polarnight.instruments.times import isot_from_jd
from polarnight.simulation.cameras import EXTINCTION, Camera
from polarnight.simulation.plugin import FrameSetting, SimulatedInstrument
from polarnight.simulation.targets import M_51

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.exposure import Exposure

__all__ = ["DOLORES"]

_WHEEL: Final = MappingProxyType({"U": 9, "B": 10, "V": 11, "R": 12, "I": 13})
_TYPES: Final = MappingProxyType(
    {
        ImageType.BIAS: "BIAS",
        ImageType.DARK: "DARK",
        ImageType.FLAT: "FLAT",
        ImageType.LIGHT: "OBJECT",
    }
)

_CAMERA: Final = Camera(
    instrument="DOLORES",
    telescope="TNG",
    chip=(2100, 2100),
    window=(2100, 2100),
    scale=0.2524,
    rotation=0.4,
    mirrored=False,
    distortion=1.5,
    # Electrons per second of magnitude 0 as the observatory's exposure calculator has them.
    zero_points=MappingProxyType({"U": 23.9, "B": 26.3, "V": 26.4, "R": 26.3, "I": 25.7}),
    sky=MappingProxyType({"U": 22.2, "B": 22.6, "V": 21.8, "R": 21.0, "I": 19.8}),
    extinction=EXTINCTION,
    polarimeter_throughput=1.0,
    gain=0.97,
    read_noise=9.0,
    saturation=65535.0,
    dark_current=0.001,
    bias=1010.0,
    bias_slope=2.0,
    junk=False,
    cosmic_rate=3.0e-8,
    seeing=1.1,
)


def dolores_header(exposure: Exposure, setting: FrameSetting) -> Header:
    """Return the header of a DOLORES frame."""
    from astropy.io.fits import Header

    light = exposure.imgtype is ImageType.LIGHT
    start = isot_from_jd(exposure.jd_start)
    pointing, binning = setting.pointing, setting.binning
    header = Header()
    header["TELESCOP"] = ("TNG", "telescope")
    header["INSTRUME"] = ("LRS", "Instrument name")
    header["OBSERVER"] = "simulation"
    header["OBJECT"] = (exposure.object_name if light else exposure.imgtype.value, "Target")
    header["OBJCAT"] = exposure.object_name
    header["OBS-TYPE"] = (_TYPES[exposure.imgtype], "Observation type")
    header["OBS-MODE"] = ("IMAGING", "Observation mode")
    header["DATE-OBS"] = (start[:10], "Date of the beginning of the exposure, UT")
    header["EXPSTART"] = (start[11:], "Start of the exposure, UT")
    header["EXPTIME"] = (exposure.exptime, "Exposure time, seconds")
    header["FLT_ID"] = (_filter(exposure), "Filter")
    header["GRM_ID"] = ("OPEN", "Grism")
    header["SLT_ID"] = ("OPEN", "Slit")
    header["GAIN_1"] = (setting.camera.gain, "e-/ADU")
    header["RMS_1"] = (setting.camera.read_noise, "Readout noise, e-")
    header["CRDELT1"] = (binning, "Binning along x")
    header["CRDELT2"] = (binning, "Binning along y")
    if light:
        header["RA-RAD"] = (math.radians(pointing.ra), "Right ascension, radians, J2000")
        header["DEC-RAD"] = (math.radians(pointing.dec), "Declination, radians, J2000")
        header["AIRMASS"] = round(pointing.airmass, 5)
    header["SWCREATE"] = "polarnight simulate"
    return header


def _filter(exposure: Exposure) -> str:
    # With the shutter closed no filter matters, and the wheel stands where there is none.
    band = exposure.band
    return f"{band}_JOHN_{_WHEEL[band]:02d}" if band else "OPEN"


def dolores_filename(exposure: Exposure, number: int) -> str:
    """Return names such as ``LRS.2016-06-06T20-30-03.925.fits``."""
    stamp = isot_from_jd(exposure.jd_start).replace(":", "-")
    return f"LRS.{stamp}.fits"


_IMAGING: Final = MappingProxyType(
    {
        "size": 1050,
        "binning": 2,
        "photometry": ("B", "V", "R"),
        "n_photometry": 1,
        "n_cycles": 0,
        "exptime": 20.0,
        "gap": 20.0,
        "n_stars": 120,
    }
)

# The spiral of the calibration tutorial of 2017: its frames lie one upon the other, so that their
# median needs no alignment, and on 2016-06-06 the first bears the name that the tutorial imports
# (the zone time of La Palma is UT - 1).
_GALAXY: Final = _IMAGING | MappingProxyType(
    {
        "n_photometry": 5,
        "n_bias": 7,
        "n_flats": 5,
        "n_calibrators": 5,
        "n_stars": 60,
        "dither": 0.0,
        "start_hour": 19.5 + 3.925 / 3600.0,
    }
)

DOLORES: Final = SimulatedInstrument(
    camera=_CAMERA,
    header=dolores_header,
    filename=dolores_filename,
    target=M_51,
    scenarios=MappingProxyType(
        {
            "demo": _IMAGING | {"n_photometry": 3},
            "galaxy": _GALAXY,
            "grid": _IMAGING
            | {
                "photometry": ("R",),
                "n_photometry": 4,
                "n_calibrators": 12,
                "flat_stars": 0,
                "mag_range": (17.0, 21.5),
            },
        }
    ),
    brightest_star=17.0,
    milliseconds=True,
)
"""DOLORES."""
