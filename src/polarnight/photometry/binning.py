"""Means of results near in time: of magnitudes, and of Stokes parameters as vectors."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.photometry.zeropoint import weighted_mean
from polarnight.polarimetry import Polarization, Stokes, combine_stokes

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["bin_magnitudes", "bin_stokes", "groups_of"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_FLOOR = 1e-6  # magnitudes; two results of one zero point may differ by no random error at all


def groups_of(rows: Table, width: float | str) -> list[IntArray]:
    """Return the indices of the rows of each bin, in order of time; never of two instruments.

    Parameters
    ----------
    rows : Table
    width : float or "night"
        Days, counted from the first row of a bin.
    """
    members: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    jd = np.asarray(rows["jd_utc"], dtype=float)
    start: dict[str, float] = {}
    for index in np.argsort(jd, kind="stable"):
        instrument = str(rows["instrument"][index])
        if width == "night":
            key: tuple[Any, ...] = (str(rows["night"][index]), instrument)
        else:
            if not jd[index] - start.get(instrument, -math.inf) < float(width):
                start[instrument] = float(jd[index])
            key = (start[instrument], instrument)
        members[key].append(int(index))
    return [np.array(group, dtype=np.int64) for group in members.values()]


def _floats(rows: Table, name: str) -> FloatArray:
    return np.asarray(rows[name], dtype=np.float64)


def _circumstances(rows: Table, weights: FloatArray) -> dict[str, Any]:
    share = weights / weights.sum()
    flags = {flag for text in rows["flags"] for flag in str(text).split("|") if flag}
    return {
        "jd_utc": float(share @ _floats(rows, "jd_utc")),
        "bjd_tdb": float(share @ _floats(rows, "bjd_tdb")),
        "night": str(rows["night"][0]),
        "telescope": str(rows["telescope"][0]),
        "instrument": str(rows["instrument"][0]),
        "flags": "|".join(sorted(flags)),
        "n": len(rows),
    }


def bin_magnitudes(rows: Table) -> list[dict[str, Any]]:
    """Return the weighted mean of magnitudes; where all are limits, the deepest of them.

    Errors: the random parts average down, enlarged where the scatter is significant; what the
    points have in common (the literature of their calibrators) stays.
    """
    seen = np.isfinite(_floats(rows, "mag")) & (_floats(rows, "mag_err") > 0)
    if not seen.any():
        limits = _floats(rows, "mag_limit")
        if not np.isfinite(limits).any():
            return []
        deepest = int(np.nanargmax(limits))
        here = rows[deepest : deepest + 1]
        point = {**_circumstances(here, np.ones(1)), "n": len(rows)}
        return [point | {"mag": math.nan, "mag_err": math.nan, "mag_limit": limits[deepest]}]
    rows = rows[seen]
    mag, err = _floats(rows, "mag"), _floats(rows, "mag_err")
    common = np.nan_to_num(_floats(rows, "mag_err_common"))
    own = np.sqrt(np.maximum(err**2 - common**2, _FLOOR**2))
    value, error, _, _ = weighted_mean(mag, own)
    weights = own**-2
    shared = float(weights @ common / weights.sum())
    return [
        {
            **_circumstances(rows, weights),
            "mag": value,
            "mag_err": math.hypot(error, shared),
            "mag_limit": math.nan,
        }
    ]


def _stokes(row: Any) -> Stokes:
    total = np.array([[row["q_err"] ** 2, row["qu_cov"]], [row["qu_cov"], row["u_err"] ** 2]])
    own = total
    if np.isfinite(row["q_err_random"]):
        cross = row["qu_cov_random"] if np.isfinite(row["qu_cov_random"]) else 0.0
        own = np.array([[row["q_err_random"] ** 2, cross], [cross, row["u_err_random"] ** 2]])
    turn = row["rotation_err"]
    return Stokes(
        q=float(row["q"]),
        u=float(row["u"]),
        cov=total,
        rotation_err=float(turn) if np.isfinite(turn) else 0.0,
        corrected=True,
        common_cov=total - own,
        n_used=1,
    )


def bin_stokes(rows: Table) -> list[dict[str, Any]]:
    """Return the mean of q and u as a vector, and the polarization that it makes.

    The mean is taken before debiasing: a mean of degrees would keep the bias of each of them.
    """
    columns = ("q", "q_err", "u", "u_err", "qu_cov")
    known = np.all([np.isfinite(_floats(rows, name)) for name in columns], axis=0)
    rows = rows[known]
    if not len(rows):
        return []
    mean = combine_stokes([_stokes(row) for row in rows])
    methods = {str(text) for text in rows["debias"]} - {""}
    found = Polarization.from_stokes(mean, debias=methods.pop() if len(methods) == 1 else "mas")
    weights = 1.0 / (_floats(rows, "q_err") ** 2 + _floats(rows, "u_err") ** 2)
    limit = found.p_limit95
    return [
        {
            **_circumstances(rows, weights),
            "q": mean.q,
            "q_err": mean.q_err,
            "u": mean.u,
            "u_err": mean.u_err,
            "qu_cov": float(mean.cov[0, 1]),
            "p": found.p,
            "p_err": found.p_err,
            "p_low": found.p_low,
            "p_high": found.p_high,
            "p_limit95": math.nan if limit is None else limit,
            "chi": found.chi,
            "chi_err": found.chi_err,
        }
    ]
