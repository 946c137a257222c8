"""A simulated night: raw frames of an instrument, and the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import ConfigError
from polarnight.frames import ImageType, ObsMode
from polarnight.instruments import Instrument, get_instrument
from polarnight.simulation.conditions import Weather
from polarnight.simulation.detector import Chip, make_chip, make_flat
from polarnight.simulation.disturbances import DISTURBANCES
from polarnight.simulation.exposure import Exposure
from polarnight.simulation.faults import FAULTS, apply_fault
from polarnight.simulation.frame import Rendered, render_calibration, render_frame
from polarnight.simulation.galaxy import Galaxy
from polarnight.simulation.headers import wcs_cards
from polarnight.simulation.options import NightOptions, make_options
from polarnight.simulation.plan import airmass, plan_night
from polarnight.simulation.plugin import FrameSetting, Pointing
from polarnight.simulation.registry import get_simulation
from polarnight.simulation.seeds import generator
from polarnight.simulation.setting import Window, make_setting, place_near
from polarnight.simulation.skies import make_sky, scenario_targets
from polarnight.simulation.sky import Sky
from polarnight.telescopes import Telescope, get_telescope

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NightSimulator", "read_truth", "simulate_night", "sky_of_truth"]

_TRUTH_VERSION = 1


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
        self.night = night if isinstance(night, date) else date.fromisoformat(night)
        self.simulation = get_simulation(instrument_name, self.night)
        self.camera = self.simulation.camera
        self.telescope: Telescope = get_telescope(self.camera.telescope)
        self.seed = seed
        self.options = options
        self._chips: dict[str, Chip] = {}
        self._flats: dict[str, npt.NDArray[np.float32]] = {}
        self.setting = make_setting(
            self.simulation,
            self.instrument,
            self.telescope,
            self._midnight,
            scenario_targets(self.simulation, self.telescope, self._midnight, options, seed),
            options,
            self._rng,
        )
        self.sky: Sky = self._make_sky()
        self.plan: list[Exposure] = plan_night(
            self.instrument,
            self.telescope,
            self._midnight,
            self.setting,
            options,
            self._rng("plan"),
            self.simulation.filename,
            milliseconds=self.simulation.milliseconds,
        )
        self.faults = self._assigned(options.faults, "fault", FAULTS)
        self.disturbances = self._assigned(options.disturbances, "disturbance", DISTURBANCES)
        self.missing = self._missing()
        self.weather = Weather(
            self.simulation,
            self.instrument,
            self.telescope,
            self.setting,
            options,
            self.night,
            self.plan,
            self.disturbances,
            self._rng,
        )
        self.scene = (
            Galaxy.about(self.simulation.target, self.setting.shape, self.camera.scale)
            if options.scenario == "galaxy"
            else None
        )

    # -- what the night is like --------------------------------------------------------

    @property
    def _midnight(self) -> float:
        """Julian date of 0 h of the site's zone time on the night's date (UT in Spain)."""
        zone = round(self.telescope.longitude / 15.0)
        return self.night.toordinal() + 1721424.5 - zone / 24.0

    def _rng(self, *purpose: str | int) -> np.random.Generator:
        # The night is part of the seed: two nights of one seed share no noise.
        return generator(
            "night", self.camera.instrument, self.night.toordinal(), self.seed, *purpose
        )

    def _make_sky(self) -> Sky:
        o = self.options
        sky = make_sky(self.simulation, self.instrument, self.setting, o, self.seed, self._rng)
        varies = (sky.role == "target") & (o.amplitude > 0)
        return sky.replace(
            amplitude=np.where(varies, o.amplitude, 0.0),
            period=np.full(len(sky), o.period),
            epoch=self._midnight + 1.0,
        )

    def _assigned(
        self, asked: Mapping[str, Any] | None, what: str, known: Mapping[str, Any]
    ) -> dict[str, str]:
        """Return the kind of mishap by file name."""
        science = [e.filename for e in self.plan if e.imgtype is ImageType.LIGHT]
        # A file of any kind can be damaged; what befalls the light needs some.
        frame = "frame" if what == "fault" else "science frame"
        names = {e.filename for e in self.plan} if what == "fault" else set(science)
        assigned: dict[str, str] = {}
        for kind, where in (asked or {}).items():
            if kind not in known:
                msg = f"no {what} {kind!r}; there are: {', '.join(known)}"
                raise ConfigError(msg)
            for item in where if isinstance(where, (list, tuple)) else (where,):
                text = str(item)
                if text.isdecimal() and int(text) < len(science):
                    assigned[science[int(text)]] = kind
                elif text in names:
                    assigned[text] = kind
                else:
                    msg = f"{what} {kind!r}: the night has no {frame} {item!r}"
                    raise ConfigError(msg)
        return assigned

    def _missing(self) -> set[str]:
        """Return the names of the frames whose files are lost."""
        science = [e.filename for e in self.plan if e.imgtype is ImageType.LIGHT]
        for number in self.options.missing:
            if number >= len(science):
                msg = (
                    f"simulation option missing: the night has no science frame {number}; its "
                    f"last is {len(science) - 1}"
                )
                raise ConfigError(msg)
        return {science[number] for number in self.options.missing}

    # -- frames ------------------------------------------------------------------------

    @property
    def chip(self) -> Chip:
        """The whole detector (of the ordinary beam where there are two)."""
        return self.chip_of("")

    def chip_of(self, beam: str) -> Chip:
        """Return the whole detector of a beam's camera."""
        camera = self.simulation.camera_of(beam)
        if camera.label not in self._chips:
            self._chips[camera.label] = make_chip(
                camera,
                self.setting.shape,
                self.options.binning,
                hot_pixels=self.options.hot_pixels,
            )
        return self._chips[camera.label]

    def render(self, exposure: Exposure) -> Rendered:
        """Render one frame of the plan."""
        rng = self._rng("frame", exposure.filename)
        offset = float(0.3 * rng.standard_normal())
        camera = self.simulation.camera_of(exposure.beam)
        chip = self.chip_of(exposure.beam)
        if exposure.imgtype is not ImageType.LIGHT:
            flat = self.flat(exposure) if exposure.imgtype is ImageType.FLAT else None
            return render_calibration(
                exposure,
                camera,
                chip,
                flat,
                rng,
                psf=self.weather.psf(camera, rng),
                n_stars=self.options.flat_stars,
                bias_offset=offset,
            )
        sky = self.sky
        if self.faults.get(exposure.filename) == "no_stars":
            sky = sky.replace(mags={b: np.full(len(sky), 40.0) for b in sky.mags})
        # Cameras that expose together look through the same air.
        moment = self._rng("moment", _seconds(exposure.jd_start)) if exposure.beam else rng
        conditions = self.weather.conditions(exposure, moment, offset)
        return render_frame(
            exposure,
            conditions,
            sky,
            camera,
            chip if exposure.window is None else chip.cut(*_slices(exposure.window)),
            self.flat(exposure),
            rng,
            self.scene,
        )

    def flat(self, exposure: Exposure) -> npt.NDArray[np.float32]:
        """Return the true flat field of a frame's light path, cut to its window."""
        key = exposure.light_path
        if self.instrument.windows:
            key = exposure.band
        elif self.instrument.pair is not None and exposure.obsmode is ObsMode.POLARIMETRY:
            key = f"{exposure.band} Wollaston"  # the plate turns, the dust behind it does not
        camera = self.simulation.camera_of(exposure.beam)
        if camera.label + key not in self._flats:
            self._flats[camera.label + key] = make_flat(
                camera, self.chip_of(exposure.beam), key, vignetting=self.options.vignetting
            )
        whole = self._flats[camera.label + key]
        return whole if exposure.window is None else whole[_slices(exposure.window)]

    def header(self, exposure: Exposure) -> Any:
        """Return the raw header of a frame."""
        field = self.setting.fields[exposure.pointing]
        mass = airmass(field.ra, field.dec, exposure.jd_mid, self.telescope)
        x0, y0, columns, rows = exposure.window or (0, 0, 0, 0)
        light = exposure.imgtype is ImageType.LIGHT
        believed = field.ra, field.dec
        if any(self.options.pointing_offset):
            believed = place_near(field.ra, field.dec, *self.options.pointing_offset)
        return self.simulation.header(
            exposure,
            FrameSetting(
                instrument=self.instrument,
                camera=self.simulation.camera_of(exposure.beam),
                shape=(rows, columns) if exposure.window else self.setting.shape,
                binning=self.options.binning,
                pointing=Pointing(*believed, mass),
                origin=(x0, y0),
                instrument_angle=self.weather.instrument_angle(exposure),
                optics=self.weather.optics(exposure) if light else None,
            ),
        )

    def write(self, exposure: Exposure, directory: Path) -> dict[str, Any]:
        """Render a frame, write it, and return its truth."""
        from astropy.io import fits

        rendered = self.render(exposure)
        path = directory / exposure.filename
        missing = exposure.filename in self.missing
        if not missing:
            hdu = fits.PrimaryHDU(rendered.data, self.header(exposure))
            hdu.writeto(path, overwrite=True)
        fault = self.faults.get(exposure.filename)
        if fault is not None and not missing:
            apply_fault(path, fault)
        return {
            **asdict(exposure),
            "jd_mid": exposure.jd_mid,
            "fault": fault,
            "disturbance": self.disturbances.get(exposure.filename),
            "missing": missing,
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
            "object": self.setting.fields[0].object_name,
            "objects": [field.object_name for field in self.setting.fields],
            "epoch": self.sky.epoch,
            "sky": self.sky.rows(),
            "frames": frames,
        }


