"""All recipes of a night, with the parameters in force and where each came from.

The parameters that are printed are those that run: one object, the recipe, is shown, sent to the
workers, and hashed into the recipe keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError
from polarnight.pipeline.recipes.apart import StageLimits
from polarnight.pipeline.recipes.overrides import Overrides, plugin_stage, read_overrides
from polarnight.pipeline.recipes.stage import Recipe, Stage

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["DESCRIPTIONS", "RecipeBook", "SettledRecipe", "default_recipes"]

DESCRIPTIONS = {
    "bias": "frames to a master bias",
    "dark": "frames to a master dark",
    "flat": "frames to a master flat",
    "association": "a frame to the masters it is calibrated with",
    "light": "a raw frame to a calibrated one with its place on the sky",
    "cycles": "frames of polarimetry to cycles of angles",
    "photometry": "a frame to magnitudes",
    "polarimetry": "a cycle of angles to magnitudes and Stokes parameters",
}
"""Recipes in the order of a night, and what each carries to what."""


@cache
def default_recipes() -> dict[str, Recipe]:
    """Return every recipe with the defaults of its stages, by name."""
    from polarnight.frames import ImageType, ObsMode
    from polarnight.pipeline.associations import association_recipe
    from polarnight.pipeline.groups.outcome import GroupParameters
    from polarnight.pipeline.recipes.cycles import cycle_recipe
    from polarnight.pipeline.recipes.frame import frame_recipe
    from polarnight.pipeline.recipes.master import master_recipe
    from polarnight.pipeline.recipes.measurement import measurement_recipe

    made = [
        *(master_recipe(kind) for kind in (ImageType.BIAS, ImageType.DARK, ImageType.FLAT)),
        association_recipe(),
        frame_recipe(),
        cycle_recipe(),
        *(
            measurement_recipe(m, GroupParameters())
            for m in (ObsMode.PHOTOMETRY, ObsMode.POLARIMETRY)
        ),
    ]
    return {recipe.name: recipe for recipe in made}


@dataclass(frozen=True)
class SettledRecipe:
    """A recipe for an instrument and a night.

    Attributes
    ----------
    recipe : Recipe
    origins : dict
        Where a value that is not the default of its stage comes from, by ``stage.parameter``;
        and by the name of the stage, who put a stage of another package there.
    plugins : tuple of str
        Names of the plug-ins whose stages were put there.
    """

    recipe: Recipe
    origins: Mapping[str, str]
    plugins: tuple[str, ...] = ()

    def origin(self, stage: str, parameter: str) -> str:
        """Return where the value of a parameter comes from."""
        return self.origins.get(f"{stage}.{parameter}", "default")

    def record(self) -> dict[str, Any]:
        """Return what is kept with a product: stages in their order, versions, parameters."""
        return {
            "stages": [[stage.name, stage.version] for stage in self.recipe.stages],
            "parameters": _plain(self.recipe.parameters()),
        }

    def key_part(self) -> dict[str, Any]:
        """Return what of the recipe enters the keys of its products."""
        return {"order": [stage.name for stage in self.recipe.stages], **self.record()}

    def difference(self, before: Mapping[str, Any] | None) -> str:
        """Say how the recipe differs from the one that made a product, ``""`` where it does not.

        Parameters
        ----------
        before : mapping or None
            Of `record`, as it was kept with the product. The first releases kept no more than
            the version of each stage by its name.
        """
        if not before:
            return ""
        then = dict(before.get("stages", before))
        parameters = before.get("parameters", {}) if "stages" in before else {}
        now = {stage.name: stage.version for stage in self.recipe.stages}
        told = [f"stage {name} is new{self._of(name)}" for name in now if name not in then]
        told += [f"stage {name} is gone" for name in then if name not in now]
        for name, version in now.items():
            if name not in then:
                continue
            if then[name] != version:
                told.append(f"stage {name} changed from version {then[name]} to {version}")
            if name not in parameters:
                continue  # nobody kept them
            old = parameters[name]
            new = _plain(self.recipe.parameters())[name]
            told += [
                f"parameter {name}.{key} changed {_word(old[key])} -> {_word(value)} "
                f"({self.origin(name, key)})"
                for key, value in new.items()
                if key in old and old[key] != value
            ]
            told += [
                f"parameter {name}.{key} is new: {_word(value)} ({self.origin(name, key)})"
                for key, value in new.items()
                if key not in old
            ]
            told += [f"parameter {name}.{key} is gone" for key in old if key not in new]
        return "; ".join(told)

    def _of(self, stage: str) -> str:
        origin = self.origins.get(stage)
        return f" ({origin})" if origin else ""


def _plain(value: Any) -> Any:
    """Return parameters as JSON gives them back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _word(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


class RecipeBook:
    """The recipes under some settings, for any instrument and night.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ConfigError
        Where what people changed is wrong; see `polarnight.pipeline.recipes.overrides`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._overrides: Overrides = read_overrides(settings, default_recipes())
        self._known: dict[tuple[str, str, str, str], SettledRecipe] = {}

    def get(
        self, name: str, instrument: str = "", telescope: str = "", night: str | date = ""
    ) -> SettledRecipe:
        """Return a recipe for an instrument and a night, ``""`` for any.

        Raises
        ------
        ConfigError
            Where there is no recipe of that name.
        """
        key = (name, instrument, telescope, str(night))
        if key not in self._known:
            self._known[key] = self._settle(*key)
        return self._known[key]

    def _settle(self, name: str, instrument: str, telescope: str, night: str) -> SettledRecipe:
        recipes = default_recipes()
        if name not in recipes:
            msg = f"there is no recipe {name!r}; recipes: {', '.join(recipes)}"
            having = [r.name for r in recipes.values() if any(s.name == name for s in r.stages)]
            if having:
                msg += f"; {name} is a stage of {', '.join(having)}"
            raise ConfigError(msg)
        origins: dict[str, str] = {}
        recipe = self._from_settings(recipes[name], instrument, origins)
        inserted: list[str] = []
        for insertion in self._overrides.insertions:
            meant = insertion.recipe == name and insertion.plugin not in inserted
            if meant and insertion.scope.holds(instrument, telescope, night):
                stage = plugin_stage(insertion.plugin, insertion.origin)
                recipe = recipe.with_stage(stage, stage.after)
                origins[stage.name] = insertion.origin
                inserted.append(insertion.plugin)
        for change in self._overrides.changes:
            meant = change.recipe in ("", name) and _has(recipe, change.stage, change.parameter)
            if meant and change.scope.holds(instrument, telescope, night):
                recipe = recipe.with_parameters({change.stage: {change.parameter: change.value}})
                origins[f"{change.stage}.{change.parameter}"] = change.origin
        allowed = self._settings.stages
        limits = StageLimits(allowed.seconds, allowed.memory_fraction)
        recipe = dataclasses.replace(recipe, limits=limits)
        return SettledRecipe(recipe, origins, tuple(inserted))

    def _from_settings(self, recipe: Recipe, instrument: str, origins: dict[str, str]) -> Recipe:
        """Return a recipe with the values of the instrument and of the settings."""
        stages = tuple(self._stage(stage, instrument, origins) for stage in recipe.stages)
        return dataclasses.replace(recipe, stages=stages)

    def _stage(self, stage: Stage, instrument: str, origins: dict[str, str]) -> Stage:
        from polarnight.instruments import get_instrument

        values = {}
        for entry in dataclasses.fields(stage):
            declared, setting = entry.metadata.get("declared"), entry.metadata.get("setting")
            if declared and instrument:
                values[entry.name] = getattr(get_instrument(instrument), declared)
                origins[f"{stage.name}.{entry.name}"] = f"declared by {instrument}"
            if setting:
                values[entry.name] = self._settings[setting]
                if self._settings.origin(setting) != "default":
                    place = self._settings.origin(setting).rpartition("/")[2]
                    origins[f"{stage.name}.{entry.name}"] = f"{place}, {setting}"
        return stage.with_parameters(values)


def _has(recipe: Recipe, stage: str, parameter: str) -> bool:
    return any(parameter in each.parameters() for each in recipe.stages if each.name == stage)
