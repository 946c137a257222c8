"""Manual pages of primitives, from their declarations."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.errors import UnknownOperator
from polarnight.ophidia.primitives.declaration import Primitive, find, spellings
from polarnight.ophidia.primitives.errors import QueryError, nearest
from polarnight.ophidia.primitives.parser import Call

__all__ = ["get_primitive", "is_primitive", "primitive_grids"]

_COLUMNS = ("NAME", "TYPE", "MANDATORY", "DEFAULT", "MEANING")
_SEES = {
    "pixel": "It sees one pixel at a time.",
    "row": "It sees the array of a row.",
    "image": "It sees the image: neighbours across rows, too.",
}


def get_primitive(name: str) -> Primitive:
    """Return a primitive by name, whatever the case, with or without ``oph_``.

    Raises
    ------
    UnknownOperator
        Where there is none; names the nearest one.
    """
    wanted = name.strip().lower()
    try:
        return find(Call(wanted, (), 0), wanted)
    except QueryError:
        msg = f"there is no primitive {name[:60]!r}{nearest(wanted, spellings())}"
        raise UnknownOperator(msg, "oph_primitives_list shows all of them") from None


def is_primitive(name: str) -> bool:
    """Tell whether there is a primitive of a name."""
    wanted = name.strip().lower()
    return bool({wanted, f"oph_{wanted}"} & set(spellings()))


def primitive_grids(name: str) -> list[Item]:
    """Return the manual page of a primitive as objects of a response."""
    known = get_primitive(name)
    lines = [known.summary, "", f"Written: {known.usage}", f"Example: {known.example}"]
    lines.append(_SEES[known.reach])
    if known.typed:
        lines.append("The types may be left out.")
    if known.aliases:
        lines.append(f"Also called {', '.join(known.aliases)}.")
    if known.extension:
        lines.append("Ophidia has no such primitive.")
    rows = [
        (
            one.name,
            "|".join(one.choices) or one.kind,
            "yes" if one.required else "no",
            "" if one.required or one.default is None else str(one.default),
            one.help + (" May be repeated." if one.multiple else ""),
        )
        for one in known.parameters
    ]
    return [
        Text("man", f"Primitive {known.name}", "\n".join(lines)),
        Grid("man_arguments", "Arguments", _COLUMNS, list(rows)),
    ]
