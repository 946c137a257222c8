"""What can be chosen about a simulated night, with the defaults of each scenario."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from polarnight.config.texts import nearest, shown
from polarnight.errors import ConfigError
from polarnight.simulation.limits import check_limits
from polarnight.simulation.registry import get_simulation, scenario_defaults, scenarios_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NightOptions", "make_options"]

_LISTS = (
    *("photometry", "polarimetry", "mag_range", "p_range", "v_range", "window_size", "missing"),
    *("target_at", "pointing_offset", "rotator", "telescope_polarization", "standards"),
)


@dataclass(frozen=True)
class NightOptions:
    """Options of a simulated night.

    Attributes
    ----------
    scenario : str
        ``"demo"``: the known target of the instrument (such as BL Lac for AndorT90) among
        field stars. ``"grid"``: isolated sources of random brightness and polarization, for
        statistics. ``"field"``: stars anywhere in the sky, the brightest in the middle.
        ``"standards"``: polarized and unpolarized standard stars by turns. ``"galaxy"``: a
        spiral galaxy among stars.
    target : str
        What ``"demo"`` observes instead of the instrument's own target: see
        `polarnight.simulation.targets.TARGETS`.
    target_v : float
        Circular polarization V/I of the target, a fraction.
    size : int or None
        Side of the frames in binned pixels; None for what the instrument usually reads.
    window_size : tuple of int or None
        (rows, columns) of the windows of polarimetry where the instrument reads such, binned
        pixels; None for the usual.
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
    pauses : dict of int to float, or None
        Hours during which nothing is exposed, by the number of the science exposure after them
        (of two cameras each exposure is two frames).
    missing : tuple of int
        Science frames (from 0) that are exposed but whose files are lost.
    start_hour : float or None
        Begin of the science frames, hours after 0 h of the night's date in the zone time of the
        site (UT in Spain); None so that the target culminates in the middle of them, within 19 to
        29 h. The galaxy is also observed when it culminates where it is too low (airmass above
        2.2) at that hour.
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
    target_at : tuple of float
        Where the target is meant to be, in fractions of the frame's width and height.
    pointing_error : float
        Rms difference between header and truth, arcsec.
    pointing_offset : tuple of float
        Degrees (east, north) by which the header is wrong besides; the frame shows the field.
    ra, dec : float or None
        Position of the field, ICRS degrees; for the scenarios without a target of their own.
    rotation : float or None
        Orientation of the camera instead of the usual, see `polarnight.simulation.Optics`.
    mirrored : bool or None
        Parity of the image instead of the usual.
    rotator : tuple of float
        Position angles (degrees) to which a rotator turns the instrument, by turns of the
        cycles; empty where there is none.
    clouds : float
        Rms of the transparency from frame to frame, magnitudes (only ever fainter).
    extinction : bool
    sky_gradient : float
        Largest relative change of the sky over the frame; of random direction in each frame.
    sky_polarization : float
    moonlight : float
        Brightness of the moonlit sky in units of the moonless one; the moon rises with the
        first science frame and is at its brightest in the last.
    moon_gradient : float
        Relative change of the moonlight over the frame, towards the moon, whose direction
        turns by 15 degrees an hour.
    moon_polarization : float
        Of the moonlight, across the direction of the moon.
    cosmic_rays, hot_pixels : bool
    vignetting : float
    ip_scatter : float
        The actual instrumental polarization is drawn from the quoted constants and this times
        their errors: 1 as quoted, 0 exact.
    ip_per : {"night", "cycle"}
        How often it is drawn. In life the constants are wrong by the same amount all night
        long, and repeating a cycle does not average that away: ``"night"``. With ``"cycle"``
        every cycle is an independent trial of the quoted errors, as statistics of coverage need.
    instrumental : dict of str to float, or None
        Constants in place of the quoted ones (``q0``, ``u0``, ``zero_angle``, ``efficiency``),
        exact in all nights and bands.
    telescope_polarization : tuple of float
        q, u that the telescope adds at the parallactic angle of zero; they turn with it.
    field_polarization : float
        Polarization by the optics in the corners of the frame, radial.
    beam_gain : float
        Unequal throughput of the two beams.
    retardance_error : float
        Degrees by which the plate's retardance is wrong.
    n_stars : int
        Field stars (all but grid).
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
    v_range : tuple of float
        Circular polarization of the sources (grid), fractions.
    standards : tuple of str
        Names of the standards to observe; empty for four polarized and three unpolarized ones
        that are high enough.
    visits : int
        How often each standard is observed in a night.
    amplitude, period : float
        Variation of the target, magnitudes and days.
    faults : dict of str to str or tuple of str
        Files to spoil, by kind: see `polarnight.simulation.FAULTS`. The value is the number
        of the science frame (from 0) or a file name, or a list of them.
    disturbances : dict of str to str or tuple of str
        Exposures that go wrong, in the same way: see `polarnight.simulation.DISTURBANCES`.
    """

    scenario: str = "demo"
    target: str = ""
    target_v: float = 0.0
    size: int | None = None
    window_size: tuple[int, int] | None = None
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
    pauses: dict[int, float] | None = None
    missing: tuple[int, ...] = ()
    start_hour: float | None = None
    seeing: float | None = None
    seeing_scatter: float = 0.02
    psf: Literal["moffat", "gaussian"] = "moffat"
    beta: float = 4.765
    dither: float = 2.0
    drift: float = 0.0
    target_at: tuple[float, float] = (0.5, 0.5)
    pointing_error: float = 20.0
    pointing_offset: tuple[float, float] = (0.0, 0.0)
    ra: float | None = None
    dec: float | None = None
    rotation: float | None = None
    mirrored: bool | None = None
    rotator: tuple[float, ...] = ()
    clouds: float = 0.0
    extinction: bool = True
    sky_gradient: float = 0.02
    sky_polarization: float = 0.02
    moonlight: float = 0.0
    moon_gradient: float = 0.3
    moon_polarization: float = 0.3
    cosmic_rays: bool = True
    hot_pixels: bool = True
    vignetting: float = 0.08
    ip_scatter: float = 1.0
    ip_per: Literal["night", "cycle"] = "night"
    instrumental: dict[str, float] | None = None
    telescope_polarization: tuple[float, float] = (0.0, 0.0)
    field_polarization: float = 0.0
    beam_gain: float = 0.0
    retardance_error: float = 0.0
    n_stars: int = 250
    n_sources: int | None = None
    n_calibrators: int = 8
    calibrator_error: float = 0.005
    field_star_error: float = 0.02
    catalogue_scatter: bool = True
    mag_range: tuple[float, float] = (12.0, 17.0)
    p_range: tuple[float, float] = (0.0, 0.20)
    v_range: tuple[float, float] = (0.0, 0.0)
    standards: tuple[str, ...] = ()
    visits: int = 3
    amplitude: float = 0.0
    period: float = 1.0
    faults: dict[str, Any] | None = None
    disturbances: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_limits(self)


def make_options(instrument: str, scenario: str, options: Mapping[str, Any]) -> NightOptions:
    """Return the options of a night: defaults, scenario, then what the caller chose.

    Raises
    ------
    ConfigError
        Where instrument, scenario or an option are unknown, or a value makes no sense.
    """
    simulation = get_simulation(instrument)
    if scenario not in scenarios_of(simulation):
        known = ", ".join(scenarios_of(simulation))
        msg = f"no scenario {scenario!r} for {simulation.name}; there is: {known}"
        raise ConfigError(msg)
    names = [f.name for f in fields(NightOptions) if f.name != "scenario"]
    for key in options:
        if key not in names:
            near = nearest(key, names)
            remedy = f"did you mean {near}?" if near else f"there are: {', '.join(names)}"
            msg = f"no simulation option {key!r}; {remedy}"
            raise ConfigError(msg)
    values = {**scenario_defaults(simulation, scenario), **options}
    for key in _LISTS:
        if values.get(key) is not None:
            one = isinstance(values[key], str | int | float)
            values[key] = (values[key],) if one else tuple(values[key])
    values = {key: _typed(key, value) for key, value in values.items()}
    known_bands = simulation.camera.zero_points
    for key in ("photometry", "polarimetry"):
        for band in values.get(key, ()):
            if band not in known_bands:
                msg = (
                    f"simulation option {key}: {simulation.name} has no band {band!r}; there are: "
                    f"{', '.join(known_bands)}"
                )
                raise ConfigError(msg)
    return replace(NightOptions(), **values, scenario=scenario)


def _typed(key: str, value: Any) -> Any:
    """Return a value in the type of its option.

    Raises
    ------
    ConfigError
        Where it is of another, or no finite number.
    """
    from pydantic import ValidationError

    try:
        return _adapters()[key].validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        inner = "".join(f"[{part}]" for part in fault["loc"] if not isinstance(part, str))
        reason = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
        msg = f"simulation option {key}{inner} = {shown(value)} makes no sense: {reason}"
        raise ConfigError(msg) from error


@cache
def _adapters() -> dict[str, Any]:
    """Return what checks the type of each option, by name."""
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(allow_inf_nan=False)
    hints = get_type_hints(NightOptions)
    return {key: TypeAdapter(hint, config=config) for key, hint in hints.items()}
