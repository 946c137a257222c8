"""Parts of raw headers that the control programs of several instruments share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.frames import ImageType
from polarnight.instruments.times import isot_from_jd

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.plugin import FrameSetting

__all__ = ["maxim_header", "precess_to_date", "sexagesimal", "wcs_cards"]


def maxim_header(
    exposure: Exposure,
    setting: FrameSetting,
    *,
    telescope: str,
    instrument: str,
    pixel_microns: float,
    image_type: str,
    filter_name: str | None,
) -> Header:
    """Return a header as MaxIm DL writes it.

    Parameters
    ----------
    exposure, setting
        See `polarnight.simulation.plugin.HeaderWriter`.
    telescope, instrument : str
        As TELESCOP and INSTRUME have them.
    pixel_microns : float
        Size of an unbinned pixel.
    image_type : str
        As IMAGETYP has it.
    filter_name : str or None
        As FILTER has it; None where the key is left out.
    """
    from astropy.io.fits import Header

    binning, pointing = setting.binning, setting.pointing
    header = Header()
    header["OBJECT"] = exposure.object_name
    header["TELESCOP"] = (telescope, "telescope used to acquire this image")
    header["INSTRUME"] = (instrument, "instrument or camera used")
    header["OBSERVER"] = "simulation"
    header["DATE-OBS"] = (isot_from_jd(exposure.jd_start), "YYYY-MM-DDThh:mm:ss, start, UT")
    header["EXPTIME"] = (exposure.exptime, "Exposure time in seconds")
    header["EXPOSURE"] = (exposure.exptime, "Exposure time in seconds")
    header["SET-TEMP"] = (-80.0, "CCD temperature setpoint in C")
    header["CCD-TEMP"] = (-80.0, "CCD temperature at start of exposure in C")
    header["XPIXSZ"] = (pixel_microns * binning, "Pixel Width in microns (after binning)")
    header["YPIXSZ"] = (pixel_microns * binning, "Pixel Height in microns (after binning)")
    header["XBINNING"] = (binning, "Binning factor in width")
    header["YBINNING"] = (binning, "Binning factor in height")
    header["XORGSUBF"] = (setting.origin[0], "Subframe X position in binned pixels")
    header["YORGSUBF"] = (setting.origin[1], "Subframe Y position in binned pixels")
    header["READOUTM"] = ("1 MHz", "Readout mode of image")
    if filter_name is not None:
        header["FILTER"] = (filter_name, "Filter used when taking image")
    header["IMAGETYP"] = (image_type, "Type of image")
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


def wcs_cards(optics: Optics) -> dict[str, str | float]:
    """Return the FITS keywords of a projection, its distortion left out."""
    x, y = optics.centre
    (a, b), (c, d) = optics.cd_matrix
    return {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
        "CRVAL1": optics.ra,
        "CRVAL2": optics.dec,
        "CRPIX1": x - optics.origin[0] + 1.0,
        "CRPIX2": y - optics.origin[1] + 1.0,
        "CD1_1": a,
        "CD1_2": b,
        "CD2_1": c,
        "CD2_2": d,
        "RADESYS": "ICRS",
    }
