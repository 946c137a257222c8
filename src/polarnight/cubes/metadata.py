"""The header of a cube: ordered typed cards, parsed when first looked at."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from polarnight.frames.cards import (
    Card,
    CardValue,
    key_matches,
    normalise_key,
    parse_cards,
)
from polarnight.frames.conditions import Condition, satisfied
from polarnight.frames.headers import is_structural, is_wcs

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["Card", "Condition", "Metadata"]

# Of tables of compressed tiles (FITS standard 4.0, section 10.1).
_OF_IMAGE = re.compile(r"Z(BITPIX|NAXIS\d*|SIMPLE|EXTEND|PCOUNT|GCOUNT|BLOCKED)")
_OF_TABLE = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|T(TYPE|FORM|UNIT|DIM)\d+|CHECKSUM|DATASUM|"
    r"Z(IMAGE|TENSION|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|MASKCMP|QUANTIZ|DITHER0|BLANK|HECKSUM|DATASUM)"
)


class Metadata(Sequence[Card]):
    """Cards in order; immutable.

    Indexed by number it gives a `Card`, by key the value of the first card of that key
    (case does not matter, ``-`` is ``_``).

    Parameters
    ----------
    cards : iterable of Card, or mapping of str to value, optional

    Examples
    --------
    >>> cards = Metadata({"OBS-TYPE": "BIAS", "EXPTIME": 0.0})
    >>> cards["obs_type"], len(cards)
    ('BIAS', 2)
    """

    __slots__ = ("_cards", "_index", "_later")

    def __init__(self, cards: Iterable[Card] | Mapping[str, Any] = ()) -> None:
        self._later: Callable[[], tuple[Card, ...]] | None = None
        self._index: dict[str, list[int]] | None = None
        self._cards: tuple[Card, ...] | None
        if isinstance(cards, Mapping):
            self._cards = tuple(_card(key, value) for key, value in cards.items())
        elif isinstance(cards, Metadata):
            self._cards = cards.cards
        else:
            self._cards = tuple(cards)

    @classmethod
    def later(cls, make: Callable[[], tuple[Card, ...]]) -> Metadata:
        """Return cards that are made when they are first looked at; `make` can be pickled."""
        made = cls()
        made._cards, made._later = None, make
        return made

    @classmethod
    def from_bytes(cls, header: bytes, primary: bytes = b"") -> Metadata:
        """Return the cards of a FITS header, which is parsed when first looked at.

        Parameters
        ----------
        header : bytes
            As in the file.
        primary : bytes, optional
            Primary header, from which comes what the first does not say (commentary and
            structure apart).
        """
        return cls.later(functools.partial(_completed, header, primary))

    @classmethod
    def from_header(cls, header: Header) -> Metadata:
        """Return the cards of an astropy header; unreadable ones are kept as text."""
        return cls.from_bytes(header.tostring(endcard=True, padding=False).encode("latin-1"))

    @property
    def cards(self) -> tuple[Card, ...]:
        """All cards."""
        cards = self._cards
        while cards is None:
            # Another thread may have made them meanwhile.
            later = self._later
            cards = self._cards if later is None else later()
            self._cards, self._later = cards, None
        return cards

    def _numbers(self, key: str) -> list[int]:
        if self._index is None:
            index: dict[str, list[int]] = {}
            for number, card in enumerate(self.cards):
                index.setdefault(normalise_key(card.key), []).append(number)
            self._index = index
        return self._index.get(normalise_key(key), [])

    def __len__(self) -> int:
        return len(self.cards)

    def __iter__(self) -> Iterator[Card]:
        return iter(self.cards)

    def __contains__(self, key: object) -> bool:
        """Whether there is a card of that key (or that very card)."""
        return bool(self._numbers(key)) if isinstance(key, str) else key in self.cards

    @overload
    def __getitem__(self, key: int) -> Card: ...
    @overload
    def __getitem__(self, key: slice) -> Metadata: ...
    @overload
    def __getitem__(self, key: str) -> CardValue: ...
    def __getitem__(self, key: int | slice | str) -> Card | Metadata | CardValue:
        if isinstance(key, slice):
            return Metadata(self.cards[key])
        if isinstance(key, int):
            return self.cards[key]
        found = self._numbers(key)
        if not found:
            raise KeyError(key)
        return self.cards[found[0]].value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metadata) and self.cards == other.cards

    def __hash__(self) -> int:
        return hash(self.cards)

    def __repr__(self) -> str:
        return f"<Metadata of {len(self)} cards>"

    def __reduce__(self) -> tuple[Any, ...]:
        later = self._later
        return (Metadata, (self.cards,)) if later is None else (Metadata.later, (later,))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of the first card of a key, or the default."""
        found = self._numbers(key)
        return self.cards[found[0]].value if found else default

    def select(self, pattern: str, variable: str | None = None) -> list[Card]:
        """Return all cards of a key, which may hold wildcards, and of a variable."""
        if "*" in pattern or "?" in pattern:
            found = [card for card in self.cards if key_matches(pattern, card.key)]
        else:
            found = [self.cards[number] for number in self._numbers(pattern)]
        return [card for card in found if variable is None or card.variable == variable]

    def satisfies(self, *conditions: Condition | str) -> bool:
        """Whether all conditions are met, such as ``"EXPTIME>=10"``."""
        parsed = [c if isinstance(c, Condition) else Condition.parse(c) for c in conditions]
        return satisfied(parsed, self.cards)

    def with_card(
        self, key: str, value: CardValue, comment: str | None = None, variable: str = ""
    ) -> Metadata:
        """Return metadata where a key has a value; a commentary key gets one more card."""
        made = _card(key, value, comment or "", variable)
        numbers = [n for n in self._numbers(key) if self.cards[n].variable == variable]
        if made.is_commentary or not numbers:
            return Metadata((*self.cards, made))
        cards = list(self.cards)
        old = cards[numbers[0]]
        cards[numbers[0]] = replace(
            old, value=made.value, comment=old.comment if comment is None else comment
        )
        return Metadata(cards)

    def without(self, pattern: str) -> Metadata:
        """Return metadata without the cards of a key, which may hold wildcards."""
        return Metadata(card for card in self.cards if not key_matches(pattern, card.key))

    def derived(self) -> Metadata:
        """Return what holds for a cube made from this one: no cards on how a file was stored."""
        return Metadata.later(functools.partial(_without_structure, self))

    @property
    def wcs(self) -> Metadata:
        """The cards of the coordinate systems."""
        return Metadata(card for card in self.cards if is_wcs(card.key.upper()))

    def to_header(self) -> Header:
        """Return an astropy header; cards that FITS cannot hold are left out."""
        from polarnight.cubes.fits.cards import header_of

        return header_of(self.cards)


def _card(key: str, value: Any, comment: str = "", variable: str = "") -> Card:
    if isinstance(value, Card):
        return value
    if hasattr(value, "item"):
        value = value.item()
    return Card(key, value, comment, variable)


def _without_structure(cards: Metadata) -> tuple[Card, ...]:
    return tuple(card for card in cards.cards if not is_structural(card.key.upper()))


def _completed(header: bytes, primary: bytes) -> tuple[Card, ...]:
    cards = list(parse_cards(header))
    if any(card.key == "ZIMAGE" and card.value is True for card in cards):
        cards = [made for card in cards if (made := _of_image(card)) is not None]
    if primary:
        known = {normalise_key(card.key) for card in cards}
        cards += [
            card
            for card in parse_cards(primary)
            if not card.is_commentary
            and normalise_key(card.key) not in known
            and not is_structural(card.key.upper())
        ]
    return tuple(cards)


def _of_image(card: Card) -> Card | None:
    """Return what a card of a table of compressed tiles says of the image; None if nothing."""
    named = _OF_IMAGE.fullmatch(card.key)
    if named:
        return replace(card, key=named[1])
    of_table = _OF_TABLE.fullmatch(card.key)
    return None if of_table or card.value == "COMPRESSED_IMAGE" else card
