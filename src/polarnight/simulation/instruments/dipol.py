"""DIPOL, the polarimeter with a CMOS camera at the 0.9 m telescope of OSN."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.frames import ImageType, ObsMode
from polarnight.simulation.cameras import DARK_SKY, EXTINCTION, Camera
from polarnight.simulation.headers import maxim_header, sexagesimal
from polarnight.simulation.plugin import FrameSetting, SimulatedInstrument
from polarnight.simulation.targets import BL_LAC

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.exposure import Exposure

__all__ = ["DIPOL"]

_FILTERS: Final = MappingProxyType({"R": "Red", "V": "Green", "B": "Blue"})
_FIRST_POINTING: Final = 2460676.5  # 2025-01-01: headers have TELRA, TELDEC from then on

_CAMERA: Final = Camera(
    instrument="DIPOL",
    telescope="OSN-T090",
    chip=(5644, 8288),
    window=(5644, 8288),
    scale=0.0671,
    rotation=178.4,
    mirrored=False,
    distortion=2.0,
    # The mirror of AndorT90 with wider filters; the beam passes the analyser at all times.
    zero_points=MappingProxyType({"B": 22.2, "V": 22.7, "R": 22.7}),
    sky=MappingProxyType({band: DARK_SKY[band] for band in "BVR"}),
    extinction=MappingProxyType({band: EXTINCTION[band] for band in "BVR"}),
    polarimeter_throughput=1.0,
    gain=1.0,
    read_noise=7.3,
    saturation=65535.0,
    dark_current=0.01,
    bias=100.0,
    bias_slope=2.0,
    junk=False,
    cosmic_rate=3.0e-9,
    seeing=1.8,
    noise_tail=0.25,
)


def dipol_header(exposure: Exposure, setting: FrameSetting) -> Header:
    """Return the header of a DIPOL frame, as MaxIm DL writes it."""
    light = exposure.imgtype is ImageType.LIGHT
    kind = "Flat Field" if exposure.imgtype is ImageType.FLAT else None
    lit = light or kind is not None
    header = maxim_header(
        exposure,
        setting,
        telescope="T90-OSN",
        instrument="ASI Camera (1)",
        pixel_microns=3.76,
        image_type=kind or f"{exposure.imgtype.value.capitalize()} Frame",
        filter_name=_FILTERS[exposure.band] if lit else None,
    )
    for key in ("OBJCTRA", "OBJCTDEC"):
        header.remove(key, ignore_missing=True)
    header["EGAIN"] = (setting.camera.gain, "Electronic gain in e-/ADU")
    header["FLIPSTAT"] = ("", "Status of pier flip for German Equatorial mounts")
    turning = exposure.obsmode is ObsMode.POLARIMETRY and exposure.rotangle is not None
    if lit:
        header["NOTES"] = f"{exposure.rotangle} deg" if turning else ""
    if light and exposure.jd_start >= _FIRST_POINTING:
        pointing = setting.pointing
        header["TELRA"] = (sexagesimal(pointing.ra / 15.0, 1), "Telescope RA")
        header["TELDEC"] = (sexagesimal(pointing.dec, 0, sign=True), "Telescope Dec")
    return header


def dipol_filename(exposure: Exposure, number: int) -> str:
    """Return names such as ``BLLac_R_P_22.5-0001_DIPOL.fts``."""
    stem = exposure.object_name
    if exposure.imgtype is not ImageType.LIGHT:
        stem = exposure.imgtype.value.capitalize()
    band = f"_{exposure.band}" if exposure.band else ""
    angle = "" if exposure.rotangle is None else f"_P_{exposure.rotangle:g}"
    return f"{stem}{band}{angle}-{number:04d}_DIPOL.fts"


_CALIBRATIONS: Final = MappingProxyType(
    {"binning": 2, "n_darks": 5, "dark_exptime": 60.0, "n_bias": 7, "flat_level": 30000.0}
)

DIPOL: Final = SimulatedInstrument(
    camera=_CAMERA,
    header=dipol_header,
    filename=dipol_filename,
    target=BL_LAC,
    scenarios=MappingProxyType(
        {
            "demo": _CALIBRATIONS
            | {
                "photometry": ("R",),
                "n_photometry": 2,
                "exptime": 60.0,
                "n_cycles": 1,
                "exptime_polarimetry": 30.0,
                "n_flats": 3,
                "n_bias": 5,
                "n_darks": 3,
                "n_stars": 160,
                "dither": 6.0,
                # It takes a quarter of a minute to save a frame and turn the plate.
                "gap": 15.0,
            },
            "grid": _CALIBRATIONS
            | {
                "size": 2000,
                "window_size": (1200, 1800),
                "photometry": ("R",),
                "n_photometry": 2,
                "n_cycles": 1,
                "exptime_polarimetry": 60.0,
                "n_flats": 3,
                "n_calibrators": 6,
                "flat_stars": 0,
                "mag_range": (12.0, 16.0),
                "ip_per": "cycle",
            },
            # Windows show too few stars for a plate solution: a wide frame goes before.
            "standards": MappingProxyType(
                {"size": 2000, "n_photometry": 1, "photometry": ("R",), "visits": 2, "n_stars": 80}
            ),
        }
    ),
    brightest_star=11.5,
    polarimetry_window=(1800, 2200),
)
"""DIPOL."""
