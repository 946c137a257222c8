"""The declarative part of an instrument, read from a TOML or YAML file and checked."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from polarnight.config.texts import shown
from polarnight.errors import ConfigError
from polarnight.frames import ImageType, PairVector
from polarnight.instruments.base import Beams, Polarimeter

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = [
    "Declaration",
    "Keywords",
    "PathName",
    "explain_faults",
    "extended",
    "is_band",
    "packaged_tables",
    "read_declaration",
    "valid_entry",
]

_LONGEST_BAND = 10  # characters, in the tables of results
_LONGEST_PATTERN = 200
_REPEATED_GROUP = re.compile(r"\)[*+{]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _one_is_a_list(value: Any) -> Any:
    if value is None:
        msg = "nothing stands there; give a value, or take the key out"
        raise ValueError(msg)
    return [value] if isinstance(value, str | int | float) else value


def _pair(value: Any) -> Any:
    """Take a table with the names of the fields."""
    if not isinstance(value, dict):
        return value
    if set(value) != set(PairVector._fields):
        msg = f"needs exactly {', '.join(PairVector._fields)}"
        raise ValueError(msg)
    return tuple(value[name] for name in PairVector._fields)


def _band(name: str) -> str:
    if not is_band(name):
        msg = (
            f"a band has {_LONGEST_BAND} characters at most, no slash, no dot at its beginning, "
            "and nothing that cannot be printed"
        )
        raise ValueError(msg)
    return name


def is_band(name: str) -> bool:
    """Return whether a text can be a band: it becomes part of names of files (``""``: none)."""
    return not name or (len(name) <= _LONGEST_BAND and _is_part_of_path(name))


def _is_part_of_path(name: str) -> bool:
    plain = name.isprintable() and name == name.strip() and not name.startswith(".")
    return plain and not set(name) & {"/", "\\"}


def path_name(name: str) -> str:
    """Return a name of which directories are made, or refuse it."""
    if not name or not _is_part_of_path(name):
        msg = (
            "directories are called by this name: no slash, no dot or space at its beginning, "
            "nothing that cannot be printed"
        )
        raise ValueError(msg)
    return name


def _bounded_pattern(pattern: str) -> str:
    """Refuse a regular expression that is none, has no group, or may take for ever."""
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        msg = f"no regular expression: {error}"
        raise ValueError(msg) from error
    if groups != 1:
        msg = f"needs exactly one group, as in cam_(1|2)_, and has {groups}"
        raise ValueError(msg)
    plain = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "x", pattern)
    if len(pattern) > _LONGEST_PATTERN or _REPEATED_GROUP.search(plain):
        msg = (
            f"a group that is repeated, or more than {_LONGEST_PATTERN} characters, may take for "
            "ever on a long name; write a simpler one"
        )
        raise ValueError(msg)
    return pattern


def _capitals(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    if any(isinstance(key, bool) for key in table):
        msg = "on, off, yes and no are truth values in YAML; write such a word in quotes"
        raise ValueError(msg)
    return {" ".join(str(key).upper().split()): value for key, value in table.items()}


Band = Annotated[str, AfterValidator(_band)]
PathName = Annotated[str, Field(max_length=40), AfterValidator(path_name)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_one_is_a_list)]
Values = Annotated[
    tuple[Annotated[str, BeforeValidator(str)], ...], BeforeValidator(_one_is_a_list)
]


class Keywords(_Strict):
    """Header keywords of each value, in order of preference; empty where there is none."""

    image_type: Texts = Field(min_length=1)
    exptime: Texts = Field(min_length=1)
    object: Texts = ()
    filter: Texts = ()
    polaroid: Texts = ()
    angle: Texts = ()
    binning_x: Texts = ()
    binning_y: Texts = ()
    origin_x: Texts = ()
    origin_y: Texts = ()
    airmass: Texts = ()
    readmode: Texts = ()
    jd: Texts = ()
    mjd: Texts = ()
    date_obs: Texts = ()
    time_of_day: Texts = ()
    seconds_of_day: Texts = ()
    ra: Texts = ()
    ra_hours: Texts = ()
    ra_degrees: Texts = ()
    dec: Texts = ()
    gain: Texts = ()
    read_noise: Texts = ()
    full_well: Texts = ()
    instrument_angle: Texts = ()


class Recognition(_Strict):
    """What a header of the instrument says from a night on, and until before another."""

    start: date = Field(default=date.min, alias="from")
    until: date = date.max
    values: dict[str, Values] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.start >= self.until:
            msg = f"from {self.start} until {self.until} holds at no date"
            raise ValueError(msg)
        return self

    @property
    def always(self) -> bool:
        """Whether it holds at all dates."""
        return self.start == date.min and self.until == date.max


def _recognitions(value: Any) -> Any:
    """Take one table of keywords, or a list of such with dates."""
    found = [value] if isinstance(value, dict) else value
    whole = isinstance(found, list) and all(isinstance(entry, dict) for entry in found)
    if not whole or not all(set(entry) - {"from", "until"} for entry in found):
        msg = "nothing tells its frames from others; give keywords with their values, such as "
        msg += "{INSTRUME: SBIG ST-7}"
        raise ValueError(msg)
    dates = ("from", "until")
    return [
        {key: entry[key] for key in dates if key in entry}
        | {"values": {key: texts for key, texts in entry.items() if key not in dates}}
        for entry in found
    ]


def _not_empty(entries: tuple[Recognition, ...]) -> tuple[Recognition, ...]:
    if not entries or not all(all(entry.values.values()) for entry in entries):
        msg = "nothing tells its frames from others; give keywords with their values"
        raise ValueError(msg)
    return entries


class CameraBeams(_Strict):
    """Which beam a camera sees: by a header keyword, or a part of the file's name."""

    keyword: str | None = None
    filename: Annotated[str, AfterValidator(_bounded_pattern)] | None = None
    values: dict[Annotated[str, BeforeValidator(str)], Literal["O", "E"]] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.keyword is None) == (self.filename is None):
            msg = "needs either keyword or filename (a regular expression with one group)"
            raise ValueError(msg)
        return self


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
    bands: Texts = ()
    q0: float = 0.0
    q0_err: float = Field(default=0.0, ge=0)
    u0: float = 0.0
    u0_err: float = Field(default=0.0, ge=0)
    zero_angle: float = 0.0
    zero_angle_err: float = Field(default=0.0, ge=0)
    efficiency: float = Field(default=1.0, gt=0, le=1)
    efficiency_err: float = Field(default=0.0, ge=0)
    origin: str = ""
    measured: bool = True


