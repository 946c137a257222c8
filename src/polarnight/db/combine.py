"""Repeated cycles of one source combined: plain records, nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.polarimetry import Polarization, Stokes, combine_stokes

if TYPE_CHECKING:
    from astropy.table import Table

    from polarnight.db.models import PhotoPolResult

__all__ = ["CombinedResult", "combine_results", "combined_table"]


@dataclass(frozen=True, slots=True)
class CombinedResult:
    """Polarization of a source over a night, in one band of one instrument.

    Attributes
    ----------
    source, telescope, instrument, band : str
    night : date
    n : int
        Results that were combined.
    left_out : int
        Results flagged as bad polarimetry.
    jd_mid, jd_first, jd_last : float
        Mean, first and last mid-exposure, UTC.
    q, q_err, u, u_err, qu_cov : float
        Fractions; errors with what the cycles have in common.
    q_err_random, u_err_random : float
        Without that: what averages down, enlarged by `scale`.
    v, v_err : float or None
    p_naive, p, p_err, p_low, p_high, p_limit95, chi, chi_err
        As in `PhotoPolResult`, made from the mean of q and u.
    debias : str
    chi2, dof : float, int
        Of the results about their mean.
    scale : float
        Factor by which their scatter enlarged the random errors.
    results : tuple of int
        Primary keys.
    """

    source: str
    telescope: str
    night: date
    instrument: str
    band: str
    n: int
    left_out: int
    jd_mid: float
    jd_first: float
    jd_last: float
    q: float
    q_err: float
    u: float
    u_err: float
    qu_cov: float
    q_err_random: float
    u_err_random: float
    v: float | None
    v_err: float | None
    p_naive: float
    p: float
    p_err: float
    p_low: float
    p_high: float
    p_limit95: float | None
    chi: float
    chi_err: float
    debias: str
    chi2: float
    dof: int
    scale: float
    results: tuple[int, ...]


def combine_results(rows: Iterable[PhotoPolResult]) -> list[CombinedResult]:
    """Combine results of polarimetry by source, night, instrument and band.

    Random errors average down and are enlarged where the results scatter beyond them; what the
    instrument contributes to all alike stays (`polarnight.polarimetry.combine_stokes`).

    Parameters
    ----------
    rows : iterable of PhotoPolResult
        Those without Stokes parameters are passed over.

    Returns
    -------
    list of CombinedResult
        In order of time.
    """
    groups: dict[tuple[Any, ...], list[PhotoPolResult]] = defaultdict(list)
    for row in rows:
        if row.q is not None and row.u is not None:
            night = row.epoch.telescope, row.epoch.night
            groups[row.astrosource.name, *night, row.instrument, row.band].append(row)
    found = [_combined(key, members) for key, members in groups.items()]
    return sorted(
        (one for one in found if one is not None),
        key=lambda one: (one.jd_mid, one.source, one.band, one.instrument),
    )


def _combined(key: tuple[Any, ...], members: list[PhotoPolResult]) -> CombinedResult | None:
    good = [row for row in members if not row.has_flag(row.FLAGS.BAD_POLARIMETRY)]
    if not good:
        return None
    mean = combine_stokes([_stokes(row) for row in good])
    degree = Polarization.from_stokes(mean, debias=good[0].debias or "mas")
    times = np.array([row.juliandate for row in good], dtype=float)
    own = mean.random_cov
    source, telescope, night, instrument, band = key
    polarization = {name: value for name, value in asdict(degree).items() if name != "snr"}
    return CombinedResult(
        source=source,
        telescope=telescope,
        night=night,
        instrument=instrument,
        band=band,
        n=len(good),
        left_out=len(members) - len(good),
        jd_mid=float(times.mean()),
        jd_first=float(times.min()),
        jd_last=float(times.max()),
        q=mean.q,
        q_err=mean.q_err,
        u=mean.u,
        u_err=mean.u_err,
        qu_cov=float(mean.cov[0, 1]),
        q_err_random=float(np.sqrt(own[0, 0])),
        u_err_random=float(np.sqrt(own[1, 1])),
        v=mean.v,
        v_err=mean.v_err,
        **polarization,
        chi2=mean.chi2,
        dof=mean.dof,
        scale=mean.scale,
        results=tuple(row.pk for row in good),
    )


def _stokes(row: PhotoPolResult) -> Stokes:
    """Return the Stokes parameters of a result with their random and common errors."""
    notes = (row.evidence or {}).get("polarimetry") or {}
    covariance = float(row.qu_cov or 0.0)
    cov = np.array([[row.q_err**2, covariance], [covariance, row.u_err**2]], dtype=float)
    own = cov
    if notes.get("qu_cov_random") is not None:
        mixed = float(notes["qu_cov_random"])
        own = np.array(
            [[notes["q_err_random"] ** 2, mixed], [mixed, notes["u_err_random"] ** 2]], dtype=float
        )
    return Stokes(
        q=float(row.q),
        u=float(row.u),
        cov=cov,
        common_cov=cov - own,
        rotation_err=float(notes.get("rotation_err") or 0.0),
        corrected=True,
        chi2=float(row.pol_chi2 or 0.0),
        dof=int(row.pol_dof or 0),
        scale=float(notes.get("scale") or 1.0),
        n_used=int(row.n_angles or 0),
        method=row.pol_method,
        v=row.v,
        v_err=row.v_err,
    )


def combined_table(records: Iterable[CombinedResult]) -> Table:
    """Return combined results as a table with units and descriptions, NaN for what is not there."""
    from astropy.table import Column, Table

    rows = list(records)
    table = Table()
    for name, kind, unit, description in _COLUMNS:
        values = [getattr(row, name) for row in rows]
        if kind is float:
            values = [float("nan") if value is None else value for value in values]
        elif kind is str:
            values = [str(value) for value in values]
        dtype = {str: "U1" if not rows else None, float: "f8", int: "i8"}[kind]
        table[name] = Column(
            values, name=name, dtype=dtype, unit=unit or None, description=description or None
        )
    return table


_COLUMNS: tuple[tuple[str, type, str, str], ...] = (
    ("source", str, "", "name in the catalogue"),
    ("telescope", str, "", ""),
    ("night", str, "", "date at the start of the night"),
    ("instrument", str, "", ""),
    ("band", str, "", ""),
    ("n", int, "", "results combined"),
    ("left_out", int, "", "results flagged as bad polarimetry"),
    ("jd_mid", float, "d", "mean of the mid-exposures, UTC"),
    ("jd_first", float, "d", ""),
    ("jd_last", float, "d", ""),
    ("q", float, "", "Stokes Q/I, fraction"),
    ("q_err", float, "", "1 sigma, all included"),
    ("q_err_random", float, "", "1 sigma, without what the results have in common"),
    ("u", float, "", "Stokes U/I, fraction"),
    ("u_err", float, "", "1 sigma, all included"),
    ("u_err_random", float, "", "1 sigma, without what the results have in common"),
    ("qu_cov", float, "", "covariance of q and u"),
    ("v", float, "", "Stokes V/I, fraction, IAU sign"),
    ("v_err", float, "", "1 sigma"),
    ("p_naive", float, "", "polarization, not debiased, fraction"),
    ("p", float, "", "polarization, debiased, fraction"),
    ("p_err", float, "", "1 sigma"),
    ("p_low", float, "", "lower end of the 1-sigma interval of p"),
    ("p_high", float, "", "upper end of the 1-sigma interval of p"),
    ("p_limit95", float, "", "upper limit of p at 95 % where p/sigma < 3"),
    ("chi", float, "deg", "angle of polarization, north through east, [0, 180)"),
    ("chi_err", float, "deg", "1 sigma"),
    ("chi2", float, "", "of the results about their mean"),
    ("dof", int, "", ""),
    ("scale", float, "", "factor by which their scatter enlarged the random errors"),
)
