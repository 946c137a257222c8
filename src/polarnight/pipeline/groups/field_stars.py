"""Polarimetry of every star of a field, without a catalogue: maps, and what the instrument adds.

Most stars are hardly polarized, so that their mean shows the instrument; where they are, their
map shows the dust in front of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry import DetectionFlag
from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.group import measure_group
from polarnight.pipeline.groups.measure import load_frame
from polarnight.pipeline.groups.outcome import GroupParameters
from polarnight.pipeline.groups.records import FrameRef, SourceRecord

if TYPE_CHECKING:
    from astropy.table import Table

    from polarnight.pipeline.groups.measure import LoadedFrame

__all__ = ["FieldMean", "FieldPolarization", "measure_field_stars"]

FloatArray = npt.NDArray[np.float64]

_BAD_FLAGS = frozenset(
    {"SATURATED", "NONLINEAR", "BAD_PIXELS", "BAD_PHOTOMETRY", "BAD_POLARIMETRY", "CROWDED"}
)
_CLIP = 4.0
_ROUNDS = 10
_LEAST = 3
_LEAST_OWN = 0.05  # of a star's variance
_NOT_A_STAR = int(DetectionFlag.NEAR_EDGE | DetectionFlag.NOT_STELLAR | DetectionFlag.UNCENTRED)


@dataclass(frozen=True)
class FieldMean:
    """Mean Stokes parameters of the stars of a field, as fractions.

    `q` and `u` are weighted means, with the scatter from star to star (`scatter`, one axis) in
    the weights where it exceeds the errors; `n` of `n_good` stars agree with each other. What all
    stars of a cycle have in common, the error of the light lost outside of the apertures, no
    number of them makes smaller: it is in `q_err` and `u_err` as it is.
    """

    q: float
    q_err: float
    u: float
    u_err: float
    scatter: float
    n: int
    n_good: int


@dataclass(frozen=True)
class FieldPolarization:
    """Stokes parameters of the stars of one cycle.

    Attributes
    ----------
    table : astropy.table.Table
        A row for every star: place, flux, q and u as measured (frame of the instrument) and
        corrected, p, chi, flags, and why it was left out of the mean.
    measured : FieldMean or None
        Before the instrumental polarization is taken off, in the frame of the instrument; None
        where fewer than three stars are good, or where fluxes of one beam were divided by the
        mean of these very stars (clouds): it is the zero assumed then.
    corrected : FieldMean or None
        After it, north through east.
    refused : tuple of (str, str)
        Stars without a result, and why.
    """

    table: Table
    measured: FieldMean | None
    corrected: FieldMean | None
    refused: tuple[tuple[str, str], ...]

    @property
    def relative(self) -> bool:
        """Whether the stars were compared with their own mean, which then says nothing."""
        return bool(np.any(self.table["relative"])) if len(self.table) else False


def measure_field_stars(
    refs: Sequence[FrameRef],
    parameters: GroupParameters,
    *,
    min_snr: float = 20.0,
    max_stars: int = 500,
) -> FieldPolarization:
    """Measure the polarization of every star that the first frame of a cycle shows.

    Parameters
    ----------
    refs : sequence of FrameRef
        The reduced and solved frames of one cycle.
    parameters : GroupParameters
    min_snr : float
        Least signal-to-noise ratio of a detection in the first frame.
    max_stars : int
        The brightest so many are measured.

    Returns
    -------
    FieldPolarization

    Raises
    ------
    BadFrame
        Where a frame has no plate solution.
    AlgorithmFailed
        Where no star is bright enough.
    """
    first = load_frame(refs[0])
    stars = _stars(first, min_snr, max_stars)
    if not stars:
        message = "no star of the first frame is bright enough"
        raise AlgorithmFailed(message, min_snr=min_snr, detections=len(first.detections["x"]))
    result = measure_group(refs, stars, replace(parameters, stars=None))
    places = {star.id: star for star in stars}
    rows = [_row(places[entry.source], entry.values) for entry in result.results]
    rows.sort(key=lambda row: row["star"])
    pixels = {row.source: row for row in result.apertures if row.frame == refs[0].id}
    for row in rows:
        aperture = pixels[row["star"]]
        row |= {"x": aperture.x_px, "y": aperture.y_px}
    measured = _mean(rows, "q_nocorr", "u_nocorr", "cov_nocorr")
    corrected = _mean(rows, "q", "u", "cov")
    if any(row["relative"] for row in rows):
        measured = corrected = None
    return FieldPolarization(_table(rows), measured, corrected, result.refused)


def _stars(loaded: LoadedFrame, min_snr: float, most: int) -> list[SourceRecord]:
    """Return the detections of a frame (of its ordinary beam) as sources without magnitudes."""
    found = loaded.detections
    good = (found["flags"] & _NOT_A_STAR) == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        good &= found["flux"] / found["flux_err"] >= min_snr
    if loaded.frame.wcs_pair is not None:
        good &= _has_partner(loaded)
    chosen = np.flatnonzero(good)[:most]
    xy = np.column_stack([found["x"][chosen], found["y"][chosen]]).astype(float)
    if not len(xy) or loaded.frame.wcs is None:
        return []
    sky = np.asarray(loaded.frame.wcs.all_pix2world(xy, 0), dtype=np.float64)
    return [
        SourceRecord(id=n + 1, name=f"star {n + 1}", ra=float(ra), dec=float(dec))
        for n, (ra, dec) in enumerate(sky)
    ]


def _has_partner(loaded: LoadedFrame) -> npt.NDArray[np.bool_]:
    """Return which detections have an extraordinary image where one must be."""
    from scipy.spatial import cKDTree

    xy = np.column_stack([loaded.detections["x"], loaded.detections["y"]]).astype(float)
    wcs, pair = loaded.frame.wcs, loaded.frame.wcs_pair
    if wcs is None or pair is None or not len(xy):
        return np.ones(len(xy), dtype=bool)
    expected = np.asarray(pair.all_world2pix(wcs.all_pix2world(xy, 0), 0, quiet=True))
    reach = loaded.fwhm if math.isfinite(loaded.fwhm) else 3.0
    distance = cKDTree(xy).query(np.nan_to_num(expected, nan=-1e6))[0]
    return np.asarray(distance <= reach)


def _row(star: SourceRecord, values: dict[str, Any]) -> dict[str, Any]:
    bad = sorted(_BAD_FLAGS & set(values["flags"]))
    random = values["evidence"]["polarimetry"]
    return {
        "star": star.id,
        "ra": star.ra,
        "dec": star.dec,
        "flux": values["flux_counts"],
        "q_nocorr": values["q_nocorr"],
        "u_nocorr": values["u_nocorr"],
        "q_err_random": random["q_err_random"],
        "u_err_random": random["u_err_random"],
        **{name: values[name] for name in ("q", "q_err", "u", "u_err")},
        **{name: values[name] for name in ("p", "p_err", "chi", "chi_err")},
        **_covariances(random),
        "relative": (random["transparency"] or {}).get("field_polarization") is not None,
        "flags": " ".join(values["flags"]),
        "left_out": " ".join(bad),
    }


def _covariances(evidence: dict[str, Any]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return variances of (q, u), and what of them all stars of the cycle have in common.

    As measured, and turned to the sky like the corrected values.
    """
    found = evidence["aperture_losses_cov"]
    shared = np.zeros((2, 2)) if found is None else np.asarray(found, dtype=float)
    off = evidence["taken_off"]
    turn = 2.0 * math.radians(off["zero_angle"])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    rotation /= off["efficiency"]
    own = np.array([evidence["q_err_random"], evidence["u_err_random"]]) ** 2
    return {
        "cov_nocorr": (np.diag(evidence["measured_cov"]), np.diag(shared)),
        "cov": (own, np.diag(rotation @ shared @ rotation.T)),
    }


