"""Working a query out on the rows of one block, in numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from polarnight.ophidia.primitives.declaration import Parameter, Primitive, find
from polarnight.ophidia.primitives.errors import QueryError, nearest
from polarnight.ophidia.primitives.parser import Call, Name, Node, Number, Text, parse
from polarnight.ophidia.primitives.types import OPH_TYPES, cast, is_type_text, type_of
from polarnight.ophidia.primitives.values import Value, constant

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Block", "arguments_of", "declared_types", "expression", "work_out"]

CONSTANTS: Final = {
    "nan": math.nan,
    "inf": math.inf,
    "pi": math.pi,
    "e": math.e,
    "true": 1.0,
    "false": 0.0,
}
_LARGEST: Final = 10**15
_MISSING: Final = "missingvalue"
_MISSING_OUT: Final = "output_missingvalue"


@dataclass(frozen=True)
class Block:
    """What the names of a query stand for.

    Attributes
    ----------
    names : dict of Value
        ``measure``, ``dimension``, and what was computed before.
    query : str
        For messages.
    """

    names: dict[str, Value] = field(default_factory=dict)
    query: str = ""


def work_out(node: Node, block: Block) -> Value:
    """Work out an expression.

    Parameters
    ----------
    node : Node
    block : Block

    Returns
    -------
    Value

    Raises
    ------
    QueryError
        Where names, numbers of arguments or lengths of rows do not fit.
    """
    with np.errstate(all="ignore"):
        return _work_out(node, block)


def _work_out(node: Node, block: Block) -> Value:
    match node:
        case Number(value=value):
            return constant(value)
        case Name():
            return _named(node, block)
        case Call():
            return _called(node, block)
    msg = f"the text {node.value!r} stands where numbers are expected"
    raise QueryError(msg, block.query, node.at)


def _named(node: Name, block: Block) -> Value:
    if node.value in block.names:
        return block.names[node.value]
    if node.value in CONSTANTS:
        return constant(CONSTANTS[node.value])
    words = [*(name for name in block.names if name.isidentifier()), *CONSTANTS]
    msg = f"{node.value[:60]!r} is no name of a query{nearest(node.value, words)}"
    if node.value == "dimension":
        msg = "dimension means something only where the cube has one implicit dimension"
    raise QueryError(msg + f"; there are {', '.join(words)}", block.query, node.at)


def _called(call: Call, block: Block) -> Value:
    known = find(call, block.query)
    types, given = arguments_of(call, known, block)
    missing = given.pop(_MISSING, None)
    if missing is not None and not math.isnan(missing):
        given = {name: _without(value, missing) for name, value in given.items()}
    else:
        missing = None
    if known.reach == "row" and any(_is_empty(value) for value in given.values()):
        msg = f"{known.name}: the rows of the cube are empty"
        raise QueryError(msg, block.query, call.at)
    try:
        made: Value = known.function(*given.values())
    except QueryError as error:
        if error.query:
            raise
        raise QueryError(f"{known.name}: {error.bare}", block.query, call.at) from None
    except ValueError as error:
        msg = f"{known.name}: its arrays have rows of different lengths ({error})"
        raise QueryError(msg, block.query, call.at) from None
    return _finished(made, types, given.get(_MISSING_OUT, missing))


def _is_empty(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_empty(one) for one in value)
    return isinstance(value, Value) and value.width == 0


def _finished(made: Value, types: list[str], missing: float | None) -> Value:
    """Give a result the type that was asked for, and missing values their number."""
    if len(types) > 1 and types[1]:
        dtype = type_of(types[1])
        if dtype is not None:
            data, lost = cast(made.data, dtype, missing)
            return with_lost(made.with_data(data), lost)
    if missing is not None and made.data.dtype.kind == "f":
        return made.with_data(np.where(np.isnan(made.data), missing, made.data))
    return made


def with_lost(value: Value, lost: npt.NDArray[np.uint16] | None) -> Value:
    """Add bits to a value."""
    if lost is None:
        return value
    return replace(value, bits=lost if value.bits is None else value.bits | lost)


def _without(value: Any, missing: float) -> Any:
    """Return arrays with NaN in the place of missing values."""
    if isinstance(value, list):
        return [_without(one, missing) for one in value]
    if not isinstance(value, Value):
        return value
    found = value.data == missing
    if not found.any():
        return value
    data = value.floats()
    return value.with_data(np.where(found, data.dtype.type(np.nan), data))


def declared_types(call: Call, known: Primitive, query: str) -> tuple[list[str], list[Node]]:
    """Return the types that come first in a call, and the arguments after them.

    Raises
    ------
    QueryError
        For a text in the place of a type that is none, and for complex numbers.
    """
    left = list(call.arguments)
    types: list[str] = []
    while known.typed and left and len(types) < 2 and isinstance(left[0], Text):
        first = left[0]
        if not is_type_text(first.value):
            if known.parameters[0].kind == "array":
                msg = f"{known.name}: {first.value!r} is no type{nearest(first.value, OPH_TYPES)}"
                raise QueryError(f"{msg}; there are {', '.join(OPH_TYPES)}", query, first.at)
            break
        if "complex" in first.value.lower():
            msg = f"{known.name}: cubes hold real numbers; complex types are not there"
            raise QueryError(msg, query, first.at)
        types.append(first.value.strip().lower())
        left.pop(0)
    return types, left


def arguments_of(call: Call, known: Primitive, block: Block) -> tuple[list[str], dict[str, Any]]:
    """Return the types and the values of the arguments of a call.

    Raises
    ------
    QueryError
        Where one is missing, too many or of the wrong kind.
    """
    types, left = declared_types(call, known, block.query)
    given: dict[str, Any] = {}
    for parameter in known.parameters:
        name = parameter.name
        if parameter.multiple:
            taken = []
            while left and _fits(left[0], parameter):
                taken.append(_value(left.pop(0), parameter, known, block))
            if not taken and parameter.required:
                raise _lacking(call, known, parameter, block)
            given[name] = taken
        elif left:
            given[name] = _value(left.pop(0), parameter, known, block)
        elif parameter.required:
            raise _lacking(call, known, parameter, block)
        else:
            given[name] = parameter.default
    if left:
        msg = f"{known.name} takes no more arguments; it is written {known.usage}"
        raise QueryError(msg, block.query, left[0].at)
    return types, given


def _lacking(call: Call, known: Primitive, parameter: Parameter, block: Block) -> QueryError:
    msg = f"{known.name}: {parameter.name!r} is missing; it is written {known.usage}"
    return QueryError(msg, block.query, call.at)


def _fits(node: Node, parameter: Parameter) -> bool:
    if parameter.kind == "any":
        return True
    return not isinstance(node, Text)


def _value(node: Node, parameter: Parameter, known: Primitive, block: Block) -> Any:
    """Return what an argument is."""
    kind = parameter.kind
    if kind == "any":
        kind = "text" if isinstance(node, Text) else "number"
    if isinstance(node, Name) and node.value == "null" and not parameter.required:
        return parameter.default
    if kind == "array":
        return _work_out(node, block)
    if kind in {"text", "choice"}:
        return _word(node, parameter, known, block)
    if kind == "list":
        return _numbers(node, parameter, known, block)
    return _number(node, parameter, known, block)


def _word(node: Node, parameter: Parameter, known: Primitive, block: Block) -> str:
    if isinstance(node, Number):
        word = f"{node.value:.15g}"
    elif isinstance(node, Text | Name):
        word = node.value
    else:
        msg = f"{known.name}: {parameter.name!r} is a text; put it between quotes"
        raise QueryError(msg, block.query, node.at)
    if parameter.kind != "choice":
        return word
    chosen = word.strip().lower().removeprefix("oph_").removeprefix("math_")
    if chosen not in parameter.choices:
        msg = f"{known.name}: {parameter.name!r} cannot be {word!r}"
        msg += nearest(chosen, parameter.choices)
        raise QueryError(f"{msg}; there are {', '.join(parameter.choices)}", block.query, node.at)
    return chosen


def _number(node: Node, parameter: Parameter, known: Primitive, block: Block) -> float | int:
    value: float | None = None
    if isinstance(node, Text):
        # Old commands put numbers between quotes.
        try:
            value = float(node.value)
        except ValueError:
            value = None
    else:
        worked = _work_out(node, block)
        if worked.exact and worked.data.size == 1:
            value = float(worked.data[0, 0])
    if value is None:
        msg = f"{known.name}: {parameter.name!r} must be one number"
        raise QueryError(msg, block.query, node.at)
    if parameter.kind == "integer" and (not math.isfinite(value) or value != int(value)):
        msg = f"{known.name}: {parameter.name!r} must be a whole number, not {value:g}"
        raise QueryError(msg, block.query, node.at)
    if parameter.kind == "integer" and abs(value) > _LARGEST:
        msg = f"{known.name}: {parameter.name!r} is at most {_LARGEST}, not {value:g}"
        raise QueryError(msg, block.query, node.at)
    if parameter.minimum is not None and not value >= parameter.minimum:
        msg = f"{known.name}: {parameter.name!r} must be at least {parameter.minimum:g}"
        raise QueryError(msg, block.query, node.at)
    return int(value) if parameter.kind == "integer" else value


def _numbers(
    node: Node, parameter: Parameter, known: Primitive, block: Block
) -> npt.NDArray[np.float64]:
    """Return a list of numbers: of a text, of dimension, or of what makes one."""
    if isinstance(node, Text):
        return numbers_of(node.value)
    worked = _work_out(node, block)
    if not worked.exact or worked.data.shape[0] != 1:
        msg = f"{known.name}: {parameter.name!r} is a list of numbers such as '1,2,3'"
        raise QueryError(msg, block.query, node.at)
    return np.asarray(worked.data[0], np.float64)


def numbers_of(text: str) -> npt.NDArray[np.float64]:
    """Return the numbers of a text, between commas.

    Raises
    ------
    QueryError
        Where it is no such list.
    """
    try:
        return np.array([float(part) for part in text.split(",")])
    except ValueError:
        msg = f"{text[:60]!r} is not a list of numbers such as '1,2,3'"
        raise QueryError(msg) from None


def expression(text: str, x: Value) -> Value:
    """Work out a text of a predicate, in which x is the measure and INDEX the place.

    Raises
    ------
    QueryError
        Where it cannot be.
    """
    index = constant(np.arange(1, x.width + 1))
    names = {"x": x, "measure": x, "index": index}
    return _work_out(parse(text), Block(names, text))