def _seconds(jd: float) -> int:
    return round(jd * 86400.0)


def _slices(window: Window) -> tuple[slice, slice]:
    x0, y0, columns, rows = window
    return slice(y0, y0 + rows), slice(x0, x0 + columns)


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
        One of those of the instrument, see `SimulatedInstrument`.
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
        Where instrument, scenario or options are unknown or make no sense, the instrument was
        not in use that night, or the directory is not empty.
    """
    simulator = NightSimulator(
        instrument_name,
        night,
        seed,
        make_options(instrument_name, scenario, options),
    )
    _check_in_use(simulator)
    name = simulator.night.isoformat()
    directory = Path(out_dir) / name
    if directory.exists() and any(directory.iterdir()) and not overwrite:
        msg = f"{directory} is not empty; simulate into another directory, or delete it"
        raise ConfigError(msg)
    directory.mkdir(parents=True, exist_ok=True)
    frames = [simulator.write(exposure, directory) for exposure in simulator.plan]
    if simulator.scene is not None:
        _write_scene(simulator, Path(out_dir) / name)
    path = Path(out_dir) / f"{name}.truth.json"
    text = json.dumps(simulator.truth(frames), allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _check_in_use(simulator: NightSimulator) -> None:
    """Refuse a night on which the frames would be taken for those of another instrument."""
    instrument = simulator.instrument
    if simulator.plan and not instrument.recognises(simulator.header(simulator.plan[0])):
        msg = f"{instrument.name} was not in use on {simulator.night}; simulate another night"
        raise ConfigError(msg)


def _write_scene(simulator: NightSimulator, stem: Path) -> None:
    """Write the true image of the scene in each band, above the atmosphere and without seeing."""
    from astropy.io import fits

    exposure = next(e for e in simulator.plan if e.imgtype is ImageType.LIGHT)
    optics = simulator.weather.optics(exposure)
    if simulator.scene is None:
        return
    for band in simulator.options.photometry:
        image = simulator.scene.image(band, optics, simulator.setting.shape, None)
        header = fits.Header()
        header["BUNIT"] = ("1e-10 mag0", "25 - 2.5 lg(value) is a magnitude")
        header["BAND"] = band
        header["OBJECT"] = simulator.setting.fields[0].object_name
        header.update(wcs_cards(optics))
        path = stem.parent / f"{stem.name}.{simulator.scene.kind}-{band}.fits"
        fits.PrimaryHDU(image * np.float32(1e10), header).writeto(path, overwrite=True)


def read_truth(path: str | Path) -> dict[str, Any]:
    """Return the truth of a simulated night as plain types."""
    truth: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return truth


def sky_of_truth(truth: dict[str, Any]) -> Sky:
    """Return the sky table of a truth."""
    return Sky.from_rows(truth["sky"], truth["epoch"])
