"""What an operator can be given: names, types, defaults, limits, and what they mean."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.language.grammar import split_list

__all__ = ["NO", "YES", "Argument", "Kind", "cube", "cubes", "yes_no"]

Kind = Literal["text", "int", "float", "enum", "cube", "cubes", "path", "filter"]
YES, NO = "yes", "no"
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an operator.

    Attributes
    ----------
    name : str
    type : str
        ``text``, ``int``, ``float``, ``enum``, ``cube`` (one PID), ``cubes`` (PIDs joined by
        ``|``), ``path`` or ``filter`` (``[...]``).
    default : object
        As the operator gets it; shown in the manual as text.
    mandatory : bool
    choices : tuple of str
        The values of an ``enum``.
    words : tuple of str
        Words taken instead of a number, such as ``all``; the operator gets them as they are.
    multiple : bool
        Whether ``a|b`` gives several values; the operator then gets a tuple.
    minimum, maximum : float, optional
        Of numbers.
    forced : object, optional
        Value that is taken whatever is given, as ``ncores`` of operators that run alone.
    extension : bool
        Whether Ophidia lacks it.
    help : str
        One sentence or two.
    """

    name: str
    type: Kind = "text"
    default: Any = None
    mandatory: bool = False
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    multiple: bool = False
    minimum: float | None = None
    maximum: float | None = None
    forced: Any = None
    extension: bool = False
    help: str = ""

    def parse(self, text: str, operator: str) -> Any:
        """Return the value that `text` stands for.

        Raises
        ------
        BadValue
            Where it stands for none; names the operator, the argument and what is allowed.
        """
        if self.forced is not None:
            return self.forced
        if self.multiple and self.type != "cubes":
            return tuple(self._one(entry, operator) for entry in split_list(text))
        return self._one(text, operator)

    def _one(self, text: str, operator: str) -> Any:
        text = text.strip()
        if text in self.words:
            return text
        if self.type in {"int", "float"}:
            return self._in_range(self._number(text, operator), operator)
        if self.type == "enum":
            return self._choice(text, operator)
        if "\x00" in text:
            msg = f"{operator}: {self.name} holds a NUL character"
            raise BadValue(msg, "type it again without")
        return text

    def _number(self, text: str, operator: str) -> int | float:
        whole = self.type == "int"
        number: int | float = math.nan
        # No number of the database, and no array, has more digits.
        if len(text) < (_DIGITS if whole else 400):
            with contextlib.suppress(ValueError):
                number = int(text) if whole else float(text)
        if not math.isfinite(number):
            what = "a whole number" if whole else "a number"
            more = f", or {' or '.join(self.words)}" if self.words else ""
            msg = f"{operator}: {self.name}={text[:60]} is not {what}{more}"
            raise BadValue(msg, f"for example {self.name}={self.example}")
        return number

    def _in_range(self, number: int | float, operator: str) -> int | float:
        low, high = self.minimum, self.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            allowed = f"{low:g} to {high:g}" if None not in (low, high) else (
                f"at least {low:g}" if low is not None else f"at most {high:g}"
            )  # fmt: skip
            msg = f"{operator}: {self.name}={number} is out of range"
            raise BadValue(msg, f"allowed: {allowed}")
        return number

    def _choice(self, text: str, operator: str) -> str:
        if text in self.choices:
            return text
        for choice in self.choices:
            if choice.lower() == text.lower():
                return choice
        like = nearest(text.lower(), self.choices)
        msg = f"{operator}: {self.name}={text[:60]} is not known"
        remedy = f"allowed: {', '.join(self.choices)}"
        raise BadValue(msg, f"did you mean {like}? {remedy}" if like else remedy)

    @property
    def example(self) -> str:
        """A value that can be typed."""
        if self.type == "enum":
            return self.choices[0]
        if self.type in {"int", "float"}:
            shown = self.default if self.default is not None else self.minimum
            return f"{1 if shown is None else shown}"
        return self.shown_default or "..."

    @property
    def stands_for_last(self) -> bool:
        """Whether clients fill in the last cube of the session where it is not given."""
        return self.name == "cube" and self.type == "cube"

    @property
    def needed(self) -> bool:
        """Whether it has to be typed; the cube only where the session has no last one."""
        return self.mandatory and not self.stands_for_last

    @property
    def shown_default(self) -> str:
        """The default as it would be typed, ``""`` where there is none."""
        if self.default is None:
            return ""
        if isinstance(self.default, tuple):
            return "|".join(map(str, self.default))
        return str(self.default)

    @property
    def values(self) -> str:
        """What may be given, in a few words."""
        if self.type == "enum":
            return "|".join(self.choices)
        low, high = self.minimum, self.maximum
        text = {"int": "whole number", "float": "number"}.get(self.type, self.type)
        if low is not None and high is not None:
            text += f" {low:g}..{high:g}"
        elif low is not None:
            text += f" >= {low:g}"
        elif high is not None:
            text += f" <= {high:g}"
        return "|".join([text, *self.words])


def cube(name: str = "cube", **changes: Any) -> Argument:
    """Return the argument of one cube; without it, the last cube of the session."""
    given = {
        "mandatory": True,
        "help": "PID of the input cube; the last cube of the session unless given.",
    }
    return Argument(name, "cube", **{**given, **changes})


def cubes(name: str = "cubes", **changes: Any) -> Argument:
    """Return the argument of several cubes."""
    given = {"mandatory": True, "help": "PIDs joined by '|', or a filter in brackets."}
    return Argument(name, "cubes", **{**given, **changes})


def yes_no(name: str, default: bool, text: str, **changes: Any) -> Argument:
    """Return an argument that is ``yes`` or ``no``."""
    given: Mapping[str, Any] = {"choices": (YES, NO), "default": YES if default else NO}
    return Argument(name, "enum", help=text, **{**given, **changes})
