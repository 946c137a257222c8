"""What the operators of control do: loops, branches and variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.grammar import split_list
from polarnight.ophidia.workflow.running.plan import Turns
from polarnight.ophidia.workflow.text.expressions import BadExpression, evaluate, number_text, truth
from polarnight.ophidia.workflow.text.positions import counter_values, subset_text

__all__ = ["check_word", "condition_of", "input_of", "turns_of", "value_of", "variables_of"]

_MOST_TURNS = 100_000
Look = Callable[[str], "list[str] | None"]
"""Gives the values that a text points to in the responses of those before, None if to none."""


def value_of(text: str, look: Look) -> list[str]:
    """Return the values a text stands for: a pointer into a response, a formula, or a list.

    Parameters
    ----------
    text : str
        ``objkey.Title.COLUMN``, ``Title(1,2)``, ``EVAL(...)``, or ``a|b``.
    look : callable

    Raises
    ------
    BadExpression
        Where the formula has no value.
    """
    text = text.strip()
    if text[:5].upper() == "EVAL(" and text.endswith(")"):
        return [number_text(evaluate(text[5:-1]))]
    if text.startswith(("'", '"')) or "|" in text:
        return split_list(text)
    found = look(text)
    return [text] if found is None else found


def turns_of(arguments: Mapping[str, str], task: str, look: Look) -> Turns:
    """Return what an ``oph_for`` runs over.

    Raises
    ------
    BadValue
        For a missing key, a counter that cannot be read, or lists of different lengths.
    """
    key = arguments.get("key", "").strip().strip("{}").strip()
    if not key:
        msg = f"task {task!r}: oph_for needs key=name"
        raise BadValue(msg)
    given = arguments.get("values", "-").strip()
    counter = arguments.get("counter", "-").strip()
    values = value_of(given, look) if given not in {"", "-"} else None
    counters: Sequence[str] | None = None
    if counter not in {"", "-"}:
        numbers = counter_values(counter)
        if numbers is None:
            msg = f"task {task!r}: counter={counter!r} is no range such as 1:10 or 1:2:9"
            raise BadValue(msg)
        counters = [str(number) for number in numbers]
    if values is None and counters is None:
        msg = f"task {task!r}: oph_for needs values=a|b|c or counter=1:3"
        raise BadValue(msg)
    values = list(counters or ()) if values is None else values
    if counters is None:
        counters = [str(number) for number in range(1, len(values) + 1)]
    if len(values) != len(counters):
        msg = (
            f"task {task!r}: values has {len(values)} entries and counter {len(counters)}; "
            "they must be equally many"
        )
        raise BadValue(msg)
    if len(values) > _MOST_TURNS:
        msg = f"task {task!r}: {len(values)} turns are more than {_MOST_TURNS}"
        raise BadValue(msg)
    parallel = check_word(arguments, "parallel", ("no", "yes"), "no", task) == "yes"
    return Turns(key, tuple(values), tuple(counters), parallel)


def condition_of(arguments: Mapping[str, str], task: str, look: Look) -> bool:
    """Return whether the condition of an ``oph_if`` or ``oph_elseif`` holds.

    Raises
    ------
    BadExpression
        Naming the task.
    """
    text = arguments.get("condition", "").strip() or "1"
    try:
        found = look(text) if not text.replace(".", "").isdigit() else None
        return truth(found[0] if found else text)
    except BadExpression as error:
        msg = f"task {task!r}: {error}"
        raise BadExpression(msg) from error


def variables_of(arguments: Mapping[str, str], task: str, look: Look) -> dict[str, str]:
    """Return the variables that an ``oph_set`` sets.

    Raises
    ------
    BadValue
        Where keys and values do not go together.
    """
    keys = _keys(arguments)
    if not keys:
        msg = f"task {task!r}: oph_set needs key=name"
        raise BadValue(msg)
    given = arguments.get("value", "-").strip()
    values = ["1"] if given in {"", "-"} else value_of(given, look)
    kind = check_word(arguments, "subset_filter", ("no", "yes", "real"), "no", task)
    if kind != "no":
        values = [_subset(values, arguments.get("offset", "1"), kind, task)]
    return _paired(keys, values, task)


def _paired(keys: Sequence[str], values: Sequence[str], task: str) -> dict[str, str]:
    """Return one key with all values, or every key with its own."""
    if len(keys) == 1:
        return {keys[0]: "|".join(values)}
    if len(values) == 1:
        return dict.fromkeys(keys, values[0])
    if len(keys) != len(values):
        msg = f"task {task!r}: {len(keys)} keys and {len(values)} values; give one value or as many"
        raise BadValue(msg)
    return dict(zip(keys, values, strict=True))


def _keys(arguments: Mapping[str, str]) -> list[str]:
    given = [arguments.get(name, "-").strip() for name in ("key", "keys")]
    listed = [key for text in given if text not in {"", "-"} for key in text.split("|")]
    return [key.strip().strip("{}").strip() for key in listed if key.strip()]


def _subset(values: Sequence[str], offset: str, kind: str, task: str) -> str:
    try:
        numbers = [float(value) for value in values]
        step = float(offset)
    except ValueError as error:
        msg = f"task {task!r}: subset_filter={kind} needs numbers ({error})"
        raise BadValue(msg) from error
    return subset_text(numbers, step)


def check_word(
    arguments: Mapping[str, str], key: str, known: Sequence[str], default: str, task: str
) -> str:
    """Return an argument that must be one of a few words.

    Raises
    ------
    BadValue
        Naming the words.
    """
    value = arguments.get(key, "").strip().lower() or default
    if value not in known:
        msg = f"task {task!r}: {key}={value!r}; allowed are {', '.join(known)}"
        raise BadValue(msg)
    return value


def input_of(arguments: Mapping[str, str], task: str) -> dict[str, str]:
    """Return the variables that an ``oph_wait`` or ``oph_input`` names, 1 where without value.

    Raises
    ------
    BadValue
        Where keys and values do not go together.
    """
    keys = _keys(arguments)
    given = arguments.get("value", "-").strip()
    values = ["1"] if given in {"", "-"} else split_list(given)
    return _paired(keys, values, task) if keys else {}
