"""Stokes parameters of one source from the apertures of one cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from polarnight.errors import AlgorithmFailed
from polarnight.pipeline.groups.aperture_losses import RelativeLoss
from polarnight.pipeline.groups.exposures import (
    DOUBTFUL,
    GOOD,
    BeamTable,
    Exposure,
    beam_table,
    losses_of,
)
from polarnight.pipeline.groups.master_noise import MasterNoise
from polarnight.pipeline.groups.measure import IMAGES
from polarnight.pipeline.groups.records import ApertureRow, SourceRecord
from polarnight.polarimetry import (
    Stokes,
    Transparency,
    fit_half_wave_plate,
    fit_plate_ratios,
    fit_polaroids,
    fit_quarter_wave_plate,
    fit_single_beam,
)
from polarnight.polarimetry.transparency import MIN_STARS

if TYPE_CHECKING:
    from polarnight.instruments import Instrument
    from polarnight.pipeline.groups.cycle_sky import CycleSky
    from polarnight.pipeline.groups.outcome import GroupParameters

__all__ = ["SourceStokes", "stokes_of_source"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Beam = Literal["O", "E"]

_BY_CHANCE = 0.05
_BEYOND_DOUBT = 6.0  # sigmas
_STEADY = 0.02
"""Change of the light that the extinction of an hour makes, and that matters for no magnitude."""
_FOREIGN = 0.05
"""Change of the light of a source, unlike that of the stars, at which an exposure is spoilt: more
than flat fields leave, or the seeing makes of the galaxy about a source."""
_MOST_SPOILT = 0.25
"""Share of the exposures beyond which it is the source that changes."""
_FEW_DEGREES = 2
"""Degrees of freedom up to which the scatter of a cycle is a poor measure of its errors."""
_WORST = 0.005
"""Error of q or u, enlarged by disagreeing angles, up to which a cycle still says something."""


@dataclass(frozen=True)
class SourceStokes:
    """Stokes parameters of a source in the frame of the instrument.

    Attributes
    ----------
    stokes : Stokes
        `used` refers to the exposures of the cycle.
    trusted : bool
        False where apertures with bad or hit pixels had to be used.
    sky : Transparency or None
        What the fluxes were divided by.
    remarks : tuple of str
        What was done otherwise than usual, and why.
    beam : {"", "O", "E"}
        The one that was taken alone where there are two.
    sky_unknown : bool
        Whether fluxes of one beam were compared that nothing could free of clouds.
    partial : bool
        Whether the light is the mean of some exposures only, and nothing told how the
        transparency changed from these to the others.
    unsteady : bool
        Whether the light of both beams together changed from exposure to exposure.
    losses_cov : ndarray, shape (2, 2)
        The part of the covariance of (q, u) that the light lost outside the apertures makes: the
        same for every star of the cycle.
    """

    stokes: Stokes
    trusted: bool = True
    sky: Transparency | None = None
    remarks: tuple[str, ...] = ()
    beam: str = ""
    sky_unknown: bool = False
    partial: bool = False
    unsteady: bool = False
    losses_cov: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))


class _ForeignLight(AlgorithmFailed):
    """Both beams of a source have light that is not its own."""


def stokes_of_source(
    instrument: Instrument,
    exposures: Sequence[Exposure],
    rows: Sequence[ApertureRow],
    source: SourceRecord,
    *,
    losses: Mapping[int, RelativeLoss],
    sky: CycleSky,
    parameters: GroupParameters,
    masters: MasterNoise | None = None,
) -> SourceStokes:
    """Fit the Stokes parameters of one source in the frame of the instrument.

    Parameters
    ----------
    instrument : Instrument
    exposures : sequence of Exposure
        Of the cycle.
    rows : sequence of ApertureRow
        Every aperture of the source in the frames of the cycle.
    source : SourceRecord
    losses : mapping of int to RelativeLoss
        Light in the aperture of each frame, by its id. Fluxes behind polaroids are divided
        by it; the two beams of a frame lose alike.
    sky : CycleSky
        What the other stars tell of clouds.
    parameters : GroupParameters
    masters : MasterNoise, optional
        What the frames have in common by their masters: it is no error of q and u, and does not
        average down in the mean light.

    Returns
    -------
    SourceStokes
        Before the correction for instrumental polarization.

    Raises
    ------
    AlgorithmFailed
        Where too few angles have an aperture that means anything, or where the angles do not
        agree and nothing tells which of them is wrong.
    """
    table = beam_table(exposures, rows)
    common: dict[str, float] = {}
    if masters is not None:
        by_image = masters.common_variance(rows)
        # Where there is one beam only its image bears the name of the ordinary one.
        alone = instrument.beams == "one"
        common = {beam: by_image.get("O" if alone else beam, 0.0) for beam in ("O", "E")}
        table = table.without(common)
    cycle = _Cycle(instrument, exposures, table, common, source, losses, sky, parameters)
    only = source.only_pair.get(instrument.name, "")
    if instrument.beams == "one":
        return cycle.one_beam()
    if only in ("O", "E") and instrument.polarimeter == "half-wave plate":
        remark = f"the catalogue asks for the {IMAGES[only]} beam alone"
        return cycle.single("O" if only == "O" else "E", GOOD, (remark,))
    return cycle.two_beams()


@dataclass(frozen=True)
class _Cycle:
    """One source in one cycle."""

    instrument: Instrument
    exposures: Sequence[Exposure]
    table: BeamTable
    common: Mapping[str, float]
    source: SourceRecord
    losses: Mapping[int, RelativeLoss]
    sky: CycleSky
    parameters: GroupParameters

    # -- one beam ----------------------------------------------------------------------------

    def one_beam(self) -> SourceStokes:
        """Polaroids, or a plate before an analyser of which one beam is seen."""
        beam: Beam = "O" if self.instrument.polarimeter == "polaroids" else "E"
        if self.instrument.polarimeter == "quarter-wave plate":
            raise AlgorithmFailed("a quarter-wave plate needs both beams", beams=1)
        for quality in (GOOD, DOUBTFUL):
            if self._enough(self.table.at_least(quality, beam)):
                return self.single(beam, quality)
        raise self._too_few(self.table.at_least(DOUBTFUL, beam))

    def single(self, beam: Beam, quality: int, remarks: tuple[str, ...] = ()) -> SourceStokes:
        """Fit one beam, on one scale by the stars or, where nothing changed, as it is."""
        chosen = self.table.at_least(quality, beam)
        flux, error = self.table.flux[beam], self.table.error[beam]
        # Of two beams on one image nothing else tells what the seeing took out of the aperture.
        sky, why_not = self._transparency(always=self.instrument.beams != "one")
        loss, loss_err = losses_of(self.exposures, self.losses)
        if sky is not None:
            chosen = chosen & np.isfinite(sky.factor)
            # Stars and source lost the same: the error of the losses cancels.
            flux, error = _on_one_scale(flux / loss, error / loss, sky.factor, sky.error)
            remarks = (
                *remarks,
                f"transparency from {sky.n_stars} stars, it changed by {sky.range:.2f} mag",
            )
        else:
            self._refuse_clouds(why_not)
            if why_not:
                remarks = (*remarks, f"nothing tells whether there were clouds: {why_not}")
            flux, error = _on_one_scale(flux, error, loss, loss_err)
        if not self._enough(chosen):
            raise self._too_few(chosen)
        angle = self.table.angle[chosen]
        clip = self.parameters.clip
        if self.instrument.polarimeter == "polaroids":
            stokes = fit_polaroids(angle, flux[chosen], error[chosen], clip=clip)
        else:
            stokes = fit_single_beam(
                angle, flux[chosen], error[chosen], beam=IMAGES[beam], clip=clip
            )
        if self._disagree(stokes):
            cause = "clouds or a spoilt frame" if sky is None else "a spoilt frame"
            raise AlgorithmFailed(
                f"the fluxes at the angles do not agree: {cause}, and too few angles to tell "
                f"which{'; ' + why_not if why_not else ''}",
                chi2=stokes.chi2,
                dof=stokes.dof,
            )
        if sky is not None and self.instrument.beams == "one":
            stokes = stokes.replace(field_err=self.parameters.field_polarization)
        # The light of both beams is taken to be twice that of one.
        stokes = self._with_common(stokes, 4.0 * self.common.get(beam, 0.0), sky)
        found = self._result(stokes, chosen, quality, sky, remarks)
        alone = "" if self.instrument.beams == "one" else beam
        unknown = bool(why_not) and self.parameters.transparency != "never"
        partial = bool(why_not) and not found.stokes.used.all()
        shared = np.zeros((2, 2)) if sky is not None else self._losses_cov(found.stokes)
        return replace(found, beam=alone, sky_unknown=unknown, partial=partial, losses_cov=shared)

    def _losses_cov(self, stokes: Stokes) -> FloatArray:
        """Return the covariance of (q, u) by the errors of the losses, for little polarization."""
        loss, error = losses_of(self.exposures, self.losses)
        used = stokes.used
        if np.count_nonzero(used) < 3 or not error[used].any():
            return np.zeros((2, 2))
        # A plate at theta works as a polaroid at 2 theta.
        times = 2.0 if self.instrument.polarimeter == "polaroids" else 4.0
        turn = times * np.radians(self.table.angle[used])
        design = np.column_stack([np.ones_like(turn), np.cos(turn), np.sin(turn)])
        change = np.linalg.pinv(design)[1:]
        shared: FloatArray = (change * (error[used] / loss[used]) ** 2) @ change.T
        return shared

    # -- two beams ---------------------------------------------------------------------------

    def two_beams(self) -> SourceStokes:
        """Both beams; one alone where the other is spoilt."""
        both = self.table.at_least(GOOD, "O", "E")
        if self._enough(both):
            try:
                found = self._pairs(both, GOOD)
            except _ForeignLight as error:
                return self._unspoilt_beam(error)
            if not self._disagree(found.stokes):
                return found
            msg = "the angles do not agree, and are too few to tell which of them is spoilt"
            numbers = {"chi2": found.stokes.chi2, "dof": found.stokes.dof}
            return self._unspoilt_beam(AlgorithmFailed(msg, **numbers))
        counts = {beam: self.table.at_least(GOOD, beam) for beam in ("O", "E")}
        better: Beam = "O" if counts["O"].sum() > counts["E"].sum() else "E"
        if self._linear and self._enough(counts[better]):
            other = "E" if better == "O" else "O"
            why = self.table.faults(("O", "E")) or f"bad pixels at {self._few(~both)}"
            remark = f"the {IMAGES[other]} beam is spoilt: {why}"
            return self.single(better, GOOD, (remark,))
        doubtful = self.table.at_least(DOUBTFUL, "O", "E")
        if self._enough(doubtful):
            found = self._pairs(doubtful, DOUBTFUL)
            if not self._disagree(found.stokes):
                return found
        raise self._too_few(doubtful)

    def _pairs(self, chosen: BoolArray, quality: int) -> SourceStokes:
        beams = [
            column[beam] for beam in ("O", "E") for column in (self.table.flux, self.table.error)
        ]
        odd, remarks = self._unlike_the_stars(chosen)
        chosen = chosen & ~odd
        stokes = self._fit_pairs(chosen, beams)
        sky, why_not = None, ""
        if not (chosen.all() and stokes.used.all()):
            # Behind clouds the mean light of fewer exposures is on another scale.
            sky, why_not = self._transparency()
        if sky is not None:
            known = chosen & np.isfinite(sky.factor)
            if self._enough(known):
                chosen = known
                stokes = self._fit_pairs(chosen, [column / sky.factor for column in beams])
        if not stokes.used.all():
            left_out = np.zeros(len(chosen), dtype=bool)
            left_out[chosen] = ~stokes.used
            remarks = (*remarks, f"left out as outliers: {self._few(left_out)}")
        unsteady = sky is None and self._changes(chosen)
        stokes = self._with_common(stokes, sum(self.common.values()), sky)
        found = self._result(stokes, chosen, quality, sky, remarks)
        return replace(found, partial=bool(why_not), unsteady=unsteady)

    def _unlike_the_stars(self, chosen: BoolArray) -> tuple[BoolArray, tuple[str, ...]]:
        """Return the exposures in which the light of both beams is not what the stars tell.

        Foreign light in both apertures hides from the ratio of the beams and dilutes the
        polarization: the trail of a satellite has two images, as everything in the sky.

        Returns
        -------
        odd : ndarray of bool, shape (exposures,)
        remarks : tuple of str

        Raises
        ------
        _ForeignLight
            Where too few angles are left without them.
        """
        odd, none = np.zeros(len(chosen), dtype=bool), np.zeros(len(chosen), dtype=bool)
        sky = self._transparency(always=True)[0] if self._changes(chosen) else None
        if sky is None:
            return none, ()
        light = (self.table.flux["O"] + self.table.flux["E"]) / sky.factor
        noise = np.hypot(self.table.error["O"], self.table.error["E"]) / sky.factor
        error = np.hypot(noise, light * sky.error / sky.factor)
        chosen = chosen & np.isfinite(light)
        while self._enough(chosen & ~odd):
            level = float(np.median(light[chosen & ~odd]))
            off = np.where(chosen & ~odd, np.abs(light - level), 0.0)
            off[off <= np.maximum(_BEYOND_DOUBT * error, _FOREIGN * level)] = 0.0
            worst = int(np.argmax(off))
            if not off[worst]:
                break
            odd[worst] = True
            if odd.sum() > max(1.0, _MOST_SPOILT * chosen.sum()):
                return none, ("the light of the source changed from angle to angle",)
            if not self._enough(chosen & ~odd):
                raise _ForeignLight(
                    "the angles do not agree: the light of both beams changed unlike that of the "
                    f"stars, at {self._few(odd)}, and too few angles are left without",
                    change=float(light[worst] / level - 1.0),
                    sigmas=float(off[worst] / error[worst]),
                )
        if not odd.any():
            return none, ()
        remark = f"left out, the light changed unlike that of the stars: {self._few(odd)}"
        return odd, (remark,)

    def _changes(self, chosen: BoolArray) -> bool:
        """Return whether the light of both beams together changed: clouds, or other exposures."""
        total = (self.table.flux["O"] + self.table.flux["E"])[chosen]
        error = np.hypot(self.table.error["O"], self.table.error["E"])[chosen]
        high, low = int(np.argmax(total)), int(np.argmin(total))
        change = float(total[high] - total[low])
        certain = change > _BEYOND_DOUBT * float(np.hypot(error[high], error[low]))
        return bool(certain and change > _STEADY * float(np.median(total)))

    def _fit_pairs(self, chosen: BoolArray, beams: Sequence[FloatArray]) -> Stokes:
        angle = self.table.angle[chosen]
        columns = [column[chosen] for column in beams]
        parameters = self.parameters
        if self.instrument.polarimeter == "quarter-wave plate":
            return fit_quarter_wave_plate(
                angle,
                *columns,
                retardance=self.instrument.retardance,
                beam_gain=parameters.beam_gain,
                clip=parameters.clip,
            )
        if parameters.method == "ratios":
            return fit_plate_ratios(angle, *columns)
        return fit_half_wave_plate(
            angle, *columns, beam_gain=parameters.beam_gain, clip=parameters.clip
        )

    def _unspoilt_beam(self, why_not_both: AlgorithmFailed) -> SourceStokes:
        """Return the beam that agrees with itself where the two do not with each other.

        The other one has to disagree with itself beyond doubt: a plate that stood wrong spoils
        both, of which one may agree with itself by chance.
        """
        agreeing: list[SourceStokes] = []
        doubtless = 0
        for beam in ("O", "E") if self._linear else ():
            try:
                found = self.single(
                    "O" if beam == "O" else "E",
                    GOOD,
                    ("the other beam does not agree with itself from angle to angle",),
                )
            except AlgorithmFailed as error:
                dof, chi2 = error.numbers.get("dof", 0), error.numbers.get("chi2", 0.0)
            else:
                dof, chi2 = found.stokes.dof, found.stokes.chi2
                if special.chdtrc(dof, chi2) >= _BY_CHANCE and not found.sky_unknown:
                    agreeing.append(found)
            if dof and special.chdtrc(dof, chi2) < special.chdtrc(1, _BEYOND_DOUBT**2):
                doubtless += 1
        if len(agreeing) == 1 and doubtless == 1:
            return agreeing[0]
        raise why_not_both

    # -- what both share ---------------------------------------------------------------------

    @staticmethod
    def _with_common(stokes: Stokes, variance: float, sky: Transparency | None) -> Stokes:
        """Return the fit with the variance of its light that all exposures have in common."""
        scale = 1.0 if sky is None else float(np.nanmean(sky.factor))
        error = float(np.sqrt(stokes.intensity_err**2 + variance / scale**2))
        return stokes.replace(intensity_err=error)

    @property
    def _linear(self) -> bool:
        """Whether one beam alone gives linear polarization."""
        return self.instrument.polarimeter == "half-wave plate"

    def _transparency(self, *, always: bool = False) -> tuple[Transparency | None, str]:
        """Return what to divide by, or why there is nothing to divide by.

        With `always` also where chance might have given the change.
        """
        if self.parameters.transparency == "never":
            return None, "clouds are not corrected (polarimetry.transparency)"
        try:
            found = self.sky.of(self.source)
        except AlgorithmFailed as error:
            return None, str(error)
        if found.changes or always or self.parameters.transparency == "always":
            return found, ""
        return None, ""

    def _refuse_clouds(self, why_not: str) -> None:
        """Refuse fluxes that clouds changed where too few stars tell by how much.

        The fluxes of a source at four angles agree with one another behind one cloudy sky in
        a hundred, and would then be taken for a polarization of tens of percent.
        """
        if not why_not or self.parameters.transparency == "never":
            return
        change, n_stars = self.sky.clouds_told_by_few(self.source)
        if change:
            raise AlgorithmFailed(
                f"clouds: the other stars changed by {change:.2f} mag from angle to angle, and "
                "are too few to correct for it",
                stars=n_stars,
                needed=MIN_STARS,
            )

    def _few(self, chosen: BoolArray) -> str:
        return ", ".join(f"{angle:g}" for angle in self.table.angle[chosen]) + " deg"

    def _enough(self, chosen: BoolArray) -> bool:
        return self.table.angles(chosen) >= max(self.instrument.min_angles, 1)

    def _too_few(self, chosen: BoolArray) -> AlgorithmFailed:
        beams = sorted({beam for e in self.exposures for beam in e.images}, reverse=True)
        why = self.table.faults(beams)
        return AlgorithmFailed(
            "too few angles with apertures that are on the detector and not saturated"
            + (f": {why}" if why else ""),
            good=self.table.angles(chosen),
            needed=self.instrument.min_angles,
        )

    def _disagree(self, stokes: Stokes) -> bool:
        """Whether angles contradict each other, too few of them to say by how much errors grow."""
        if not 0 < stokes.dof <= _FEW_DEGREES:
            return False
        clip = self.parameters.clip
        improbable = special.chdtrc(stokes.dof, stokes.chi2) < special.chdtrc(1, clip**2)
        enlarged = np.nanmax([stokes.q_err, stokes.u_err, stokes.v_err or 0.0])
        return bool(improbable and enlarged > _WORST)

    def _result(
        self,
        stokes: Stokes,
        chosen: BoolArray,
        quality: int,
        sky: Transparency | None,
        remarks: tuple[str, ...],
    ) -> SourceStokes:
        used = np.zeros(len(chosen), dtype=bool)
        used[chosen] = stokes.used
        return SourceStokes(stokes.replace(used=used), quality == GOOD, sky, remarks)


def _on_one_scale(
    flux: FloatArray, error: FloatArray, factor: FloatArray, factor_err: FloatArray
) -> tuple[FloatArray, FloatArray]:
    value = flux / factor
    return value, np.hypot(error, value * factor_err) / factor
