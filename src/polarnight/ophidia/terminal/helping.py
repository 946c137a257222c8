"""The command help."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from polarnight.ophidia.answers.manual import operator_page
from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.registry import operators
from polarnight.ophidia.terminal.environment import KNOWN

if TYPE_CHECKING:
    from polarnight.ophidia.terminal.shell import Shell

__all__ = ["help_lines"]

_WIDTH = 98  # of the screen: lines are broken between words
_SHORT = 30  # of a usage; what is explained follows a longer one below it

_GRAMMAR = """\
What can be typed:
  a local command        help, history, setenv NAME=value, quit, ...
  an operator            oph_reduce2 operation=quantile;order=0.5;dim=z;
  an alias               ll, cd folder, lsd, pdd, man oph_subset
  the path of a workflow ./calibrate.json first second     ($1, $2 in the file)

What is missing of a command (cube, cwd, cdd, ncores, ...) is taken from variables: without
cube=, an operator works on the last cube. $NAME stands for a variable, $cube for the last cube.
!! !3 !text repeat lines. TAB completes, Ctrl-C stops a command, Ctrl-D leaves.
"""


def help_lines(shell: Shell, name: str) -> list[str]:
    """Return the help on a command, operator, variable or alias, or on everything.

    Raises
    ------
    BadValue
        Where there is nothing of that name.
    """
    if not name:
        return _everything(shell)
    name = name.removeprefix("$")
    known = operators()
    if command := shell.local.get(name):
        return [command.usage, "", f"    {command.text}"]
    for candidate in (name.lower(), f"oph_{name.lower()}"):
        if candidate in known and name not in shell.aliases:
            return operator_page(known[candidate]).rstrip().split("\n")
    if name in shell.aliases:
        return [f"{name} is an alias of", "", f"    {shell.aliases[name]}"]
    if variable := KNOWN.get(name.upper()):
        lines = [name.upper(), "", f"    {variable.text}"]
        if variable.choices:
            lines.append(f"    One of {', '.join(variable.choices)}.")
        value = shell.environment.values.get(name.upper(), "")
        return [*lines, f"    Default {variable.default or '(empty)'}, now {value or '(empty)'}."]
    like = nearest(name, [*shell.local, *known, *shell.aliases, *KNOWN])
    msg = f"there is no help on {name[:60]!r}"
    raise BadValue(msg, f"did you mean {like}?" if like else "help alone shows what there is")


def _everything(shell: Shell) -> list[str]:
    lines = [*_GRAMMAR.split("\n"), "Local commands:"]
    width = max(len(one.usage) for one in shell.local.values() if len(one.usage) <= _SHORT)
    for one in shell.local.values():
        told = textwrap.wrap(one.text, _WIDTH - width - 4)
        if len(one.usage) > width:
            lines.append(f"  {one.usage}")
        else:
            lines.append(f"  {one.usage:<{width}}  {told.pop(0)}")
        lines += [f"  {'':<{width}}  {line}" for line in told]
    lines += ["", "Operators (help NAME or man NAME shows the arguments):"]
    known = {name: cls for name, cls in operators().items() if cls.kind != "C"}
    width = max(len(name) for name in known)
    lines += [f"  {name:<{width}}  {cls.title}" for name, cls in known.items()]
    lines += ["", "Aliases (alias shows what they stand for):"]
    names = " ".join(sorted(shell.aliases))
    return [*lines, *textwrap.wrap(names, _WIDTH, initial_indent="  ", subsequent_indent="  ")]
