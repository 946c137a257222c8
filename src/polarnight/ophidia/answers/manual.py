"""Manual pages, from the declarations of the operators."""

from __future__ import annotations

import re
import textwrap

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Operator

__all__ = ["operator_grids", "operator_page", "synopsis"]

_WIDTH = 98  # of the plain page
_COLUMNS = ("NAME", "TYPE", "MANDATORY", "DEFAULT", "MEANING")


def synopsis(cls: type[Operator]) -> str:
    """Return the line to type, with what is mandatory and then what may be given."""
    own = sorted(cls.arguments, key=lambda argument: not argument.needed)
    parts = [
        f"{a.name}={'<' + a.values + '>'};" if a.needed else f"[{a.name}={_default(a)};]"
        for a in own
    ]
    return " ".join([cls.name, *parts])


def operator_grids(cls: type[Operator]) -> list[Item]:
    """Return the manual page of an operator as objects of a response."""
    about = f"{cls.title}\n\n{cls.text}".strip() if cls.text else cls.title
    notes = [f"Synopsis: {synopsis(cls)}"]
    if cls.massive:
        notes.append(f"{cls.massive}=[...] runs it on every hit of the filter.")
    if cls.extension:
        notes.append("Ophidia has no such operator.")
    rows = [
        (a.name, a.values, "yes" if a.needed else "no", _default(a), _meaning(a))
        for a in cls.declared().values()
    ]
    return [
        Text("man", f"Operator {cls.name}", "\n".join([about, "", *notes])),
        Grid("man_arguments", "Arguments", _COLUMNS, rows),
    ]


def _default(argument: Argument) -> str:
    return "<last cube>" if argument.stands_for_last else argument.shown_default


def _meaning(argument: object) -> str:
    text = str(getattr(argument, "help", ""))
    if getattr(argument, "multiple", False):
        text += " Several values are joined by '|'."
    if getattr(argument, "extension", False):
        text += " (Not in Ophidia.)"
    return text


def operator_page(cls: type[Operator]) -> str:
    """Return the manual page as plain text, lines broken between words."""
    lines = [cls.name, "=" * len(cls.name), "", cls.title, ""]
    for paragraph in cls.text.split("\n") if cls.text else []:
        lines += _wrapped(paragraph) or [""]
    lines += [""] if cls.text else []
    lines += [*_wrapped(synopsis(cls), "    "), ""]
    for argument in cls.declared().values():
        default = _default(argument)
        head = f"{argument.name}: {argument.values}"
        head += ", mandatory" if argument.needed else (f", default {default}" if default else "")
        lines += _wrapped(head, " " * 6, "  ")
        lines += _wrapped(_meaning(argument), " " * 6, " " * 6)
    return "\n".join(lines) + "\n"


class _Wrapper(textwrap.TextWrapper):
    """Lines end between words, and between choices: behind a bar."""

    def _split(self, text: str) -> list[str]:
        return [chunk for chunk in re.split(r"(\s+|(?<=\|))", text) if chunk]


def _wrapped(text: str, rest: str = "", first: str = "") -> list[str]:
    return _Wrapper(_WIDTH, initial_indent=first, subsequent_indent=rest).wrap(text)
