"""Looking a query over before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator

from polarnight.ophidia.primitives.declaration import find
from polarnight.ophidia.primitives.errors import QueryError
from polarnight.ophidia.primitives.evaluation import declared_types
from polarnight.ophidia.primitives.parser import Call, Name, Node, Text

__all__ = ["calls", "check", "needs_rows", "split"]


def calls(node: Node) -> Iterator[Call]:
    """Yield all calls of an expression, the outer before the inner."""
    if isinstance(node, Call):
        yield node
        for one in node.arguments:
            yield from calls(one)


def check(node: Node, query: str, *, check_type: bool = True) -> None:
    """Refuse names that are not known and types that contradict each other.

    Raises
    ------
    QueryError
    """
    for call in calls(node):
        known = find(call, query)
        types, arguments = declared_types(call, known, query)
        if not check_type or not types or not types[0]:
            continue
        declared = [one.strip() for one in types[0].replace(",", "|").split("|")]
        inner = [one for one in arguments if isinstance(one, Call)]
        for one, wanted in zip(inner, declared, strict=False):
            own, _ = declared_types(one, find(one, query), query)
            if len(own) > 1 and own[1] and wanted and own[1] != wanted:
                msg = (
                    f"{known.name} is written for {wanted}, but {one.name} inside it gives "
                    f"{own[1]}; write the same, leave the types out, or say check_type=no"
                )
                raise QueryError(msg, query, one.at)


def needs_rows(node: Node, query: str) -> bool:
    """Tell whether an expression sees more of a row than one pixel."""
    if isinstance(node, Name):
        return node.value == "dimension"
    return isinstance(node, Call) and (
        find(node, query).reach == "row" or any(needs_rows(one, query) for one in node.arguments)
    )


def split(node: Node, query: str) -> tuple[Node, dict[str, Call]]:
    """Cut out the outermost primitives of images.

    Returns
    -------
    node : Node
        With names in their places.
    images : dict of Call
        By these names; equal ones once.
    """
    images: dict[str, Call] = {}
    seen: dict[str, str] = {}

    def cut(one: Node) -> Node:
        if not isinstance(one, Call):
            return one
        if find(one, query).reach == "image":
            written = _written(one)
            if written not in seen:
                seen[written] = f"image {len(images) + 1}"
                images[seen[written]] = one
                _needs_measure(one, query)
            return Name(seen[written], one.at)
        return Call(one.name, tuple(cut(inner) for inner in one.arguments), one.at)

    return cut(node), images


def _needs_measure(call: Call, query: str) -> None:
    if not any(not isinstance(one, Text) for one in call.arguments):
        msg = f"{call.name}: what to filter is missing; it is written {find(call, query).usage}"
        raise QueryError(msg, query, call.at)


def _written(node: Node) -> str:
    """Return an expression as text without places, so that equal ones are found."""
    if isinstance(node, Call):
        return f"{node.name}({','.join(_written(one) for one in node.arguments)})"
    return repr(node.value)
