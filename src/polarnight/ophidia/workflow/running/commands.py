"""The commands of a task: its arguments, with variables and the outputs of its parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from polarnight.ophidia.errors import BadValue, OphidiaError
from polarnight.ophidia.language.grammar import format_command, parse_command, split_list
from polarnight.ophidia.workflow.running.plan import Instance
from polarnight.ophidia.workflow.shape.model import Dependency
from polarnight.ophidia.workflow.text.positions import positions_of
from polarnight.ophidia.workflow.text.variables import substitute

__all__ = ["Filled", "command_texts", "filled_arguments", "handed_on"]

Parents = Sequence[tuple[Dependency, Sequence[Instance]]]


@dataclass(slots=True)
class Filled:
    """Arguments of a task that is about to run.

    Attributes
    ----------
    arguments : dict
    several : dict
        Arguments that parents filled with more than one output.
    starved : bool
        Whether a parent should have filled ``cube`` and had nothing.
    """

    arguments: dict[str, str]
    several: dict[str, list[str]] = field(default_factory=dict)
    starved: bool = False


def _outputs(dependency: Dependency, parents: Sequence[Instance]) -> list[list[str]]:
    """Return what every parent (every turn of one, at the end of a loop) hands on."""
    made = []
    for parent in parents:
        found = parent.outcome.output(dependency.output_argument)
        found = [found[position] for position in positions_of(dependency.filter, len(found)) or []]
        if dependency.output_order:
            found = found[dependency.output_order - 1 : dependency.output_order]
        made.append(found)
    return made


def filled_arguments(
    instance: Instance, parents: Parents, values: Mapping[str, str], counters: Mapping[str, str]
) -> Filled:
    """Return the arguments of a task with everything filled in.

    Raises
    ------
    OphidiaError
        For a variable that is not set, or a parent with several outputs where one is needed.
    """
    name = instance.task.name
    own = dict(values)
    # A task that went on in the background would have nothing to hand on.
    written = [pair for pair in instance.task.arguments if pair[0] != "exec_mode"]
    try:
        for key, value in instance.task.variables:
            own[key] = substitute(value, own, counters)
        made = {key: substitute(value, own, counters) for key, value in written}
    except OphidiaError as error:
        msg = f"task {name!r}: {error}"
        raise BadValue(msg) from error
    filled = Filled(made)
    joined: dict[str, list[tuple[int, list[str]]]] = {}
    for dependency, ones in parents:
        if not dependency.carries:
            continue
        turns = _outputs(dependency, ones)
        most = max((len(turn) for turn in turns), default=0)
        outputs = [one for turn in turns for one in turn]
        if dependency.type == "single" and most > 1:
            msg = (
                f"task {name!r}: its parent {dependency.task!r} has {most} outputs where "
                '"single" needs one; use "type": "all", or choose with "filter"'
            )
            raise BadValue(msg)
        joined.setdefault(dependency.argument, []).append((dependency.order, outputs))
    for argument, parts in joined.items():
        outputs = [one for _, part in sorted(parts, key=lambda part: part[0]) for one in part]
        if len(outputs) > 1:
            filled.several[argument] = outputs
        if outputs:
            filled.arguments[argument] = "|".join(outputs)
        elif argument == "cube":
            filled.starved = True
    return filled


def handed_on(instance: Instance, parents: Parents) -> list[str]:
    """Return the cubes that an operator of control hands on from its parents.

    Those of the dependencies that carry data; of all, where none does.
    """
    chosen = [pair for pair in parents if pair[0].carries] or list(parents)
    ordered = sorted(chosen, key=lambda pair: pair[0].order)
    return [
        one for dependency, ones in ordered for turn in _outputs(dependency, ones) for one in turn
    ]


def command_texts(operator: str, filled: Filled, one_by_one: Sequence[str]) -> list[str]:
    """Return the lines to submit.

    Parameters
    ----------
    operator : str
    filled : Filled
    one_by_one : sequence of str
        Arguments that take a single cube: several outputs there make several commands.

    Raises
    ------
    BadValue
        Where a value cannot be written in a command, or two arguments have several values.
    """
    spread = [argument for argument in one_by_one if argument in filled.several]
    if len(spread) > 1:
        msg = f"{operator}: both {' and '.join(spread)} have several values; loop over one"
        raise BadValue(msg)
    if not spread:
        return [_line(operator, filled.arguments)]
    argument = spread[0]
    return [
        _line(operator, {**filled.arguments, argument: one}) for one in filled.several[argument]
    ]


def _line(operator: str, arguments: Mapping[str, str]) -> str:
    text = format_command(operator, dict(arguments)).strip()
    # A value with both kinds of quotes and a semicolon would become other arguments.
    read = parse_command(text).arguments
    if any(split_list(read.get(key, "")) != split_list(value) for key, value in arguments.items()):
        wrong = next(key for key, value in arguments.items() if read.get(key, "") != value)
        msg = (
            f"{operator}: the value of {wrong} cannot be written in a command: {arguments[wrong]!r}"
        )
        raise BadValue(msg)
    return text
