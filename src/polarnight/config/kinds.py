"""Kinds of values that settings have, and what all parts of the settings share."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "LogLevel",
    "NotNegative",
    "Part",
    "Positive",
    "UserPath",
    "hosts",
    "increasing",
    "line_format",
    "places",
]


def absolute(path: Path) -> Path:
    """Expand ``~`` and make a path independent of later changes of directory."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  (resolve() follows links)


def level_number(value: Any) -> Any:
    """Accept the name of a logging level as well as its number."""
    if isinstance(value, str) and not value.strip().isdigit():
        number = logging.getLevelNamesMapping().get(value.strip().upper())
        if number is None:
            msg = f"no logging level {value!r}; use DEBUG, INFO, WARNING, ERROR or a number"
            raise ValueError(msg)
        return number
    return value


def increasing(radii: tuple[float, float]) -> tuple[float, float]:
    """Refuse an outer radius that is not larger than the inner one."""
    """Refuse an outer radius that is not larger than the inner one."""
    if radii[0] >= radii[1]:
        msg = "the outer radius must be larger than the inner one"
        raise ValueError(msg)
    return radii


def line_format(text: str) -> str:
    """Refuse a format that every line of the log would stumble over."""
    try:
        logging.Formatter(text).format(logging.makeLogRecord({"msg": ""}))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"no format of a line of the log ({error})"
        raise ValueError(msg) from None
    return text


def places(value: Any) -> Any:
    """Take one place, or several as the search path of a shell has them."""
    if isinstance(value, str):
        return [part for part in value.split(os.pathsep) if part.strip()]
    return [value] if isinstance(value, Path) else value


def hosts(value: Any) -> Any:
    """Take names separated by commas as well as a list of them."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


UserPath = Annotated[Path, AfterValidator(absolute)]
LogLevel = Annotated[int, BeforeValidator(level_number), Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """What all parts of the settings share: no unknown keys, no changes, no surprises."""

    # A user or a name of digits only is a number in YAML, and text everywhere else.
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )
