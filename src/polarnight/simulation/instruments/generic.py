"""Simulations derived from the declaration of an instrument.

Whatever the declaration reads from a header is written into it the same way round. What a
declaration does not tell (light, sky, orientation) comes from its table ``simulation``, or from
defaults of a small telescope.
"""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from polarnight.errors import ConfigError
from polarnight.frames import ImageType
from polarnight.instruments.declared import DeclaredInstrument
from polarnight.simulation.bands import johnson_band
from polarnight.simulation.cameras import DARK_SKY, EXTINCTION, Camera
from polarnight.simulation.instruments.declared_headers import declared_filename, declared_header
from polarnight.simulation.plugin import SimulatedInstrument
from polarnight.simulation.targets import BL_LAC, PKS_2155
from polarnight.telescopes import get_telescope

if TYPE_CHECKING:
    from datetime import date

    from polarnight.instruments import Instrument
    from polarnight.instruments.declaration import Declaration

__all__ = ["SimulationEntry", "derive_simulation"]

# Magnitude that gives one electron per second at a telescope of 0.9 m, and that diameter.
_ZERO_POINTS: Final = MappingProxyType({"U": 20.4, "B": 22.6, "V": 22.95, "R": 22.94, "I": 22.3})
_DIAMETER: Final = 0.9
_UNFILTERED: Final = 1.3  # magnitudes that a frame without filter gains
_LARGE: Final = 3000  # pixels
_NORTHERN_LIMIT: Final = -15.0  # latitude from which BL Lac is worth observing

_HOOKS: Final = (
    *("image_type", "band", "mode_and_angle", "beam", "instrument_angle", "origin"),
    *("pointing", "start"),
)
"""Methods by which a plug-in reads headers its own way: nothing is derived for such."""


