"""Patterns of file names that mean the same to every database and never run away."""

from __future__ import annotations

import re

from polarnight.errors import ConfigError

__all__ = ["LONGEST", "check_pattern"]

LONGEST = 80
_MOST_STARS = 2

_ATOM = r"(?:\\[dw.\\+*?^$|()\[\]{}-]|\[\^?[\w .,+:=~@%#-]+\]|[\w .,:=~@%#&/;-])"
_ATOM_OR_DOT = rf"(?:{_ATOM}|\.)"
_PIECE = rf"{_ATOM_OR_DOT}(?:[*+?]|\{{\d{{1,2}}(?:,\d{{1,2}})?\}})?"
_BRANCH = rf"\^?(?:{_PIECE})*\$?"
_PATTERN = re.compile(rf"{_BRANCH}(?:\|{_BRANCH})*", re.ASCII)


def check_pattern(text: str) -> str:
    r"""Return a pattern for ``__regex``, or refuse it.

    Letters, ``.``, ``\d``, ``\w``, ``[...]``, ``^``, ``$`` and ``|``, each of the first repeated
    by ``*``, ``+``, ``?`` or ``{2,3}``: in these the engines of SQLite (Python's) and PostgreSQL
    agree. No groups, so that nothing repeated is repeated again, and two stars at most: the time
    is then bounded by the cube of the length of a name.

    Raises
    ------
    ConfigError
        Where the text is none of these.
    """
    msg = ""
    if len(text) > LONGEST:
        msg = f"a pattern has {LONGEST} characters at most"
    elif not _PATTERN.fullmatch(text):
        msg = (
            r"a pattern holds letters, . \d \w [...] ^ $ |, repeated by * + ? or {2,3}; no groups, "
            "no repetition of a repetition"
        )
    elif sum(text.count(star) for star in "*+") > _MOST_STARS:
        msg = f"a pattern holds {_MOST_STARS} of * and + at most"
    else:
        try:
            re.compile(text)
        except (re.error, OverflowError) as error:
            msg = f"the pattern is wrong: {error}"
    if msg:
        raise ConfigError(msg)
    return text
