"""Between which limits the options of a simulated night make sense."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.simulation.options import NightOptions

__all__ = ["check_limits"]

_FRAMES: Final = 10_000
_STARS: Final = 1_000_000
_DAY: Final = 86400.0  # seconds
_HOURS: Final = 48.0
_ANY: Final = float("inf")

_RANGES: Final = MappingProxyType[str, tuple[float, float]](
    {
        "size": (64, 8192),
        **dict.fromkeys(("n_photometry", "n_cycles", "n_bias"), (0, _FRAMES)),
        **dict.fromkeys(("n_flats", "n_darks", "flat_stars"), (0, _FRAMES)),
        **dict.fromkeys(("n_stars", "n_calibrators", "n_sources"), (0, _STARS)),
        **dict.fromkeys(("exptime", "exptime_polarimetry"), (1e-4, _DAY)),
        "dark_exptime": (0.0, _DAY),
        "gap": (0.0, _DAY),
        "flat_level": (1.0, 65535.0),
        "start_hour": (0.0, _HOURS),
        "seeing": (0.05, 60.0),  # arcsec
        "seeing_scatter": (0.0, 1.0),
        "beta": (1.01, 100.0),
        "dither": (0.0, _ANY),
        "pointing_error": (0.0, _ANY),
        "target_v": (-1.0, 1.0),
        "ra": (0.0, 360.0),
        "dec": (-90.0, 90.0),
        "clouds": (0.0, _ANY),
        # Sky and flat field stay light all over the frame.
        **dict.fromkeys(("sky_gradient", "moon_gradient", "vignetting"), (0.0, 0.99)),
        **dict.fromkeys(("sky_polarization", "moon_polarization"), (0.0, 1.0)),
        "moonlight": (0.0, _ANY),
        "field_polarization": (-1.0, 1.0),
        "beam_gain": (-0.99, 0.99),
        "ip_scatter": (0.0, _ANY),
        **dict.fromkeys(("calibrator_error", "field_star_error"), (0.0, _ANY)),
        "visits": (1, _FRAMES),
        "amplitude": (0.0, _ANY),
        "period": (1e-6, _ANY),
    }
)
"""Lowest and highest value; an option that may be left empty is not checked where it is."""

_PAIRS: Final = MappingProxyType(
    {
        "mag_range": (-_ANY, _ANY),
        "p_range": (0.0, 1.0),
        "v_range": (-1.0, 1.0),
        "telescope_polarization": (-1.0, 1.0),
    }
)
_CHOICES: Final = MappingProxyType(
    {"binning": (1, 2, 4), "psf": ("moffat", "gaussian"), "ip_per": ("night", "cycle")}
)
_CONSTANTS: Final = ("q0", "u0", "zero_angle", "efficiency")


def check_limits(options: NightOptions) -> None:
    """Check the values of options.

    Raises
    ------
    ConfigError
        Where one makes no sense; it says what does.
    """
    for key, (low, high) in _RANGES.items():
        value = getattr(options, key)
        if value is not None and not low <= value <= high:
            raise _fault(key, value, _between(low, high))
    for key, choice in _CHOICES.items():
        if getattr(options, key) not in choice:
            raise _fault(key, getattr(options, key), f"one of {', '.join(map(str, choice))}")
    for key, (low, high) in _PAIRS.items():
        value = getattr(options, key)
        ordered = key == "telescope_polarization" or value[0] <= value[-1]
        if len(value) != 2 or not ordered or not all(low <= x <= high for x in value):
            raise _fault(key, value, f"two numbers, {_between(low, high)}")
    if len(options.target_at) != 2 or not all(0 <= x <= 1 for x in options.target_at):
        raise _fault("target_at", options.target_at, "two fractions, 0 to 1")
    if any(number < 0 for number in options.missing):
        raise _fault("missing", options.missing, "numbers of science frames, from 0")
    for number, hours in (options.pauses or {}).items():
        if number < 0 or not 0 <= hours <= _HOURS:
            raise _fault(
                "pauses", options.pauses, f"frames from 0, and {_between(0, _HOURS)} hours"
            )
    if not set(options.instrumental or {}) <= set(_CONSTANTS):
        raise _fault("instrumental", options.instrumental, f"some of {', '.join(_CONSTANTS)}")


def _between(low: float, high: float) -> str:
    if low == -_ANY:
        return "the smaller first"
    return f"{low:g} or more" if high == _ANY else f"{low:g} to {high:g}"


def _fault(key: str, value: Any, remedy: str) -> ConfigError:
    return ConfigError(f"simulation option {key} = {value!r} makes no sense: give {remedy}")
