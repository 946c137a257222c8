"""Apertures on the catalogue sources of a reduced frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import separation
from polarnight.errors import AlgorithmFailed, BadFrame
from polarnight.frames import UNUSABLE, Bit, Frame, read_frame, read_tables
from polarnight.photometry import (
    FWHM_PER_SIGMA,
    Apertures,
    Centroids,
    aperture_photometry,
    centroid,
    light_of_neighbours,
    measure_fwhm,
    repair_pixels,
    standard_radii,
)
from polarnight.pipeline.groups.records import ApertureRow, FrameRef, SourceRecord

__all__ = [
    "IMAGES",
    "SKY_CLIP",
    "LoadedFrame",
    "aperture_radii",
    "beams_disagree",
    "group_fwhm",
    "images_off",
    "load_frame",
    "measurable",
    "measure_frame",
    "other_sources",
    "sources_in_frame",
    "sources_on_any",
    "usable",
]

FloatArray = npt.NDArray[np.float64]

_J2000 = 2451545.0
_MAS = 1.0 / 3.6e6
_FARTHEST = 5.0
"""Degrees from the centre of the frame; no field of ours is larger."""

IMAGES = {"O": "ordinary", "E": "extraordinary"}
"""Names of the images of a source; where there is one only, it is as a rule the ordinary one."""

_MEANINGLESS = int(Bit.SATURATED | Bit.NO_DATA)

SKY_CLIP = 4.0
"""Sigma at which sky pixels are clipped. Photons are counted in skewed numbers: cut at 3 sigma,
the mean of the sky comes out low by 1e-3 sigma of a pixel, which the mean of eight images makes a
tenth of the error of a faint source. At 4 sigma it is a tenth of that."""

_FOREIGN_SHARE, _FOREIGN_ERRORS = 0.01, 0.1

_MOST_POLARIZED = 0.25
"""Largest difference of the two images of a source, of their sum; blazars reach it hardly ever."""

_CENTROID_MIN_SNR = 10.0
_CENTROID_MAX_SHIFT = 0.5
"""Largest shift from the catalogue position, in FWHM, at which a centroid is believed."""


@dataclass(frozen=True)
class LoadedFrame:
    """A reduced frame in memory with its detections."""

    ref: FrameRef
    frame: Frame
    detections: dict[str, npt.NDArray[Any]]

    @property
    def fwhm(self) -> float:
        """Median FWHM of the detections in pixels; not a number where there are none."""
        value = self.frame.meta.get("fwhm_px")
        return float("nan") if value is None else float(value)


def load_frame(ref: FrameRef) -> LoadedFrame:
    """Read a reduced frame and its table of detections.

    Raises
    ------
    BadFrame
        Where the file has no plate solution.
    """
    frame = read_frame(ref.path)
    if frame.wcs is None:
        raise BadFrame(ref.path, "there is no plate solution", "see `polarnight why` for the cause")
    table = read_tables(ref.path)["SOURCES"]
    return LoadedFrame(ref, frame, {name: np.asarray(table[name]) for name in table.colnames})


def group_fwhm(frames: Sequence[LoadedFrame]) -> float:
    """Return the seeing of a group, the median over its frames, in pixels.

    Raises
    ------
    BadFrame
        Where no frame of the group has a measured FWHM.
    """
    values = np.array([loaded.fwhm for loaded in frames])
    if not np.isfinite(values).any():
        raise BadFrame(frames[0].ref.path, "no star was good enough to measure the seeing")
    return float(np.nanmedian(values))


def _beams(loaded: LoadedFrame) -> Iterator[tuple[str, Any]]:
    yield loaded.ref.info.beam or "O", loaded.frame.wcs
    if loaded.frame.wcs_pair is not None:
        yield "E", loaded.frame.wcs_pair


def _sky(sources: Sequence[SourceRecord], jd: float) -> FloatArray:
    """Return ICRS positions at a date, shape (n, 2)."""
    years = (jd - _J2000) / 365.25
    place = [
        (
            s.ra + s.pm_ra * years * _MAS / max(np.cos(np.deg2rad(s.dec)), 1e-6),
            s.dec + s.pm_dec * years * _MAS,
        )
        for s in sources
    ]
    return np.array(place, dtype=float).reshape(-1, 2)


def _pixel(wcs: Any, sources: Sequence[SourceRecord], jd: float) -> FloatArray:
    sky = _sky(sources, jd)
    xy: FloatArray = np.asarray(wcs.all_world2pix(sky, 0, quiet=True), dtype=float)
    # A gnomonic projection also has points behind the observer; they are not in the field.
    xy[separation(sky[:, 0], sky[:, 1], *wcs.wcs.crval) > _FARTHEST] = np.nan
    return xy


def sources_in_frame(
    loaded: LoadedFrame, sources: Sequence[SourceRecord], margin: float = 0.0
) -> list[SourceRecord]:
    """Return the sources whose every image lies on the detector.

    Parameters
    ----------
    loaded : LoadedFrame
    sources : sequence of SourceRecord
    margin : float
        Distance from the border that is needed, pixels.
    """
    if not sources:
        return []
    inside = np.all([_inside(loaded, wcs, sources, margin) for _, wcs in _beams(loaded)], axis=0)
    return [source for source, is_in in zip(sources, inside, strict=True) if is_in]


def sources_on_any(
    frames: Sequence[LoadedFrame], sources: Sequence[SourceRecord]
) -> list[SourceRecord]:
    """Return the sources of which an image lies on the detector in one of the frames at least.

    Where another one does not, there is something to say of the source, if only why it was not
    measured.
    """
    if not sources:
        return []
    seen = np.zeros(len(sources), dtype=bool)
    for loaded in frames:
        for _, wcs in _beams(loaded):
            seen |= _inside(loaded, wcs, sources)
    return [source for source, is_seen in zip(sources, seen, strict=True) if is_seen]


def images_off(loaded: LoadedFrame, rows: Sequence[ApertureRow]) -> list[str]:
    """Return the names of the images of a source that lie beyond the edge of a frame.

    Parameters
    ----------
    loaded : LoadedFrame
    rows : sequence of ApertureRow
        Of the source, in this frame.
    """
    measured = {row.pair for row in rows}
    return [IMAGES[pair] for pair, _ in _beams(loaded) if pair not in measured]


def _inside(
    loaded: LoadedFrame, wcs: Any, sources: Sequence[SourceRecord], margin: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Return which sources have their image of one beam on the detector."""
    ny, nx = loaded.frame.shape
    x, y = _pixel(wcs, sources, loaded.ref.info.jd_mid).T
    with np.errstate(invalid="ignore"):
        inside = (x >= margin - 0.5) & (x <= nx - 0.5 - margin)
        inside &= (y >= margin - 0.5) & (y <= ny - 0.5 - margin)
    return np.asarray(inside)


