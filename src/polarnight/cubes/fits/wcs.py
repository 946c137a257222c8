"""Coordinate systems in the header of a cube, kept right when the cube is cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from polarnight.cubes.metadata import Metadata
from polarnight.frames.cards import Card
from polarnight.frames.headers import is_wcs

__all__ = ["arranged", "cut_axis"]

_INDEXED = re.compile(r"(CRPIX|CRVAL|CTYPE|CUNIT|CDELT|CROTA)(\d+)([A-Z]?)")
_MATRIX = re.compile(r"(PC|CD)(\d+)_(\d+)([A-Z]?)")
_PARAMETER = re.compile(r"(PV|PS)(\d+)(_\d+[A-Z]?)")
_OLD_MATRIX = re.compile(r"(PC|CD)(\d{3})(\d{3})()")
_DISTORTED = ("A_", "B_", "AP_", "BP_")
# Pixels of the detector by those of the image: image = LTM * detector + LTV.
_PHYSICAL = re.compile(r"(LTV|LTM)(\d)(?:_\d)?")
_SECTION = re.compile(r"(DATA|TRIM|BIAS|AMP|CCD|DET)SEC\d*")


def cut_axis(cards: Metadata, axis: int, index: slice | Sequence[int]) -> Metadata:
    """Return the header after a cut of one axis.

    The pixel p (from 1) of every `step` from `start` (from 0) becomes (p - 1 - start)/step + 1.
    Positions picked one by one have no linear coordinates: the cards of the coordinate
    systems are then left out. LTV and LTM, which tell the pixels of the detector, follow;
    sections (TRIMSEC and the like) are those of the image as it was, and are left out.

    Parameters
    ----------
    cards : Metadata
    axis : int
        From 1.
    index : slice or sequence of int
    """
    cards = Metadata(card for card in cards if not _SECTION.fullmatch(card.key.upper()))
    if not isinstance(index, slice):
        return Metadata(card for card in cards if not _is_linear(card.key.upper()))
    start, step = index.start or 0, index.step or 1
    if step == 1:
        return Metadata(_shifted(card, axis, start, 1) for card in cards)
    if any(card.key.upper().startswith(_DISTORTED) for card in cards):
        cards = Metadata(card for card in cards if not is_wcs(card.key.upper()))
    return _scaled(Metadata(_shifted(card, axis, start, step) for card in cards), axis, step)


def _is_linear(key: str) -> bool:
    return is_wcs(key) or _PHYSICAL.fullmatch(key) is not None


def _number(card: Card) -> float | None:
    value = card.value
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def _shifted(card: Card, axis: int, start: float, step: float) -> Card:
    """Return a card where that of the reference pixel follows a cut."""
    key, value = card.key.upper(), _number(card)
    named = _INDEXED.fullmatch(key) or _PHYSICAL.fullmatch(key)
    if value is None or not named or int(named[2]) != axis:
        return card
    if named[1] == "LTM":
        return card if step == 1 else replace(card, value=value / step)
    if named[1] not in ("CRPIX", "LTV"):
        return card
    value -= start
    return replace(card, value=value if step == 1 else (value - 1) / step + 1)


def _scaled(cards: Metadata, axis: int, step: float) -> Metadata:
    """Return the header of pixels `step` times as large along one axis.

    That is the column of the matrix for the axis, of every system. CDELT is what its row is
    multiplied by (Greisen & Calabretta 2002, eq. 1), so it serves only where there is no
    matrix; with the old CROTA2 in its place the pixels are scaled before they are turned.
    """
    matrices: set[str] = set()  # CD or PC and the letter of the system
    systems: dict[str, set[str]] = {}  # by letter, what is said of the axis
    for card in cards:
        key = card.key.upper()
        if matrix := _MATRIX.fullmatch(key) or _OLD_MATRIX.fullmatch(key):
            matrices.add(f"{matrix[1]}{matrix[4]}")
        elif (indexed := _INDEXED.fullmatch(key)) and int(indexed[2]) == axis:
            systems.setdefault(indexed[3], set()).add(indexed[1])
    made, diagonal = [], set()
    for card in cards:
        key, value = card.key.upper(), _number(card)
        matrix = _MATRIX.fullmatch(key) or _OLD_MATRIX.fullmatch(key)
        indexed = _INDEXED.fullmatch(key)
        if value is None:
            pass
        elif matrix and int(matrix[3]) == axis:
            card = replace(card, value=value * step)
            if int(matrix[2]) == axis:
                diagonal.add(matrix[4])
        elif (
            indexed
            and (indexed[1], int(indexed[2])) == ("CDELT", axis)
            and f"PC{indexed[3]}" not in matrices
        ):
            card = replace(card, value=value * step)
        made.append(card)
    keys = {card.key.upper() for card in cards}
    if f"LTV{axis}" in keys and f"LTM{axis}_{axis}" not in keys:
        made.append(Card(f"LTM{axis}_{axis}", 1 / step))
    for letter, present in systems.items():
        # Of what is not said the standard has a value, which is no longer right.
        if f"PC{letter}" in matrices:
            if letter not in diagonal:
                made.append(Card(f"PC{axis}_{axis}{letter}", float(step)))
        elif f"CD{letter}" not in matrices and "CDELT" not in present:
            made.append(Card(f"CDELT{axis}{letter}", float(step)))
    return Metadata(made)


def arranged(cards: Metadata, axes: Sequence[int | None]) -> Metadata:
    """Return the header with its coordinate axes numbered as the array's are.

    Coordinates of axes that are gone are left out; so are those of the sky where one of their
    two axes is gone, or where they are distorted (SIP) and their axes have moved.

    Parameters
    ----------
    cards : Metadata
    axes : sequence of (int or None)
        For each axis of the array, slowest first, the number of its coordinate axis.
    """
    places = {old: len(axes) - k for k, old in enumerate(axes) if old is not None}
    present = {int(m[2]) for card in cards if (m := _INDEXED.fullmatch(card.key.upper()))}
    if all(places.get(axis) == axis for axis in present):
        return cards
    sky = {
        int(m[2])
        for card in cards
        if (m := _INDEXED.fullmatch(card.key.upper()))
        and m[1] == "CTYPE"
        and str(card.value).startswith(("RA---", "DEC--", "GLON", "GLAT", "ELON", "ELAT"))
    }
    moved = any(places.get(axis) != axis for axis in (1, 2))
    distorted = any(card.key.upper().startswith(_DISTORTED) for card in cards)
    if not sky <= set(places) or (moved and distorted):
        return Metadata(card for card in cards if not is_wcs(card.key.upper()))
    kept = []
    for card in cards:
        key = _renumbered(card.key.upper(), places) if is_wcs(card.key.upper()) else card.key
        if key is not None:
            kept.append(card if key == card.key else replace(card, key=key))
    return Metadata(kept)


def _renumbered(key: str, places: dict[int, int]) -> str | None:
    """Return the key with new numbers of axes; None where an axis is gone."""
    if key.startswith("WCSAXES"):
        return None  # as many as there are
    matrix = _MATRIX.fullmatch(key) or _OLD_MATRIX.fullmatch(key)
    if matrix:
        row, column = places.get(int(matrix[2])), places.get(int(matrix[3]))
        if row is None or column is None:
            return None
        if matrix.re is _OLD_MATRIX:
            return f"{matrix[1]}{row:03d}{column:03d}"
        return f"{matrix[1]}{row}_{column}{matrix[4]}"
    indexed = _INDEXED.fullmatch(key) or _PARAMETER.fullmatch(key)
    if indexed:
        axis = places.get(int(indexed[2]))
        return None if axis is None else f"{indexed[1]}{axis}{indexed[3]}"
    return key
