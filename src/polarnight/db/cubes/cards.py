"""Cards of cubes: many at once, and one by one by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from polarnight.db.cubes.interning import chunks, intern_values, value_row
from polarnight.db.cubes.locking import unchanged
from polarnight.db.models import CubeCard, CubeValue, DataCube
from polarnight.errors import ConfigError
from polarnight.frames.cards import Card, CardValue, normalise_key, parse_value, wildcard

__all__ = ["CARD_TYPES", "Cards", "StoredCard", "sql_like", "typed_value"]

CARD_TYPES = ("text", "image", "video", "audio", "url", "double", "float", "long", "int", "short")
"""Types that a card made by hand may have."""

_INTEGERS = {"short": 1 << 15, "int": 1 << 31, "long": 1 << 63}
_FUNCTIONAL = frozenset(map(normalise_key, ("frequency", "units", "calendar")))


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card of a cube with its number and history.

    `modified` and `user` are those of the cube where nobody changed the card.
    """

    id: int
    cube: int
    key: str
    type: str
    text: str
    comment: str
    variable: str
    modified: datetime
    user: str

    @property
    def value(self) -> CardValue:
        """The value in its own type."""
        return typed_value(self.type, self.text)

    def card(self) -> Card:
        """Return it as the engine has cards."""
        return Card(self.key, self.value, self.comment, self.variable)


def typed_value(kind: str, text: str) -> CardValue:
    """Return the value that a text of a type stands for."""
    if kind == "none":
        return None
    if kind == "bool":
        return text == "T"
    if kind in {"double", "float"}:
        return float(text)
    if kind in _INTEGERS:
        return int(text)
    return complex(text) if kind == "complex" else text


