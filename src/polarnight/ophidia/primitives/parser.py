"""The language of the queries of oph_apply.

A query is an expression of the primitives of Ophidia, ``oph_name('oph_int','oph_float',
measure, 2)``, of operators and friendly names, ``where(measure > 60000, nan, measure * 2.5)``,
or of both. What binds tighter, from the loosest: ``or``, ``and``, ``not``, comparisons,
``+ -``, ``* / %``, a sign, ``^`` (also ``**``). Names are not sensitive to case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from polarnight.ophidia.primitives.errors import QueryError

__all__ = ["Call", "Name", "Node", "Number", "Text", "parse"]

_DEEPEST: Final = 60
_LONGEST: Final = 65536

_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|<>|&&|\|\||[-+*/%^<>=&|!(),])"
    r")"
)

# Sign or word -> strength and the primitive that it stands for.
_BINARY: Final = {
    "or": (1, "or"),
    "||": (1, "or"),
    "|": (1, "or"),
    "and": (2, "and"),
    "&&": (2, "and"),
    "&": (2, "and"),
    "<": (4, "less"),
    "<=": (4, "less_equal"),
    ">": (4, "greater"),
    ">=": (4, "greater_equal"),
    "==": (4, "equal"),
    "=": (4, "equal"),
    "!=": (4, "not_equal"),
    "<>": (4, "not_equal"),
    "+": (5, "add"),
    "-": (5, "subtract"),
    "*": (6, "multiply"),
    "/": (6, "divide"),
    "%": (6, "remainder"),
    "^": (8, "power"),
    "**": (8, "power"),
}
_NOT: Final = 3
_SIGN: Final = 7


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text between quotes."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A word without brackets: ``measure``, ``dimension``, ``nan``."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A primitive and what it is given."""

    name: str
    arguments: tuple[Node, ...]
    at: int


Node: TypeAlias = "Number | Text | Name | Call"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(query: str) -> Node:
    """Read a query.

    Parameters
    ----------
    query : str

    Returns
    -------
    Node
        The root of the expression; operators are calls of the primitives they stand for.

    Raises
    ------
    QueryError
        With the place where reading stopped.
    """
    if len(query) > _LONGEST:
        msg = f"the query has {len(query)} characters, at most {_LONGEST} are read"
        raise QueryError(msg)
    if not query.strip():
        msg = "the query is empty; write measure, or a primitive such as oph_sum_scalar(measure,2)"
        raise QueryError(msg)
    return _Parser(query).whole()


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = list(_tokens(query))
        self.position = 0
        self.depth = 0
        self.height: dict[int, int] = {}

    def whole(self) -> Node:
        node = self.expression(0)
        left = self.peek()
        if left.kind != "end":
            msg = f"an operator or the end was expected before {left.text!r}"
            raise self.error(msg, left)
        return node

    def peek(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def error(self, message: str, token: _Token) -> QueryError:
        return QueryError(message, self.query, token.at)

    def too_deep(self, token: _Token) -> QueryError:
        msg = f"the query is nested more than {_DEEPEST} deep; apply it in two steps"
        return self.error(msg, token)

    def call(self, name: str, arguments: tuple[Node, ...], token: _Token) -> Call:
        """Return a call, as long as the tree does not grow too high for recursion."""
        made = Call(name, arguments, token.at)
        height = 1 + max((self.height.get(id(one), 0) for one in arguments), default=0)
        if height > _DEEPEST:
            raise self.too_deep(token)
        self.height[id(made)] = height
        return made

    def expression(self, weakest: int) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.too_deep(self.peek())
        left = self.operand()
        while True:
            token = self.peek()
            strength, name = _BINARY.get(token.text.lower(), (-1, ""))
            if token.kind in {"text", "end"} or strength < weakest:
                break
            self.take()
            # Powers group from the right, everything else from the left.
            right = self.expression(strength if name == "power" else strength + 1)
            left = self.call(name, (left, right), token)
        self.depth -= 1
        return left

    def operand(self) -> Node:
        token = self.take()
        match token.kind:
            case "number":
                return Number(float(token.text), token.at)
            case "text":
                return Text(token.text[1:-1], token.at)
            case "name":
                return self.word(token)
        if token.text == "(":
            inside = self.expression(0)
            self.close(token)
            return inside
        if token.text == "-":
            negated = self.expression(_SIGN)
            if isinstance(negated, Number):
                return Number(-negated.value, token.at)
            return self.call("negative", (negated,), token)
        if token.text == "+":
            return self.expression(_SIGN)
        if token.text == "!":
            return self.call("not", (self.expression(_SIGN),), token)
        what = "the query ends here" if token.kind == "end" else f"{token.text!r} came"
        msg = f"{what} where measure, a number, a text or a primitive was expected"
        raise self.error(msg, token)

    def word(self, token: _Token) -> Node:
        word = token.text.lower()
        if word == "not":
            return self.call("not", (self.expression(_NOT),), token)
        if self.peek().text != "(" or self.peek().kind == "text":
            return Name(word, token.at)
        opening = self.take()
        arguments: list[Node] = []
        if self.peek().kind == "sign" and self.peek().text == ")":
            self.take()
            return self.call(word, (), token)
        while True:
            arguments.append(self.expression(0))
            if self.peek().kind == "sign" and self.peek().text == ",":
                self.take()
                continue
            self.close(opening)
            return self.call(word, tuple(arguments), token)

    def close(self, opening: _Token) -> None:
        token = self.take()
        if token.kind != "sign" or token.text != ")":
            found = "the query ends" if token.kind == "end" else f"{token.text!r} came"
            msg = f"{found} before the bracket of character {opening.at + 1} was closed"
            raise self.error(msg, token)


def _tokens(query: str) -> list[_Token]:
    tokens = []
    at = 0
    end = len(query.rstrip())
    while at < end:
        match = _TOKEN.match(query, at)
        if match is None or match.lastgroup is None:
            while query[at].isspace():
                at += 1
            if query[at] in "'\"":
                msg = "a text that begins here is not closed"
            else:
                msg = f"{query[at]!r} means nothing in a query"
            raise QueryError(msg, query, at)
        kind = match.lastgroup
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    tokens.append(_Token("end", "", end))
    return tokens
