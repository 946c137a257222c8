"""GenericCCD: an observatory declared by a YAML file alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from polarnight.config.texts import nearest, parse_yaml
from polarnight.errors import ConfigError
from polarnight.instruments.declaration import (
    Declaration,
    Keywords,
    PathName,
    Values,
    explain_faults,
    extended,
    packaged_tables,
)
from polarnight.instruments.declared import DeclaredInstrument
from polarnight.instruments.reading import PlainLoader
from polarnight.telescopes import Telescope

__all__ = ["GenericCCD", "Observatory", "read_observatory"]

_DETECTOR: Final = ("gain", "read_noise", "saturation", "nonlinear", "dark_current")
_LAST_COUNT: Final = 65535.0  # of a converter, or a file, of 16 bits
_LINEAR: Final = 0.9  # part of the range that is taken for linear where nobody says more

_CYCLES: Final[dict[str, tuple[tuple[float, ...], int]]] = {
    "half-wave plate": ((0.0, 22.5, 45.0, 67.5), 4),
    "quarter-wave plate": (tuple(22.5 * step for step in range(8)), 2),
}
"""Angles of a cycle, and how many are enough, where the file does not say."""


class GenericCCD(DeclaredInstrument):
    """A camera, with or without polarimeter, that its declaration describes wholly.

    Parameters
    ----------
    declaration : Declaration
    origin : str
        The file it comes from.
    """

    def __init__(self, declaration: Declaration, origin: str) -> None:
        super().__init__(declaration)
        self.origin_file = origin


@dataclass(frozen=True)
class Observatory:
    """The telescopes and instruments that one file declares, by name."""

    telescopes: Mapping[str, Telescope]
    instruments: Mapping[str, GenericCCD]


def _one_word(name: str) -> str:
    if any(character.isspace() for character in name):
        msg = "must be one word: nights are asked for as TELESCOPE/2024-04-08"
        raise ValueError(msg)
    return name


SiteName = Annotated[PathName, AfterValidator(_one_word)]


class TelescopeEntry(BaseModel):
    """The table ``telescope`` of an observatory's file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: SiteName
    abbreviation: SiteName | None = None
    longitude: float = Field(ge=-180, le=360)
    latitude: float = Field(ge=-90, le=90)
    height: float = Field(default=0.0, ge=-500, le=10_000)
    TELESCOP: Values = ()


def read_observatory(text: str, place: str) -> Observatory:
    """Read and check the declaration of an observatory.

    Parameters
    ----------
    text : str
        YAML: a mapping with ``telescope`` (a mapping, or the name of one that is declared
        elsewhere) and either the keys of one instrument or a list ``instruments``.
    place : str
        The file, for messages.

    Raises
    ------
    ConfigError
        Where the text is no YAML, or a key is unknown, missing or wrong: one line for each
        fault, with file, key and remedy.
    """
    where = f"the instrument file {place}"
    values = parse_yaml(text, where, PlainLoader)
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        msg = f"{where} must hold 'key: value' lines; add name, telescope, pixel_scale ..."
        raise ConfigError(msg)
    values = dict(values)
    telescope = _telescope(values.pop("telescope", None), where)
    name = telescope.name if isinstance(telescope, Telescope) else telescope
    entries = values.pop("instruments", None)
    if entries is None:
        entries = [values] if values else []
    elif values or not isinstance(entries, list):
        what = ", ".join(values) or "instruments"
        msg = f"{where}: {what}: beside a list 'instruments' only 'telescope' may stand"
        raise ConfigError(msg)
    known = telescope.header_values if isinstance(telescope, Telescope) else ()
    found: dict[str, GenericCCD] = {}
    for number, entry in enumerate(entries, 1):
        which = where if len(entries) == 1 else f"{where}: instrument {number}"
        declaration = _declaration(entry, which, name, known)
        if declaration.name in found:
            msg = f"{which}: name: {declaration.name!r} is declared twice; choose another"
            raise ConfigError(msg)
        found[declaration.name] = GenericCCD(declaration, place)
    sites = {telescope.name: telescope} if isinstance(telescope, Telescope) else {}
    if not found and not sites:
        msg = f"{where} declares neither a telescope nor an instrument; add name, telescope ..."
        raise ConfigError(msg)
    return Observatory(sites, found)


def _telescope(value: Any, where: str) -> Telescope | str | None:
    """Return the telescope that is declared, or the name of one that is declared elsewhere."""
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    if not isinstance(value, dict):
        msg = f"{where}: telescope: give name, longitude, latitude, height, or the name of one"
        raise ConfigError(msg)
    try:
        entry = TelescopeEntry.model_validate(value)
    except ValidationError as error:
        raise ConfigError(explain_faults(error, f"{where}: telescope")) from error
    return Telescope(
        name=entry.name,
        abbreviation=entry.abbreviation or entry.name,
        header_values=entry.TELESCOP,
        longitude=entry.longitude,
        latitude=entry.latitude,
        height=entry.height,
    )


