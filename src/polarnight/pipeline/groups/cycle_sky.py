"""Clouds between the exposures of a cycle, told by the other stars on its frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from polarnight.astrometry.geometry import separation
from polarnight.pipeline.groups.aperture_losses import RelativeLoss
from polarnight.pipeline.groups.exposures import GOOD, Exposure, beam_table, losses_of
from polarnight.pipeline.groups.measure import (
    LoadedFrame,
    aperture_radii,
    beams_disagree,
    measure_frame,
    sources_in_frame,
)
from polarnight.pipeline.groups.outcome import GroupParameters, constants_at
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.polarimetry import (
    InstrumentalPolarization,
    Transparency,
    field_transparency,
)

__all__ = ["CycleSky", "bright_stars"]

FloatArray = npt.NDArray[np.float64]

_MIN_SNR = 30.0
_MOST_STARS = 60
_POLARIZED = 0.04
"""Polarization that the mean of a few stars may have."""
_CERTAIN = 5.0  # sigmas


class CycleSky:
    """Transparency of the exposures of a cycle; the stars are measured when first asked for.

    Parameters
    ----------
    frames : sequence of LoadedFrame
    exposures : sequence of Exposure
    sources : sequence of SourceRecord
        Catalogue sources on the frames. Those that have calibrators may vary and be polarized;
        they are not among the stars.
    fwhm : float
        Seeing of the group, pixels.
    zero : InstrumentalPolarization
        Of the instrument, for the modulation of the stars behind polaroids; what turns with
        the telescope is taken in the direction of the source.
    parameters : GroupParameters
    losses : mapping of int to RelativeLoss
        Light in the aperture of each frame, by its id; the seeing is no cloud.
    """

    def __init__(
        self,
        frames: Sequence[LoadedFrame],
        exposures: Sequence[Exposure],
        sources: Sequence[SourceRecord],
        fwhm: float,
        zero: InstrumentalPolarization,
        parameters: GroupParameters,
        losses: Mapping[int, RelativeLoss],
    ) -> None:
        self._frames = frames
        self._exposures = exposures
        targets = {target for source in sources for target in source.calibrates}
        self._targets = [source for source in sources if source.id in targets]
        self._fwhm = fwhm
        self._zero = zero
        self._parameters = parameters
        self._loss, self._loss_err = losses_of(exposures, losses)

    def of(self, source: SourceRecord) -> Transparency:
        """Return the transparency told by all stars but the source itself.

        The factors of exposures in which no star was measured are not numbers.

        Raises
        ------
        AlgorithmFailed
            Where too few stars tell it.
        """
        flux, error = self._others(source)
        # The zero that is put back here has to be the one that is taken off later.
        zero = constants_at(self._zero, self._frames, source)[0]
        return self._transparency(flux, error, zero)

    def clouds_told_by_few(self, source: SourceRecord) -> tuple[float, int]:
        """Return by how many magnitudes the other stars changed together, and how many they are.

        One star is not enough to correct for a cloud, but to see it: 0 where the stars changed
        by no more than their noise, or than their polarization may change them.
        """
        flux, error = self._others(source)
        whole = np.isfinite(flux).all(axis=1) & (flux > 0).all(axis=1)
        flux, error = flux[whole], error[whole]
        if not len(flux):
            return 0.0, 0
        level = flux.mean(axis=1, keepdims=True)
        light = np.mean(flux / level, axis=0)
        noise = np.sqrt(np.sum((error / level) ** 2, axis=0)) / len(flux)
        if self._axes is not None:
            zero = constants_at(self._zero, self._frames, source)[0]
            turn = 2.0 * np.radians(self._axes)
            light = light / (1.0 + zero.q0 * np.cos(turn) + zero.u0 * np.sin(turn))
        low, high = int(np.argmin(light)), int(np.argmax(light))
        certain = light[high] - light[low] > _CERTAIN * np.hypot(noise[low], noise[high])
        polarized = light[high] / light[low] < (1.0 + _POLARIZED) / (1.0 - _POLARIZED)
        if polarized or not certain:
            return 0.0, len(flux)
        return float(2.5 * np.log10(light[high] / light[low])), len(flux)

    def _others(self, source: SourceRecord) -> tuple[FloatArray, FloatArray]:
        """Return fluxes and errors of the stars that are neither the source nor a target."""
        stars, flux, error = self._stars
        away = self._from_targets & (self._distance(stars, source) > self._apart)
        return flux[away], error[away]

    def _transparency(
        self, flux: FloatArray, error: FloatArray, zero: InstrumentalPolarization
    ) -> Transparency:
        seen = np.ones(flux.shape[1], dtype=bool)
        if flux.size:
            seen = np.asarray(np.isfinite(flux).any(axis=0))
        axes = self._axes
        found = field_transparency(
            flux[:, seen],
            error[:, seen],
            axes_deg=None if axes is None else axes[seen],
            zero=zero,
            field_err=self._parameters.field_polarization,
            scale_err=(self._loss_err / self._loss)[seen],
        )
        factor, factor_err = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
        factor[seen], factor_err[seen] = found.factor, found.error
        return replace(found, factor=factor, error=factor_err)

    @cached_property
    def _axes(self) -> FloatArray | None:
        """Transmission axes of the exposures, degrees; None where both beams are seen."""
        if not all(len(exposure.images) == 1 for exposure in self._exposures):
            return None
        axes = np.array([exposure.angle for exposure in self._exposures], dtype=np.float64)
        # A plate at theta works as a polaroid at 2 theta.
        return np.asarray(2.0 * axes if "E" in self._exposures[0].images else axes)

    @property
    def _apart(self) -> float:
        """Distance at which a star is another one, degrees."""
        radius = aperture_radii(self._fwhm, self._parameters.radii_sigma)[0]
        return 2.0 * radius * self._frames[0].ref.info.pixel_scale / 3600.0

    @staticmethod
    def _distance(stars: Sequence[SourceRecord], other: SourceRecord) -> FloatArray:
        if not stars:
            return np.zeros(0)
        place = [star.ra for star in stars], [star.dec for star in stars]
        return np.asarray(separation(*place, other.ra, other.dec), dtype=np.float64)

    @cached_property
    def _from_targets(self) -> npt.NDArray[np.bool_]:
        """Which stars are no target."""
        stars = self._stars[0]
        away = np.ones(len(stars), dtype=bool)
        for target in self._targets:
            away &= self._distance(stars, target) > self._apart
        return away

    @cached_property
    def _stars(self) -> tuple[list[SourceRecord], FloatArray, FloatArray]:
        """Stars and their fluxes and errors in the exposures, shape (stars, exposures)."""
        stars = bright_stars(self._frames[0])
        for loaded in self._frames:
            stars = sources_in_frame(loaded, stars)
        rows = self._apertures(stars)
        stars = [star for star in stars if rows[star.id]]
        shape = (len(stars), len(self._exposures))
        flux, error = np.full(shape, np.nan), np.full(shape, np.nan)
        for n, star in enumerate(stars):
            flux[n], error[n] = _sums(self._exposures, rows[star.id])
        flux, error = flux / self._loss, error / self._loss
        keep = _snr(flux, error) >= _MIN_SNR
        return [s for s, k in zip(stars, keep, strict=True) if k], flux[keep], error[keep]

    def _apertures(self, stars: Sequence[SourceRecord]) -> dict[int, list[ApertureRow]]:
        """Return the apertures of stars in all frames; none of what is no star.

        Where both beams fall on one image, half of the detections are extraordinary images.
        Taken for a star, such a one has no other image: its light is that of one beam, and is
        modulated by its polarization and by that of the instrument.
        """
        rows: dict[int, list[ApertureRow]] = {star.id: [] for star in stars}
        odd: set[int] = set()
        for loaded in self._frames if stars else ():
            images: dict[int, list[ApertureRow]] = defaultdict(list)
            for row in measure_frame(
                loaded,
                stars,
                self._fwhm,
                radii_sigma=self._parameters.radii_sigma,
                with_widths=False,
            ):
                images[row.source].append(row)
            for star, found in images.items():
                rows[star] += [row for row in found if not row.crowded]
                if beams_disagree(found):
                    odd.add(star)
        return {star: [] if star in odd else found for star, found in rows.items()}


def _snr(flux: FloatArray, error: FloatArray) -> FloatArray:
    """Median signal-to-noise ratio of each star, 0 where it was never measured."""
    seen = np.isfinite(flux) & np.isfinite(error)
    ratio = np.where(seen, flux / np.where(seen, error, 1.0), 0.0)
    return np.median(ratio, axis=1) if ratio.size else np.zeros(len(flux))


def bright_stars(loaded: LoadedFrame) -> list[SourceRecord]:
    """Return the bright clean detections of a frame as sources, brightest first."""
    found = loaded.detections
    flux = np.asarray(found["flux"], dtype=float)
    good = (found["flags"] == 0) & (flux > _MIN_SNR * found["flux_err"])
    chosen = np.flatnonzero(good)
    chosen = chosen[np.argsort(-flux[chosen], kind="stable")][:_MOST_STARS]
    if not len(chosen) or loaded.frame.wcs is None:
        return []
    xy = np.column_stack([found["x"][chosen], found["y"][chosen]]).astype(float)
    sky = np.asarray(loaded.frame.wcs.all_pix2world(xy, 0), dtype=np.float64)
    return [
        SourceRecord(id=-1 - n, name=f"star {n + 1}", ra=float(ra), dec=float(dec))
        for n, (ra, dec) in enumerate(sky)
    ]


def _sums(
    exposures: Sequence[Exposure], rows: Sequence[ApertureRow]
) -> tuple[FloatArray, FloatArray]:
    """Return the light of a star in each exposure, of both beams where there are two."""
    table = beam_table(exposures, rows)
    two = any(len(exposure.images) == 2 for exposure in exposures)
    present = ("O", "E") if two else tuple(exposures[0].images)
    good = table.at_least(GOOD, *present)
    flux = np.sum([table.flux[beam] for beam in present], axis=0)
    error = np.sqrt(np.sum([table.error[beam] ** 2 for beam in present], axis=0))
    return np.where(good, flux, np.nan), np.where(good, error, np.nan)
