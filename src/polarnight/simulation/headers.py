"""Raw headers as the control programs of the instruments write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.times import isot_from_jd

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.frame import Exposure

__all__ = [
    "HEADER_WRITERS",
    "Pointing",
    "andor_header",
    "cafos_header",
    "precess_to_date",
    "sexagesimal",
]


@dataclass(frozen=True)
class Pointing:
    """What the telescope believes: ICRS degrees, and the airmass."""

    ra: float
    dec: float
    airmass: float


def andor_header(
    exposure: Exposure, camera: Camera, shape: tuple[int, int], binning: int, pointing: Pointing
) -> Header:
    """Return the header of an AndorT90 frame, as MaxIm DL writes it."""
    from astropy.io.fits import Header

    polaroids = {-45.0: "R_45", 0.0: "R0", 45.0: "R45", 90.0: "R90"}
    name = exposure.band if exposure.rotangle is None else polaroids[exposure.rotangle]
    header = Header()
    header["OBJECT"] = exposure.object_name
    header["TELESCOP"] = ("T90-OSN", "telescope used to acquire this image")
    header["INSTRUME"] = ("AndorT90", "instrument or camera used")
    header["OBSERVER"] = "simulation"
    header["DATE-OBS"] = (isot_from_jd(exposure.jd_start), "YYYY-MM-DDThh:mm:ss, start, UT")
    header["EXPTIME"] = (exposure.exptime, "Exposure time in seconds")
    header["EXPOSURE"] = (exposure.exptime, "Exposure time in seconds")
    header["SET-TEMP"] = (-80.0, "CCD temperature setpoint in C")
    header["CCD-TEMP"] = (-80.0, "CCD temperature at start of exposure in C")
    header["XPIXSZ"] = (13.5 * binning, "Pixel Width in microns (after binning)")
    header["YPIXSZ"] = (13.5 * binning, "Pixel Height in microns (after binning)")
    header["XBINNING"] = (binning, "Binning factor in width")
    header["YBINNING"] = (binning, "Binning factor in height")
    header["XORGSUBF"] = (0, "Subframe X position in binned pixels")
    header["YORGSUBF"] = (0, "Subframe Y position in binned pixels")
    header["READOUTM"] = ("1 MHz", "Readout mode of image")
    if exposure.imgtype in (ImageType.LIGHT, ImageType.FLAT):
        header["FILTER"] = (name, "Filter used when taking image")
    header["IMAGETYP"] = (exposure.imgtype.value, "Type of image")
    if exposure.imgtype is ImageType.LIGHT:
        header["OBJCTRA"] = (sexagesimal(pointing.ra / 15.0, 1), "Nominal RA of center of image")
        header["OBJCTDEC"] = (
            sexagesimal(pointing.dec, 0, sign=True),
            "Nominal Dec of center of image",
        )
        header["AIRMASS"] = (round(pointing.airmass, 5), "Relative optical path length")
    header["JD"] = (exposure.jd_start, "Julian Date at start of exposure")
    header["SWCREATE"] = "polarnight simulate"
    return header


def cafos_header(
    exposure: Exposure, camera: Camera, shape: tuple[int, int], binning: int, pointing: Pointing
) -> Header:
    """Return the header of a CAFOS frame; the pointing is of the equinox of date, as in life."""
    from astropy.io.fits import Header

    ny, nx = shape
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


HeaderWriter = Callable[["Exposure", "Camera", tuple[int, int], int, Pointing], "Header"]

HEADER_WRITERS: Final = MappingProxyType[str, HeaderWriter](
    {"AndorT90": andor_header, "CAFOS2.2": cafos_header}
)
"""The header writer of each simulated instrument."""


def precess_to_date(ra: float, dec: float, jd: float) -> tuple[float, float]:
    """Precess a direction from J2000 to the mean equinox of a Julian date, degrees."""
    from astropy import units
    from astropy.coordinates import FK5, SkyCoord

    equinox = f"J{2000.0 + (jd - 2451545.0) / 365.25:.6f}"
    coord = SkyCoord(ra, dec, unit=units.deg, frame=FK5(equinox="J2000"))
    moved = coord.transform_to(FK5(equinox=equinox))
    return float(moved.ra.deg), float(moved.dec.deg)


def sexagesimal(value: float, digits: int, *, sign: bool = False) -> str:
    """Return hours or degrees as ``12 34 56.7`` with so many digits of the seconds."""
    total = round(abs(value) * 3600.0 * 10**digits)
    whole, fraction = divmod(total, 10**digits)
    minutes, seconds = divmod(whole, 60)
    first, minutes = divmod(minutes, 60)
    tail = f".{fraction:0{digits}d}" if digits else ""
    lead = ("-" if value < 0 else "+") if sign else ""
    return f"{lead}{first:02d} {minutes:02d} {seconds:02d}{tail}"