def other_sources(loaded: LoadedFrame, radius: float) -> npt.NDArray[np.bool_]:
    """Return the pixels within `radius` of any detection: no place to measure the sky."""
    ny, nx = loaded.frame.shape
    mask = np.zeros((ny, nx), dtype=bool)
    reach = int(np.ceil(radius))
    offset_y, offset_x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for x, y in zip(loaded.detections["x"], loaded.detections["y"], strict=True):
        ix, iy = round(float(x)), round(float(y))
        near = (offset_x - (x - ix)) ** 2 + (offset_y - (y - iy)) ** 2 <= radius**2
        rows, columns = iy + offset_y[near], ix + offset_x[near]
        keep = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
        mask[rows[keep], columns[keep]] = True
    return mask


def _crowded(loaded: LoadedFrame, table: Apertures, fwhm: float) -> npt.NDArray[np.bool_]:
    """Return which apertures hold light of another detection that matters.

    It matters beyond a hundredth of the source's light, and a tenth of its error.
    """
    detections = loaded.detections
    foreign = light_of_neighbours(
        table.xy,
        np.column_stack([detections["x"], detections["y"]]),
        detections["flux"],
        float(table.radii[0]),
        fwhm / FWHM_PER_SIGMA,
        own=fwhm,
    )
    flux, error = table.flux[:, 0], table.flux_err[:, 0]
    with np.errstate(invalid="ignore"):
        least = np.fmax(_FOREIGN_SHARE * (flux - foreign), _FOREIGN_ERRORS * error)
        crowded: npt.NDArray[np.bool_] = foreign > np.nan_to_num(least)
    return crowded


def _repaired(loaded: LoadedFrame, sources: Sequence[SourceRecord], radius: float) -> Frame:
    """Return the frame with bad pixels in the apertures filled where that can be done."""
    frame, jd = loaded.frame, loaded.ref.info.jd_mid
    if frame.bits is None or frame.variance is None:
        return frame
    places = np.concatenate([_pixel(wcs, sources, jd) for _, wcs in _beams(loaded)])
    data, variance, bits = repair_pixels(frame.data, frame.variance, frame.bits, places, radius)
    return frame.replace(data=data, variance=variance, bits=bits)


def _positions(frame: Frame, xy: FloatArray, fwhm: float) -> Centroids:
    """Return where to measure: a credible centroid, else the place of the catalogue."""
    reach = max(_CENTROID_MAX_SHIFT * fwhm, 1.0)
    return centroid(frame.data, frame.variance, xy, fwhm, reach=reach, min_snr=_CENTROID_MIN_SNR)


def _widths(frame: Frame, xy: FloatArray, fwhm: float) -> FloatArray:
    """Return the FWHM of each source in pixels, NaN where it cannot be measured."""
    try:
        return measure_fwhm(frame.data, xy, guess=fwhm, bits=frame.bits, max_stars=len(xy)).each
    except AlgorithmFailed:
        return np.full(len(xy), np.nan)


