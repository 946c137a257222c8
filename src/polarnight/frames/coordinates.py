"""Celestial coordinates in and out of headers, for one or two beams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polarnight.frames.headers import is_wcs

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS

__all__ = ["wcs_cards", "wcs_from_header"]

ORDINARY = "A"
EXTRAORDINARY = "B"


def wcs_cards(wcs: WCS | None, wcs_pair: WCS | None) -> Header:
    """Return header cards of the coordinates of a frame.

    The ordinary (or only) beam becomes the primary solution and the alternate ``A``, the
    extraordinary one the alternate ``B``. Distortions (SIP) have one set of cards for all keys
    in FITS, so that both beams must share their coefficients.

    Raises
    ------
    ValueError
        Where the beams have different distortions, or there is a pair without a `wcs`.
    """
    from astropy.io.fits import Header

    cards = Header()
    if wcs is None:
        if wcs_pair is not None:
            msg = "coordinates of the extraordinary beam without those of the ordinary one"
            raise ValueError(msg)
        return cards
    if wcs_pair is not None and not _same_distortion(wcs, wcs_pair):
        msg = "the beams have different SIP coefficients, which FITS cannot hold"
        raise ValueError(msg)
    for solution, key in ((wcs, " "), (wcs, ORDINARY), (wcs_pair, EXTRAORDINARY)):
        if solution is None:
            continue
        for card in solution.to_header(relax=True, key=key).cards:
            if is_wcs(card.keyword):
                cards[card.keyword] = (card.value, card.comment)
    return cards


def wcs_from_header(header: Header, key: str = " ") -> WCS | None:
    """Return the celestial coordinates that a header holds under a key.

    Only the cards of the coordinates are looked at, so that faults elsewhere in a raw header
    do no harm.

    Parameters
    ----------
    header : astropy.io.fits.Header
    key : str
        ``" "`` for the primary solution, ``"A"`` or ``"B"`` for a beam.

    Returns
    -------
    astropy.wcs.WCS or None
        None where the header has no celestial solution of that key.
    """
    from astropy.io.fits import Header
    from astropy.wcs import WCS

    suffix = key.strip()
    if not str(header.get(f"CTYPE1{suffix}", "")).startswith(("RA---", "DEC--")):
        return None
    # The number of axes comes first: wcslib reads alternates in the order of the cards.
    cards = Header()
    for axis in (1, 2):
        if f"NAXIS{axis}" in header:
            cards[f"NAXIS{axis}"] = header[f"NAXIS{axis}"]
    for card in header.cards:
        if is_wcs(card.keyword):
            # An old name of the same keyword, which astropy warns about.
            name = "RADESYS" if card.keyword == "RADECSYS" else card.keyword
            cards[name] = card.value
    return WCS(cards, key=key, naxis=2, fix=False)


def _same_distortion(one: WCS, other: WCS) -> bool:
    if one.sip is None or other.sip is None:
        return one.sip is other.sip
    for name in ("a", "b", "ap", "bp"):
        left, right = getattr(one.sip, name), getattr(other.sip, name)
        if (left is None) != (right is None):
            return False
        if left is not None and not np.array_equal(left, right):
            return False
    return True
