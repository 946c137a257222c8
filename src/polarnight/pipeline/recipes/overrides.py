"""Changes of recipes that people write in YAML: for all, for an instrument, for nights.

::

    all:
      detect: {threshold: 2.0}
    AndorT90:
      combine: {nsigma: 3.5}          # in every recipe that has the stage and the parameter
      flat:
        combine: {method: median}     # in one recipe
      stages: [mypackage.fringe]      # a stage of another package
    OSN-T090/2024-04-01..2024-04-30:
      solve: {radius_deg: 1.0}
      AndorT90: {detect: {threshold: 3.0}}

They stand under ``recipes`` in the configuration, in ``recipes.yaml`` in the data directory, or
in both. From weak to strong: all, instrument, range of nights, night; of two that are alike the
configuration wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from polarnight.config.texts import nearest, parse_yaml, read_text, shown
from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.pipeline.recipes.stage import Recipe, Stage

__all__ = ["FILE_NAME", "Change", "Insertion", "Overrides", "Scope", "read_overrides"]

FILE_NAME = "recipes.yaml"
"""Name of the file in the data directory."""

_EVERYTHING = "all"
_STAGES = "stages"


@dataclass(frozen=True)
class Scope:
    """Where a change holds: instrument and nights, ``""`` and None for any.

    Attributes
    ----------
    instrument, telescope : str
    first, last : date or None
    """

    instrument: str = ""
    telescope: str = ""
    first: date | None = None
    last: date | None = None

    def holds(self, instrument: str, telescope: str, night: str | date) -> bool:
        """Return whether something of an instrument and night is meant."""
        if self.instrument not in ("", instrument) or self.telescope not in ("", telescope):
            return False
        if self.first is None or self.last is None:
            return True
        if not night:
            return False
        day = night if isinstance(night, date) else date.fromisoformat(night)
        return self.first <= day <= self.last

    @property
    def rank(self) -> tuple[int, int]:
        """How narrow it is: by nights first, then by instrument."""
        nights = 0 if self.first is None else 2 if self.first == self.last else 1
        return nights, int(bool(self.instrument))


@dataclass(frozen=True)
class Change:
    """A parameter that is given another value.

    `recipe` is ``""`` where every recipe with the stage is meant; `origin` says who wants it.
    """

    scope: Scope
    recipe: str
    stage: str
    parameter: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Insertion:
    """A stage of another package that is put into a recipe, ``""`` for the one it names."""

    scope: Scope
    recipe: str
    plugin: str
    origin: str


@dataclass
class Overrides:
    """All changes, from weak to strong."""

    changes: list[Change] = field(default_factory=list)
    insertions: list[Insertion] = field(default_factory=list)

    def sort(self) -> None:
        """Put what is narrower behind; what came later stays behind where they are alike."""
        self.changes.sort(key=lambda change: change.scope.rank)
        self.insertions.sort(key=lambda insertion: insertion.scope.rank)


def read_overrides(settings: Settings, recipes: Mapping[str, Recipe]) -> Overrides:
    """Read and check what people changed.

    Parameters
    ----------
    settings : Settings
    recipes : mapping of str to Recipe
        All recipes with their defaults, by name.

    Raises
    ------
    ConfigError
        For an unknown instrument, stage, parameter or plug-in, or a value of another type;
        names the file, the key, and what there is.
    """
    sources: list[tuple[str, Any]] = []
    path = settings.datadir / FILE_NAME
    if path.is_file():
        what = "the file of recipes"
        sources.append((FILE_NAME, parse_yaml(read_text(path, what), f"{what} {path}")))
    if settings.recipes:
        sources.append((_place_of(settings), settings.recipes))
    reader = _Reader(recipes, _plugin_stages(sources))
    for place, blocks in sources:
        reader.block(blocks or {}, place, Scope(), ())
    reader.found.sort()
    return reader.found


def _place_of(settings: Settings) -> str:
    """Return where the recipes of the configuration come from."""
    places = {place for key, place in settings.origins.items() if key.split(".")[0] == "recipes"}
    return ", ".join(sorted(place.rpartition("/")[2] for place in places)) or "configuration"


def _plugin_stages(sources: Iterable[tuple[str, Any]]) -> dict[str, Stage]:
    """Return the stages of other packages that are named anywhere, by the name of the plug-in."""
    found: dict[str, Stage] = {}
    for place, blocks in sources:
        for name in _named(blocks):
            found[name] = plugin_stage(name, place)
    return found


def _named(blocks: Any) -> Iterator[str]:
    if not isinstance(blocks, dict):
        return
    for key, value in blocks.items():
        if key == _STAGES and isinstance(value, list):
            yield from (str(name) for name in value)
        else:
            yield from _named(value)


def plugin_stage(name: str, place: str) -> Stage:
    """Return a stage of another package with its defaults.

    Raises
    ------
    ConfigError
        Where no package offers it, or it is no stage.
    """
    from polarnight.pipeline.recipes.stage import Stage
    from polarnight.plugins import load_plugins

    plugins = load_plugins("polarnight.stages")
    if name not in plugins:
        there = ", ".join(plugins) or "none"
        msg = (
            f"{place}: the stage {name!r} is asked for, and no installed package offers it in "
            f"polarnight.stages (installed: {there}); install its package or take it out"
        )
        raise ConfigError(msg)
    stage = plugins[name]
    if not isinstance(stage, Stage) or not stage.after:
        msg = f"{place}: the plug-in {name!r} is no Stage that says after which stage it comes"
        raise ConfigError(msg)
    return stage


class _Reader:
    """Walks through the blocks and checks every key."""

    def __init__(self, recipes: Mapping[str, Recipe], plugins: Mapping[str, Stage]) -> None:
        from polarnight.instruments import all_instruments

        self.recipes = recipes
        self.plugins = plugins
        self.instruments = set(all_instruments())
        self.found = Overrides()

    def stages(self, recipe: str, name: str) -> list[Stage]:
        """Return the stages of a name, of one recipe or of all."""
        known = [
            stage
            for own, each in self.recipes.items()
            if recipe in ("", own)
            for stage in each.stages
        ]
        return [stage for stage in (*known, *self.plugins.values()) if stage.name == name]

    def block(self, values: Any, place: str, scope: Scope, path: tuple[str, ...]) -> None:
        """Read what holds for a scope."""
        for key, value in self._items(values, place, path):
            inner = (*path, str(key))
            if key == _EVERYTHING and not path:
                self.block(value, place, scope, inner)
            elif key in self.instruments and not scope.instrument:
                narrower = Scope(str(key), scope.telescope, scope.first, scope.last)
                self.block(value, place, narrower, inner)
            elif key in self.recipes:
                self.recipe(value, place, scope, inner, str(key))
            elif (nights := _nights(key, place, inner)) is not None and scope.first is None:
                telescope, first, last = nights
                self.block(value, place, Scope(scope.instrument, telescope, first, last), inner)
            else:
                self.stage(key, value, place, scope, inner, "")

    def recipe(
        self, values: Any, place: str, scope: Scope, path: tuple[str, ...], recipe: str
    ) -> None:
        """Read what holds for the stages of one recipe."""
        for key, value in self._items(values, place, path):
            self.stage(key, value, place, scope, (*path, str(key)), recipe)

    def stage(
        self, key: Any, value: Any, place: str, scope: Scope, path: tuple[str, ...], recipe: str
    ) -> None:
        """Read the parameters of a stage, or the list of stages of other packages."""
        origin = f"{place}, {' '.join(path[:-1])}" if path[:-1] else place
        if key == _STAGES:
            if not isinstance(value, list):
                msg = f"{_where(place, path)}: expected a list of plug-ins, not {shown(value)}"
                raise ConfigError(msg)
            for name in value:
                own = recipe or self.plugins[str(name)].recipe
                if own not in self.recipes:
                    recipes = ", ".join(self.recipes)
                    msg = f"{_where(place, path)}: {name} is for {own!r}, not in {recipes}"
                    raise ConfigError(msg)
                self.found.insertions.append(Insertion(scope, own, str(name), origin))
            return
        stages = self.stages(recipe, str(key))
        if not stages:
            raise ConfigError(self._unknown(key, place, path, recipe))
        for name, wanted in self._items(value, place, path):
            self._check(stages, str(name), wanted, place, path)
            change = Change(scope, recipe, str(key), str(name), wanted, origin)
            self.found.changes.append(change)

    def _check(
        self, stages: list[Stage], name: str, value: Any, place: str, path: tuple[str, ...]
    ) -> None:
        having = [stage for stage in stages if name in stage.parameters()]
        try:
            if not having:
                # All of them lack it: the first says which there are.
                known = sorted({known for stage in stages for known in stage.parameters()})
                msg = (
                    f"stage {stages[0].name} has no parameter {name!r}; it has: "
                    f"{', '.join(known) or 'none'}{_meant(name, known)}"
                )
                raise ConfigError(msg)
            for stage in having:
                stage.with_parameters({name: value})
        except ConfigError as error:
            msg = f"{_where(place, (*path, name))}: {error}"
            raise ConfigError(msg) from None

    def _items(self, values: Any, place: str, path: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
        if values is None:
            return
        if not isinstance(values, dict):
            msg = f"{_where(place, path)}: expected 'key: value' lines, not {shown(values)}"
            raise ConfigError(msg)
        yield from values.items()

    def _unknown(self, key: Any, place: str, path: tuple[str, ...], recipe: str) -> str:
        chosen = [self.recipes[recipe]] if recipe else list(self.recipes.values())
        stages = list(dict.fromkeys(stage.name for each in chosen for stage in each.stages))
        stages += [stage.name for stage in self.plugins.values()]
        if recipe:
            return (
                f"{_where(place, path)}: recipe {recipe} has no stage {key!r}; it has: "
                f"{', '.join(stages)}{_meant(key, stages)}"
            )
        known = [*self.instruments, *self.recipes, *stages]
        return (
            f"{_where(place, path)}: {key!r} is no stage, recipe, instrument or night"
            f"{_meant(key, known)}; stages: {', '.join(stages)}; recipes: "
            f"{', '.join(self.recipes)}; instruments: {', '.join(sorted(self.instruments))}; "
            "nights: TELESCOPE/yyyy-mm-dd or TELESCOPE/yyyy-mm-dd..yyyy-mm-dd"
        )


def _meant(key: Any, known: Iterable[str]) -> str:
    near = nearest(key, known)
    return f" (did you mean {near}?)" if near else ""


def _where(place: str, path: tuple[str, ...]) -> str:
    return f"{place}: {' > '.join(path)}" if path else place


def _nights(key: Any, place: str, path: tuple[str, ...]) -> tuple[str, date, date] | None:
    """Return telescope (``""`` for any), first and last night; None where it is no night."""
    from polarnight.db.names import parse_epochname, parse_night

    if isinstance(key, date) and not isinstance(key, datetime):  # as YAML reads 2024-04-08
        return "", key, key
    text = str(key)
    if "/" not in text and not text[:4].isdigit():
        return None
    begin, dots, end = text.partition("..")
    try:
        if "/" in begin:
            telescope, first = parse_epochname(begin)
        else:
            telescope, first = "", parse_night(begin)
        last = parse_night(end.strip()) if dots else first
    except ConfigError as error:
        msg = f"{_where(place, path)}: {error}"
        raise ConfigError(msg) from None
    if last < first:
        msg = f"{_where(place, path)}: the last night comes before the first"
        raise ConfigError(msg)
    return telescope, first, last
