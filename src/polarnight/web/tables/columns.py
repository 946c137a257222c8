"""The columns of results: what they are called, mean, and come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from polarnight.db.models import PhotoPolResult
from polarnight.errors import ConfigError

__all__ = ["CLOCKS", "COLUMNS", "JD_OF_MJD", "Column", "choose", "column_named", "jd_of", "utc_of"]

Kind = Literal["number", "integer", "text", "night", "time", "moment", "flags", "list"]

JD_OF_MJD = 2400000.5
CLOCKS = {
    "mjd_utc": ("UTC", "TOPOCENTER", "MJD-origin"),
    "jd_utc": ("UTC", "TOPOCENTER", "JD-origin"),
    "bjd_tdb": ("TDB", "BARYCENTER", "JD-origin"),
}
"""Time scale, place and origin of dates that are numbers, as the VO writes them."""
_JD_OF_UNIX = 2440587.5
_DIGITS = (
    (re.compile("jd|bjd|mjd"), 5),
    (re.compile("mag"), 3),
    (re.compile("chi|fwhm|aper|airmass|exptime|flux|sky"), 2),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def jd_of(moment: datetime) -> float:
    """Return the Julian date (UTC, days) of a moment."""
    return _JD_OF_UNIX + (moment - _EPOCH) / timedelta(days=1)


def utc_of(jd: float) -> str:
    """Return a Julian date (UTC) as ``2024-04-08T01:02:03.456Z``."""
    moment = _EPOCH + timedelta(milliseconds=round((jd - _JD_OF_UNIX) * 86400e3))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of results.

    Attributes
    ----------
    name : str
        In addresses and files.
    title : str
        Above the column.
    kind : str
        ``number``, ``integer``, ``text``, ``night`` (a date), ``time`` (text made of a Julian
        date), ``moment`` (a time of the database), ``flags`` (names separated by ``|``) or
        ``list`` (texts separated by ``;``).
    description : str
    unit : str
        As the VO and astropy write it.
    ucd : str
        Of UCD1+.
    visible : bool
        Shown where nobody chose.
    path : str
        Of the ORM, `name` by default.
    zero : float
        Taken off the number of the database (for the modified Julian date).
    percent : bool
        A fraction that pages show in percent; files and the API keep fractions.
    clock : str
        Time scale and place of a number that is a date, one of `CLOCKS`.
    """

    name: str
    title: str
    kind: Kind
    description: str
    unit: str = ""
    ucd: str = ""
    visible: bool = False
    path: str = ""
    zero: float = 0.0
    percent: bool = False
    clock: str = ""

    @property
    def shown_unit(self) -> str:
        """The unit on pages."""
        return "%" if self.percent else self.unit

    @property
    def scale(self) -> float:
        """By what pages multiply the value of files."""
        return 100.0 if self.percent else 1.0

    @property
    def digits(self) -> int | None:
        """Digits after the point on pages; None for as many as make four in all."""
        if self.percent:
            return 3
        return next((digits for names, digits in _DIGITS if names.match(self.name)), None)

    @property
    def source(self) -> str:
        """The path of the ORM."""
        return self.path or self.name

    @property
    def sortable(self) -> bool:
        """Whether the database can sort and compare it."""
        return self.kind != "list"

    def reader(self) -> Callable[[Any], Any] | None:
        """Return what makes a value of the database the value shown; None for nothing."""
        if self.kind == "number" and self.zero:
            return lambda value: None if value is None else value - self.zero
        return _READERS.get(self.kind)


def _flag_names(value: Any) -> str:
    return "|".join(flag.name or "" for flag in PhotoPolResult.FLAGS if value & flag)


_READERS: dict[str, Callable[[Any], Any]] = {
    "night": lambda value: None if value is None else value.isoformat(),
    "time": lambda value: None if value is None else utc_of(value),
    "moment": lambda value: None if value is None else value.isoformat(),
    "flags": _flag_names,
    "list": lambda value: ";".join(map(str, value or ())),
}

_MAG, _POL, _ANGLE = "phot.mag;em.opt", "phys.polarization.linear", "pos.posAng;phys.polarization"
_STOKES = "phys.polarization.stokes"
_FLUX = "phot.count"


