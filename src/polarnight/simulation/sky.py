"""The sky that a simulated night observes: positions, magnitudes and polarization."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FloatArray", "Sky"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sky:
    """A table of sources.

    Attributes
    ----------
    name : ndarray of str, shape (n,)
    role : ndarray of str, shape (n,)
        ``"target"``, ``"calibrator"`` or ``"star"``.
    ra, dec : ndarray, shape (n,)
        ICRS, degrees.
    mags : dict of str to ndarray, shape (n,)
        Magnitude above the atmosphere by band.
    q, u : ndarray, shape (n,)
        Stokes parameters as fractions, north through east.
    stokes : dict of str to ndarray, shape (n, 2)
        q and u in bands where they are others than `q` and `u`.
    v : ndarray, shape (n,)
        Circular polarization, fraction; positive where the electric vector at a fixed plane
        turns from north to east (IAU).
    amplitude, period : ndarray, shape (n,)
        Sinusoidal variation: half range in magnitudes (all bands alike) and days.
    epoch : float
        Julian date at which the variation passes zero upwards in magnitude.
    catalogue_mags, catalogue_errors : dict of str to ndarray, shape (n,)
        What the literature says of the magnitudes, with its error: the truth plus a deviation
        drawn from that error.
    srctype : ndarray of str, shape (n,)
        ``"blazar"`` or ``"star"``.
    other_names : ndarray of str, shape (n,)
        Separated by ``;``.
    """

    name: npt.NDArray[np.str_]
    role: npt.NDArray[np.str_]
    ra: FloatArray
    dec: FloatArray
    mags: Mapping[str, FloatArray]
    q: FloatArray
    u: FloatArray
    amplitude: FloatArray
    period: FloatArray
    epoch: float
    catalogue_mags: Mapping[str, FloatArray]
    catalogue_errors: Mapping[str, FloatArray]
    srctype: npt.NDArray[np.str_]
    other_names: npt.NDArray[np.str_]
    v: FloatArray
    stokes: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.ra)

    @classmethod
    def from_columns(cls, **columns: Any) -> Self:
        """Build from columns; those of variation and catalogue may be left out.

        Raises
        ------
        ValueError
            Where columns differ in length.
        """
        n = len(columns["ra"])
        values: dict[str, Any] = {
            "role": np.full(n, "star"),
            "srctype": np.full(n, "star"),
            "other_names": np.full(n, ""),
            "q": np.zeros(n),
            "u": np.zeros(n),
            "v": np.zeros(n),
            "stokes": {},
            "amplitude": np.zeros(n),
            "period": np.ones(n),
            "epoch": 2451545.0,
            "catalogue_mags": columns["mags"],
            "catalogue_errors": {band: np.zeros(n) for band in columns["mags"]},
        } | columns
        sky = cls(**values)
        for key, value in values.items():
            for column in value.values() if isinstance(value, dict) else (value,):
                if np.ndim(column) and len(column) != n:
                    msg = f"column {key} has {len(column)} rows, ra has {n}"
                    raise ValueError(msg)
        return sky

    @property
    def p(self) -> FloatArray:
        """Degree of polarization, fraction."""
        p: FloatArray = np.hypot(self.q, self.u)
        return p

    @property
    def chi(self) -> FloatArray:
        """Position angle, degrees in [0, 180)."""
        chi: FloatArray = np.rad2deg(0.5 * np.arctan2(self.u, self.q)) % 180.0
        return chi

    def polarization(self, band: str) -> tuple[FloatArray, FloatArray]:
        """Stokes parameters q and u in a band."""
        if band not in self.stokes:
            return self.q, self.u
        return self.stokes[band][:, 0], self.stokes[band][:, 1]

    def mag(self, band: str, jd: float) -> FloatArray:
        """Magnitudes in a band at a moment."""
        phase = 2.0 * np.pi * (jd - self.epoch) / self.period
        value: FloatArray = self.mags[band] + self.amplitude * np.sin(phase)
        return value

    def with_catalogue(
        self, errors: FloatArray, rng: np.random.Generator, *, scatter: bool = True
    ) -> Self:
        """Return a copy whose literature magnitudes deviate from the truth by their errors.

        Parameters
        ----------
        errors : ndarray, shape (n,)
            Standard error of each source's literature magnitudes, the same in all bands.
        rng : numpy.random.Generator
        scatter : bool
            Without, the literature is exact whatever error it quotes.
        """
        quoted = {band: errors.copy() for band in self.mags}
        told = {
            band: mag + (errors * rng.standard_normal(len(self)) if scatter else 0.0)
            for band, mag in self.mags.items()
        }
        return replace(self, catalogue_mags=told, catalogue_errors=quoted)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some columns changed."""
        return replace(self, **changes)

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dict per source, for the truth file."""
        p, chi = self.p, self.chi
        return [
            {
                "name": str(self.name[i]),
                "role": str(self.role[i]),
                "srctype": str(self.srctype[i]),
                "other_names": str(self.other_names[i]),
                "ra": float(self.ra[i]),
                "dec": float(self.dec[i]),
                "mags": {band: float(m[i]) for band, m in self.mags.items()},
                "q": float(self.q[i]),
                "u": float(self.u[i]),
                "v": float(self.v[i]),
                "stokes": {band: value[i].tolist() for band, value in self.stokes.items()},
                "p": float(p[i]),
                "chi": float(chi[i]),
                "amplitude": float(self.amplitude[i]),
                "period": float(self.period[i]),
                "catalogue_mags": {b: float(m[i]) for b, m in self.catalogue_mags.items()},
                "catalogue_errors": {b: float(m[i]) for b, m in self.catalogue_errors.items()},
            }
            for i in range(len(self))
        ]

    def joined(self, other: Self) -> Self:
        """Return this table with the rows of another behind its own."""
        columns: dict[str, Any] = {}
        for f in fields(self):
            mine, its = getattr(self, f.name), getattr(other, f.name)
            if isinstance(mine, np.ndarray):
                columns[f.name] = np.concatenate([mine, its])
            elif f.name == "stokes":
                columns[f.name] = {
                    band: np.concatenate(
                        [np.column_stack(sky.polarization(band)) for sky in (self, other)]
                    )
                    for band in {**mine, **its}
                }
            elif f.name != "epoch":
                columns[f.name] = {b: np.concatenate([m, its[b]]) for b, m in mine.items()}
        return replace(self, **columns)

    @classmethod
    def from_rows(cls, rows: list[dict[str, Any]], epoch: float) -> Self:
        """Rebuild from `rows`, such as those of a truth file."""
        columns: dict[str, Any] = {
            key: np.array([row[key] for row in rows])
            for key in (
                "name", "role", "srctype", "other_names", "ra", "dec", "q", "u",
                "amplitude", "period",
            )
        }  # fmt: skip
        columns["v"] = np.array([row.get("v", 0.0) for row in rows])
        for key in ("mags", "catalogue_mags", "catalogue_errors", "stokes"):
            columns[key] = {
                band: np.array([row[key][band] for row in rows]) for band in rows[0].get(key, {})
            }
        return cls.from_columns(epoch=epoch, **columns)
