"""The line of the terminal: what it means, in the order in which it is looked at."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from polarnight.ophidia.errors import BadValue, UnknownOperator, nearest
from polarnight.ophidia.terminal.aliases import expand_alias, words_of

__all__ = ["Step", "expand_history", "is_complete", "read_line", "separated"]

_MOST_ALIASES = 10


@dataclass(frozen=True, slots=True)
class Step:
    """What a line asks for.

    Attributes
    ----------
    kind : {"nothing", "local", "remote", "workflow"}
    name : str
        The local command, the operator, or the path of the workflow.
    text : str
        What follows a local command; the whole command for a remote one.
    words : tuple of str
        Arguments of a workflow.
    alias : str
        The alias it came from.
    """

    kind: str
    name: str = ""
    text: str = ""
    words: tuple[str, ...] = ()
    alias: str = ""


def expand_history(line: str, history: Sequence[str]) -> str:
    """Return a line with ``!!``, ``!5``, ``!-2`` or ``!text`` at its begin replaced.

    A ``!`` elsewhere is left alone: it stands in filters.

    Raises
    ------
    BadValue
        Where the history has no such line.
    """
    match = re.match(r"!(?:(!)|(-?\d+)|([A-Za-z_./]\S*))", line)
    if match is None:
        return line
    found = None
    if match.group(1):
        found = history[-1] if history else None
    elif match.group(2):
        number = int(match.group(2))
        place = number - 1 if number > 0 else len(history) + number
        found = history[place] if number and 0 <= place < len(history) else None
    else:
        start = match.group(3)
        found = next((one for one in reversed(history) if one.startswith(start)), None)
    if found is None:
        msg = f"{match.group()}: there is no such line in the history"
        raise BadValue(msg, "history shows all")
    return found + line[match.end() :]


def is_complete(text: str) -> bool:
    """Return whether a command can be carried out, or more lines must follow.

    Parameters
    ----------
    text : str
        As typed so far.
    """
    stripped = text.rstrip()
    if stripped.endswith("\\"):
        return False
    return stripped.count("[") <= stripped.count("]")


def separated(text: str, starters: Collection[str]) -> str:
    """Return a text of several lines with an empty line where a command must end.

    Only operators go on over lines, with what holds a ``=``; after a local command or an alias,
    and before the path of a workflow, a line is a command of its own unless a bracket is open.

    Parameters
    ----------
    text : str
    starters : collection of str
        Local commands and aliases.
    """
    made: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        before = "\n".join(made).rpartition("\n\n")[2]
        word = _first(before.strip())[0] if before.strip() else ""
        ended = is_complete(before) and not before.rstrip().endswith(("=", "|", ","))
        alone = word in starters or word[:1] in {".", "/", "!"}
        own = _first(stripped)[0] if stripped else ""
        begins = own in starters or own[:1] in {".", "/", "!"} or own.lower()[:4] in {"oph", "oph_"}
        goes_on = "=" in stripped or not stripped
        if made and ended and (alone or begins or not goes_on):
            made.append("")
        made.append(line)
    return "\n".join(made)


def read_line(
    line: str,
    local: Collection[str],
    aliases: Mapping[str, str],
    operators: Collection[str],
) -> Step:
    """Return what a line asks for; history and variables are replaced already.

    Parameters
    ----------
    line : str
    local : collection of str
        Local commands.
    aliases : mapping
    operators : collection of str
        To name the nearest one.

    Raises
    ------
    UnknownOperator
        Where it asks for nothing that there is.
    BadValue
        For aliases that name each other without end.
    """
    alias = ""
    for _ in range(_MOST_ALIASES):
        text = line.strip()
        if not text or text.startswith("#"):
            return Step("nothing")
        word, rest = _first(text)
        if word in local:
            return Step("local", word, rest.strip(), alias=alias)
        if word.lower().startswith("oph_") or re.match(r"oph\s+[a-z]", text, re.IGNORECASE):
            return Step("remote", word.lower(), text, alias=alias)
        if text[0] in "./" or (word.endswith(".json") and word not in aliases):
            words = words_of(text)
            return Step("workflow", words[0], text, tuple(words[1:]), alias)
        if word not in aliases:
            raise _unknown(word, rest, local, aliases, operators)
        alias = alias or word
        line = expand_alias(aliases[word], rest.strip())
    msg = f"the alias {alias!r} leads to itself"
    raise BadValue(msg, f"unsetalias {alias}")


def _first(text: str) -> tuple[str, str]:
    match = re.match(r"[^\s;=]+", text)
    word = match.group() if match else text[:1]
    return word, text[len(word) :].lstrip("; \t") if match else text[1:]


def _unknown(
    word: str,
    rest: str,
    local: Collection[str],
    aliases: Mapping[str, str],
    operators: Collection[str],
) -> UnknownOperator:
    msg = f"Command not recognized: {word[:60]}"
    if f"oph_{word.lower()}" in operators:
        return UnknownOperator(msg, f"type: oph_{word.lower()} {rest[:200]}".rstrip())
    short = {name.removeprefix("oph_"): name for name in operators}
    like = nearest(word.lower(), [*local, *aliases, *operators, *short])
    like = short.get(like, like)
    return UnknownOperator(msg, f"did you mean {like}?" if like else "help shows what there is")
