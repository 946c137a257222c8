"""From the cards of a cube to the header of a FITS file."""

from __future__ import annotations

import math
import re
import textwrap
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from polarnight.frames.cards import CLEAN_BYTES, Card, CardValue

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["header_of", "lines_of"]

_ROOM = 72  # letters of text in a card
_STANDARD = re.compile(r"[A-Z0-9_-]{1,8}")


def header_of(cards: Iterable[Card]) -> Header:
    """Return an astropy header.

    Keys that FITS has no room for are written as HIERARCH, characters it does not have as
    question marks, numbers that are not finite as text. What still cannot be written is left
    out.

    Parameters
    ----------
    cards : iterable of Card
        Those of a variable get its name before the key.
    """
    from astropy.io.fits import Header

    header = Header()
    for card in cards:
        if card.is_commentary:
            _add_text(header, card)
        else:
            _add_value(header, card)
    return header


def lines_of(text: str) -> list[str]:
    """Return what a text fills of HISTORY or COMMENT, broken between words; FITS breaks inside.

    Parameters
    ----------
    text : str
        What goes on over a card is set in by two blanks.
    """
    text = _clean(text)
    if len(text) <= _ROOM:
        return [text]
    return textwrap.wrap(text, _ROOM, subsequent_indent="  ", break_on_hyphens=False)


def _add_text(header: Any, card: Card) -> None:
    for text in lines_of(card.text):
        if card.key.strip():
            header.add_comment(text) if card.key.upper() == "COMMENT" else header.add_history(text)
        elif text.strip():
            header.add_blank(text)


def _add_value(header: Any, card: Card) -> None:
    from astropy.io.fits import Card as FitsCard
    from astropy.io.fits.verify import VerifyWarning

    key = f"{card.variable} {card.key}" if card.variable else card.key
    key = " ".join(_clean(key).replace("=", "-").split())
    key = key.upper() if _STANDARD.fullmatch(key.upper()) else f"HIERARCH {key}"
    with warnings.catch_warnings():
        # A comment that has no room is cut.
        warnings.simplefilter("ignore", VerifyWarning)
        try:
            made = FitsCard(key, _fits_value(card.value), _clean(card.comment))
            image = made.image
        except ValueError:
            return
        # Of a key that fills the card nothing could be read again.
        if "=" in image[:80] and len(image) % 80 == 0:
            header.append(made, end=True)


def _fits_value(value: CardValue) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, complex) and not (math.isfinite(value.real) and math.isfinite(value.imag)):
        return str(value)
    return value


def _clean(text: str) -> str:
    return text.encode("ascii", "replace").translate(CLEAN_BYTES).decode("ascii")
