"""The declarative part of an instrument, read from a TOML file and checked."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, PairVector

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["Declaration", "Keywords", "read_declaration", "valid_entry"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Keywords(_Strict):
    """Header keywords of each value, in order of preference; empty where there is none."""

    image_type: tuple[str, ...]
    exptime: tuple[str, ...]
    object: tuple[str, ...] = ()
    binning_x: tuple[str, ...] = ()
    binning_y: tuple[str, ...] = ()
    airmass: tuple[str, ...] = ()
    readmode: tuple[str, ...] = ()
    jd: tuple[str, ...] = ()
    date_obs: tuple[str, ...] = ()
    seconds_of_day: tuple[str, ...] = ()
    ra_hours: tuple[str, ...] = ()
    ra_degrees: tuple[str, ...] = ()
    dec: tuple[str, ...] = ()
    gain: tuple[str, ...] = ()
    read_noise: tuple[str, ...] = ()
    full_well: tuple[str, ...] = ()


class DetectorEntry(_Strict):
    """A detector from a date on."""

    start: date = Field(default=date.min, alias="from")
    gain: float = Field(gt=0)
    read_noise: float = Field(ge=0)
    saturation: float = Field(gt=0)
    nonlinear: float = Field(gt=0)
    dark_current: float = Field(default=0.0, ge=0)


class PolarizationEntry(_Strict):
    """Constants of the instrumental polarization in some bands from a date on."""

    start: date = Field(default=date.min, alias="from")
    bands: tuple[str, ...] = ()
    q0: float = 0.0
    q0_err: float = Field(default=0.0, ge=0)
    u0: float = 0.0
    u0_err: float = Field(default=0.0, ge=0)
    zero_angle: float = 0.0
    zero_angle_err: float = Field(default=0.0, ge=0)
    efficiency: float = Field(default=1.0, gt=0, le=1)
    efficiency_err: float = Field(default=0.0, ge=0)
    origin: str = ""


class Trim(_Strict):
    """Rows and columns at the borders of every image that hold no light."""

    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    top: int = Field(default=0, ge=0)


class Declaration(_Strict):
    """All that a data file says of an instrument; see the packaged files for the meaning."""

    name: str
    telescopes: tuple[str, ...] = Field(min_length=1)
    pixel_scale: float = Field(gt=0)
    field_arcmin: float = Field(gt=0)
    polarimeter: str | None = Field(default=None, pattern="^(polaroids|half-wave plate)$")
    angles: tuple[float, ...] = ()
    min_angles: int = 0
    requires: frozenset[ImageType] = frozenset({ImageType.BIAS, ImageType.FLAT})
    validity_days: float = 30.0
    low_flat: float = 0.3
    edge: int = 5
    pointing_equinoxes: tuple[str, ...] = ("J2000", "date")
    pair: PairVector | None = None
    recognise: dict[str, tuple[str, ...]]
    keywords: Keywords
    image_types: dict[str, ImageType]
    polaroids: dict[str, float] = {}
    trim: Trim = Trim()
    detector: tuple[DetectorEntry, ...] = Field(min_length=1)
    instrumental_polarization: tuple[PolarizationEntry, ...] = ()


def read_declaration(path: Path | Traversable) -> Declaration:
    """Read and check the data file of an instrument.

    Raises
    ------
    ConfigError
        Where the file is no TOML, or a key is unknown, missing or of the wrong type; names
        the file and the key.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        pair = values.get("pair")
        if isinstance(pair, dict):
            values["pair"] = tuple(float(pair[key]) for key in PairVector._fields)
        return Declaration.model_validate(values)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValidationError) as error:
        msg = f"the instrument file {path} is wrong: {error}"
        raise ConfigError(msg) from error


_Entry = TypeVar("_Entry", DetectorEntry, PolarizationEntry)


def valid_entry(entries: tuple[_Entry, ...], night: date | str | None) -> _Entry:
    """Return the entry with the latest start not after `night` (latest of all for None).

    A night before every start gets the earliest entry: the nearest knowledge there is.
    """
    ordered = sorted(entries, key=lambda entry: entry.start)
    if night is None:
        return ordered[-1]
    when = date.fromisoformat(night) if isinstance(night, str) else night
    begun = [entry for entry in ordered if entry.start <= when]
    return begun[-1] if begun else ordered[0]
