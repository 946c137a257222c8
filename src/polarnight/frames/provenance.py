"""What a product was made from, and the key that says whether it is still current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["InputRecord", "Provenance", "StageRecord", "content_key", "recipe_key"]


class InputRecord(NamedTuple):
    """A file that went into a product.

    Attributes
    ----------
    path : str
        As the caller names it.
    role : str
        What it was used as, such as ``"raw"`` or ``"masterbias"``.
    sha256 : str
        `content_key` of the file when it was used.
    """

    path: str
    role: str
    sha256: str


class StageRecord(NamedTuple):
    """A step of the reduction.

    Attributes
    ----------
    name, version : str
    parameters : str
        JSON.
    """

    name: str
    version: str
    parameters: str = "{}"


@dataclass(frozen=True)
class Provenance:
    """Inputs, stages and recipe key of a product.

    Parameters
    ----------
    inputs : sequence of InputRecord
        Plain tuples ``(path, role, sha256)`` are taken as well.
    stages : sequence of StageRecord
        In the order they ran; plain tuples are taken as well.
    recipe_key : str
        See `recipe_key`.
    """

    inputs: tuple[InputRecord, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    recipe_key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(InputRecord(*i) for i in self.inputs))
        object.__setattr__(self, "stages", tuple(StageRecord(*s) for s in self.stages))


def content_key(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises
    ------
    OSError
        Where the file cannot be read.
    """
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def recipe_key(
    inputs: Mapping[str, str | Iterable[str]] | Iterable[str],
    parameters: Mapping[str, Any],
    versions: Mapping[str, str],
) -> str:
    """Hash everything that determines a product.

    Two products with one key are equal; another key means that the older one is stale.

    Parameters
    ----------
    inputs : mapping of str to str or iterable of str, or iterable of str
        Content keys, by role where there are several. The inputs of one role are a set: their
        order does not change the key, their number does.
    parameters : mapping
        JSON-able parameters of the recipe; tuples count as lists.
    versions : mapping of str to str
        Stage names and versions.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError, ValueError
        Where a parameter is not JSON-able, or not a finite number.
    """
    by_role = inputs if isinstance(inputs, Mapping) else {"": inputs}
    plain = {
        "inputs": {role: _sorted_keys(keys) for role, keys in by_role.items()},
        "parameters": dict(parameters),
        "versions": dict(versions),
    }
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _sorted_keys(keys: str | Iterable[str]) -> Sequence[str]:
    return [keys] if isinstance(keys, str) else sorted(keys)
