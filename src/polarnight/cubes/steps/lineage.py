"""What cubes have in common: ancestors whose noise enters more than once.

Variances are propagated as if the operands of a step were independent. That is exact for one cube
with itself, which is recognised by its key; a covariance between different cubes of one ancestor
is not tracked. What is found here is told instead, in the history of the result and by the
commands.

A part of a cube meets another part of it without any common noise: ancestors are followed with the
positions that are in use of them, as long as the steps between keep pixels apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from polarnight.cubes.recipes import Recipe, revived

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.metadata import Metadata

__all__ = [
    "common_along",
    "dependence",
    "not_averaged",
    "noted",
    "remarks",
    "shared_noise",
    "step_of",
    "without_pixels",
]

Region = frozenset[tuple[str, frozenset[int]]]
"""Positions in use by dimension; of dimensions that are not named, all."""

_WHOLE: Final[Region] = frozenset()
# Steps whose results depend on the same positions of what they are made of.
_LOCAL: Final = frozenset(
    {"combine_pair", "combine_many", "combine_number", "relabel", "transpose"}
)
_MOST_NAMES: Final = 3
_MARK: Final = "VARIANCE: "


def step_of(cube: Cube) -> tuple[str, Mapping[str, Any]]:
    """Return name and parameters of the step that made a cube, without any key being worked out.

    ``"array"`` where it was made of an array.
    """
    if cube._operation is not None:
        return cube._operation[0], cube._operation[2]
    if isinstance(cube._recipe, Recipe):
        return cube._recipe.name, cube._recipe.parameters
    return "array", {}


def shared_noise(cubes: Sequence[Cube]) -> list[str]:
    """Return the nearest ancestors that more than one of several cubes have in common.

    Parameters
    ----------
    cubes : sequence of Cube
        Operands of one step. Equal ones count once.

    Returns
    -------
    list of str
        Their names, nearest first; none where nothing is in common.
    """
    different = {cube.key: cube for cube in cubes}
    if len(different) < 2 or not any(cube.recipe.inputs for cube in different.values()):
        return []
    met: dict[str, list[Region]] = {}
    shared: dict[str, Cube | None] = {}
    for cube in different.values():
        own: dict[str, set[Region]] = {}
        for key, one, region in _ancestors(cube):
            if any(_overlap(region, other) for other in met.get(key, ())):
                shared.setdefault(key, one)
            own.setdefault(key, set()).add(region)
        for key, regions in own.items():
            met.setdefault(key, []).extend(regions)
    return _nearest(shared)


def common_along(cube: Cube, dim: str) -> list[str]:
    """Return the ancestors whose noise is the same all along a dimension, or several times in it.

    Such noise does not average: a statistic along the dimension that takes its values for
    independent has a variance that is too small.

    Parameters
    ----------
    cube : Cube
    dim : str

    Returns
    -------
    list of str
        Names: of images that were combined with every element of the dimension, and of what several
        of the cubes stacked along it have in common.
    """
    found: dict[str, None] = {}
    waiting, seen = [(cube, cube.dim(dim).name)], set[tuple[int, str]]()
    while waiting:
        one, name = waiting.pop()
        if (id(one), name) in seen or not one.inputs:
            continue
        seen.add((id(one), name))
        step, given = step_of(one)
        if step in {"merge", "concat"} and given["dim"] == name:
            found |= dict.fromkeys(_repeated(one.inputs))
            if step == "merge":
                continue
        if step == "rename_dims":
            name = {new: old for old, new in given.items()}.get(name, name)
        for inner in one.inputs[:1] if given.get("operation") == "mask" else one.inputs:
            if _size(inner, name) == _size(one, name) or step not in _LOCAL:
                waiting += [(inner, name)] if name in inner.names else []
            elif inner.dims and _may_be_noisy(inner):
                found[_name(inner)] = None
    return list(found)[:_MOST_NAMES]


def dependence(operation: str, names: Sequence[str]) -> str:
    """Return what is said of the variance of cubes that have noise in common."""
    return (
        f"{operation} counts its cubes as independent, but they have in common "
        f"{', '.join(names)}; their covariance is not known"
    )


def not_averaged(operation: str, dim: str, names: Sequence[str]) -> str:
    """Return what is said of the variance of a statistic of values that have noise in common."""
    return (
        f"{operation} along {dim} counts its values as independent; the noise that they have in "
        f"common of {', '.join(names)} does not average and is not in the variance as it should be"
    )


def noted(metadata: Metadata, text: str) -> Metadata:
    """Return metadata with a remark on the variance in its history; each is made once."""
    line = f"{_MARK}{text}"
    if any(card.text == line for card in metadata.select("HISTORY")):
        return metadata
    return metadata.with_card("HISTORY", line)


def remarks(metadata: Metadata) -> list[str]:
    """Return the remarks on the variance that `noted` put into a history."""
    lines = [card.text for card in metadata.select("HISTORY")]
    return [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]


def without_pixels(cube: Cube) -> Cube:
    """Return a cube of which all is known but the values, and so all that it was made from.

    It keeps the origin of a computed cube without keeping arrays in memory.
    """
    made: dict[int, Cube] = {}
    waiting = [cube]
    while waiting:
        one = waiting[-1]
        if id(one) in made:
            waiting.pop()
            continue
        missing = [inner for inner in one.inputs if id(inner) not in made]
        if missing:
            waiting += missing
            continue
        made[id(one)] = type(one)(
            dims=one.dims,
            measure=one.measure,
            unit=one.unit,
            metadata=one.metadata,
            source=one.source,
            level=one.level,
            recipe=one.recipe,
            inputs=tuple(made[id(inner)] for inner in one.inputs),
            parents=one.parents,
            axes=one.axes,
            stored=one.stored,
        )
        waiting.pop()
    return made[id(cube)]


def _repeated(cubes: Sequence[Cube]) -> list[str]:
    """Return names of what several cubes have in common, also of cubes that come twice."""
    plain = not any(cube.inputs or _has_parents(cube) for cube in cubes)
    known: dict[Any, Cube] = {}
    twice: dict[str, None] = {}
    for cube in cubes:
        # Arrays in memory are one where they are one object: to hash all of them takes long.
        key = id(cube) if plain and not isinstance(cube._recipe, Recipe) else cube.key
        if key in known:
            twice[_name(cube)] = None
        known[key] = cube
    return [*twice, *([] if plain else shared_noise(list(known.values())))]


def _ancestors(cube: Cube) -> Iterator[tuple[str, Cube | None, Region]]:
    """Yield a cube and all it was made from, nearest first, and what is in use of each.

    Of inputs that this process does not know there is the key alone.
    """
    waiting: list[tuple[Cube, Region]] = [(cube, _WHOLE)]
    seen: set[tuple[str, Region]] = set()
    for one, region in waiting:
        if (one.key, region) in seen:
            continue
        seen.add((one.key, region))
        yield one.key, one, region
        if not one.inputs:
            for key in one.recipe.inputs:
                yield key, None, _WHOLE
        waiting += _before(one, region)


def _before(cube: Cube, region: Region) -> list[tuple[Cube, Region]]:
    """Return the inputs of a cube whose noise is in it, and what is in use of them."""
    step, given = cube.recipe.name, cube.recipe.parameters
    inputs = cube.inputs[:1] if given.get("operation") == "mask" else cube.inputs
    used = dict(region)
    if step == "merge" and given["dim"] in used:
        kept = sorted(used.pop(given["dim"]))
        return [(cube.inputs[k], frozenset(used.items())) for k in kept]
    if step == "subset":
        return [(inner, _chosen(inner, used, revived(given))) for inner in inputs]
    if step == "reduce":
        used.pop(given["dim"], None)
    elif step not in _LOCAL and step != "merge":
        return [(inner, _WHOLE) for inner in inputs]
    return [(inner, _within(used, inner, cube)) for inner in inputs]


def _within(used: Mapping[str, frozenset[int]], inner: Cube, cube: Cube) -> Region:
    """Return what is in use of the dimensions that an input does not repeat."""
    return frozenset((n, p) for n, p in used.items() if _size(inner, n) == _size(cube, n) > 0)


def _chosen(inner: Cube, used: Mapping[str, frozenset[int]], given: Mapping[str, Any]) -> Region:
    """Return what a part uses of the whole."""
    found = dict(used)
    for name, index in given.items():
        if isinstance(index, slice):
            places = list(range(index.start or 0, index.stop, index.step or 1))
        else:
            places = [int(k) for k in index]
        kept = used.get(name)
        found[name] = frozenset(places if kept is None else (places[k] for k in kept))
    return frozenset((n, p) for n, p in found.items() if not inner.dims or _size(inner, n))


def _overlap(one: Region, two: Region) -> bool:
    other = dict(two)
    return all(places & other.get(name, places) for name, places in one)


def _size(cube: Cube, name: str) -> int:
    return next((dim.size for dim in cube.dims if dim.name == name), 0)


def _has_parents(cube: Cube) -> bool:
    return isinstance(cube._recipe, Recipe) and bool(cube._recipe.inputs)


def _may_be_noisy(cube: Cube) -> bool:
    """Whether a cube has variances, or nobody knows."""
    if cube._planes is None and cube.view is None:
        return True
    return cube.has_variance


def _nearest(shared: Mapping[str, Cube | None]) -> list[str]:
    """Return names of those that are not behind others of them."""
    behind: set[str] = set()
    for key, cube in shared.items():
        if cube is not None and key not in behind:
            behind |= {other for other, _, _ in _ancestors(cube)} - {key}
    kept = [key for key in shared if key not in behind]
    return [_name(shared[key], key) for key in kept[:_MOST_NAMES]]


def _name(cube: Cube | None, key: str = "") -> str:
    """Return what a user knows a cube by."""
    if cube is None:
        return f"cube {key[:12]}"
    what = cube.source.rsplit("/", 1)[-1] or cube.measure
    return f"{what} ({step_of(cube)[0]} {cube.key[:12]})"
