"""Results as a table for eyes: few columns, few digits, limits, and why a place is empty."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["readable_table"]

NOTHING = "-"

_WHERE_KNOWN = ("mag_corr", "p_corr")
_SHORT = (
    "source", "night", "instrument", "band", "jd_mid", "mag", "mag_err", "mag_corr", "p", "p_err",
    "p_corr", "chi", "chi_err", "flags", "n_frames", "n",
)  # fmt: skip
_DIGITS = dict.fromkeys(("mag", "mag_err", "mag_corr"), 3) | {"jd_mid": 5, "chi": 1, "chi_err": 1}
_FEW = 4  # digits of anything else
# The first flag that a result has is the reason.
_NO_MAGNITUDE = (
    ("SATURATED", "saturated"),
    ("NO_ZERO_POINT", "without a measured calibrator"),
    ("BAD_PHOTOMETRY", "with bad pixels"),
    ("UPPER_LIMIT", "not detected"),
)
_NOT_CORRECTED = (("HOST_REFUSED", "refused (the evidence has the reason)"),)


def readable_table(table: Table) -> str:
    """Return the main columns of a table of results as text.

    A limit stands as ``>18.21`` in the place of a magnitude, and ``-`` where there is no number;
    lines below the table count the reasons.

    Parameters
    ----------
    table : astropy.table.Table
        As of `polarnight.db.export.results_table`, or of combined results.
    """
    from astropy.table import Table

    names = [name for name in _SHORT if name in table.colnames]
    unknown = [n for n in _WHERE_KNOWN if n in names and not np.isfinite(table[n]).any()]
    shown = Table()
    for name in names:
        if name not in unknown:
            shown[name] = _cells(table, name)
            shown[name].unit = table[name].unit
    lines = shown.pformat(max_lines=-1, max_width=-1, align="<", show_unit=True)
    return "\n".join([*lines, *_notes(table, shown)]) + "\n"


def _cells(table: Table, name: str) -> Any:
    column = table[name]
    if column.dtype.kind != "f":
        return column
    digits = _DIGITS.get(name, _FEW)
    values: np.ndarray[Any, Any] = np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)
    limits = np.full(len(values), np.nan)
    if name == "mag" and "mag_limit" in table.colnames:
        limits = np.asarray(table["mag_limit"], dtype=float)
    return [
        f"{value:.{digits}f}"
        if np.isfinite(value)
        else f">{limit:.{digits}f}"
        if np.isfinite(limit)
        else NOTHING
        for value, limit in zip(values, limits, strict=True)
    ]


def _notes(table: Table, shown: Table) -> list[str]:
    """Return what the signs in the table mean, and how often why."""
    notes = []
    if "mag" in shown.colnames and any(cell.startswith(">") for cell in shown["mag"]):
        notes.append("> not detected: the 3-sigma limit")
    for names in (("mag",), ("p", "chi"), _WHERE_KNOWN):
        here = [name for name in names if name in shown.colnames]
        reasons: Counter[str] = Counter()
        for row in range(len(shown)):
            # What was not measured cannot be corrected either; that is told once.
            empty = [
                name
                for name in here
                if shown[name][row] == NOTHING
                and (name not in _WHERE_KNOWN or _has(table, row, name.removesuffix("_corr")))
            ]
            if empty:
                reasons[_reason(table, row, empty[0])] += 1
        if reasons:
            told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            notes.append(f"{NOTHING} no {' or '.join(here)}: {told}")
    return notes


def _has(table: Table, row: int, name: str) -> bool:
    return name in table.colnames and bool(np.isfinite(table[name][row]))


def _reason(table: Table, row: int, name: str) -> str:
    """Return why a result has no such number, as far as the table tells."""
    flags = str(table["flags"][row]).split("|") if "flags" in table.colnames else []
    mode = str(table["obsmode"][row]) if "obsmode" in table.colnames else ""
    known = {"mag": _NO_MAGNITUDE, "mag_corr": _NOT_CORRECTED, "p_corr": _NOT_CORRECTED}
    for flag, reason in known.get(name, ()):
        if flag in flags:
            return reason
    if name in ("p", "chi"):
        if mode == "PHOTOMETRY":
            return "of photometry"
        return "whose angles do not determine it" if mode else "not measured"
    if name in _WHERE_KNOWN:
        return "of a source, band or time without a table of its host galaxy"
    return "of polarimetry without magnitude" if mode == "POLARIMETRY" else "not measured"
