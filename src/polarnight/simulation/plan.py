"""The plan of a simulated night: which frames, when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.simulation.exposure import Exposure

if TYPE_CHECKING:
    from polarnight.instruments import Instrument
    from polarnight.simulation.options import NightOptions
    from polarnight.simulation.plugin import FileNamer
    from polarnight.simulation.setting import Setting
    from polarnight.telescopes import Telescope

__all__ = ["airmass", "local_sidereal_time", "plan_night"]

_LONGER: Final = {"U": 4.0, "B": 2.0}  # times longer than V R I, for fewer photons
_DAY: Final = 86400.0
_EARLIEST: Final = 19.0
_LATEST: Final = 29.0
_FIRST_BIAS: Final = 15.0
_BIAS_GAP: Final = 45.0
_FLAT_EXPTIME: Final = 5.0
_WORST_AIRMASS: Final = 2.2
_SLEW: Final = 60.0  # seconds from one field to the next


def local_sidereal_time(jd: float, longitude: float) -> float:
    """Return the local mean sidereal time in degrees (UT1 taken as UTC)."""
    gmst = 280.46061837 + 360.98564736629 * (jd - 2451545.0)
    return (gmst + longitude) % 360.0


def airmass(ra: float, dec: float, jd: float, telescope: Telescope) -> float:
    """Return sec z of a direction, at most 3.9 (15 degrees above the horizon)."""
    hour_angle = np.deg2rad(local_sidereal_time(jd, telescope.longitude) - ra)
    d, phi = np.deg2rad(dec), np.deg2rad(telescope.latitude)
    sine = np.sin(phi) * np.sin(d) + np.cos(phi) * np.cos(d) * np.cos(hour_angle)
    return float(1.0 / max(float(sine), float(np.sin(np.deg2rad(15.0)))))


def plan_night(
    instrument: Instrument,
    telescope: Telescope,
    midnight: float,
    setting: Setting,
    options: NightOptions,
    rng: np.random.Generator,
    filename: FileNamer,
    *,
    milliseconds: bool = False,
) -> list[Exposure]:
    """Plan bias, darks, flats and science frames in order of time.

    Parameters
    ----------
    instrument : Instrument
    telescope : Telescope
    midnight : float
        Julian date of 0 h UT of the night's date.
    setting : Setting
        Fields and windows.
    options : NightOptions
    rng : numpy.random.Generator
        For the levels of the flats.
    filename : callable
        Names the files.
    milliseconds : bool
        See `SimulatedInstrument`.

    Raises
    ------
    ConfigError
        Where a pause is asked for that the night does not have, or two frames would have one name.
    """
    plan: list[Exposure] = []
    clock = midnight + _FIRST_BIAS / 24.0
    for kind, count, exptime in (
        (ImageType.BIAS, options.n_bias, 0.0),
        (ImageType.DARK, options.n_darks, options.dark_exptime),
    ):
        for _ in range(count):
            start = _whole_second(clock)
            plan.append(
                Exposure("", kind, ObsMode.NONE, "", None, exptime, start, kind.value.lower())
            )
            clock = start + (exptime + _BIAS_GAP) / _DAY
    for mode, band, angle in _light_paths(instrument, options):
        for _ in range(options.n_flats):
            start = _whole_second(clock)
            level = options.flat_level * (1.0 + 0.2 * rng.uniform(-1.0, 1.0))
            plan.append(
                Exposure(
                    "", ImageType.FLAT, mode, band, angle, _FLAT_EXPTIME, start, "flat", level=level
                )
            )
            clock = start + (_FLAT_EXPTIME + 15.0) / _DAY
    if len(setting.fields) > 1:
        if options.pauses:
            msg = "simulation option pauses: a night of several fields has none; leave it out"
            raise ConfigError(msg)
        plan += _visits(instrument, telescope, midnight, setting, options)
    else:
        plan += _one_field(
            instrument, telescope, midnight, setting, options, clock, milliseconds=milliseconds
        )
    plan = [_windowed(exposure, setting) for exposure in plan]
    if instrument.beams == "cameras":
        plan = [replace(exposure, beam=beam) for exposure in plan for beam in ("O", "E")]
    return _named(plan, filename)


def _one_field(
    instrument: Instrument,
    telescope: Telescope,
    midnight: float,
    setting: Setting,
    options: NightOptions,
    clock: float,
    *,
    milliseconds: bool,
) -> list[Exposure]:
    blocks = _science(instrument, setting.fields[0].object_name, options)
    length = sum((e.exptime + options.gap) for e in blocks) / _DAY
    pauses = {int(number): hours for number, hours in (options.pauses or {}).items()}
    for number in pauses:
        if number >= len(blocks):
            msg = (
                f"simulation option pauses: the night has no exposure {number}; its last is "
                f"{len(blocks) - 1}"
            )
            raise ConfigError(msg)
    length += sum(pauses.values()) / 24.0
    field, hour = setting.fields[0], options.start_hour
    if options.scenario == "galaxy" and hour is not None:
        low = airmass(field.ra, field.dec, midnight + hour / 24.0, telescope) > _WORST_AIRMASS
        hour = None if low else hour
    begin = _begin(midnight, field.ra, telescope, length, hour)
    fraction = round(hour * 3600.0 % 1.0, 3) if milliseconds and hour is not None else 0.0
    clock, plan = max(clock, begin), []
    for number, exposure in enumerate(blocks):
        start = _whole_second(clock + pauses.get(number, 0.0) / 24.0, fraction)
        plan.append(replace(exposure, jd_start=start))
        clock = start + (exposure.exptime + options.gap) / _DAY
    return plan


def _visits(
    instrument: Instrument,
    telescope: Telescope,
    midnight: float,
    setting: Setting,
    options: NightOptions,
) -> list[Exposure]:
    """Plan rounds over several fields, spread over the night; those too low are left out."""
    plan: list[Exposure] = []
    first = _EARLIEST if options.start_hour is None else options.start_hour
    rounds = np.linspace(first, max(first, _LATEST - 1.0), options.visits)
    clock, cycle = midnight, 0
    for hour in rounds:
        clock = max(clock, midnight + float(hour) / 24.0)
        for number, field in enumerate(setting.fields):
            if airmass(field.ra, field.dec, clock, telescope) > _WORST_AIRMASS:
                continue
            for exposure in _science(instrument, field.object_name, options):
                start = _whole_second(clock)
                exptime = field.exptimes.get(exposure.band, exposure.exptime)
                numbered = None if exposure.cycle is None else cycle + exposure.cycle
                plan.append(
                    replace(
                        exposure,
                        jd_start=start,
                        exptime=exptime,
                        pointing=number,
                        cycle=numbered,
                    )
                )
                clock = start + (exptime + options.gap) / _DAY
            cycle += options.n_cycles
            clock += _SLEW / _DAY
    return plan


def _windowed(exposure: Exposure, setting: Setting) -> Exposure:
    light = exposure.imgtype is ImageType.LIGHT
    if light and exposure.obsmode is ObsMode.POLARIMETRY:
        return replace(exposure, window=setting.window)
    return exposure


def _light_paths(
    instrument: Instrument, options: NightOptions
) -> list[tuple[ObsMode, str, float | None]]:
    """Everything that flats are needed for."""
    paths: list[tuple[ObsMode, str, float | None]] = []
    bands = options.photometry if options.n_photometry else ()
    if options.n_cycles and instrument.windows:
        # Windows are divided by what is cut from the flats of the whole chip.
        bands = tuple(dict.fromkeys((*bands, *options.polarimetry)))
    paths += [(ObsMode.PHOTOMETRY, band, None) for band in bands]
    if options.n_cycles and not instrument.windows:
        angles = instrument.angles if instrument.flat_angles == "each" else instrument.angles[:1]
        paths += [
            (ObsMode.POLARIMETRY, band, angle) for band in options.polarimetry for angle in angles
        ]
    return paths


def _science(instrument: Instrument, name: str, options: NightOptions) -> list[Exposure]:
    """Photometry and polarimetry by turns, without times yet."""
    light, blocks = ImageType.LIGHT, []
    for turn in range(max(options.n_photometry, options.n_cycles)):
        if turn < options.n_photometry:
            blocks += [
                Exposure(
                    "", light, ObsMode.PHOTOMETRY, band, None,
                    options.exptime * _LONGER.get(band, 1.0), 0.0, name,
                )
                for band in options.photometry
            ]  # fmt: skip
        if turn < options.n_cycles:
            blocks += [
                Exposure(
                    "", light, ObsMode.POLARIMETRY, band, angle,
                    options.exptime_polarimetry, 0.0, name, turn,
                )
                for band in options.polarimetry
                for angle in instrument.angles
            ]  # fmt: skip
    return blocks


def _begin(
    midnight: float, ra: float, telescope: Telescope, length: float, hour: float | None
) -> float:
    if hour is not None:
        return midnight + hour / 24.0
    next_midnight = midnight + 1.0
    angle = local_sidereal_time(next_midnight, telescope.longitude) - ra
    angle = (angle + 180.0) % 360.0 - 180.0
    transit = next_midnight - angle / 360.98564736629
    begin = min(transit - length / 2.0, midnight + _LATEST / 24.0 - length)
    return max(begin, midnight + _EARLIEST / 24.0)


def _whole_second(jd: float, fraction: float = 0.0) -> float:
    # The headers of CAFOS know whole seconds only; the truth shall be what they say.
    base = np.floor(jd - 0.5) + 0.5
    seconds = np.ceil(round((jd - base) * _DAY - fraction, 3)) + fraction
    return float(base + seconds / _DAY)


def _named(plan: list[Exposure], filename: FileNamer) -> list[Exposure]:
    """Give the frames names as observers at the telescope do."""
    named, seen = [], dict[str, int]()
    for exposure in plan:
        first = filename(exposure, 1)
        seen[first] = seen.get(first, 0) + 1
        named.append(replace(exposure, filename=filename(exposure, seen[first])))
    if len({exposure.filename for exposure in named}) < len(named):
        msg = "two frames of the night would have one name; make the gap between them longer"
        raise ConfigError(msg)
    return named
