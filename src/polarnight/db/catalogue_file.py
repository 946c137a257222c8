"""Catalogue files of sources: reading and checking them; no database."""
# ruff: noqa: N815  (mag_R and the like are the names of the columns)

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic import field_validator as check

from polarnight.config.texts import parse_yaml, read_text, shown
from polarnight.db.coordinates import parse_dec, parse_ra
from polarnight.db.fields import jsonable
from polarnight.errors import ConfigError

__all__ = ["SourceEntry", "read_catalogue"]

_MOST_PROBLEMS = 20
_IOP4_MODELS = {"iop4api.astrosource", "polarnight.astrosource"}


def _empty_is_none(value: Any) -> Any:
    return (
        None if isinstance(value, str) and value.strip().lower() in {"", "null", "nan"} else value
    )


def _names(value: Any) -> Any:
    """Accept ``a; b``, lists, and the one-element lists of Django's natural keys."""
    if value is None:
        return []
    if isinstance(value, str):
        return [name.strip() for name in value.split(";") if name.strip()]
    if isinstance(value, (list, tuple)):
        return [
            entry[0] if isinstance(entry, list) and len(entry) == 1 else entry for entry in value
        ]
    return value


def _plain(value: Any) -> Any:
    # YAML reads 12:34:56 as a number in base 60 and 3C 84 as text; a name may be a number.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return "" if value is None else value


def _readable(value: str) -> str:
    if not value.isprintable():
        msg = "must not hold control characters"
        raise ValueError(msg)
    return value


Fraction = Annotated[float | None, BeforeValidator(_empty_is_none)]
# No star moves by 20 arcsec a year, and no redshift is beyond 20: what is, is a mistake.
Motion = Annotated[
    Annotated[float, Field(ge=-20_000, le=20_000)] | None, BeforeValidator(_empty_is_none)
]
Redshift = Annotated[Annotated[float, Field(gt=-1, le=20)] | None, BeforeValidator(_empty_is_none)]
Angle = Annotated[Annotated[float, Field(ge=-360, le=360)] | None, BeforeValidator(_empty_is_none)]
AngleError = Annotated[
    Annotated[float, Field(ge=0, le=180)] | None, BeforeValidator(_empty_is_none)
]
Error = Annotated[Annotated[float, Field(ge=0, le=10)] | None, BeforeValidator(_empty_is_none)]
Magnitude = Annotated[
    Annotated[float, Field(ge=-30, le=40)] | None, BeforeValidator(_empty_is_none)
]
Names = Annotated[list[Annotated[str, AfterValidator(_readable)]], BeforeValidator(_names)]
Text = Annotated[str, BeforeValidator(_plain)]
Line = Annotated[str, BeforeValidator(_plain), AfterValidator(_readable)]