def _mean(rows: list[dict[str, Any]], q: str, u: str, variances: str) -> FieldMean | None:
    """Return the mean of the good stars; those that disagree are marked in their rows."""
    good = [row for row in rows if not row["left_out"] or row["left_out"] == "outlier"]
    if len(good) < _LEAST:
        return None
    values = np.array([[row[q], row[u]] for row in good], dtype=float)
    variance, common = np.array([row[variances] for row in good], dtype=float).swapaxes(0, 1)
    # Stars that lie by the same amount beside the truth agree with each other.
    errors = np.sqrt(np.maximum(variance - common, _LEAST_OWN * variance))
    keep = np.ones(len(good), dtype=bool)
    centre, scatter = np.median(values, axis=0), 0.0
    for _ in range(_ROUNDS):
        scatter = _scatter(values[keep], errors[keep])
        total = np.hypot(errors, scatter)
        centre = np.average(values[keep], axis=0, weights=total[keep] ** -2)
        now = (np.abs(values - centre) <= _CLIP * total).all(axis=1)
        if now.sum() < _LEAST or (now == keep).all():
            break
        keep = now
    for row, kept in zip(good, keep, strict=True):
        row["left_out"] = "" if kept else "outlier"
    own = np.sum(np.hypot(errors, scatter)[keep] ** -2, axis=0) ** -1.0
    error = np.sqrt(own + np.median(common[keep], axis=0))
    return FieldMean(
        q=float(centre[0]),
        q_err=float(error[0]),
        u=float(centre[1]),
        u_err=float(error[1]),
        scatter=scatter,
        n=int(keep.sum()),
        n_good=len(good),
    )


def _scatter(values: FloatArray, errors: FloatArray) -> float:
    """Return the scatter (one axis) that the errors do not explain, by chi-square = dof."""
    dof = 2 * (len(values) - 1)

    def excess(scatter: float) -> float:
        weights = (errors**2 + scatter**2) ** -1
        centre = np.average(values, axis=0, weights=weights)
        return float(np.sum((values - centre) ** 2 * weights)) - dof

    if dof < 1 or excess(0.0) <= 0.0:
        return 0.0
    low, high = 0.0, float(np.ptp(values, axis=0).max()) + 1e-9
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)


def _table(rows: list[dict[str, Any]]) -> Table:
    from astropy.table import Table

    hidden = ("cov", "cov_nocorr")
    table = Table([{k: v for k, v in row.items() if k not in hidden} for row in rows])
    for name in ("ra", "dec", "chi", "chi_err"):
        if name in table.colnames:
            table[name].unit = "deg"
    return table
