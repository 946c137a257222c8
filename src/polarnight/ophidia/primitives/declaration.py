"""How a primitive is declared: once, for reading, checking, the manual and completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

from polarnight.ophidia.primitives.errors import QueryError, nearest
from polarnight.ophidia.primitives.parser import Call

__all__ = [
    "ARRAY",
    "MISSING",
    "Parameter",
    "Primitive",
    "array",
    "choice",
    "find",
    "integer",
    "known",
    "number",
    "primitive",
    "text",
]

Kind: TypeAlias = Literal["array", "number", "integer", "text", "choice", "list", "any"]
Reach: TypeAlias = Literal["pixel", "row", "image"]

REQUIRED: Final = object()
_SINGLE: Final = frozenset(
    {"oph_compare", "oph_count_array", "oph_find", "oph_gsl_correlation", "oph_gsl_sd",
     "oph_operator"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a primitive.

    Attributes
    ----------
    name : str
    kind : str
        ``array`` (measure or anything computed), ``number``, ``integer``, ``text`` or
        ``choice`` (one of `choices`, with or without its prefix such as ``oph_``), ``list`` (of
        numbers) or ``any`` (texts and numbers).
    default : object
    choices : tuple of str
    minimum : float or None
    multiple : bool
        Whether it may be repeated; the primitive gets a list.
    help : str
    """

    name: str
    kind: Kind
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    multiple: bool = False
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Primitive:
    """A function of queries.

    Attributes
    ----------
    name : str
        With ``oph_`` where Ophidia has it, without for our own.
    summary : str
        One line.
    category : str
    parameters : tuple of Parameter
    function : callable
        Of the values, in the order of `parameters`.
    reach : str
        What it sees: ``pixel`` by pixel, the array of a ``row``, or the whole ``image``.
    reduces : bool
        Whether it makes fewer numbers from a row.
    typed : bool
        Whether the types of input and output may come first.
    example : str
    halo : callable or None
        Of primitives of images: from the arguments, the number of pixels that it looks
        away, None where it needs the whole image.
    aliases : tuple of str
    exact : bool
        Whether what it makes has no noise that counts, such as the median of an image.
    """

    name: str
    summary: str
    category: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]
    reach: Reach = "pixel"
    reduces: bool = False
    typed: bool = True
    example: str = ""
    halo: Callable[..., int | None] | None = None
    aliases: tuple[str, ...] = ()
    exact: bool = False

    @property
    def usage(self) -> str:
        """How it is written."""
        shown = []
        for parameter in self.parameters:
            name = parameter.name + (", ..." if parameter.multiple else "")
            shown.append(name if parameter.required else f"[{name}]")
        types = "'in type','out type'," if self.typed else ""
        return f"{self.name}({types}{', '.join(shown)})"

    @property
    def returns_number(self) -> bool:
        """Whether it makes one number of a row."""
        return self.reduces and self.name in _SINGLE

    @property
    def extension(self) -> bool:
        """Whether Ophidia does not have it."""
        return not self.name.startswith("oph_")


_COMPLEX: Final = "cubes hold real numbers"
_ROWS: Final = "the operators oph_aggregate and oph_aggregate2 make statistics over rows"
_ELSEWHERE: Final = {
    **dict.fromkeys(("aggregate_operator", "aggregate_stats", "aggregate_stats_partial",
                     "aggregate_stats_final"), _ROWS),
    **dict.fromkeys(("sum_scalar2", "mul_scalar2", "gsl_fft", "gsl_ifft", "gsl_complex_get_abs",
                     "gsl_complex_get_arg", "gsl_complex_get_imag", "gsl_complex_get_real",
                     "gsl_complex_to_polar", "gsl_complex_to_rect"), _COMPLEX),
    "dump": "oph_explorecube shows the numbers of a cube",
    "roll_up": "the operator oph_rollup makes explicit dimensions implicit",
    "ccluster_kcluster": "export the cube and use a library of statistics",
}  # fmt: skip
"""Primitives of Ophidia that are not here, and why, or what to use."""

_KNOWN: dict[str, Primitive] = {}
_NAMES: dict[str, str] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def primitive(
    name: str,
    summary: str,
    category: str,
    *parameters: Parameter,
    **declared: Any,
) -> Callable[[_Function], _Function]:
    """Declare a primitive; a decorator of its function.

    Raises
    ------
    ValueError
        Where the name is taken.
    """

    def register(function: _Function) -> _Function:
        one = Primitive(name, summary, category, parameters, function, **declared)
        for spelling in (name, *one.aliases):
            if spelling in _NAMES:
                msg = f"two primitives are called {spelling!r}"
                raise ValueError(msg)
            _NAMES[spelling] = name
        _KNOWN[name] = one
        return function

    return register


def known() -> Mapping[str, Primitive]:
    """Return all primitives by name, sorted."""
    return dict(sorted(_KNOWN.items()))


def find(call: Call, query: str) -> Primitive:
    """Return the primitive that a call means.

    Raises
    ------
    QueryError
        Where there is none of that name; names the nearest one.
    """
    for spelling in (call.name, f"oph_{call.name}", call.name.removeprefix("oph_")):
        if spelling in _NAMES:
            return _KNOWN[_NAMES[spelling]]
    why = _ELSEWHERE.get(call.name.removeprefix("oph_"))
    if why is not None:
        msg = f"the primitive {call.name} is not there: {why}"
        raise QueryError(msg, query, call.at)
    msg = f"there is no primitive {call.name[:60]!r}{nearest(call.name, spellings())}"
    if not nearest(call.name, spellings()):
        msg += "; oph_primitives_list shows all"
    raise QueryError(msg, query, call.at)


def spellings() -> Sequence[str]:
    """Return all names that may be written, for completion."""
    return sorted(_NAMES)


def array(name: str = "measure", **more: Any) -> Parameter:
    """Return a parameter for numbers of every pixel."""
    return Parameter(name, "array", **more)


def number(name: str, default: Any = REQUIRED, **more: Any) -> Parameter:
    """Return a parameter for one number."""
    return Parameter(name, "number", default, **more)


def integer(name: str, default: Any = REQUIRED, **more: Any) -> Parameter:
    """Return a parameter for one whole number."""
    return Parameter(name, "integer", default, **more)


def text(name: str, default: Any = REQUIRED, **more: Any) -> Parameter:
    """Return a parameter for a text."""
    return Parameter(name, "text", default, **more)


def choice(name: str, choices: tuple[str, ...], default: Any = REQUIRED, **more: Any) -> Parameter:
    """Return a parameter for one word of several."""
    return Parameter(name, "choice", default, choices=choices, **more)


ARRAY: Final = array()
MISSING: Final = number("missingvalue", None, help="Number that means a missing value.")
