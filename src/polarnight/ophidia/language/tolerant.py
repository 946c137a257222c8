"""The reader of what people paste: printed commands with lost underscores and broken lines.

`read_command` first tries the strict grammar on joined lines. Where a name is not known, it
takes words that lost their underscore (``oph importfits src path=``) together again, and says
so in ``repairs``. What cannot be mended is refused with the line to type.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from polarnight.ophidia.errors import UnknownArgument, UnknownOperator
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.language.grammar import (
    Command,
    add,
    check_text,
    format_command,
    split_pair,
    split_top,
)
from polarnight.ophidia.registry import get_operator, operator_names

__all__ = ["join_lines", "read_command", "split_commands"]

_PROMPT = re.compile(r"^\s*\[[\w.]{1,20}\]\s*>>\s*")
_SPACES = str.maketrans({"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\ufeff": None, "\t": " "})
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_GLUE = tuple("=|[,:/\\")
_WORD_KEY = re.compile(r"\s([A-Za-z][A-Za-z0-9_]*)=")


def join_lines(text: str) -> str:
    """Return a command that was broken over several lines as one line.

    A backslash at the end of a line is taken off. Where a value was broken (after ``=``, ``|``,
    ``/``, or inside brackets) the parts are joined without space.
    """
    text = text.translate(_SPACES).translate(_QUOTES)
    text = _PROMPT.sub("", text)
    joined, depth = "", 0
    for line in text.splitlines():
        part = line.strip()
        part = part[:-1].rstrip() if part.endswith("\\") else part
        if not part:
            continue
        tight = depth > 0 or joined.endswith(_GLUE) or part.startswith(_GLUE)
        joined += part if tight or not joined else f" {part}"
        depth = max(0, depth + part.count("[") - part.count("]"))
    return joined


def split_commands(text: str, starters: Collection[str] = ()) -> list[str]:
    """Return the commands of a pasted text, each on one line.

    A line begins a command where its first word is an operator or one of `starters` (the
    local commands and aliases of a terminal) and no bracket is open; other lines go on with
    the command before them.
    """
    commands: list[list[str]] = []
    depth = 0
    for line in text.translate(_SPACES).splitlines():
        part = _PROMPT.sub("", line).strip()
        if not part:
            depth = 0  # an empty line ends whatever was left open
            commands.append([])
            continue
        word = re.split(r"[\s;]", part, maxsplit=1)[0].lower()
        begins = depth == 0 and (word.startswith("oph_") or word == "oph" or word in starters)
        if begins or not commands:
            commands.append([])
        commands[-1].append(part)
        depth = max(0, depth + part.count("[") - part.count("]"))
    return [joined for lines in commands if (joined := join_lines("\n".join(lines)))]


def read_command(text: str) -> Command:
    """Read a command as people paste it.

    Parameters
    ----------
    text : str

    Returns
    -------
    Command
        With what was taken for granted in ``repairs``.

    Raises
    ------
    UnknownOperator, UnknownArgument, BadValue
        Where it cannot be read; says what to type.
    """
    check_text(text)
    line = join_lines(text)
    operator, rest = _operator(line)
    cls = get_operator(operator)
    known = cls.declared()
    spaceless = {_squeeze(name): name for name in known}
    arguments: dict[str, str] = {}
    repairs = []
    if not re.match(rf"\s*{re.escape(cls.name)}(?![A-Za-z0-9_])", line, re.IGNORECASE):
        repairs.append(f"read as {cls.name}")
    for part in split_top(rest, ";"):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if equals:
            mended, why = _key(key, known, spaceless)
            repairs += [why] if why else []
            part = f"{mended}={value}"
        name, content = split_pair(part, cls.name)
        _no_lost_semicolon(cls.name, name, content, known, arguments)
        add(arguments, name, content, cls.name)
    return Command(cls.name, arguments, tuple(repairs))


def _operator(line: str) -> tuple[str, str]:
    """Return the operator of a line and the rest of it."""
    head = line.split("=", 1)[0].split(";", 1)[0]
    words = head.split()
    if not words:
        msg = "the command is empty"
        raise UnknownOperator(msg, "type oph_<operator> key=value;key=value;")
    known = {_squeeze(name): name for name in operator_names()}
    known |= {key.removeprefix("oph"): name for key, name in known.items()}
    for count in range(min(len(words), 5), 0, -1):
        found = known.get(_squeeze("".join(words[:count])))
        # The last word before the first '=' is a key, unless nothing follows.
        if found and (count < len(words) or "=" not in line.split(";", 1)[0]):
            return found, _after(line, count)
    return words[0].rstrip(";"), _after(line, 1)


def _after(line: str, count: int) -> str:
    rest = line.lstrip()
    for _ in range(count):
        rest = re.sub(r"^[^\s;]+", "", rest).lstrip()
    return rest


def _key(key: str, known: Mapping[str, Argument], spaceless: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of an argument whose underscores were lost, and what was done."""
    typed = key.strip().lower()
    if typed in known:
        return typed, ""
    name = spaceless.get(_squeeze(typed)) or re.sub(r"[\s-]+", "_", typed)
    return name, f"{key.strip()} read as {name}" if name != typed else ""


def _squeeze(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _no_lost_semicolon(
    operator: str, key: str, value: str, known: Mapping[str, Argument], before: Mapping[str, str]
) -> None:
    """Refuse a value that swallowed the next argument, and say what to type."""
    argument = known.get(key)
    if argument is None or argument.type == "text" or value.startswith("["):
        return
    found = _WORD_KEY.search(value)
    if found and found.group(1).lower() in known:
        fixed = {**before, key: value[: found.start()].strip()}
        line = format_command(operator, fixed) + value[found.start() + 1 :].strip() + ";"
        msg = f"{operator}: a ';' is missing before {found.group(1)!r}"
        raise UnknownArgument(msg, f"type: {line}")
