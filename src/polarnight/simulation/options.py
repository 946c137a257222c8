"""What can be chosen about a simulated night, with the defaults of each scenario."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, cast

from polarnight.errors import ConfigError

__all__ = ["SCENARIOS", "NightOptions", "make_options"]


@dataclass(frozen=True)
class NightOptions:
    """Options of a simulated night.

    Attributes
    ----------
    scenario : str
        ``"demo"``: a known target (BL Lac for AndorT90, Hiltner 960 for CAFOS) among field
        stars. ``"grid"``: isolated sources of random brightness and polarization, for
        statistics.
    size : int or None
        Side of the frames in binned pixels; None for what the instrument usually reads.
    binning : int
    photometry : tuple of str
        Bands observed without polarimeter.
    n_photometry : int
        Exposures of each band.
    exptime : float
        Seconds, of photometry in V R I; B takes twice, U four times as long.
    polarimetry : tuple of str
        Bands observed with the polarimeter (polaroids: R only).
    n_cycles : int
        Polarimetric cycles of each band.
    exptime_polarimetry : float
        Seconds.
    n_bias, n_flats, n_darks : int
        Calibrations of each kind (flats: of each light path).
    dark_exptime : float
    flat_level : float
        ADU; frames differ by up to 20 %.
    flat_stars : int
        Stars in each (twilight) flat.
    gap : float
        Seconds between exposures.
    start_hour : float or None
        Begin of the science frames, hours after 0 UT of the night's date; None so that the
        target culminates in the middle of them, within 19 to 29 h.
    seeing : float or None
        FWHM, arcsec; None for the instrument's usual.
    seeing_scatter : float
        Relative rms from frame to frame.
    psf : {"moffat", "gaussian"}
    beta : float
    dither : float
        Rms offset of the field from frame to frame, binned pixels.
    drift : float
        Steady motion of the field, binned pixels per hour, in x and y.
    pointing_error : float
        Rms difference between header and truth, arcsec.
    clouds : float
        Rms of the transparency from frame to frame, magnitudes (only ever fainter).
    extinction : bool
    sky_gradient : float
        Largest relative change of the sky over the frame.
    sky_polarization : float
    cosmic_rays, hot_pixels : bool
    vignetting : float
    ip_scatter : float
        Each cycle's instrumental polarization is drawn from the quoted constants and
        this times their errors: 1 as quoted, 0 exact.
    beam_gain : float
        Unequal throughput of the two beams.
    n_stars : int
        Field stars (demo).
    n_sources : int or None
        Sources (grid); None for all that fit.
    n_calibrators : int
    calibrator_error : float
        Error quoted for literature magnitudes of calibrators.
    field_star_error : float
        The same for the field catalogue.
    catalogue_scatter : bool
        Whether literature magnitudes deviate from the truth by their errors.
    mag_range, p_range : tuple of float
        Of the sources (grid), R magnitudes and fractions.
    amplitude, period : float
        Variation of the target, magnitudes and days.
    faults : dict of str to str or tuple of str
        Files to spoil, by kind: see `polarnight.simulation.FAULTS`. The value is the number
        of the science frame (from 0) or a file name, or a list of them.
    """

    scenario: Literal["demo", "grid"] = "demo"
    size: int | None = None
    binning: int = 1
    photometry: tuple[str, ...] = ("B", "V", "R", "I")
    n_photometry: int = 3
    exptime: float = 60.0
    polarimetry: tuple[str, ...] = ("R",)
    n_cycles: int = 3
    exptime_polarimetry: float = 90.0
    n_bias: int = 7
    n_flats: int = 5
    n_darks: int = 0
    dark_exptime: float = 300.0
    flat_level: float = 25000.0
    flat_stars: int = 3
    gap: float = 8.0
    start_hour: float | None = None
    seeing: float | None = None
    seeing_scatter: float = 0.02
    psf: Literal["moffat", "gaussian"] = "moffat"
    beta: float = 4.765
    dither: float = 2.0
    drift: float = 0.0
    pointing_error: float = 20.0
    clouds: float = 0.0
    extinction: bool = True
    sky_gradient: float = 0.02
    sky_polarization: float = 0.02
    cosmic_rays: bool = True
    hot_pixels: bool = True
    vignetting: float = 0.08
    ip_scatter: float = 1.0
    beam_gain: float = 0.0
    n_stars: int = 250
    n_sources: int | None = None
    n_calibrators: int = 8
    calibrator_error: float = 0.005
    field_star_error: float = 0.02
    catalogue_scatter: bool = True
    mag_range: tuple[float, float] = (12.0, 17.0)
    p_range: tuple[float, float] = (0.0, 0.20)
    amplitude: float = 0.0
    period: float = 1.0
    faults: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        checks = {
            "size": self.size is None or 64 <= self.size <= 8192,
            "binning": self.binning in (1, 2, 4),
            "exptime": self.exptime > 0,
            "exptime_polarimetry": self.exptime_polarimetry > 0,
            "seeing": self.seeing is None or self.seeing > 0,
            "psf": self.psf in ("moffat", "gaussian"),
            "n_calibrators": self.n_calibrators >= 0,
            "mag_range": len(self.mag_range) == 2 and self.mag_range[0] <= self.mag_range[1],
            "p_range": len(self.p_range) == 2 and 0 <= self.p_range[0] <= self.p_range[1] <= 1,
        }
        for key in ("n_photometry", "n_cycles", "n_bias", "n_flats", "n_darks", "flat_stars"):
            checks[key] = getattr(self, key) >= 0
        for key, good in checks.items():
            if not good:
                msg = f"simulation option {key} = {getattr(self, key)!r} makes no sense"
                raise ConfigError(msg)


SCENARIOS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("AndorT90", "demo"): {"size": 1024, "binning": 2},
    ("AndorT90", "grid"): {
        "size": 1024,
        "photometry": ("R",),
        "n_photometry": 4,
        "n_cycles": 2,
        "n_calibrators": 12,
        "flat_stars": 0,
        "exptime_polarimetry": 120.0,
    },
    ("CAFOS2.2", "demo"): {
        "photometry": ("V", "R"),
        "exptime": 1.0,
        "exptime_polarimetry": 1.5,
        # The standard is bright: it is observed a little out of focus, not to saturate.
        "seeing": 2.4,
        "n_stars": 90,
        "gap": 45.0,
    },
    ("CAFOS2.2", "grid"): {
        "photometry": ("R",),
        "n_photometry": 4,
        "exptime": 20.0,
        "exptime_polarimetry": 30.0,
        "n_cycles": 2,
        "n_calibrators": 12,
        "flat_stars": 0,
        "gap": 45.0,
        "mag_range": (13.5, 18.0),
    },
}
"""Defaults of each scenario of each instrument, where they differ from `NightOptions`."""


def make_options(instrument: str, scenario: str, options: dict[str, Any]) -> NightOptions:
    """Return the options of a night: defaults, scenario, then what the caller chose.

    Raises
    ------
    ConfigError
        Where the scenario or an option is unknown, or a value makes no sense.
    """
    simulated = sorted({name for name, _ in SCENARIOS})
    if instrument not in simulated:
        msg = f"no instrument {instrument!r} can be simulated; there are: {', '.join(simulated)}"
        raise ConfigError(msg)
    if (instrument, scenario) not in SCENARIOS:
        known = ", ".join(s for i, s in SCENARIOS if i == instrument) or "none"
        msg = f"no scenario {scenario!r} for {instrument}; there is: {known}"
        raise ConfigError(msg)
    names = [f.name for f in fields(NightOptions) if f.name != "scenario"]
    for key in options:
        if key not in names:
            msg = f"no simulation option {key!r}; there are: {', '.join(names)}"
            raise ConfigError(msg)
    values = SCENARIOS[instrument, scenario] | options
    for key in ("photometry", "polarimetry", "mag_range", "p_range"):
        if key in values:
            values[key] = tuple(values[key])
    return replace(NightOptions(), **values, scenario=cast('Literal["demo", "grid"]', scenario))
