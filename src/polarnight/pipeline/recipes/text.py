"""Recipes as text: YAML that can be edited and fed back, and lists of citations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from polarnight.pipeline.recipes.book import SettledRecipe
from polarnight.pipeline.recipes.stage import Parameter, Stage

__all__ = ["citations_text", "quantity", "value_text", "yaml_text"]


def value_text(value: Any) -> str:
    """Return a value as YAML writes it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(value_text(entry) for entry in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value) if isinstance(value, str) and not value.isidentifier() else str(value)


def _number(value: float) -> str:
    """Return a float that reads back as the same float, and as a float."""
    text = f"{value:.10g}"
    text = text if float(text) == value else repr(value)
    if "." in text:
        return text
    # Without a point YAML takes 1e-07 for text, and 5 for a whole number.
    digits, exponent, power = text.partition("e")
    return f"{digits}.0{exponent}{power}"


def quantity(parameter: Parameter) -> str:
    """Return a value with its unit, with as many digits as an eye wants."""
    value = parameter.value
    text = f"{value:.6g}" if isinstance(value, float) else value_text(value)
    return f"{text} {parameter.unit}".rstrip()


def yaml_text(recipes: Sequence[SettledRecipe], *, instrument: str = "", epoch: str = "") -> str:
    """Return recipes as YAML in the form that `recipes.yaml` has.

    Fed back, it changes nothing. Without an instrument, what instruments declare is commented
    out, for one value would replace those of all.

    Parameters
    ----------
    recipes : sequence of SettledRecipe
    instrument, epoch : str
        For which they hold; ``""`` for any.
    """
    scope = [part for part in (epoch, instrument) if part] or ["all"]
    lines = ["# Recipes of Polarnight: edit, drop what stays as it is, save as recipes.yaml in the"]
    lines += ["# data directory (or under `recipes:` in the configuration)."]
    for depth, name in enumerate(scope):
        lines.append(f"{'  ' * depth}{name}:")
    indent = "  " * len(scope)
    for settled in recipes:
        lines.append(f"{indent}{settled.recipe.name}:")
        lines += [f"{indent}  {line}" for line in _recipe_lines(settled, bool(instrument))]
    return "\n".join(lines) + "\n"


def _recipe_lines(settled: SettledRecipe, for_instrument: bool) -> list[str]:
    plugins = settled.plugins
    lines = [f"stages: [{', '.join(plugins)}]"] if plugins else []
    for stage in settled.recipe.stages:
        entries = stage.describe()
        declared = set() if for_instrument else stage.declared()
        all_declared = all(entry.name in declared for entry in entries)
        mark = "# " if not entries or all_declared else ""
        lines.append(f"{mark}{stage.name}:  # {_version(stage)}")
        for entry in entries:
            off = "# " if entry.name in declared else ""
            told = ", ".join(filter(None, (entry.unit, entry.description)))
            lines.append(f"  {off}{entry.name}: {value_text(entry.value)}  # {told}")
    if all(line.lstrip().startswith("#") for line in lines):
        lines.append("{}")
    return lines


def _version(stage: Stage) -> str:
    return f"version {stage.version}"


def citations_text(recipes: Sequence[SettledRecipe]) -> str:
    """Return what to cite, with the stages that rest on it."""
    used: dict[str, list[str]] = {}
    for settled in recipes:
        for stage in settled.recipe.stages:
            for citation in stage.citations:
                used.setdefault(citation, []).append(f"{settled.recipe.name}: {stage.name}")
    if not used:
        return "These recipes cite nothing.\n"
    lines = [f"{citation}  ({', '.join(used[citation])})" for citation in sorted(used)]
    return "\n".join(lines) + "\n"
