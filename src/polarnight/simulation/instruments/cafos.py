"""CAFOS, the focal reducer with a Wollaston prism at the 2.2 m telescope of Calar Alto."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.times import isot_from_jd
from polarnight.simulation.cameras import DARK_SKY, EXTINCTION, Camera
from polarnight.simulation.headers import precess_to_date
from polarnight.simulation.plugin import FrameSetting, SimulatedInstrument
from polarnight.simulation.targets import HILTNER_960

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.exposure import Exposure

__all__ = ["CAFOS"]

_CAMERA: Final = Camera(
    instrument="CAFOS2.2",
    telescope="CAHA-T220",
    chip=(2048, 2048),
    window=(800, 800),
    scale=0.5265,
    rotation=89.0,
    mirrored=True,
    distortion=0.4,
    # B agrees with the sky of a real night under a full moon; the others scaled as usual.
    zero_points=MappingProxyType({"U": 22.8, "B": 24.6, "V": 24.75, "R": 24.7, "I": 24.1}),
    sky=DARK_SKY,
    extinction=EXTINCTION,
    polarimeter_throughput=0.80,
    gain=1.43,
    read_noise=7.4,
    saturation=65535.0,
    dark_current=0.001,
    bias=672.0,
    bias_slope=1.0,
    junk=True,
    cosmic_rate=7.7e-8,
    seeing=1.6,
)


def cafos_header(exposure: Exposure, setting: FrameSetting) -> Header:
    """Return the header of a CAFOS frame; the pointing is of the equinox of date, as in life."""
    from astropy.io.fits import Header

    camera, pointing, binning = setting.camera, setting.pointing, setting.binning
    ny, nx = setting.shape
    full_y, full_x = camera.chip
    x0 = (full_x - nx * binning) // 2 + 1
    y0 = (full_y - ny * binning) // 2 + 1
    science = exposure.imgtype is ImageType.LIGHT
    ra, dec = precess_to_date(pointing.ra, pointing.dec, exposure.jd_start)
    start = isot_from_jd(exposure.jd_start, digits=0)
    hours, minutes, seconds = (int(v) for v in start[11:19].split(":"))
    seconds_of_day = hours * 3600 + minutes * 60 + seconds
    end = exposure.jd_start + (exposure.exptime + 40.0) / 86400.0
    polarimetry = exposure.obsmode is ObsMode.POLARIMETRY
    header = Header()
    header["INSTRUME"] = ("CAFOS 2.2", "instrument ID")
    header["TELESCOP"] = ("CA-2.2", "telescope-id")
    header["OBJECT"] = (exposure.object_name, "Target description")
    header["OBSERVER"] = ("simulation", "Name of observer")
    header["ORIGIN"] = "CAHA"
    header["FILENAME"] = (exposure.filename, "Name of this File")
    header["EXPTIME"] = (exposure.exptime, "Total integration time (sec)")
    header["DARKTIME"] = (exposure.exptime, "Total elapsed time (sec)")
    header["RA"] = (round(ra, 6), "RA [deg]")
    header["DEC"] = (round(dec, 6), "DEC [deg]")
    header["AIRMASS"] = (round(pointing.airmass, 5) if science else 1.0, "airmass")
    header["DATE"] = (isot_from_jd(end, digits=0), "file creation date (YYYY-MM-DDThh:mm:ss UT)")
    header["UT_START"] = (float(seconds_of_day), "UT (sec)  UT at start (s)")
    header["UT_END"] = (float(seconds_of_day) + exposure.exptime + 40.0, "UT (sec)  UT at end (s)")
    header["EQUINOX"] = (2000.0, "Equinox in years")
    header["RADECSYS"] = ("FK5", "FK5?")
    header["DATE-OBS"] = (start, "UT date at beginning integration")
    header["IMAGETYP"] = ("science" if science else exposure.imgtype.value.lower(), "Type")
    header["CAMID"] = ("CCD15", "Camera used")
    header["CCDNAME"] = ("SITE#1d_15", "Detector used")
    header["CCDSPEED"] = ("normal", "CCD readout speed")
    header["CCDBINX"] = (binning, "Binning factor along X")
    header["CCDBINY"] = (binning, "Binning factor along Y")
    header["CCDGAIN"] = (20.0, "total analog Gain")
    header["CCDSENS"] = (camera.gain, "Sensitivity at selected Gain (e-/DN)")
    header["CCDSAT"] = (180000.0, "Saturation of CCD (e-)")
    header["CCDRON"] = (camera.read_noise, "Readout-nois of CCD at selected Gain (e-)")
    header["CCDSEC"] = (
        f"[{x0},{y0}:{x0 + nx * binning - 1},{y0 + ny * binning - 1}]",
        "orientation to full frame [x1,y1:x2,y2]",
    )
    header["INSTRMOD"] = "Polarizer"
    header["INSTRSCL"] = (0.530, "scale [arcsec/pixel]")
    system = "Johnson" if exposure.band in ("U", "B", "V") else "Cousins"
    # A bias is taken through whatever filter is in the beam.
    header["INSFLNAM"] = f"{system if exposure.band else 'Johnson'}{exposure.band or 'V'}"
    header["INSGRNAM"] = "FREE"
    header["INSPOFPI"] = "Wollaston" if polarimetry else "FREE"
    header["INSPOROT"] = (exposure.rotangle if polarimetry else 0, "rotator position")
    header["SWCREATE"] = "polarnight simulate"
    return header


def cafos_filename(exposure: Exposure, number: int) -> str:
    """Return names such as ``caf-20250913-21:43:38-sci-agui.fits``."""
    stamp = isot_from_jd(exposure.jd_start, digits=0)
    light = exposure.imgtype is ImageType.LIGHT
    kind = "sci" if light else exposure.imgtype.value.lower()
    return f"caf-{stamp[:10].replace('-', '')}-{stamp[11:]}-{kind}-agui.fits"


_DEMO: Final = MappingProxyType(
    {
        "photometry": ("V", "R"),
        "exptime": 1.0,
        "exptime_polarimetry": 1.5,
        # The standard is bright: it is observed a little out of focus, not to saturate.
        "seeing": 2.4,
        "n_stars": 90,
        "gap": 45.0,
        "ip_per": "cycle",  # as in the demonstration of AndorT90
    }
)

_GRID: Final = MappingProxyType(
    {
        "photometry": ("R",),
        "n_photometry": 4,
        "exptime": 20.0,
        "exptime_polarimetry": 30.0,
        "n_cycles": 2,
        "n_calibrators": 12,
        "flat_stars": 0,
        "gap": 45.0,
        "mag_range": (13.5, 18.0),
        "ip_per": "cycle",
    }
)

CAFOS: Final = SimulatedInstrument(
    camera=_CAMERA,
    header=cafos_header,
    filename=cafos_filename,
    target=HILTNER_960,
    scenarios=MappingProxyType({"demo": _DEMO, "grid": _GRID}),
    brightest_star=10.5,
)
"""CAFOS2.2."""