class SourceEntry(BaseModel):
    """One source of a catalogue file."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    other_names: Names = []
    ra_hms: Annotated[Line, Field(max_length=40)]
    dec_dms: Annotated[Line, Field(max_length=40)]
    pm_ra: Motion = None
    pm_dec: Motion = None
    srctype: Annotated[Line, Field(max_length=20)] = ""
    comment: Text = ""
    metadata: dict[str, Any] = {}
    redshift: Redshift = None
    calibrates: Names = []
    p: Fraction = None
    p_err: Fraction = None
    chi: Angle = None
    chi_err: AngleError = None
    mag_U: Magnitude = None
    mag_U_err: Error = None
    mag_B: Magnitude = None
    mag_B_err: Error = None
    mag_V: Magnitude = None
    mag_V_err: Error = None
    mag_R: Magnitude = None
    mag_R_err: Error = None
    mag_I: Magnitude = None
    mag_I_err: Error = None

    @check("ra_hms")
    @classmethod
    def _right_ascension(cls, value: str) -> str:
        parse_ra(value)
        return value

    @check("dec_dms")
    @classmethod
    def _declination(cls, value: str) -> str:
        parse_dec(value)
        return value

    @check("metadata")
    @classmethod
    def _storable(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            jsonable(value)
        except TypeError as error:
            raise ValueError(str(error)) from None
        return value

    @check("p", "p_err")
    @classmethod
    def _fraction(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value <= 1:
            msg = f"must be a fraction between 0 and 1 ({value} % is {value / 100:g})"
            raise ValueError(msg)
        return value


def read_catalogue(path: str | Path) -> list[SourceEntry]:
    """Read a catalogue file.

    Parameters
    ----------
    path : str or Path
        CSV with a line of column names (names in lists are separated by ``;``), or YAML:
        a list of mappings with the same keys, or the natural-key catalogue of IOP4
        (entries with ``model`` and ``fields``).

    Returns
    -------
    list of SourceEntry

    Raises
    ------
    ConfigError
        Naming the file, the place in it, and the key.
    """
    path = Path(path)
    reader = {".csv": _read_csv, ".yaml": _read_yaml, ".yml": _read_yaml}.get(path.suffix.lower())
    if reader is None:
        msg = f"{path}: sources are imported from .csv, .yaml or .yml files"
        raise ConfigError(msg)
    rows = reader(path)
    if not rows:
        msg = f"{path}: there are no sources in it"
        raise ConfigError(msg)
    entries: list[SourceEntry] = []
    problems: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    for place, row in rows:
        try:
            entry = SourceEntry.model_validate(row)
        except ValidationError as error:
            for problem in error.errors():
                problems.setdefault(_explain(problem), []).append(place)
            continue
        if entry.name in seen:
            problems[f"{entry.name!r} is already in {seen[entry.name]}"] = [place]
        seen[entry.name] = place
        entries.append(entry)
    if problems:
        raise ConfigError(_listed(path, problems))
    return entries


def _listed(path: Path, problems: dict[str, list[str]]) -> str:
    """Return a line for each problem: a wrong column is one, and not one for every row of it."""
    lines = []
    for problem, places in list(problems.items())[:_MOST_PROBLEMS]:
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        lines.append(f"{path}, {places[0]}{more}: {problem}")
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"{path}: {len(problems) - _MOST_PROBLEMS} further problems")
    return "\n".join(lines)


def _read_csv(path: Path) -> list[tuple[str, dict[str, Any]]]:
    text = read_text(path, "the catalogue", "utf-8-sig")
    lines = (line for line in io.StringIO(text, newline="") if not line.startswith("#"))
    reader = csv.DictReader(lines, restkey="(more columns than names)", skipinitialspace=True)
    rows = []
    try:
        for number, row in enumerate(reader, start=1):
            named = {key.strip(): value for key, value in row.items() if key is not None}
            # An empty cell says nothing is known; the defaults are that.
            given = {key: value for key, value in named.items() if value not in (None, "")}
            rows.append((f"row {number} ({named.get('name') or 'no name'})", given))
    except csv.Error as error:
        msg = f"{path}, row {len(rows) + 1}: {error}"
        raise ConfigError(msg) from error
    return rows


class _Loader(yaml.SafeLoader):
    """YAML whose plain 12:34:56 stays text; YAML 1.1 would make it a number in base 60."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read_yaml(path: Path) -> list[tuple[str, dict[str, Any]]]:
    # _Loader makes no numbers at all: the model makes them where a number is wanted.
    content = parse_yaml(read_text(path, "the catalogue"), str(path), _Loader)
    if isinstance(content, dict) and isinstance(content.get("sources"), list):
        content = content["sources"]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        msg = f"{path}: a catalogue in YAML is a list of mappings, one for each source"
        raise ConfigError(msg)
    rows = []
    for number, row in enumerate(content, start=1):
        values = row
        if "model" in row:
            if row["model"] not in _IOP4_MODELS:
                continue  # a dump of IOP4 may hold users and other tables
            values = _from_iop4(row.get("fields") or {}, f"{path}, entry {number}")
        rows.append((f"entry {number} ({values.get('name', 'no name')})", values))
    return rows


def _from_iop4(fields: Any, where: str) -> dict[str, Any]:
    """Return the fields of an entry of IOP4 in our words."""
    if not isinstance(fields, dict):
        msg = f"{where}: 'fields' must be a mapping"
        raise ConfigError(msg)
    values = {
        key: value for key, value in fields.items() if key not in {"metadata_str", "modified"}
    }
    metadata = fields.get("metadata_str")
    if metadata:
        parsed = parse_yaml(str(metadata), f"{where}, key 'metadata_str'")
        values["metadata"] = parsed if isinstance(parsed, dict) else {"text": metadata}
    return values


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}; known are {', '.join(SourceEntry.model_fields)}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"key {key!r}: {shown(problem['input'])} is wrong: {reason[0].lower()}{reason[1:]}"