def _declaration(
    entry: Any, where: str, telescope: str | None, telescop: tuple[str, ...]
) -> Declaration:
    if not isinstance(entry, dict):
        msg = f"{where}: must hold 'key: value' lines; add name, pixel_scale ..."
        raise ConfigError(msg)
    _check_names(entry, where)
    values = extended(packaged_tables("standard.toml"), entry)
    if telescope is not None:
        values.setdefault("telescopes", [telescope])
    if not values.get("telescopes"):
        msg = f"{where}: telescope: add name, longitude, latitude and height of its site"
        raise ConfigError(msg)
    if "recognise" not in values:
        if not telescop:
            msg = (
                f"{where}: recognise: add the keywords that tell its frames from others, such as "
                f"INSTRUME: [...]"
            )
            raise ConfigError(msg)
        values["recognise"] = {"TELESCOP": list(telescop)}
    _fill_detector(values)
    _fill_field(values, where)
    _fill_cycle(values)
    try:
        declaration = Declaration.model_validate(values)
    except ValidationError as error:
        told = explain_faults(error, where)
        raise ConfigError(told if "detector" in entry else _without_list(told)) from None
    _check_polarimeter(declaration, where)
    return declaration


def _without_list(told: str) -> str:
    """Return faults as one understands them who wrote `gain: 1.2` and no list of detectors."""
    lines = told.replace("detector.0.", "").splitlines()
    single = [line for line in lines if ": detector: " not in line]
    return "\n".join(single or lines)


def _check_names(entry: Mapping[str, Any], where: str) -> None:
    """Refuse keys that mean nothing, with the one that was probably meant."""
    lines = []
    keywords = entry.get("keywords")
    for prefix, names, known in (
        ("", entry, [*_names(Declaration), *_DETECTOR]),
        ("keywords.", keywords if isinstance(keywords, dict) else {}, _names(Keywords)),
    ):
        for name in names:
            if name not in known:
                near = nearest(name, known)
                remedy = f"did you mean {near}?" if near else "take it out"
                lines.append(f"{where}: {prefix}{name}: no such key; {remedy}")
    if lines:
        raise ConfigError("\n".join(lines))


def _names(model: type[BaseModel]) -> list[str]:
    return list(model.model_fields)


def _fill_detector(values: dict[str, Any]) -> None:
    """Make an entry ``detector`` of the values given without one, and fill in what may lack."""
    short = {key: values.pop(key) for key in _DETECTOR if key in values}
    entries = values.get("detector", [short] if short else [{}])
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        return  # the model says what is wrong
    filled = []
    for entry in entries:
        if isinstance(entry, dict):
            entry = {"saturation": _LAST_COUNT, **short, **entry}
            last = entry["saturation"]
            if isinstance(last, int | float):
                entry.setdefault("nonlinear", _LINEAR * last)
        filled.append(entry)
    values["detector"] = filled


def _fill_field(values: dict[str, Any], where: str) -> None:
    """Compute the side of the field from size and scale where it is not given."""
    if "field_arcmin" in values:
        return
    size, scale = values.get("size"), values.get("pixel_scale")
    if not isinstance(size, list) or not size or not all(map(_is_count, size)):
        msg = f"{where}: size: add width and height of the chip in (unbinned) pixels: [w, h]"
        raise ConfigError(msg)
    known = isinstance(scale, int | float) and scale > 0  # if not, the model says so
    values["field_arcmin"] = max(size) * scale / 60.0 if known else 1.0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _fill_cycle(values: dict[str, Any]) -> None:
    """Give the cycle of angles that is usual where none is given."""
    polaroids = values.get("polaroids")
    angles: tuple[float, ...] = ()
    enough = 0
    if values.get("polarimeter") == "polaroids" and isinstance(polaroids, dict):
        found = {angle for angle in polaroids.values() if isinstance(angle, int | float)}
        angles, enough = tuple(sorted(found)), 3
    elif values.get("polarimeter") in _CYCLES:
        angles, enough = _CYCLES[values["polarimeter"]]
    values.setdefault("angles", list(angles))
    values.setdefault("min_angles", enough)


def _check_polarimeter(d: Declaration, where: str) -> None:
    """Refuse a polarimeter of which nothing tells the angle, the band or the beam."""
    lines: list[str] = []
    if d.polarimeter == "polaroids":
        if not d.polaroids:
            lines.append("polaroids: add the names of the polaroids and their angles")
        if not d.keywords.polaroid and d.band is None:
            lines += [
                f"filters: add {name!r} and the band that the polaroid is used in"
                for name in d.polaroids
                if name not in d.filters
            ]
    elif d.polarimeter is not None and not d.keywords.angle:
        lines.append("keywords.angle: add the keyword that holds the angle of the plate")
    if d.polarimeter is None and (d.pair is not None or d.beams == "cameras" or d.polaroids):
        lines.append(f"polarimeter: add what turns: polaroids, {_or(_CYCLES)}")
    if d.beams == "cameras" and d.camera_beams is None:
        lines.append("camera_beams: add the keyword, or file name, that tells the camera")
    if lines:
        raise ConfigError("\n".join(f"{where}: {line}" for line in lines))


def _or(names: Iterable[str]) -> str:
    return " or ".join(names)