class Trim(_Strict):
    """Rows and columns at the borders of every image that hold no light."""

    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    top: int = Field(default=0, ge=0)


class Declaration(_Strict):
    """All that a data file says of an instrument; see the packaged files for the meaning."""

    name: PathName
    telescopes: Texts = Field(min_length=1)
    pixel_scale: float = Field(gt=0)
    field_arcmin: float = Field(gt=0)
    size: tuple[int, int] | None = None
    polarimeter: Polarimeter | None = None
    beams: Beams | None = None
    retardance: float = Field(default=90.0, gt=0, lt=180)
    angle_sense: Literal[1, -1] = 1
    angles: tuple[float, ...] = ()
    min_angles: int = Field(default=0, ge=0)
    requires: frozenset[ImageType] = frozenset({ImageType.BIAS, ImageType.FLAT})
    validity_days: float = Field(default=30.0, gt=0)
    low_flat: float = Field(default=0.3, gt=0, lt=1)
    edge: int = Field(default=5, ge=0)
    windows: bool = False
    flat_in_windows: bool = True
    flat_angles: Literal["each", "any"] = "each"
    trusted_wcs: bool = False
    pairs_always: bool = False
    bitpix: Annotated[
        tuple[Literal[8, 16, 32, 64, -32, -64], ...], BeforeValidator(_one_is_a_list)
    ] = (16, 32)
    exptime_unit: Literal["s", "ms", "us", "min"] = "s"
    date_is: Literal["start", "middle", "end"] = "start"
    pointing_equinoxes: tuple[Literal["J2000", "date", "object"], ...] = ("J2000", "date")
    pair: Annotated[PairVector | None, BeforeValidator(_pair)] = None
    recognise: Annotated[
        tuple[Recognition, ...], BeforeValidator(_recognitions), AfterValidator(_not_empty)
    ]
    keywords: Keywords
    image_types: Annotated[dict[str, ImageType], BeforeValidator(_capitals)]
    object_words: dict[str, ImageType] = {}
    object_words_in_filename: bool = False
    filters: Annotated[dict[str, Band], BeforeValidator(_capitals)] = {}
    band: Band | None = None
    polaroids: Annotated[dict[str, float | None], BeforeValidator(_capitals)] = {}
    polarimetry_when: dict[str, Values] = {}
    camera_beams: CameraBeams | None = None
    trim: Trim = Trim()
    simulation: dict[str, Any] = {}
    detector: tuple[DetectorEntry, ...] = Field(min_length=1)
    instrumental_polarization: tuple[PolarizationEntry, ...] = ()

    @model_validator(mode="after")
    def _beams_fit(self) -> Self:
        if self.beams is not None and (self.beams == "image") != (self.pair is not None):
            msg = f"beams = {self.beams!r} and pair = {self.pair}: a pair is two beams on one image"
            raise ValueError(msg)
        if self.pairs_always and self.pair is None:
            msg = "pairs_always is declared, but no pair"
            raise ValueError(msg)
        if self.camera_beams is not None and self.beams != "cameras":
            msg = "camera_beams is declared, but not beams = 'cameras'"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _enough_angles(self) -> Self:
        different = len(set(self.angles))
        if self.min_angles > different:
            msg = (
                f"a cycle needs {self.min_angles} angles (min_angles), but angles (or polaroids) "
                f"has {different} different ones"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _light_is_left(self) -> Self:
        if self.size is not None:
            t, (width, height) = self.trim, self.size
            if t.left + t.right >= width or t.bottom + t.top >= height:
                msg = f"trim leaves nothing of a chip of {width} x {height} pixels"
                raise ValueError(msg)
        return self


def read_declaration(path: Path | Traversable) -> Declaration:
    """Read and check the data file (TOML) of an instrument.

    Raises
    ------
    ConfigError
        Where the file is no TOML, or a key is unknown, missing or of the wrong type; names
        the file and the key.
    """
    try:
        return Declaration.model_validate(_tables(path))
    except tomllib.TOMLDecodeError as error:
        msg = f"the instrument file {path} is no TOML: {error}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        msg = explain_faults(error, f"the instrument file {path}")
        raise ConfigError(msg) from error


def packaged_tables(name: str) -> dict[str, Any]:
    """Return the tables of a packaged file that others begin from, such as ``standard.toml``."""
    return _tables(files(__package__) / "data" / name)


def extended(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of `own` laid over those of `base`, entry by entry."""
    merged = {**base, **own}
    for key, table in base.items():
        if isinstance(table, dict) and isinstance(own.get(key), dict):
            merged[key] = {**table, **own[key]}
    return merged


def _tables(path: Path | Traversable) -> dict[str, Any]:
    own: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    base = own.pop("extends", None)
    if base is None:
        return own
    try:
        return extended(packaged_tables(str(base)), own)
    except OSError as error:
        msg = f"the instrument file {path}: extends: {base!r} is no file of the package"
        raise ConfigError(msg) from error


_REMEDIES = {
    "missing": "add it",
    "too_short": "add one at least",
    "extra_forbidden": "no such key: correct its spelling or take it out",
}


def explain_faults(error: ValidationError, where: str) -> str:
    """Return one line for each fault of a declaration, with file, key and remedy."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "as a whole"
        reason = fault["msg"].removeprefix("Value error, ")
        given = fault.get("input")
        said = f", not {shown(given)}" if isinstance(given, str | int | float) else ""
        remedy = _REMEDIES.get(fault["type"])
        told = f"{remedy}" if remedy else f"{reason[:1].lower()}{reason[1:]}{said}"
        lines.append(f"{where}: {key}: {told}")
    return "\n".join(lines)


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
