"""The filters of massive operations: ``[container=FITS2;level=0;metadata_key=...]``.

Only what stands there is read here; `massive` looks up what it matches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.language.grammar import split_list, split_pair, split_top

__all__ = ["Condition", "Filter", "Ranges", "is_filter", "parse_filter"]

KEYS = {
    "cube_filter": "numbers of cubes: 3, 2:5, 1:2:9, several with commas, or * for all",
    "level": "transformations since import; several with '|'",
    "measure": "name of the measure, with wildcards * and ?",
    "parent_cube": "PID of a cube that it was made from",
    "container": "name of the container, with wildcards",
    "container_pid": "PID of the container",
    "metadata_key": "keys joined by '|'; all must match",
    "metadata_value": "one for each key: a part of the value, % for any letters; or >30, !=0, =B_*",
    "path": "folder (of files: directory) that is searched; the current one unless given",
    "recursive": "yes searches below it too",
    "depth": "how far below; 0 is all the way",
    "file": "name of files with wildcards",
    "derived": "yes finds cubes that were made from others too, by their metadata",
    "convention": "no; cmip5 is for climate files",
    "run": "no lists what matches and does nothing",
}
"""Keys of a filter and what they mean, for the manual and for completion."""

_NAMED = frozenset(KEYS) - {"cube_filter", "recursive", "depth", "derived", "convention", "run"}
_NUMBERS = re.compile(r"\d+(:(\d+|end))?(:(\d+|end))?", re.ASCII)
_SQUEEZED = {re.sub(r"_", "", key): key for key in KEYS}
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Ranges:
    """Numbers of cubes, as ``3``, ``2:5``, ``1:2:9`` (start, step, stop), or all.

    Attributes
    ----------
    parts : tuple of (int, int, int)
        Start, stop (included) and step. Empty is all.
    """

    parts: tuple[tuple[int, int, int], ...] = ()

    @property
    def all(self) -> bool:
        """Whether there is no limit."""
        return not self.parts

    def __contains__(self, number: int) -> bool:
        return self.all or any(
            start <= number <= stop and (number - start) % step == 0
            for start, stop, step in self.parts
        )

    @property
    def bounded(self) -> bool:
        """Whether every range has a first and a last number."""
        return bool(self.parts) and all(stop < _MOST for _, stop, _ in self.parts)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a filter.

    Attributes
    ----------
    key : str
    values : tuple of str
    negated : bool
    """

    key: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was read.

    Attributes
    ----------
    conditions : tuple of Condition
        All must hold.
    ranges : list of (Ranges, bool)
        Numbers of cubes, and whether they are excluded.
    path : str, optional
    recursive, run, derived : bool
    depth : int
    files : tuple of str
        Wildcards of file names.
    """

    conditions: tuple[Condition, ...] = ()
    ranges: tuple[tuple[Ranges, bool], ...] = ()
    path: str | None = None
    recursive: bool = False
    depth: int = 0
    files: tuple[str, ...] = ()
    excluded_files: tuple[str, ...] = ()
    run: bool = True
    derived: bool | None = None
    given: frozenset[str] = field(default_factory=frozenset)


def is_filter(value: str) -> bool:
    """Return whether a value is one filter in brackets."""
    value = value.strip()
    return value.startswith("[") and value.endswith("]")


def parse_filter(text: str, operator: str, *, files: bool = False) -> Filter:
    """Read a filter.

    Parameters
    ----------
    text : str
        With its brackets.
    operator : str
        For messages.
    files : bool
        Whether files are looked for: a bare word is then a wildcard of names.

    Returns
    -------
    Filter

    Raises
    ------
    BadValue
        For a key that no filter has, or a value that cannot be used.
    """
    conditions: list[Condition] = []
    ranges: list[tuple[Ranges, bool]] = []
    single: dict[str, str] = {}
    names: list[str] = []
    excluded: list[str] = []
    for part in split_top(text.strip()[1:-1], ";"):
        if not part.strip():
            continue
        key, value, negated = _entry(part, operator, files)
        single_key = key in {"path", "recursive", "depth", "derived", "run", "convention"}
        if single_key and (negated or single.get(key, value) != value):
            msg = f"{operator}: [{part.strip()[:60]}]: {key} is given once and not negated"
            raise BadValue(msg, f"use {key}=...")
        if single_key:
            single[key] = value
        elif key == "cube_filter":
            ranges.append((_ranges(value, operator), negated))
        elif key == "file":
            (excluded if negated else names).extend(split_list(value))
        else:
            conditions.append(Condition(key, tuple(split_list(value)), negated))
    _check_pairs(conditions, operator)
    if single.get("convention", "no") not in {"no", ""}:
        msg = f"{operator}: [convention={single['convention'][:40]}] is for climate files"
        raise BadValue(msg, "leave it out; file names are matched by file=")
    return Filter(
        tuple(conditions),
        tuple(ranges),
        single.get("path"),
        _yes(single, "recursive", operator),
        _depth(single.get("depth", "0"), operator),
        tuple(names),
        tuple(excluded),
        _yes(single, "run", operator, default=True),
        _yes(single, "derived", operator) if "derived" in single else None,
        frozenset(single) | {c.key for c in conditions},
    )


def _entry(part: str, operator: str, files: bool) -> tuple[str, str, bool]:
    """Return key, value and whether the entry is negated."""
    text = part.strip()
    if "=" not in text:
        negated = text.startswith("!")
        return ("file" if files else "cube_filter"), text[negated:].strip(), negated
    head, _, value = text.partition("=")
    negated = head.endswith("!") or head.startswith("!")
    name = head.strip("! ").lower()
    key, value = split_pair(f"{re.sub(r'[ -]+', '_', name)}={value}", f"{operator}: [{head}]")
    key = _SQUEEZED.get(key.replace("_", ""), key)
    if key not in KEYS:
        like = nearest(key, KEYS)
        msg = f"{operator}: a filter has no key {key!r}"
        known = f"known: {', '.join(KEYS)}"
        raise BadValue(msg, f"did you mean {like}? {known}" if like else known)
    if not value.strip() and key in _NAMED:
        # More would be found than is meant, such as the cubes of all containers.
        msg = f"{operator}: [{key}=] in a filter says nothing"
        raise BadValue(msg, f"give a value, or leave {key} out")
    return key, value, negated


def _ranges(text: str, operator: str) -> Ranges:
    if text.strip().lower() in {"*", "all", ""}:
        return Ranges()
    parts = []
    for entry in re.split(r"[,|]", text):
        entry = entry.strip()
        if not _NUMBERS.fullmatch(entry) or len(entry) > 60:
            msg = f"{operator}: [{text[:60]}] is no selection of cubes"
            stars = "put the last numbers of PIDs in place of the stars, " if "*" in text else ""
            raise BadValue(msg, f"{stars}use [3], [2:5], [1:2:9], [2,4,7] or [*]")
        numbers = [_MOST if n == "end" else int(n) for n in entry.split(":")]
        start = numbers[0]
        stop = numbers[-1]
        step = numbers[1] if len(numbers) == 3 else 1
        if step < 1 or stop < start:
            msg = f"{operator}: [{entry}] selects nothing"
            raise BadValue(msg, "the first number comes first: [start:stop] or [start:step:stop]")
        parts.append((start, stop, step))
    return Ranges(tuple(parts))


def _check_pairs(conditions: Sequence[Condition], operator: str) -> None:
    keys = [c for c in conditions if c.key == "metadata_key"]
    values = [c for c in conditions if c.key == "metadata_value"]
    if values and not keys:
        msg = f"{operator}: a filter has metadata_value without metadata_key"
        raise BadValue(msg, "add metadata_key=..., one for each value")
    if len(values) > len(keys) or any(
        len(k.values) != len(v.values) for k, v in zip(keys, values, strict=False)
    ):
        msg = f"{operator}: a filter needs as many values of metadata_value as of metadata_key"
        raise BadValue(msg, "for example metadata_key=FLT_ID|OBS-TYPE;metadata_value=OPEN|FLAT")


def _yes(single: dict[str, str], key: str, operator: str, default: bool = False) -> bool:
    value = single.get(key, "").strip().lower()
    if value not in {"", "yes", "no"}:
        msg = f"{operator}: [{key}={value[:40]}] is not known"
        raise BadValue(msg, f"use {key}=yes or {key}=no")
    return default if not value else value == "yes"


def _depth(text: str, operator: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        msg = f"{operator}: [depth={text[:40]}] is not a whole number"
        raise BadValue(msg, "use depth=0 for all the way down, or how many directories")
    return int(text)
