"""Short words for commands."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping

from polarnight.ophidia.errors import BadValue

__all__ = ["PREDEFINED", "expand_alias", "predefined", "words_of"]

PREDEFINED: dict[str, str] = {
    "ls": "oph_list path=$1;",
    "ll": "oph_list path=$1;level=2;",
    "lr": "oph_list path=$1;level=2;recursive=yes;",
    "cd": "oph_folder command=cd;path=$1;",
    "mkdir": "oph_folder command=mkdir;path=$1;",
    "mvdir": "oph_folder command=mv;path=$1|$2;",
    "rmdir": "oph_folder command=rm;path=$1;",
    "mv": "oph_movecontainer container=$1|$2;",
    "rm": "oph_deletecontainer container=$1;",
    "rmr": "oph_deletecontainer container=$1;force=yes;",
    "del": "oph_delete cube=$1;",
    "drop": "oph_delete cube=[*];exec_mode=async;",
    "pwd": "getenv OPH_CWD",
    "pdd": "getenv OPH_CDD",
    "lsd": "oph_fs command=ls;dpath=$1;",
    "cdd": "oph_fs command=cd;dpath=$1;",
    "mkdird": "oph_fs command=mkdir;dpath=$1;",
    "mvd": "oph_fs command=mv;dpath=$1|$2;",
    "rmd": "oph_fs command=rm;dpath=$1;",
    "man": "oph_man function=$1;",
    # Ophidia's make grids of the earth; ours make images.
    "cc": "oph_createcontainer container=$1;dim=NAXIS2|NAXIS1;dim_type=int|int;",
    "rc": (
        "oph_randcube container=$1;dim=NAXIS2|NAXIS1;dim_size=16|16;exp_ndim=1;nfrag=1;ntuple=1;"
        "measure=image;measure_type=float;"
    ),
    "kill": "oph_cancel id=$1;",
    "getprogress": "oph_resume level=0;id=$1;",
    "show": "oph_explorecube cube=$1;show_time=yes;",
    "new": "oph_manage_session action=new;",
    "jobs": "oph_loggingbk job_level=1;",
    "ncdump": "oph_explorefits src_path=$1;",
    "repeat": "oph_resume id=$1;document_type=request;execute=yes;checkpoint=$2;",
}
_POSITION = re.compile(r"\$(?:\{(\d)\}|(\d))")
_NAMED = re.compile(r"[a-z_]+=")
_EMPTY = re.compile(r"(?<![^ ;])[A-Za-z_]\w*=\|?(?:;|$)")


def predefined(outside: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the aliases of the beginning, with those of ``OPH_TERM_ALIAS_x`` outside."""
    made = dict(PREDEFINED)
    for name, text in (os.environ if outside is None else outside).items():
        own = name.removeprefix("OPH_TERM_ALIAS_")
        if own != name and own and text:
            made[own] = text
    return made


def words_of(text: str) -> list[str]:
    """Return the words of a line; quotes hold words together.

    Raises
    ------
    BadValue
        For a quote that is never closed.
    """
    try:
        return shlex.split(text, posix=True)
    except ValueError as error:
        msg = f"{text[:60]!r}: a quote is not closed"
        raise BadValue(msg, "close it, or leave it out") from error


def expand_alias(text: str, rest: str) -> str:
    """Return the command that an alias with its arguments stands for.

    Parameters
    ----------
    text : str
        Of the alias; ``$1``, ``$2``, ... are the words that follow it.
    rest : str
        What follows the alias. Where the alias has positions, words of the form ``key=value``
        are put behind as further arguments, and words that no position takes are left off;
        where it has none, everything is put behind.

    Raises
    ------
    BadValue
        For a quote that is never closed.
    """
    words = words_of(rest)
    places = [word for word in words if not _NAMED.match(word)]
    used = False

    def one(match: re.Match[str]) -> str:
        nonlocal used
        used = True
        place = int(match.group(1) or match.group(2))
        return _protected(places[place - 1]) if 1 <= place <= len(places) else ""

    made = _POSITION.sub(one, text)
    if not used:
        return f"{made} {rest}".rstrip() if rest else made
    named = "".join(f"{word.rstrip(';')};" for word in words if _NAMED.match(word))
    return _EMPTY.sub("", made) + named


def _protected(word: str) -> str:
    """Return a word as a value: a ``;`` in it must not begin another argument."""
    word = word.rstrip(";")
    return f'"{word}"' if ";" in word and not word.startswith("[") else word
