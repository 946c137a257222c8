"""Which header cards belong to a file's structure, which to its sky coordinates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["carried_over", "is_structural", "is_wcs", "shift_reference_pixel"]

_STRUCTURAL = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|BSCALE|BZERO|BLANK|BLOCKED|"
    r"CHECKSUM|DATASUM|ZHECKSUM|ZDATASUM|EXTNAME|EXTVER|EXTLEVEL|INHERIT|BUNIT|UTYPE|END|"
    r"DATAMIN|DATAMAX|DATAMEAN|TFIELDS|THEAP|"
    r"Z(IMAGE|SIMPLE|EXTEND|TENSION|BITPIX|NAXIS\d*|TILE\d+|CMPTYPE|QUANTIZ|DITHER0|BLANK|"
    r"NAME\d+|VAL\d+|MASKCMP|PCOUNT|GCOUNT|BLOCKED)"
)
# With the old PC00i00j and RADECSYS, which readers still obey, and the SIP coefficients.
_WCS = re.compile(
    r"(WCSAXES|WCSNAME|C(RPIX|RVAL|TYPE|UNIT|DELT|ROTA)\d|(PC|CD|PV|PS)\d_\d+|"
    r"LONPOLE|LATPOLE|RADESYS|EQUINOX)[A-Z]?|"
    r"PC\d{6}|CD\d{6}|RADECSYS|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)"
)

_STANDARD_KEYWORD = re.compile(r"[A-Z0-9_-]{0,8}", re.IGNORECASE)


def is_structural(keyword: str) -> bool:
    """Whether a card describes how the file stores its pixels rather than the exposure."""
    return _STRUCTURAL.fullmatch(keyword) is not None


def is_wcs(keyword: str) -> bool:
    """Whether a card belongs to a celestial coordinate system, of any alternate key."""
    return _WCS.fullmatch(keyword) is not None


def carried_over(raw: Header, *, drop_wcs: bool) -> Header:
    """Return the cards of a raw header that a product keeps.

    Cards that no FITS reader can parse are left out rather than copied or allowed to stop
    the product.

    Parameters
    ----------
    raw : astropy.io.fits.Header
    drop_wcs : bool
        Whether the product has coordinates of its own, so that those of the raw frame
        (often nominal ones) must go.
    """
    unwanted: Callable[[str], bool] = is_structural
    if drop_wcs:

        def unwanted(keyword: str) -> bool:
            return is_structural(keyword) or is_wcs(keyword)

    from astropy.io.fits import Card, Header, VerifyError

    kept = Header()
    for card in raw.copy().cards:
        if unwanted(card.keyword):
            continue
        try:
            _ = card.value, card.comment  # parses them
            card.verify("silentfix")
            if not _STANDARD_KEYWORD.fullmatch(card.image[:8].rstrip()):
                continue
            copy = Card.fromstring(card.image)
        except (VerifyError, ValueError):
            continue
        kept.append(copy, end=True)
    return kept


def shift_reference_pixel(header: Header, x0: int, y0: int) -> Header:
    """Return a header whose coordinates follow a cut that begins at pixel (`x0`, `y0`).

    The reference pixels of every coordinate system move, and LTV1 and LTV2 record the cut.
    """
    shifted = header.copy()
    for keyword in list(shifted):
        match = re.fullmatch(r"CRPIX([12])[A-Z]?", keyword)
        if match:
            shifted[keyword] = shifted[keyword] - (x0, y0)[int(match[1]) - 1]
    shifted["LTV1"] = (-float(x0), "this x = raw x + LTV1")
    shifted["LTV2"] = (-float(y0), "this y = raw y + LTV2")
    return shifted
