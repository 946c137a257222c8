"""A simulated night: raw frames of an instrument, and the truth beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import Instrument, get_instrument
from polarnight.simulation.cameras import Camera, get_camera
from polarnight.simulation.detector import Chip, make_chip, make_flat
from polarnight.simulation.faults import FAULTS, apply_fault
from polarnight.simulation.fields import BL_LAC, HILTNER_960, grid_field, target_field
from polarnight.simulation.frame import (
    Conditions,
    Exposure,
    Rendered,
    render_calibration,
    render_frame,
)
from polarnight.simulation.headers import HEADER_WRITERS, Pointing
from polarnight.simulation.modulation import draw_instrumental
from polarnight.simulation.optics import Optics
from polarnight.simulation.options import NightOptions, make_options
from polarnight.simulation.plan import airmass, local_sidereal_time, plan_night
from polarnight.simulation.psf import Psf
from polarnight.simulation.seeds import generator
from polarnight.simulation.sky import Sky
from polarnight.telescopes import Telescope, get_telescope

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NightSimulator", "read_truth", "simulate_night", "sky_of_truth"]

_TRUTH_VERSION = 1
_TARGETS = {"AndorT90": BL_LAC, "CAFOS2.2": HILTNER_960}


@dataclass(frozen=True)
class _Setting:
    """What is fixed for a whole night."""

    shape: tuple[int, int]
    target: tuple[str, float, float]
    axis: tuple[float, float]  # where the telescope really points, ICRS degrees
    pair: tuple[float, float]


class NightSimulator:
    """Renders the frames of one night, each on its own, so that any may be made alone.

    Parameters
    ----------
    instrument_name : str
    night : str or date
        Date at the start of the night.
    seed : int
    options : NightOptions
    """

    def __init__(
        self, instrument_name: str, night: str | date, seed: int, options: NightOptions
    ) -> None:
        self.instrument: Instrument = get_instrument(instrument_name)
        self.camera: Camera = get_camera(instrument_name)
        self.telescope: Telescope = get_telescope(self.camera.telescope)
        self.night = night if isinstance(night, date) else date.fromisoformat(night)
        self.seed = seed
        self.options = options
        self._flats: dict[str, npt.NDArray[np.float32]] = {}
        self.setting = self._make_setting()
        self.chip: Chip = make_chip(
            self.camera, self.setting.shape, options.binning, hot_pixels=options.hot_pixels
        )
        self.sky: Sky = self._make_sky()
        self.plan: list[Exposure] = plan_night(
            self.instrument,
            self.telescope,
            self._midnight,
            self.setting.target,
            options,
            self._rng("plan"),
        )
        self.faults: dict[str, str] = self._assign_faults()

    # -- what the night is like --------------------------------------------------------

    @property
    def _midnight(self) -> float:
        return self.night.toordinal() + 1721424.5

    def _rng(self, *purpose: str | int) -> np.random.Generator:
        # The night is part of the seed: two nights of one seed share no noise.
        return generator(
            "night", self.camera.instrument, self.night.toordinal(), self.seed, *purpose
        )

    def _make_setting(self) -> _Setting:
        o, camera = self.options, self.camera
        window = tuple(n // o.binning for n in camera.window)
        shape = (o.size, o.size) if o.size else (window[0], window[1])
        if o.scenario == "demo":
            t = _TARGETS[camera.instrument]
            target = (t.object_name, t.ra, t.dec)
        else:
            # A field that culminates in the middle of the night.
            late = self._midnight + 23.5 / 24.0
            ra = round(local_sidereal_time(late, self.telescope.longitude)) % 360
            target = ("Grid", float(ra), 35.0)
        rng = self._rng("setting")
        east, north = o.pointing_error / 3600.0 * rng.standard_normal(2)
        axis = (target[1] + float(east) / float(np.cos(np.deg2rad(target[2]))), target[2] + north)
        pair = (0.0, 0.0)
        if self.instrument.pair is not None:
            v, (zx, zy) = self.instrument.pair, rng.standard_normal(2)
            pair = (
                float(v.dx + 0.5 * v.sx * zx) / o.binning,
                float(v.dy + 0.5 * v.sy * zy) / o.binning,
            )
        return _Setting(shape, target, (float(axis[0]), float(axis[1])), pair)

    def _optics(self, shift: tuple[float, float] = (0.0, 0.0)) -> Optics:
        o, camera, shape = self.options, self.camera, self.setting.shape
        # The distortion is given at the corner of the whole chip and grows as r^3.
        share = float(np.hypot(*shape) * o.binning / np.hypot(*camera.chip))
        return Optics(
            ra=self.setting.axis[0],
            dec=self.setting.axis[1],
            scale=camera.scale * o.binning,
            rotation=camera.rotation,
            mirrored=camera.mirrored,
            shape=shape,
            shift=shift,
            distortion=camera.distortion * share**3 / o.binning,
        )

    def _make_sky(self) -> Sky:
        o, camera = self.options, self.camera
        side = max(self.setting.shape) * camera.scale * o.binning / 3600.0
        if o.scenario == "demo":
            bright = 10.5 if camera.instrument == "CAFOS2.2" else 12.0
            sky = target_field(
                _TARGETS[camera.instrument],
                radius_deg=0.75 * side,
                n_stars=round(2.25 * o.n_stars),
                n_calibrators=o.n_calibrators,
                mag_range=(bright - 0.5, bright + 5.5),
                calibrator_mags=(bright, bright + 2.3),
                calibrator_radius_deg=0.38 * side,
                isolation_deg=min(25.0 / 3600.0, 0.06 * side),
            )
        else:
            dual = self.instrument.pair is not None
            seeing = (o.seeing or camera.seeing) / (camera.scale * o.binning)
            room = max(36.0 / o.binning if dual else 0.0, 9.0 * seeing)
            sky = grid_field(
                self._optics(),
                self._rng("grid"),
                spacing=(2.0 * room if dual else room + 5.0, room if dual else room + 5.0),
                border=40.0 / o.binning if dual else 20.0,
                n_sources=o.n_sources,
                mag_range=o.mag_range,
                p_range=o.p_range,
                n_calibrators=o.n_calibrators,
            )
        return self._with_literature(sky)

    def _with_literature(self, sky: Sky) -> Sky:
        o = self.options
        errors = np.where(sky.role == "calibrator", o.calibrator_error, o.field_star_error)
        # Literature is the same whatever night is observed, unless the sky itself is new.
        rng = (
            generator("literature", str(sky.name[0]), self.seed)
            if o.scenario == "demo"
            else self._rng("literature")
        )
        sky = sky.with_catalogue(errors, rng, scatter=o.catalogue_scatter)
        varies = (sky.role == "target") & (o.amplitude > 0)
        return sky.replace(
            amplitude=np.where(varies, o.amplitude, 0.0),
            period=np.full(len(sky), o.period),
            epoch=self._midnight + 1.0,
        )

    def _assign_faults(self) -> dict[str, str]:
        science = [e.filename for e in self.plan if e.imgtype is ImageType.LIGHT]
        names = {e.filename for e in self.plan}
        assigned: dict[str, str] = {}
        for kind, where in (self.options.faults or {}).items():
            if kind not in FAULTS:
                msg = f"no fault {kind!r}; there are: {', '.join(FAULTS)}"
                raise ConfigError(msg)
            for item in where if isinstance(where, (list, tuple)) else (where,):
                text = str(item)
                if text.isdecimal() and int(text) < len(science):
                    assigned[science[int(text)]] = kind
                elif text in names:
                    assigned[text] = kind
                else:
                    msg = f"fault {kind!r}: the night has no frame {item!r}"
                    raise ConfigError(msg)
        return assigned

    # -- frames ------------------------------------------------------------------------

    def render(self, exposure: Exposure) -> Rendered:
        """Render one frame of the plan."""
        rng = self._rng("frame", exposure.filename)
        offset = float(0.3 * rng.standard_normal())
        if exposure.imgtype is not ImageType.LIGHT:
            flat = self.flat(exposure) if exposure.imgtype is ImageType.FLAT else None
            return render_calibration(
                exposure,
                self.camera,
                self.chip,
                flat,
                rng,
                psf=self._psf(rng),
                n_stars=self.options.flat_stars,
                bias_offset=offset,
            )
        sky = self.sky
        if self.faults.get(exposure.filename) == "no_stars":
            sky = sky.replace(mags={b: np.full(len(sky), 40.0) for b in sky.mags})
        conditions = self._conditions(exposure, rng, offset)
        return render_frame(
            exposure, conditions, sky, self.camera, self.chip, self.flat(exposure), rng
        )

    def flat(self, exposure: Exposure) -> npt.NDArray[np.float32]:
        """Return the true flat field of a frame's light path."""
        key = exposure.light_path
        if self.instrument.pair is not None and exposure.obsmode is ObsMode.POLARIMETRY:
            key = f"{exposure.band} Wollaston"  # the plate turns, the dust behind it does not
        if key not in self._flats:
            self._flats[key] = make_flat(
                self.camera, self.chip, key, vignetting=self.options.vignetting
            )
        return self._flats[key]

    def header(self, exposure: Exposure) -> Any:
        """Return the raw header of a frame."""
        _, ra, dec = self.setting.target
        mass = airmass(ra, dec, exposure.jd_mid, self.telescope)
        write = HEADER_WRITERS[self.camera.instrument]
        return write(
            exposure,
            self.camera,
            self.setting.shape,
            self.options.binning,
            Pointing(ra, dec, mass),
        )

    def _psf(self, rng: np.random.Generator) -> Psf:
        o = self.options
        seeing = o.seeing or self.camera.seeing
        fwhm = seeing / (self.camera.scale * o.binning)
        spread = max(0.2, 1.0 + o.seeing_scatter * float(rng.standard_normal()))
        return Psf(fwhm * spread, o.psf, o.beta)

    def _conditions(
        self, exposure: Exposure, rng: np.random.Generator, offset: float
    ) -> Conditions:
        o, camera = self.options, self.camera
        _, ra, dec = self.setting.target
        first = next(e.jd_start for e in self.plan if e.imgtype is ImageType.LIGHT)
        drift = o.drift * (exposure.jd_mid - first) * 24.0
        jitter = o.dither * rng.standard_normal(2)
        psf = self._psf(rng)
        clouds = o.clouds * abs(float(rng.standard_normal()))
        angle = rng.uniform(0.0, 2.0 * np.pi)
        quoted = self.instrument.instrumental_polarization(exposure.band, self.night)
        draw = self._rng("instrumental", exposure.band, exposure.cycle or 0)
        moon = self._rng("sky polarization").uniform(0.0, 2.0 * np.pi)
        return Conditions(
            optics=self._optics((float(jitter[0] + drift), float(jitter[1] + drift))),
            psf=psf,
            airmass=airmass(ra, dec, exposure.jd_mid, self.telescope),
            transparency=10.0 ** (-0.4 * clouds),
            extinct=o.extinction,
            instrumental=draw_instrumental(quoted, o.ip_scatter, draw),
            sky_polarization=(
                o.sky_polarization * float(np.cos(moon)),
                o.sky_polarization * float(np.sin(moon)),
            ),
            sky_gradient=(
                o.sky_gradient * float(np.cos(angle)),
                o.sky_gradient * float(np.sin(angle)),
            ),
            beam_gain=o.beam_gain,
            pair=self.setting.pair,
            bias_offset=offset,
            cosmic_rate=camera.cosmic_rate * o.binning**2 if o.cosmic_rays else 0.0,
        )

    def write(self, exposure: Exposure, directory: Path) -> dict[str, Any]:
        """Render a frame, write it, and return its truth."""
        from astropy.io import fits

        rendered = self.render(exposure)
        path = directory / exposure.filename
        hdu = fits.PrimaryHDU(rendered.data, self.header(exposure))
        hdu.writeto(path, overwrite=True)
        fault = self.faults.get(exposure.filename)
        if fault is not None:
            apply_fault(path, fault)
        return {
            **asdict(exposure),
            "jd_mid": exposure.jd_mid,
            "fault": fault,
            **rendered.truth,
        }

    def truth(self, frames: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the whole truth of the night as plain types."""
        return {
            "version": _TRUTH_VERSION,
            "instrument": self.camera.instrument,
            "telescope": self.telescope.name,
            "night": self.night.isoformat(),
            "seed": self.seed,
            "scenario": self.options.scenario,
            "options": asdict(self.options),
            "shape": list(self.setting.shape),
            "pixel_scale": self.camera.scale * self.options.binning,
            "gain": self.camera.gain,
            "read_noise": self.camera.read_noise,
            "object": self.setting.target[0],
            "epoch": self.sky.epoch,
            "sky": self.sky.rows(),
            "frames": frames,
        }


def simulate_night(
    instrument_name: str,
    night: str | date,
    seed: int,
    out_dir: str | Path,
    *,
    scenario: str = "demo",
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Write the raw frames of a night, and its truth beside them.

    Bit for bit the same whenever instrument, night, seed, scenario and options are the same.

    Parameters
    ----------
    instrument_name : str
        Such as ``"AndorT90"`` or ``"CAFOS2.2"``.
    night : str or date
        Date (ISO) at the start of the night.
    seed : int
    out_dir : str or Path
        Frames go to ``<out_dir>/<night>/``, the truth to ``<out_dir>/<night>.truth.json``.
    scenario : str
        See `polarnight.simulation.SCENARIOS`.
    overwrite : bool
        Whether the directory of the night may hold something already; other files in it stay.
    **options
        See `polarnight.simulation.NightOptions`.

    Returns
    -------
    Path
        The file of the truth (JSON).

    Raises
    ------
    ConfigError
        Where instrument, scenario or options are unknown or make no sense, or the directory is
        not empty.
    """
    simulator = NightSimulator(
        instrument_name, night, seed, make_options(instrument_name, scenario, options)
    )
    name = simulator.night.isoformat()
    directory = Path(out_dir) / name
    if directory.exists() and any(directory.iterdir()) and not overwrite:
        msg = f"{directory} is not empty; simulate into another directory, or delete it"
        raise ConfigError(msg)
    directory.mkdir(parents=True, exist_ok=True)
    frames = [simulator.write(exposure, directory) for exposure in simulator.plan]
    path = Path(out_dir) / f"{name}.truth.json"
    text = json.dumps(simulator.truth(frames), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read_truth(path: str | Path) -> dict[str, Any]:
    """Return the truth of a simulated night as plain types."""
    truth: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return truth


def sky_of_truth(truth: dict[str, Any]) -> Sky:
    """Return the sky table of a truth."""
    return Sky.from_rows(truth["sky"], truth["epoch"])
