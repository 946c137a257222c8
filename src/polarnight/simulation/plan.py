"""The plan of a simulated night: which frames, when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from polarnight.frames import ImageType, ObsMode
from polarnight.instruments.times import isot_from_jd
from polarnight.simulation.frame import Exposure

if TYPE_CHECKING:
    from polarnight.instruments import Instrument
    from polarnight.simulation.options import NightOptions
    from polarnight.telescopes import Telescope

__all__ = ["airmass", "local_sidereal_time", "plan_night"]

_LONGER: Final = {"U": 4.0, "B": 2.0}  # times longer than V R I, for fewer photons
_DAY: Final = 86400.0
_EARLIEST: Final = 19.0
_LATEST: Final = 29.0
_FIRST_BIAS: Final = 15.0
_BIAS_GAP: Final = 45.0
_FLAT_EXPTIME: Final = 5.0


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
    target: tuple[str, float, float],
    options: NightOptions,
    rng: np.random.Generator,
) -> list[Exposure]:
    """Plan bias, darks, flats and science frames in order of time.

    Parameters
    ----------
    instrument : Instrument
    telescope : Telescope
    midnight : float
        Julian date of 0 h UT of the night's date.
    target : tuple
        OBJECT, right ascension and declination (degrees).
    options : NightOptions
    rng : numpy.random.Generator
        For the levels of the flats.
    """
    name, ra, _ = target
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
    blocks = _science(instrument, name, options)
    length = sum((e.exptime + options.gap) for e in blocks) / _DAY
    clock = max(clock, _begin(midnight, ra, telescope, length, options.start_hour))
    for exposure in blocks:
        start = _whole_second(clock)
        plan.append(_at(exposure, start))
        clock = start + (exposure.exptime + options.gap) / _DAY
    return _named(plan, instrument)


def _light_paths(
    instrument: Instrument, options: NightOptions
) -> list[tuple[ObsMode, str, float | None]]:
    """Everything that flats are needed for."""
    paths: list[tuple[ObsMode, str, float | None]] = []
    if options.n_photometry:
        paths += [(ObsMode.PHOTOMETRY, band, None) for band in options.photometry]
    if options.n_cycles:
        paths += [
            (ObsMode.POLARIMETRY, band, angle)
            for band in options.polarimetry
            for angle in instrument.angles
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


def _whole_second(jd: float) -> float:
    # The headers of CAFOS know whole seconds only; the truth shall be what they say.
    base = np.floor(jd - 0.5) + 0.5
    return float(base + np.ceil(round((jd - base) * _DAY, 3)) / _DAY)


def _at(exposure: Exposure, start: float) -> Exposure:
    from dataclasses import replace

    return replace(exposure, jd_start=start)


def _named(plan: list[Exposure], instrument: Instrument) -> list[Exposure]:
    """Give the frames names as observers at the telescope do."""
    from dataclasses import replace

    named, seen = [], dict[str, int]()
    for exposure in plan:
        stem = exposure.object_name
        if exposure.imgtype is not ImageType.LIGHT:
            stem = exposure.imgtype.value.capitalize()
        if instrument.name == "CAFOS2.2":
            stamp = isot_from_jd(exposure.jd_start, digits=0)
            kind = "sci" if exposure.imgtype is ImageType.LIGHT else stem.lower()
            name = f"caf-{stamp[:10].replace('-', '')}-{stamp[11:]}-{kind}-agui.fits"
        else:
            path = "R_45" if exposure.rotangle == -45.0 else exposure.band
            if exposure.rotangle is not None and exposure.rotangle >= 0:
                path += f"{exposure.rotangle:.0f}"
            seen[stem + path] = seen.get(stem + path, 0) + 1
            name = f"{stem}-{seen[stem + path]:04d}{path}.fit"
        named.append(replace(exposure, filename=name))
    return named