def measure_frame(
    loaded: LoadedFrame,
    sources: Sequence[SourceRecord],
    fwhm: float,
    *,
    radii_sigma: tuple[float, float, float] | None = None,
    with_widths: bool = True,
) -> list[ApertureRow]:
    """Measure every image of every source in a frame with the standard aperture.

    Parameters
    ----------
    loaded : LoadedFrame
    sources : sequence of SourceRecord
        Images of theirs that lie beyond the edge have no row.
    fwhm : float
        Seeing of the group, pixels; sets the radii.
    radii_sigma : tuple of float, optional
        Other radii than the standard ones, in sigmas of the seeing.
    with_widths : bool
        Whether the FWHM of each source is measured too, the slowest part for many sources.

    Returns
    -------
    list of ApertureRow
        One for each source and beam on the detector.
    """
    radius, r_in, r_out = aperture_radii(fwhm, radii_sigma)
    exclude = other_sources(loaded, radius)
    repaired = _repaired(loaded, sources, radius + fwhm)
    jd = loaded.ref.info.jd_mid
    rows: list[ApertureRow] = []
    every = sources
    for pair, wcs in _beams(loaded):
        sources = [one for one, on in zip(every, _inside(loaded, wcs, every), strict=True) if on]
        if not sources:
            continue
        places = _positions(repaired, _pixel(wcs, sources, jd), fwhm)
        table = aperture_photometry(
            repaired.data,
            repaired.variance,
            repaired.bits,
            places.xy,
            np.array([radius]),
            (r_in, r_out),
            exclude=exclude,
            clip=SKY_CLIP,
        )
        raw = aperture_photometry(
            loaded.frame.data, None, loaded.frame.bits, places.xy, np.array([radius]), None
        )
        bits = np.column_stack([raw.bits[:, 0] | table.bits[:, 0], table.bits[:, 0]])
        crowded = _crowded(loaded, table, fwhm)
        widths = np.full(len(sources), np.nan)
        if with_widths:
            widths = _widths(repaired, places.xy, fwhm) * loaded.ref.info.pixel_scale
        rows += [
            ApertureRow(
                frame=loaded.ref.id,
                source=source.id,
                pair=pair,
                aperpix=radius,
                r_in=r_in,
                r_out=r_out,
                flux_counts=float(table.flux[i, 0]),
                flux_counts_err=float(table.flux_err[i, 0]),
                area=float(table.area[i, 0]),
                n_sky=int(table.n_sky[i]),
                bkg_flux_counts=float(table.sky[i]),
                bkg_flux_counts_err=float(table.sky_err[i]),
                x_px=float(places.xy[i, 0]),
                y_px=float(places.xy[i, 1]),
                forced=bool(places.flags[i]),
                crowded=bool(crowded[i]),
                fwhm=fwhm * loaded.ref.info.pixel_scale,
                fwhm_source=float(widths[i]) if np.isfinite(widths[i]) else None,
                bits=int(bits[i, 0]),
                bits_left=int(bits[i, 1]),
            )
            for i, source in enumerate(sources)
        ]
    return rows


def aperture_radii(
    fwhm: float, radii_sigma: tuple[float, float, float] | None = None
) -> tuple[float, float, float]:
    """Return aperture, inner and outer sky radius in pixels for a seeing."""
    if radii_sigma is None:
        return standard_radii(fwhm)
    radius, r_in, r_out = (value * fwhm / FWHM_PER_SIGMA for value in radii_sigma)
    return radius, r_in, r_out


def measurable(row: ApertureRow) -> bool:
    """Return whether the flux means anything: finite, on the detector and not saturated."""
    finite = np.isfinite(row.flux_counts) and np.isfinite(row.flux_counts_err)
    return bool(finite) and row.flux_counts_err > 0 and not row.bits_left & _MEANINGLESS


def beams_disagree(rows: Sequence[ApertureRow]) -> bool:
    """Return whether the two images of a source differ by more than its polarization can tell.

    Where both beams fall on one image, another star's other image may lie on one of them.
    """
    by_pair = {row.pair: row for row in rows if measurable(row)}
    if len(rows) != 2 or not {"O", "E"} <= by_pair.keys():
        return False
    one, other = by_pair["O"], by_pair["E"]
    total = one.flux_counts + other.flux_counts
    error = float(np.hypot(one.flux_counts_err, other.flux_counts_err))
    difference = abs(one.flux_counts - other.flux_counts)
    return difference > _MOST_POLARIZED * max(total, 0.0) + 5.0 * error


def usable(row: ApertureRow) -> bool:
    """Return whether the flux can be trusted: no bad or hit pixel inside that was not filled."""
    return measurable(row) and not row.bits_left & UNUSABLE
