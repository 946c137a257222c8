"""The search for cubes: ``OBJECT=BLLac EXPTIME>=10 level=0``, one condition for each word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from polarnight.config import get_settings
from polarnight.db.cubes import CubeCatalogue
from polarnight.db.cubes.matching import Term
from polarnight.db.cubes.scope import Scope
from polarnight.db.cubes.search import CubeFilter
from polarnight.db.models import DataCube
from polarnight.errors import ConfigError
from polarnight.web.cubes.seeing import containers_of

__all__ = ["EXAMPLES", "Found", "find_cubes", "read_search"]

EXAMPLES = (
    ("OBJECT=BLLac*", "a card with that value; * is any text, ? any character"),
    ("EXPTIME>=30 FILTER=R", "both must hold; numbers are compared as numbers"),
    ("DATE-OBS>=2022-09-18 DATE-OBS<2022-09-20", "times of those days"),
    ("OBJECT!=dark", "cubes without such a card, too"),
    ("AIRMASS", "the card exists"),
    ("OBJECT='NGC 5364'", "quotes hold blanks together"),
    ("level=0 measure=image container=FITS*", "what the cube is; level, measure and container"),
    (
        "level=1 OBJECT=BLLac",
        "what was made of others carries their cards, too",
    ),
)
"""Searches and what they mean, for the page."""

_LONGEST = 1000
_MOST_TERMS = 20
_WORD = re.compile(r"""(?:'(?:[^']|'')*'|[^\s'])+""")
_OWN = ("level", "measure", "container")


@dataclass(frozen=True)
class Found:
    """Numbers of the cubes that were found, in order."""

    numbers: list[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, first: int, last: int) -> list[DataCube]:
        """Return a part of them."""
        wanted = self.numbers[first:last]
        rows = DataCube.objects.select_related("container__folder").in_bulk(wanted)
        return [rows[number] for number in wanted if number in rows]


def read_search(text: str, *, together: bool = True) -> CubeFilter:
    """Return what a search means.

    Parameters
    ----------
    text : str
    together : bool
        Whether all conditions on cards must hold, or any.

    Raises
    ------
    ConfigError
        Naming the word that cannot be read.
    """
    if len(text) > _LONGEST:
        msg = f"the search is longer than {_LONGEST} characters; leave some of it out"
        raise ConfigError(msg)
    if text.count("'") % 2:
        msg = "a quote ' is not closed; close it, or leave it out"
        raise ConfigError(msg)
    words = _WORD.findall(text)
    if len(words) > _MOST_TERMS:
        msg = f"the search has {len(words)} conditions; there may be {_MOST_TERMS}"
        raise ConfigError(msg)
    own: dict[str, list[str]] = {name: [] for name in _OWN}
    terms = []
    for word in words:
        name, sign, value = word.partition("=")
        if sign and name.lower() in own:
            own[name.lower()].append(value.strip("'"))
        elif re.match(r"[=<>!]", word) or re.search(r"[=<>]$", word):
            msg = f"{word[:60]!r} is half a condition; write KEY>=VALUE without blanks"
            raise ConfigError(msg)
        else:
            terms.append(Term.parse(word))
    return CubeFilter(
        terms=terms,
        together=together,
        levels=[_level(value) for value in own["level"]],
        measures=own["measure"],
        scope=Scope(containers=own["container"]),
    )


def _level(text: str) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        msg = f"level={text[:20]!r} is no number; 0 is of cubes as they were imported"
        raise ConfigError(msg)
    return int(text)


def find_cubes(user: Any, wanted: CubeFilter) -> Found:
    """Return the cubes that pass a filter and that the user sees.

    Raises
    ------
    ConfigError
    """
    hits = CubeCatalogue(get_settings()).search.find(None, wanted)
    seen = set(containers_of(user).values_list("pk", flat=True))
    if seen.issuperset(hits.containers):
        return Found(hits.cubes)
    pairs = zip(hits.containers, hits.cubes, strict=True)
    return Found([cube for container, cube in pairs if container in seen])