class Cards:
    """Reads and changes the cards of cubes."""

    def read(
        self,
        numbers: int | Iterable[int],
        *,
        keys: Sequence[str] = (),
        ids: Sequence[int] = (),
        variable: str = "",
        types: Sequence[str] = (),
        text: str = "",
    ) -> list[StoredCard]:
        """Return cards of cubes, in their order.

        Parameters
        ----------
        numbers : int or iterable of int
            Of the cubes.
        keys : sequence of str
            Any of these, as a whole (not minding case, ``-`` is ``_``); all where empty.
        ids : sequence of int
            Numbers of cards; `keys` are not looked at then.
        variable, text : str
            Parts of the variable and of the value, not minding case; ``%`` and ``_`` are
            wildcards. The variable of what belongs to the cube as a whole is ``global``.
        types : sequence of str
        """
        wanted = [numbers] if isinstance(numbers, int) else list(numbers)
        folded = {normalise_key(key) for key in keys}
        found: list[StoredCard] = []
        for chunk in chunks(wanted):
            rows = CubeCard.objects.filter(cube__in=chunk).order_by("cube_id", "pk")
            if ids:
                rows = rows.filter(pk__in=ids)
            elif folded:
                rows = rows.filter(value__key__folded__in=folded)
            if types:
                rows = rows.filter(value__type__in=types)
            found += [
                StoredCard(*row[:7], row[7] or row[8], row[9] or row[10])
                for row in rows.values_list(
                    "pk",
                    "cube_id",
                    "value__key__name",
                    "value__type",
                    "value__text",
                    "value__comment",
                    "variable",
                    "modified",
                    "cube__created",
                    "user",
                    "cube__user",
                )
            ]
        if variable:
            pattern = sql_like(f"%{variable}%")
            found = [card for card in found if pattern.fullmatch(card.variable or "global")]
        if text:
            pattern = sql_like(f"%{text}%")
            found = [card for card in found if pattern.fullmatch(card.text)]
        return found

    def insert(
        self,
        number: int,
        cards: Iterable[tuple[str, str]],
        *,
        kind: str = "text",
        variable: str = "",
        user: str = "",
    ) -> list[int]:
        """Add cards ``(key, text)`` of one type to a cube; return their numbers.

        Raises
        ------
        ConfigError
            Where the type is unknown, a text is no number of the type, or the cube is of
            the archive.
        """
        if kind not in CARD_TYPES:
            msg = f"metadata type {kind!r} is not known; use {', '.join(CARD_TYPES)}"
            raise ConfigError(msg)
        rows = []
        for key, text in cards:
            if not key.strip():
                msg = "a metadata key must not be empty"
                raise ConfigError(msg)
            checked = _checked(kind, text, key)
            rows.append(value_row(Card(key.strip(), checked), kind))
        refuse_mounted([number])
        moment = timezone.now()
        with unchanged(DataCube, number):
            values = intern_values(rows)
            made = [
                CubeCard.objects.create(
                    cube_id=number,
                    value_id=values[row],
                    variable="" if variable == "global" else variable,
                    user=user,
                    modified=moment,
                )
                for row in rows
            ]
        return [card.pk for card in made]

    def update(
        self, ids: Iterable[int], text: str, *, kind: str | None = None, user: str = ""
    ) -> int:
        """Give cards another value; they keep their type unless `kind` says another.

        Returns
        -------
        int
            How many were changed.

        Raises
        ------
        ConfigError
            Where the text is no number of the type.
        """
        moment = timezone.now()
        changed = 0
        with transaction.atomic():
            cards = list(CubeCard.objects.filter(pk__in=list(ids)).select_related("value__key"))
            refuse_mounted([card.cube_id for card in cards])
            rows = []
            for card in cards:
                old: CubeValue = card.value
                own = kind or (old.type if old.type in CARD_TYPES else "")
                value = _checked(own, text, old.key.name) if own else parse_value(text)
                rows.append(value_row(Card(old.key.name, value, old.comment), own))
            values = intern_values(rows)
            for card, row in zip(cards, rows, strict=True):
                changed += CubeCard.objects.filter(pk=card.pk).update(
                    value_id=values[row], user=user, modified=moment
                )
        return changed

    def delete(self, ids: Iterable[int]) -> int:
        """Delete cards by their numbers; return how many there were."""
        with transaction.atomic():
            deleted = 0
            for chunk in chunks([*ids]):
                rows = CubeCard.objects.filter(pk__in=chunk)
                refuse_mounted(rows.values_list("cube", flat=True))
                deleted += rows.delete()[0]
        return deleted

    def is_functional(self, key: str, vocabulary: str) -> bool:
        """Whether a vocabulary gives the key a meaning, so that changing it needs force."""
        return vocabulary == "CF" and normalise_key(key) in _FUNCTIONAL


def refuse_mounted(numbers: Iterable[int]) -> None:
    """Refuse to change cubes of the archive, whose cards are those of their files.

    Raises
    ------
    ConfigError
        Where one of the cubes is of the archive.
    """
    rows = DataCube.objects.filter(
        pk__in=list(numbers), container__folder__session__isnull=True
    ).values_list("container_id", "pk")
    for container, number in rows[:1]:
        msg = (
            f"cube {container}/{number} is a file of the mounted archive, which is only read; "
            "its metadata are those of the file: duplicate it and change the copy"
        )
        raise ConfigError(msg)


def sql_like(text: str) -> re.Pattern[str]:
    """Return the pattern of Ophidia's ``%text%``: ``%`` is any text, ``_`` any character.

    It is meant for ``fullmatch``.
    """
    return wildcard(text, many="%", one="_")


def _checked(kind: str, text: str, key: str) -> CardValue:
    """Return a text as a value of a type, or refuse it."""
    try:
        if kind in _INTEGERS:
            whole = int(text)
            if -_INTEGERS[kind] <= whole < _INTEGERS[kind]:
                return whole
            raise ValueError
        if kind in {"double", "float"}:
            return float(text)
    except ValueError:
        msg = f"metadata key {key!r}: {text!r} is no value of type {kind!r}"
        raise ConfigError(msg) from None
    return text
