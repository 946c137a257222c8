"""Where settings come from: defaults < file < environment < command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from polarnight.config.iop4 import translate
from polarnight.config.model import Settings
from polarnight.config.texts import nearest, parse_yaml, read_text, shown
from polarnight.errors import ConfigError

__all__ = ["find_config_file", "load_settings"]

PREFIX = "POLARNIGHT_"

RESERVED = frozenset({"CONFIG", "NO_NATIVE", "REAL_DATA", "REQUIRE_NATIVE", "THREADS"})
"""Variables of the environment that are not settings (nor is anything with TEST_)."""


@dataclass
class Layer:
    """The values of one place."""

    place: str
    values: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values, names, _ = translate(self.values)
        self.names = {**self.names, **names}


def find_config_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file to read, None where there is none.

    ``$POLARNIGHT_CONFIG``, ``~/.polarnight.yaml``, then the places of IOP4:
    ``$IOP4_CONFIG_FILE``, ``~/iop4data/config.yaml``, ``~/.iop4data/config.yaml`` and
    ``~/.iop4.config.yaml``. A file named by a variable need not exist; reading it will tell.
    """
    env = os.environ if environ is None else environ
    if env.get("POLARNIGHT_CONFIG"):
        return Path(env["POLARNIGHT_CONFIG"]).expanduser()
    ours = Path("~/.polarnight.yaml").expanduser()
    if ours.is_file():
        return ours
    if env.get("IOP4_CONFIG_FILE"):
        return Path(env["IOP4_CONFIG_FILE"]).expanduser()
    for name in ("~/iop4data/config.yaml", "~/.iop4data/config.yaml", "~/.iop4.config.yaml"):
        path = Path(name).expanduser()
        if path.is_file():
            return path
    return None


def load_settings(
    config_file: str | Path | None = None,
    *,
    options: Iterable[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read all places and return the settings with the origin of every value.

    Parameters
    ----------
    config_file : str or Path, optional
        YAML file; `find_config_file` looks for one where it is not given.
    options : iterable of str
        ``key=value`` texts of the command line; nested keys as ``photometry.clip=4``.
    overrides : mapping, optional
        Values given in Python, by (dotted) key; they win over everything.
    environ : mapping, optional
        The environment; `os.environ` by default.

    Raises
    ------
    ConfigError
        For a missing or unreadable file, an unknown key or a wrong value, naming the key
        and the place.
    """
    env = os.environ if environ is None else environ
    layers = []
    path = Path(config_file).expanduser() if config_file else find_config_file(env)
    if path is not None:
        layers.append(Layer(str(path), _read_yaml(path)))
    layers.extend(_environment(env))
    layers.extend(_option(text) for text in options)
    for key, value in (overrides or {}).items():
        layers.append(Layer("argument", _nest(key.split("."), value), {key: key}))
    return _validate(layers)


def _read_yaml(path: Path) -> dict[str, Any]:
    what = "the configuration file"
    values = parse_yaml(read_text(path, what), f"{what} {path}")
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        msg = f"the configuration file {path} must hold 'key: value' lines"
        raise ConfigError(msg)
    return values


def _environment(env: Mapping[str, str]) -> list[Layer]:
    layers = []
    for name in sorted(env):
        key = name.removeprefix(PREFIX)
        if key == name or key in RESERVED or key.startswith("TEST_"):
            continue
        path = key.lower().split("__")
        values = _nest(path, _parse(env[name]))
        layers.append(Layer(f"environment variable {name}", values, {".".join(path): name}))
    return layers


def _option(text: str) -> Layer:
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        msg = f"option {text!r} is not of the form key=value"
        raise ConfigError(msg)
    # Parameters of recipes have types that only their stages know: they are written as in YAML.
    yaml = key.split(".")[0] == "recipes"
    parsed = parse_yaml(value, f"option {key}") if yaml else _parse(value)
    return Layer("command line", _nest(key.split("."), parsed), {key: key})


def _parse(text: str) -> Any:
    """Read a value given as text.

    Plain text stays text, which the model turns into the wanted type; lists and mappings
    are written as in YAML, and nothing as ``null``.
    """
    stripped = text.strip()
    if stripped.lower() in {"null", ""}:  # not "none": that is a word, also in YAML
        return None
    if stripped[0] in "[{":
        try:
            return parse_yaml(stripped, "the value")
        except ConfigError:
            return text
    return text


def _nest(path: list[str], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def _merge(base: dict[str, Any], layer: Layer, origins: dict[str, str]) -> None:
    """Lay one place over `base` in place, and note the origin of each leaf."""

    def put(target: dict[str, Any], values: dict[str, Any], prefix: str) -> None:
        for key, value in values.items():
            dotted = f"{prefix}{key}"
            if isinstance(value, dict):
                if not isinstance(target.get(key), dict):
                    target[key] = {}
                put(target[key], value, f"{dotted}.")
            else:
                target[key] = value
            origins[dotted] = layer.place

    put(base, layer.values, "")


def _validate(layers: list[Layer]) -> Settings:
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    names: dict[str, str] = {}
    for layer in layers:
        _merge(merged, layer, origins)
        names.update(layer.names)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        lines = [_explain(entry, origins, names) for entry in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    settings._origins = {
        key: place for key, place in origins.items() if not isinstance(_leaf(merged, key), dict)
    }
    return settings


def _leaf(values: dict[str, Any], key: str) -> Any:
    value: Any = values
    for part in key.split("."):
        value = value[part] if isinstance(value, dict) else None
    return value


def _explain(entry: Any, origins: dict[str, str], names: dict[str, str]) -> str:
    """Say what is wrong with one value: the key, the place, and the remedy."""
    parts = [str(part) for part in entry["loc"]]
    key = ".".join(parts)
    place, written = "unknown place", key
    for length in range(len(parts), 0, -1):
        dotted = ".".join(parts[:length])
        if dotted in origins:
            place, written = origins[dotted], names.get(dotted, key)
            break
    if entry["type"] == "extra_forbidden":
        near = nearest(key, _known_keys(Settings))
        hint = f"; did you mean {near}?" if near else "; 'polarnight config' lists all keys"
        return f"{place}: unknown key {written!r}{hint}"
    reason = entry["msg"].removeprefix("Value error, ")
    secret = "password" in key or key == "database_url"
    value = "the value given" if secret else shown(entry["input"])
    return f"{place}: key {written!r}: {value} is wrong: {reason[0].lower()}{reason[1:]}"


def _known_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, info in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            keys.extend(_known_keys(info.annotation, f"{prefix}{name}."))
    return keys
