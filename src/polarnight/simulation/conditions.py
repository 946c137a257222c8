"""What sky, telescope and polarimeter are like during an exposure of a night."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.frames import ImageType, ObsMode
from polarnight.simulation.frame import Conditions
from polarnight.simulation.modulation import HALF_WAVE, draw_instrumental
from polarnight.simulation.plan import airmass
from polarnight.simulation.psf import Psf
from polarnight.simulation.setting import whole_frame_optics

if TYPE_CHECKING:
    from datetime import date

    from polarnight.instruments import Instrument
    from polarnight.polarimetry.instrumental import InstrumentalPolarization
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.options import NightOptions
    from polarnight.simulation.plugin import SimulatedInstrument
    from polarnight.simulation.setting import Setting
    from polarnight.telescopes import Telescope

__all__ = ["Weather"]

_TRAIL = 8.0  # times the seeing, where the tracking is lost
_OVEREXPOSED = 20.0
_DOME = 1.0e-3
_CLOUDS = {"cloud": 1.0, "thick_cloud": 5.0}  # magnitudes
_SKY_TURN = 15.0  # degrees an hour


@dataclass(frozen=True)
class Weather:
    """Makes the conditions of the exposures of one night.

    Attributes
    ----------
    simulation, instrument, telescope, setting, options
    night : date
    plan : list of Exposure
    disturbances : mapping of str to str
        Kind by file name.
    rng : callable
        Returns the random generator of a purpose.
    """

    simulation: SimulatedInstrument
    instrument: Instrument
    telescope: Telescope
    setting: Setting
    options: NightOptions
    night: date
    plan: list[Exposure]
    disturbances: Mapping[str, str]
    rng: Callable[..., np.random.Generator]

    def psf(self, camera: Camera, rng: np.random.Generator) -> Psf:
        """Return the point-spread function of a moment."""
        o = self.options
        seeing = o.seeing or camera.seeing
        fwhm = seeing / (camera.scale * o.binning)
        spread = max(0.2, 1.0 + o.seeing_scatter * float(rng.standard_normal()))
        return Psf(fwhm * spread, o.psf, o.beta)

    def optics(self, exposure: Exposure, shift: tuple[float, float] = (0.0, 0.0)) -> Optics:
        """Return the projection of an exposure onto its frame."""
        whole = whole_frame_optics(
            self.simulation.camera_of(exposure.beam),
            self.setting.shape,
            self.setting.fields[exposure.pointing].axis,
            self.options,
            shift=shift,
            turned=self.instrument_angle(exposure) or 0.0,
        )
        if exposure.window is None:
            return whole
        return replace(whole, origin=exposure.window[:2])

    def instrument_angle(self, exposure: Exposure) -> float | None:
        """Return the position angle of the rotator, None where there is none."""
        angles = self.options.rotator
        return angles[(exposure.cycle or 0) % len(angles)] if angles else None

    def conditions(self, exposure: Exposure, rng: np.random.Generator, offset: float) -> Conditions:
        """Return the conditions of an exposure.

        Parameters
        ----------
        exposure : Exposure
        rng : numpy.random.Generator
            Of the moment, shared by cameras that expose together.
        offset : float
            Of the bias level, ADU.
        """
        o, camera = self.options, self.simulation.camera_of(exposure.beam)
        field = self.setting.fields[exposure.pointing]
        first = next(e.jd_start for e in self.plan if e.imgtype is ImageType.LIGHT)
        drift = o.drift * (exposure.jd_mid - first) * 24.0
        jitter = o.dither * rng.standard_normal(2)
        psf = self.psf(camera, rng)
        clouds = o.clouds * abs(float(rng.standard_normal()))
        angle = rng.uniform(0.0, 2.0 * np.pi)
        moon = self.rng("sky polarization").uniform(0.0, 2.0 * np.pi)
        made = Conditions(
            optics=self.optics(exposure, (float(jitter[0] + drift), float(jitter[1] + drift))),
            psf=psf,
            airmass=airmass(field.ra, field.dec, exposure.jd_mid, self.telescope),
            transparency=10.0 ** (-0.4 * clouds),
            extinct=o.extinction,
            sky_polarization=(
                o.sky_polarization * float(np.cos(moon)),
                o.sky_polarization * float(np.sin(moon)),
            ),
            sky_gradient=(
                o.sky_gradient * float(np.cos(angle)),
                o.sky_gradient * float(np.sin(angle)),
            ),
            bias_offset=offset,
            cosmic_rate=camera.cosmic_rate * o.binning**2 if o.cosmic_rays else 0.0,
            **self._polarimeter(exposure),
        )
        if o.moonlight:
            made = self._moonlit(made, exposure, moon)
        kind = self.disturbances.get(exposure.filename)
        return made if kind is None else self._disturbed(made, exposure, kind, rng)

    def _polarimeter(self, exposure: Exposure) -> dict[str, Any]:
        """Return what the light passes, with the actual instrumental polarization."""
        o, instrument = self.options, self.instrument
        turning = exposure.obsmode is ObsMode.POLARIMETRY and exposure.rotangle is not None
        always = instrument.pairs_always or instrument.beams == "cameras"
        if not turning and not always:
            return {}
        # The cycle's own constants hold for its photometry too, where there is any light of it.
        angle = exposure.rotangle if turning else 0.0
        kind = instrument.polarimeter
        quarter = kind == "quarter-wave plate"
        retardance = instrument.retardance if quarter else None
        if o.retardance_error:
            ideal = instrument.retardance if quarter else HALF_WAVE
            retardance = ideal + o.retardance_error
        turned = self.instrument_angle(exposure)
        parallactic = 0.0
        instrumental = self.instrumental(exposure)
        if instrumental.turns:
            field = self.setting.fields[exposure.pointing]
            parallactic = self.telescope.parallactic_angle(field.ra, field.dec, exposure.jd_mid)
        return {
            "polarimeter": kind if turning else None,
            "beams": instrument.beams,
            "plate_angle": instrument.angle_sense * (angle or 0.0),
            "retardance": retardance,
            "instrumental": instrumental,
            "instrument_angle": turned or 0.0,
            "parallactic_angle": parallactic,
            "field_polarization": o.field_polarization,
            "beam_gain": o.beam_gain,
            "pair": self.setting.pair,
        }

    def instrumental(self, exposure: Exposure) -> InstrumentalPolarization:
        """Return the actual instrumental polarization of an exposure."""
        o = self.options
        quoted = self.instrument.instrumental_polarization(exposure.band, self.night)
        trial = (exposure.cycle or 0) if o.ip_per == "cycle" else 0
        actual = draw_instrumental(
            quoted, o.ip_scatter, self.rng("instrumental", exposure.band, trial)
        )
        if o.instrumental:
            given: dict[str, Any] = {key: float(v) for key, v in o.instrumental.items()}
            actual = replace(actual, **given)
        telescope_q, telescope_u = o.telescope_polarization
        if telescope_q or telescope_u:
            actual = replace(actual, telescope_q=telescope_q, telescope_u=telescope_u)
        return actual

    def _moonlit(self, made: Conditions, exposure: Exposure, start: float) -> Conditions:
        """Add the light of a rising moon: bright on one side, polarized across its direction."""
        o = self.options
        times = [e.jd_start for e in self.plan if e.imgtype is ImageType.LIGHT]
        span = max(times[-1] - times[0], 1e-6)
        phase = float(np.clip((exposure.jd_start - times[0]) / span, 0.0, 1.0))
        light = o.moonlight * phase
        share = light / (1.0 + light)  # of the moon in all the light
        turned = start + np.deg2rad(_SKY_TURN * 24.0 * (exposure.jd_start - times[0]))
        direction = np.array([np.cos(turned), np.sin(turned)])
        gradient = np.array(made.sky_gradient) * (1.0 - share) + o.moon_gradient * share * direction
        across = -o.moon_polarization * share * np.exp(2j * turned)
        q, u = made.sky_polarization
        stokes = complex(q, u) * (1.0 - share) + across
        return replace(
            made,
            sky_factor=1.0 + light,
            sky_gradient=(float(gradient[0]), float(gradient[1])),
            sky_polarization=(float(stokes.real), float(stokes.imag)),
        )

    def _disturbed(
        self, made: Conditions, exposure: Exposure, kind: str, rng: np.random.Generator
    ) -> Conditions:
        """Return the conditions with a mishap, see `polarnight.simulation.DISTURBANCES`."""
        if kind == "stuck_plate":
            return replace(made, plate_angle=self._angle_before(exposure))
        if kind == "satellite":
            return replace(made, satellite=True)
        if kind == "saturated":
            return replace(made, longer=_OVEREXPOSED)
        if kind == "trailed":
            direction = rng.uniform(0.0, np.pi)
            length = _TRAIL * made.psf.fwhm
            return replace(
                made,
                trail=(float(length * np.cos(direction)), float(length * np.sin(direction))),
            )
        if kind == "dome":
            return replace(
                made,
                transparency=made.transparency * _DOME,
                sky_factor=made.sky_factor * _DOME,
            )
        return replace(made, transparency=made.transparency * 10.0 ** (-0.4 * _CLOUDS[kind]))

    def _angle_before(self, exposure: Exposure) -> float:
        """Return the angle of the last other position in the plan before an exposure."""
        angles = [
            e.rotangle
            for e in self.plan
            if e.rotangle is not None
            and e.imgtype is ImageType.LIGHT
            and (e.jd_start < exposure.jd_start)
            and e.rotangle != exposure.rotangle
        ]
        last = angles[-1] if angles else self.instrument.angles[-1]
        return self.instrument.angle_sense * last
