"""The headers of a file, unit by unit, as they are written."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from polarnight.cubes.fits.opening import open_units
from polarnight.frames.cards import parse_cards
from polarnight.web.viewer.planes import unnamed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polarnight.frames.cards import Card
    from polarnight.web.viewer.opening import FrameFile

__all__ = ["MOST_UNITS", "headers", "told_cards"]

MOST_UNITS: Final = 100
"""Units of a file whose headers are shown; no frame of ours comes near."""


def headers(file: FrameFile) -> list[dict[str, Any]]:
    """Return ``index``, ``name`` and ``cards`` of every unit, images or not.

    Raises
    ------
    BadFrame
        Where the file is damaged; it is told by its name alone.
    """
    with unnamed(file), open_units(str(file.path)) as units:
        return [
            {
                "index": unit.index,
                "name": unit.name,
                "cards": told_cards(parse_cards(unit.header)),
            }
            for unit in islice(units, MOST_UNITS)
        ]


def told_cards(cards: Iterable[Card]) -> list[dict[str, str]]:
    """Return ``key``, ``value``, ``comment`` and ``type`` of cards, all as plain text."""
    return [
        {"key": card.key, "value": card.text, "comment": card.comment, "type": card.type}
        for card in cards
    ]