def _error(ucd: str) -> str:
    return f"stat.error;{ucd}"


def _number(
    name: str, title: str, description: str, unit: str = "", ucd: str = "", **more: Any
) -> Column:
    return Column(name, title, "number", description, unit, ucd, **more)


def _fraction(name: str, title: str, description: str, ucd: str, **more: Any) -> Column:
    told = f"{description}, fraction"
    return Column(name, title, "number", told, "", ucd, percent=True, **more)


def _text(name: str, title: str, description: str, ucd: str = "", **more: Any) -> Column:
    return Column(name, title, "text", description, "", ucd, **more)


COLUMNS: tuple[Column, ...] = (
    Column("id", "id", "integer", "primary key of the result", "", "meta.id;meta.main"),
    _text("source", "source", "name in the catalogue", "meta.id;src", visible=True,
          path="astrosource__name"),
    _text("telescope", "telescope", "telescope", "instr.tel", path="epoch__telescope"),
    Column("night", "night", "night", "date at the start of the night", "", "time.epoch",
           True, "epoch__night"),
    _text("instrument", "instrument", "instrument", "instr", visible=True),
    _text("obsmode", "mode", "PHOTOMETRY or POLARIMETRY", "meta.code"),
    _text("reduction", "reduction", "relphot (photometry) or relpol (polarimetry)", "meta.code"),
    _text("band", "band", "photometric band", "instr.bandpass", visible=True),
    Column("date", "date (UTC)", "time", "mid-exposure, UTC", "", "time.epoch", True,
           "juliandate"),
    _number("mjd", "MJD", "modified Julian date of mid-exposure, UTC", "d", "time.epoch",
            visible=True, path="juliandate", zero=JD_OF_MJD, clock="mjd_utc"),
    _number("jd_mid", "JD", "Julian date of mid-exposure, UTC", "d", "time.epoch",
            path="juliandate", clock="jd_utc"),
    _number("jd_first", "JD first", "first mid-exposure, UTC", "d", "time.start",
            path="juliandate_min", clock="jd_utc"),
    _number("jd_last", "JD last", "last mid-exposure, UTC", "d", "time.end",
            path="juliandate_max", clock="jd_utc"),
    _number("bjd_tdb", "BJD (TDB)", "mid-exposure at the barycentre, TDB", "d", "time.epoch",
            clock="bjd_tdb"),
    _number("exptime", "exposure", "exposure of one frame", "s", "time.duration;obs.exposure"),
    Column("n_frames", "frames", "integer", "frames the result is made of", "", "meta.number"),
    _number("airmass", "airmass", "airmass", "", "obs.airMass"),
    _number("mag", "mag", "magnitude", "mag", _MAG, visible=True),
    _number("mag_err", "± mag", "1 sigma of mag", "mag", _error(_MAG), visible=True),
    _number("mag_limit", "mag limit", "3-sigma limit where not detected", "mag",
            "phot.mag;stat.min"),
    _number("mag_corr", "mag (no host)", "magnitude without the host galaxy", "mag", _MAG),
    _number("mag_corr_err", "± mag (no host)", "1 sigma of mag_corr", "mag", _error(_MAG)),
    _number("mag_inst", "mag inst", "instrumental magnitude", "mag", "phot.mag;instr"),
    _number("mag_inst_err", "± mag inst", "1 sigma of mag_inst", "mag", _error("phot.mag")),
    _number("mag_zp", "zero point", "zero point", "mag", "phot.mag;arith.zp"),
    _number("mag_zp_err", "± zero point", "1 sigma of mag_zp", "mag",
            _error("phot.mag;arith.zp")),
    _text("zp_method", "zp method", "how the zero point was found", "meta.code"),
    Column("zp_n", "zp stars", "integer", "calibrators of the zero point", "", "meta.number"),
    _number("zp_chi2", "zp chi2", "chi square of the zero point", "", "stat.fit.chi2"),
    _fraction("p", "p", "degree of polarization, debiased", _POL, visible=True),
    _fraction("p_err", "± p", "1 sigma of p", _error(_POL), visible=True),
    _fraction("p_naive", "p naive", "degree of polarization, not debiased", _POL),
    _fraction("p_low", "p low", "lower end of the 1-sigma interval of p", f"{_POL};stat.min"),
    _fraction("p_high", "p high", "upper end of the 1-sigma interval of p", f"{_POL};stat.max"),
    _fraction("p_limit95", "p limit", "upper limit of p at 95 % where p/sigma < 3",
              f"{_POL};stat.max"),
    _fraction("p_corr", "p (no host)", "p not diluted by the host galaxy", _POL),
    _fraction("p_corr_err", "± p (no host)", "1 sigma of p_corr", _error(_POL)),
    _number("chi", "χ", "angle of polarization, north through east, [0, 180)", "deg", _ANGLE,
            visible=True),
    _number("chi_err", "± χ", "1 sigma of chi; 90 where it may be any angle", "deg",
            _error("pos.posAng"), visible=True),
    _fraction("q", "q", "Stokes Q/I", _STOKES),
    _fraction("q_err", "± q", "1 sigma of q", _error(_STOKES)),
    _fraction("u", "u", "Stokes U/I", _STOKES),
    _fraction("u_err", "± u", "1 sigma of u", _error(_STOKES)),
    _number("qu_cov", "cov(q, u)", "covariance of q and u, as fractions", "", "stat.covariance"),
    _fraction("v", "v", "Stokes V/I, positive as the IAU has it", _STOKES),
    _fraction("v_err", "± v", "1 sigma of v", _error(_STOKES)),
    _fraction("q_nocorr", "q raw", "q before the instrumental polarization is taken off", _STOKES),
    _fraction("u_nocorr", "u raw", "u before the instrumental polarization is taken off", _STOKES),
    _text("debias", "debias", "estimator of p", "meta.code"),
    _text("pol_method", "method", "how q and u were found", "meta.code"),
    _number("pol_chi2", "pol chi2", "chi square of the fit of q and u", "", "stat.fit.chi2"),
    Column("pol_dof", "pol dof", "integer", "degrees of freedom of that fit", "",
           "stat.fit.dof"),
    Column("n_angles", "angles", "integer", "angles of plate or polarizer", "", "meta.number"),
    _number("fwhm", "seeing", "full width at half maximum of the stars", "arcsec",
            "instr.obsty.seeing"),
    _number("fwhm_source", "fwhm", "full width at half maximum of the source", "arcsec",
            "phys.angSize"),
    _number("aperture", "aperture", "radius of the aperture", "arcsec", "phys.angSize;instr",
            path="aperas"),
    _number("aperpix", "aperture", "radius of the aperture", "pix", "phys.size;instr"),
    _number("flux", "flux", "counts in the aperture", "adu", _FLUX, path="flux_counts"),
    _number("flux_err", "± flux", "1 sigma of flux", "adu", _error(_FLUX),
            path="flux_counts_err"),
    _number("sky", "sky", "sky, per pixel", "adu", "phot.count;instr.background",
            path="bkg_flux_counts"),
    Column("flags", "flags", "flags", "flags in force", "", "meta.code.qual", True),
    _text("error", "error", "what went wrong", "meta.note"),
    Column("files", "files", "list", "raw files", "", "meta.id;meta.file"),
    _text("recipe_key", "recipe", "hash of inputs, parameters and versions", "meta.id"),
    Column("modified", "modified", "moment", "when the result was last made", "",
          "time.processing"),
)  # fmt: skip

_BY_NAME = {column.name: column for column in COLUMNS}


def column_named(name: str) -> Column:
    """Return the column called `name`.

    Raises
    ------
    ConfigError
        Where there is none.
    """
    found = _BY_NAME.get(name)
    if found is None:
        msg = f"there is no column {name[:40]!r}; there are {', '.join(_BY_NAME)}"
        raise ConfigError(msg)
    return found


def choose(names: Iterable[str] | None = None) -> Sequence[Column]:
    """Return the columns of these names in their order, the visible ones for None.

    Raises
    ------
    ConfigError
        Where a name is unknown.
    """
    if names is None:
        return tuple(column for column in COLUMNS if column.visible)
    return tuple(column_named(name) for name in dict.fromkeys(names))
