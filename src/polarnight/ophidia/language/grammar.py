"""The line of a command: ``operator key=value;key=value;``.

A ``;`` inside brackets or quotes belongs to the value, as does a ``|``; the last ``;`` may be
left out. `parse_command` reads just that. `tolerant.read_command` reads what people paste.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from polarnight.ophidia.errors import BadValue, UnknownArgument, UnknownOperator

__all__ = ["Command", "format_command", "parse_command", "split_list", "split_top"]

_LONGEST = 4_000_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OPENS_QUOTE = frozenset("=(,|[; ")
_CLOSES_QUOTE = frozenset(")],|; ")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it was read.

    Attributes
    ----------
    operator : str
        In lower case.
    arguments : dict of str
        Values as text by name in lower case, in the order of the line.
    repairs : tuple of str
        What the tolerant reader took for granted, in words.
    """

    operator: str
    arguments: dict[str, str] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The command as it should have been typed."""
        return format_command(self.operator, self.arguments)


def parse_command(text: str) -> Command:
    """Read a command strictly.

    Parameters
    ----------
    text : str

    Returns
    -------
    Command

    Raises
    ------
    UnknownOperator
        Where there is no word that could be an operator.
    UnknownArgument
        For a part that is not ``key=value``, or a key given twice.
    BadValue
        For a bracket that is never closed, or characters that no command holds.
    """
    check_text(text)
    operator, _, rest = text.strip().partition(" ")
    operator = operator.rstrip(";")
    if not _NAME.fullmatch(operator):
        msg = f"{operator[:40]!r} is no name of an operator"
        raise UnknownOperator(msg, "type oph_<operator> key=value;key=value;")
    arguments: dict[str, str] = {}
    for part in split_top(rest, ";"):
        if part.strip():
            key, value = split_pair(part, operator)
            add(arguments, key, value, operator)
    return Command(operator.lower(), arguments)


def check_text(text: str) -> None:
    """Refuse a line that is too long or holds control characters."""
    if len(text) > _LONGEST:
        msg = f"a command of {len(text)} characters is too long; {_LONGEST} are read"
        raise BadValue(msg, "select cubes by a filter such as cubes=[container=name]")
    if control := _CONTROL.search(text):
        msg = f"the command holds the control character {control.group()!r}"
        raise BadValue(msg, "type it again without")


def split_pair(part: str, operator: str) -> tuple[str, str]:
    """Return key and value of one argument.

    Raises
    ------
    UnknownArgument
        Where it is none.
    """
    key, equals, value = part.partition("=")
    key = key.strip().lower()
    if not equals or not _NAME.fullmatch(key):
        msg = f"{operator}: {part.strip()[:60]!r} is no argument"
        raise UnknownArgument(msg, "arguments are key=value, with ';' between them")
    return key, unquote(value.strip())


def add(arguments: dict[str, str], key: str, value: str, operator: str) -> None:
    """Add an argument to those before it; the same key with another value is refused."""
    if arguments.get(key, value) != value:
        msg = f"{operator}: argument {key!r} is given twice, {arguments[key]!r} and {value!r}"
        raise UnknownArgument(msg, "give it once")
    arguments[key] = value


def unquote(value: str) -> str:
    """Take off the pair of quotes that encloses a whole value."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        if value[0] not in inner:
            return inner
    return value


def split_top(text: str, separator: str, brackets: str = "[]") -> list[str]:
    """Split where `separator` stands outside brackets and quotes.

    Parameters
    ----------
    text : str
    separator : str
        One character.
    brackets : str
        Pairs of brackets that protect what is inside them.

    Returns
    -------
    list of str

    Raises
    ------
    BadValue
        Where a square bracket is not closed or was never opened.
    """
    opening, closing = brackets[::2], brackets[1::2]
    parts, start, depth, position, before = [], 0, 0, 0, ";"
    while position < len(text):
        char = text[position]
        if char in "\"'" and before in _OPENS_QUOTE and (end := _closing_quote(text, position)):
            position, before = end + 1, char
            continue
        if char in opening:
            depth += 1
        elif char in closing:
            depth -= 1
            if depth < 0:
                msg = f"{text[max(0, position - 30) : position + 1]!r}: {char!r} closes no bracket"
                raise BadValue(msg, "open it with '[', or leave it out")
        elif char == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
        before = char
        position += 1
    if depth:
        msg = f"{text[start : start + 60]!r}: a bracket is not closed"
        raise BadValue(msg, "close it with ']'")
    parts.append(text[start:])
    return parts


def _closing_quote(text: str, start: int) -> int:
    """Return where the quote at `start` closes, 0 where it is only an apostrophe."""
    end = text.find(text[start], start + 1)
    while end > 0:
        if end + 1 == len(text) or text[end + 1] in _CLOSES_QUOTE:
            return end
        end = text.find(text[start], end + 1)
    return 0


def split_list(value: str) -> list[str]:
    """Return the entries of a value such as ``a|b``, without space around them."""
    return [unquote(entry.strip()) for entry in split_top(value, "|")]


def format_command(operator: str, arguments: dict[str, str]) -> str:
    """Return the line of a command that `parse_command` reads back."""
    return f"{operator} " + "".join(f"{key}={_quote(value)};" for key, value in arguments.items())


def _quote(value: str) -> str:
    """Put quotes about a value that would otherwise end early or lose something."""
    try:
        whole = len(split_top(value, ";")) == 1
    except BadValue:
        whole = False
    if whole and value == value.strip() and unquote(value) == value:
        return value
    quote = '"' if '"' not in value else "'"
    return f"{quote}{value}{quote}"