class SimulationEntry(BaseModel):
    """The table ``simulation`` of a declaration; everything in it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    diameter: float = Field(default=0.4, gt=0)
    zero_points: dict[str, float] = {}
    sky: dict[str, float] = {}
    extinction: dict[str, float] = {}
    polarimeter_throughput: float = Field(default=0.8, gt=0, le=1)
    rotation: float = 2.0
    mirrored: bool = False
    distortion: float = 0.5
    seeing: float = Field(default=2.5, gt=0)
    bias: float = Field(default=500.0, ge=0)
    bias_slope: float = 2.0
    noise_tail: float = Field(default=0.0, ge=0)
    cosmic_rate: float = Field(default=2.0e-8, ge=0)
    brightest_star: float = 11.5
    polarimetry_window: tuple[int, int] | None = None
    options: dict[str, Any] = {}


def derive_simulation(
    instrument: Instrument, night: date | None = None
) -> SimulatedInstrument | None:
    """Return the simulation of a declared instrument.

    Parameters
    ----------
    instrument : Instrument
    night : date, optional
        Whose detector to simulate; that of today by default.

    Returns
    -------
    SimulatedInstrument or None
        None where the instrument reads its headers by code of its own.

    Raises
    ------
    ConfigError
        Where the table ``simulation`` is wrong.
    """
    if not isinstance(instrument, DeclaredInstrument) or any(
        getattr(type(instrument), hook) is not getattr(DeclaredInstrument, hook) for hook in _HOOKS
    ):
        return None
    entry = _entry(instrument.declaration)
    camera = _camera(instrument, entry, night)
    second = None
    if instrument.beams == "cameras":
        # A camera is never mounted, nor biased, quite as another.
        second = camera.varied(label="E", bias=1.06 * camera.bias, turned=0.7, shift=(9.0, -6.0))
    telescope = get_telescope(camera.telescope)
    return SimulatedInstrument(
        camera=camera,
        header=functools.partial(declared_header, declaration=instrument.declaration),
        filename=functools.partial(declared_filename, declaration=instrument.declaration),
        target=BL_LAC if telescope.latitude > _NORTHERN_LIMIT else PKS_2155,
        scenarios=_scenarios(instrument, entry, tuple(camera.zero_points)),
        brightest_star=entry.brightest_star,
        second=second,
        polarimetry_window=entry.polarimetry_window,
    )


def _entry(declaration: Declaration) -> SimulationEntry:
    try:
        return SimulationEntry.model_validate(declaration.simulation)
    except ValidationError as error:
        faults = "; ".join(
            f"simulation.{'.'.join(str(p) for p in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        msg = f"the declaration of {declaration.name}: {faults}"
        raise ConfigError(msg) from error


def _camera(instrument: DeclaredInstrument, entry: SimulationEntry, night: date | None) -> Camera:
    d, detector = instrument.declaration, instrument.detector(night)
    side = round(60.0 * d.field_arcmin / d.pixel_scale)
    columns, rows = d.size or (side, side)
    bands = _bands(d)
    # Light grows with the area of the mirror: 5 lg of the diameter in magnitudes.
    larger = _magnitudes(entry.diameter)
    return Camera(
        instrument=d.name,
        telescope=d.telescopes[0],
        chip=(rows, columns),
        window=(rows, columns),
        scale=d.pixel_scale,
        rotation=entry.rotation,
        mirrored=entry.mirrored,
        distortion=entry.distortion,
        zero_points={b: entry.zero_points.get(b, _zero_point(b) + larger) for b in bands},
        sky={b: entry.sky.get(b, DARK_SKY[johnson_band(b)]) for b in bands},
        extinction={b: entry.extinction.get(b, EXTINCTION[johnson_band(b)]) for b in bands},
        polarimeter_throughput=entry.polarimeter_throughput,
        gain=detector.gain,
        read_noise=detector.read_noise,
        saturation=detector.saturation,
        dark_current=detector.dark_current,
        bias=entry.bias,
        bias_slope=entry.bias_slope,
        junk=False,
        cosmic_rate=entry.cosmic_rate,
        seeing=entry.seeing,
        noise_tail=entry.noise_tail,
    )


def _bands(d: Declaration) -> tuple[str, ...]:
    """Return the bands that the filters have, in their order."""
    named = [band for band in d.filters.values() if band]
    if d.band is not None:
        named.insert(0, d.band)
    return tuple(dict.fromkeys(named)) or ("B", "V", "R")


def _zero_point(band: str) -> float:
    known = band[:1].upper() in _ZERO_POINTS or band[:1] in "griz"
    return _ZERO_POINTS[johnson_band(band)] + (0.0 if known else _UNFILTERED)


def _magnitudes(diameter: float) -> float:
    import math

    return 5.0 * math.log10(diameter / _DIAMETER)


def _scenarios(
    instrument: DeclaredInstrument, entry: SimulationEntry, bands: tuple[str, ...]
) -> MappingProxyType[str, MappingProxyType[str, Any]]:
    d = instrument.declaration
    preferred = "R" if "R" in bands else bands[-1]
    shared: dict[str, Any] = {
        "photometry": bands[:3],
        "n_bias": 5 if ImageType.BIAS in d.requires else 0,
        "n_darks": 5 if ImageType.DARK in d.requires else 0,
        "n_flats": 5 if ImageType.FLAT in d.requires else 0,
        "flat_level": 0.4 * instrument.detector().saturation,
        "polarimetry": (),
        "n_cycles": 0,
        # Chips of many small pixels are read out binned.
        "binning": 2 if max(d.size or (0,)) > _LARGE else 1,
    }
    if d.polarimeter is not None:
        with_polarimeter = _polaroid_bands(d) or (preferred,)
        shared |= {"polarimetry": with_polarimeter, "n_cycles": 2, "n_photometry": 2}
    grid = {
        "photometry": (preferred,),
        "n_photometry": 3,
        "n_calibrators": 10,
        "flat_stars": 0,
        "ip_per": "cycle",
        "mag_range": (11.0, 16.0),
    }
    return MappingProxyType(
        {
            "demo": MappingProxyType(shared | {"n_stars": 150} | entry.options),
            "grid": MappingProxyType(shared | grid | entry.options),
        }
    )


def _polaroid_bands(d: Declaration) -> tuple[str, ...]:
    """Return the bands of polaroids that share a wheel with the filters."""
    if d.polarimeter != "polaroids" or d.keywords.polaroid:
        return ()
    named = [d.filters[name] for name in d.polaroids if name in d.filters]
    return tuple(dict.fromkeys(named))[:1]
