"""The cubes that a filter finds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.selection.filters import Condition, Filter, Ranges

if TYPE_CHECKING:
    from polarnight.db.cubes.search import CubeFilter
    from polarnight.db.models import DataCube
    from polarnight.ophidia.context import Context

__all__ = ["select_cubes"]

_LAST = 1 << 61
_METADATA = ("metadata_key", "metadata_value")


def select_cubes(wanted: Filter, context: Context) -> list[DataCube]:
    """Return the cubes that a filter matches: imported ones first, then by number.

    Cubes made from others have the cards of what they were made from. By their cards they are
    found only where ``derived=yes`` or ``level=`` asks for them.

    Parameters
    ----------
    wanted : Filter
    context : Context

    Raises
    ------
    BadValue
        Where the filter has conditions on files, or a value that none of its key can be.
    ConfigError
        Where its path does not exist.
    """
    if wanted.files or wanted.excluded_files:
        msg = f"{context.operator}: file= is for src_path, not for cubes"
        raise BadValue(msg, "use container=, metadata_key= and the like")
    find = context.catalogue.search.find
    must, must_not = _sorted_out(wanted.conditions)
    ranges = [one for one, negated in wanted.ranges if not negated]
    excluded = [one for one, negated in wanted.ranges if negated]
    query = _query(wanted, must, ranges, context, _with_derived(wanted))
    numbers = find(context.session, query).cubes
    unwanted = [_query(wanted, parts, [], context, True) for parts in must_not]
    if excluded:
        unwanted.append(_query(wanted, [], excluded, context, True))
    for query in unwanted:
        without = set(find(context.session, query).cubes)
        numbers = [number for number in numbers if number not in without]
    return context.catalogue.cubes.get_many(numbers, context.session)


def _with_derived(wanted: Filter) -> bool:
    if wanted.derived is not None:
        return wanted.derived
    return "level" in wanted.given or "metadata_key" not in wanted.given


def _sorted_out(
    conditions: Sequence[Condition],
) -> tuple[list[Condition], list[list[Condition]]]:
    """Return the conditions that must hold, and groups of which none may hold as a whole.

    A key and its value belong together: ``metadata_key=A;metadata_value!=B`` asks for a key A
    and refuses the pair.
    """
    must = [c for c in conditions if not c.negated and c.key not in _METADATA]
    must_not = [[c] for c in conditions if c.negated and c.key not in _METADATA]
    keys = [c for c in conditions if c.key == "metadata_key"]
    values = [c for c in conditions if c.key == "metadata_value"]
    for key, value in itertools.zip_longest(keys, values):
        pair = [key] if value is None else [key, value]
        if not key.negated:
            # Terms pair keys with values in their order: a key alone stands for any value.
            without = Condition("metadata_value", ("all",) * len(key.values))
            must += pair if value is not None and not value.negated else [key, without]
        if key.negated or (value is not None and value.negated):
            must_not.append(pair)
    return must, must_not


def _query(
    wanted: Filter,
    conditions: Sequence[Condition],
    ranges: Sequence[Ranges],
    context: Context,
    derived: bool,
) -> CubeFilter:
    """Return what the catalogue is asked for some of the conditions."""
    from polarnight.db.cubes.scope import Scope
    from polarnight.db.cubes.search import CubeFilter

    given: dict[str, Any] = {}
    path = context.cwd if wanted.path is None else wanted.path
    names: list[str] = []
    for condition in conditions:
        values = condition.values
        if condition.key == "level":
            given["levels"] = [_level(value, context) for value in values]
        elif condition.key == "measure":
            given["measures"] = values
        elif condition.key == "parent_cube":
            given["parents"] = [_cube_number(value) for value in values]
        elif condition.key == "container_pid":
            path = _container_path(values, context)
        elif condition.key == "container":
            if any("/" in value for value in values):
                path = _one(values, "container with a path", context)
            else:
                names += values
    terms = _terms(conditions)
    return CubeFilter(
        terms=terms,
        numbers=_numbers(ranges),
        scope=Scope(path, context.cwd, wanted.recursive, wanted.depth, tuple(names)),
        derived=derived,
        **given,
    )


def _terms(conditions: Sequence[Condition]) -> list[Any]:
    from polarnight.db.cubes.matching import Term

    keys = [c.values for c in conditions if c.key == "metadata_key"]
    values = [c.values for c in conditions if c.key == "metadata_value"]
    terms = []
    for number, names in enumerate(keys):
        texts = values[number] if number < len(values) else ("all",) * len(names)
        terms += [
            Term.dialect(name, text, like=False) for name, text in zip(names, texts, strict=True)
        ]
    return terms


def _numbers(ranges: Iterable[Ranges]) -> str:
    """Return the numbers as the catalogue reads them; several selections are united."""
    parts = []
    for one in ranges:
        if one.all:
            return "*"
        for start, stop, step in one.parts:
            last = "end" if stop > _LAST else str(stop)
            parts.append(f"{start}:{step}:{last}")
    return ",".join(parts) or "*"


def _level(value: str, context: Context) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        msg = f"{context.operator}: [level={value[:40]}] is no level"
        raise BadValue(msg, "0 are imported cubes; several are joined by '|'")
    return int(value)


def _cube_number(value: str) -> int:
    from polarnight.db.cubes import cube_number

    return cube_number(value)


def _container_path(values: Sequence[str], context: Context) -> str:
    """Return the path of the container of a PID."""
    pid = _one(values, "container_pid", context)
    if "://" not in pid:
        msg = f"{context.operator}: [container_pid={pid[:60]}] is no PID"
        raise BadValue(msg, "oph_list shows containers; container=NAME takes the name")
    container = context.catalogue.containers.get(context.session, pid)
    return str(context.catalogue.containers.path_of(container))


def _one(values: Sequence[str], what: str, context: Context) -> str:
    if len(values) != 1:
        msg = f"{context.operator}: a filter takes one {what}"
        raise BadValue(msg, "give several filters joined by '|'")
    return values[0]
