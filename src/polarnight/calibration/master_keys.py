"""Keys of masters: what they are made of, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polarnight.calibration.rules import MasterRules
from polarnight.frames import (
    FrameInfo,
    ImageType,
    content_key,
    recipe_key,
)

__all__ = ["MASTER_VERSION", "group_recipe_key", "json_text", "master_recipe_key"]

MASTER_VERSION = "2"
"""Changes whenever the same input would give another master."""


def master_recipe_key(
    kind: ImageType,
    infos: Sequence[FrameInfo],
    paths: Sequence[str | Path],
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    rules: MasterRules | None = None,
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return the recipe key that `build_master` would give the master.

    Parameters
    ----------
    kind, infos, paths, bias, dark, rules
        As for `build_master`.
    keys : mapping of str to str, optional
        Content keys by path, where they are known already. A file that cannot be read counts
        as its own absence.
    """
    how = {"rules": (rules or MasterRules()).to_dict(), "version": MASTER_VERSION}
    return group_recipe_key(kind, infos, paths, bias=bias, dark=dark, recipe=how, keys=keys)


def group_recipe_key(
    kind: ImageType,
    infos: Sequence[FrameInfo],
    paths: Sequence[str | Path],
    *,
    bias: str | Path | None = None,
    dark: str | Path | None = None,
    recipe: Mapping[str, Any],
    keys: Mapping[str, str] | None = None,
) -> str:
    """Return the key of a master of some frames under any recipe.

    Parameters
    ----------
    kind, infos, paths, bias, dark, keys
        As for `master_recipe_key`.
    recipe : mapping
        JSON-able: parameters and versions of all that makes the master.
    """
    known = dict(keys or {})

    def content(path: str | Path) -> str:
        if str(path) not in known:
            known[str(path)] = content_key(path) if Path(path).is_file() else "absent"
        return known[str(path)]

    inputs: dict[str, Iterable[str]] = {"raw": [content(path) for path in paths]}
    if bias is not None:
        inputs["bias"] = [content(bias)]
    if dark is not None:
        inputs["dark"] = [content(dark)]
    parameters = {
        "kind": str(kind),
        "recipe": dict(recipe),
        # Gain, saturation or sections may change in the plug-in while the files do not.
        "infos": sorted(json_text(info.to_dict()) for info in infos),
    }
    return recipe_key(inputs, parameters, {})


def json_text(values: dict[str, Any]) -> str:
    """Return values as JSON, the same text for the same values."""
    import json

    return json.dumps(values, sort_keys=True, separators=(",", ":"))
