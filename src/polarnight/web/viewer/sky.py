"""Coordinates of a frame: the keywords a browser needs, and conversion where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

# Loaded with the site, so that the first picture need not wait for it.
from astropy.wcs import WCS

from polarnight.frames import wcs_from_header
from polarnight.web.viewer.problems import BadRequest

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["SOLUTIONS", "pixel_to_sky", "read_wcs", "sky_to_pixel", "solutions"]

SOLUTIONS: Final = {"": " ", "A": "A", "B": "B"}
"""Keys of plate solutions: the primary one, the ordinary and the extraordinary image."""

_TITLES: Final = {"": "primary", "A": "ordinary (A)", "B": "extraordinary (B)"}


def solutions(header: Header) -> list[dict[str, Any]]:
    """Return the plate solutions of a header, as JSON-able keywords.

    Those whose ``local`` is true a browser computes itself: gnomonic with the pole at 180
    degrees, with or without SIP. Of the others it asks the server.
    """
    found = []
    for key, title in _TITLES.items():
        wcs = read_wcs(header, key)
        if wcs is not None:
            found.append({"key": key, "title": title, **_keywords(wcs)})
    names = {solution["key"] for solution in found}
    # Our own frames have the primary solution again as A, which has a meaning beside a B only.
    repeated = "" if names == {"", "A", "B"} else "A" if names == {"", "A"} else None
    return [solution for solution in found if solution["key"] != repeated]


def read_wcs(header: Header, key: str) -> WCS | None:
    """Return a celestial solution of a header, None where there is none that can be read.

    Raises
    ------
    BadRequest
        Where `key` is none of `SOLUTIONS`.
    """
    if key not in SOLUTIONS:
        msg = f"{key!r} is no plate solution; there are '', 'A' and 'B'"
        raise BadRequest(msg)
    try:
        wcs = wcs_from_header(header, SOLUTIONS[key])
        if wcs is None or not wcs.has_celestial:
            return None
        # A singular matrix or an unknown projection shows only when it is used.
        centre = wcs.all_pix2world([[1.0, 1.0]], 1)
    except Exception:  # noqa: BLE001  (wcslib has many kinds; a raw header may hold anything)
        return None
    return wcs if np.isfinite(centre).all() or wcs.wcs.ctype[0].endswith("TAN") else None


def pixel_to_sky(wcs: WCS, x: float, y: float) -> tuple[float, float] | None:
    """Return right ascension and declination (degrees) of a FITS pixel, None beyond the sky."""
    ra, dec = _celestial(wcs, wcs.all_pix2world([[x, y]], 1)[0])
    return (ra % 360.0, dec) if np.isfinite([ra, dec]).all() else None


def sky_to_pixel(wcs: WCS, ra: float, dec: float) -> tuple[float, float] | None:
    """Return the FITS pixel of a position (degrees), None where it cannot be in the frame."""
    pair = (dec, ra) if wcs.wcs.lng == 1 else (ra, dec)
    try:
        x, y = wcs.all_world2pix([pair], 1, maxiter=50, tolerance=1e-5)[0]
        back = wcs.all_pix2world([[x, y]], 1)[0]
    except Exception:  # noqa: BLE001  (no convergence far outside the frame)
        return None
    ra_back, dec_back = _celestial(wcs, back)
    # Behind the tangent plane a position lands at its antipode's pixel.
    apart = abs(dec_back - dec) + abs((ra_back - ra + 180.0) % 360.0 - 180.0)
    near = np.isfinite([x, y]).all() and apart < 1.0
    return (float(x), float(y)) if near else None


def _celestial(wcs: WCS, pair: Any) -> tuple[float, float]:
    ra, dec = (pair[1], pair[0]) if wcs.wcs.lng == 1 else (pair[0], pair[1])
    return float(ra), float(dec)


def _keywords(wcs: WCS) -> dict[str, Any]:
    own = wcs.wcs
    kind = [str(name) for name in own.ctype]
    plain = kind[0][:4] == "RA--" and all(name[5:] in ("TAN", "TAN-SIP") for name in kind)
    pole = 180.0 if not np.isfinite(own.lonpole) else float(own.lonpole)
    local = plain and pole == 180.0 and wcs.cpdis1 is None and wcs.det2im1 is None
    sip = wcs.sip
    return {
        "local": bool(local and not (own.get_pv() or own.get_ps())),
        "ctype": kind,
        "crpix": [float(value) for value in own.crpix],
        "crval": [float(value) for value in own.crval],
        "cd": [[float(value) for value in row] for row in wcs.pixel_scale_matrix],
        "frame": str(own.radesys or "ICRS"),
        "equinox": float(own.equinox) if np.isfinite(own.equinox) else None,
        "sip": None
        if sip is None
        else {
            "a": _coefficients(sip.a),
            "b": _coefficients(sip.b),
            "crpix": [float(value) for value in sip.crpix],
        },
    }


def _coefficients(matrix: Any) -> list[tuple[int, int, float]]:
    """Return (p, q, value) of u^p v^q."""
    if matrix is None:
        return []
    return [(int(p), int(q), float(matrix[p, q])) for p, q in np.argwhere(matrix != 0)]
