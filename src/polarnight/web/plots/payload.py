"""The points of a plot as the browser takes them: columns of binary numbers in JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from polarnight.db.models import PhotoPolResult
from polarnight.db.stamps import read_stamps
from polarnight.web.plots.colours import ThemeName, colour_of
from polarnight.web.plots.decimate import decimate
from polarnight.web.plots.query import Curve, Selection, fetch
from polarnight.web.tables.memory import Memory

__all__ = ["BAD", "MOST", "payload", "payload_of"]

MOST = 2000
"""Points of each panel that are sent unless the browser asks for others."""

BAD = (int(PhotoPolResult.Flags.BAD_PHOTOMETRY), int(PhotoPolResult.Flags.BAD_POLARIMETRY))
"""The flags that have signs of their own."""

_PERCENT = ("p", "p_low", "p_high", "p_limit", "q", "q_err", "u", "u_err")
_SENT = ("mag", "mag_err", "mag_limit", *_PERCENT, "chi", "chi_err")
_WHOLE = ("pk", "flags", "mjd")  # in double precision, exact for all keys below 2^53


def _packed(values: Any, dtype: str) -> dict[str, str]:
    data = np.ascontiguousarray(values, dtype=dtype).tobytes()
    return {"dtype": dtype[1:], "data": base64.b64encode(data).decode()}


def payload(curve: Curve, *, most: int = MOST, theme: ThemeName = "light") -> dict[str, Any]:
    """Return the points of a curve, thinned where there are many.

    Returns
    -------
    dict
        ``total`` and ``hidden`` points, the ``window`` (MJD) that they span, the ``series``
        with names and colours, and the ``columns``: little-endian numbers in base64, p, q and
        u in percent, single precision but for keys and times.
    """
    chosen = decimate(curve, most, BAD)
    points = curve.points[chosen.kept]
    columns = {name: _packed(points[name], "<f8") for name in _WHOLE}
    for name in _SENT:
        values = points[name] * 100 if name in _PERCENT else points[name]
        columns[name] = _packed(values, "<f4")
    columns["series"] = _packed(curve.code[chosen.kept], "<i4")
    times = curve.points["mjd"]
    return {
        "total": chosen.total,
        "hidden": chosen.hidden,
        "window": [float(times[0]), float(times[-1])] if len(times) else None,
        "series": [
            {
                "name": f"{instrument} {band}",
                "instrument": instrument,
                "band": band,
                "colour": colour_of(number, theme),
                "n": int((curve.code == number).sum()),
            }
            for number, (instrument, band) in enumerate(curve.series)
        ],
        "columns": columns,
    }


def payload_of(
    selection: Selection, *, most: int = MOST, theme: ThemeName = "light"
) -> dict[str, Any]:
    """Return the `payload` of what a selection chooses, made anew where results have changed.

    It is kept for others that look at the same, and must not be changed.
    """
    return _PAYLOADS.get(
        (selection.question, most, theme),
        read_stamps(),
        lambda: payload(fetch(selection), most=most, theme=theme),
        lambda made: sum(len(column["data"]) for column in made["columns"].values()),
    )


_PAYLOADS: Memory[dict[str, Any]] = Memory(32 << 20)
