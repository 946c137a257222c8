"""The sky of each scenario, with what the literature says of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from polarnight.simulation.bands import johnson_band
from polarnight.simulation.fields import grid_field, target_field
from polarnight.simulation.seeds import generator
from polarnight.simulation.setting import whole_frame_optics
from polarnight.simulation.standards import standard_targets
from polarnight.simulation.targets import Target, get_target

if TYPE_CHECKING:
    from polarnight.instruments import Instrument
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.options import NightOptions
    from polarnight.simulation.plugin import SimulatedInstrument
    from polarnight.simulation.setting import ObservedField, Setting
    from polarnight.simulation.sky import Sky
    from polarnight.telescopes import Telescope

__all__ = ["make_sky", "scenario_targets"]

_MAGNITUDES = 5.0  # range of the field stars
_BRIGHTEST_STANDARD_STAR = 9.5


def scenario_targets(
    simulation: SimulatedInstrument,
    telescope: Telescope,
    midnight: float,
    options: NightOptions,
    seed: int,
) -> tuple[Target, ...]:
    """Return what the scenario points at; empty for a field without a known target."""
    if options.scenario == "standards":
        return standard_targets(telescope, midnight, options, seed)
    if options.scenario == "demo" and options.target:
        return (get_target(options.target),)
    if options.scenario in ("demo", "galaxy"):
        return (simulation.target,)
    return ()


def make_sky(
    simulation: SimulatedInstrument,
    instrument: Instrument,
    setting: Setting,
    options: NightOptions,
    seed: int,
    rng: Callable[..., np.random.Generator],
) -> Sky:
    """Return the sky of a night.

    Parameters
    ----------
    simulation, instrument, setting, options
    seed : int
        The literature's deviations are the same in all nights of a seed.
    rng : callable
        Returns the random generator of a purpose, of this night.
    """
    if options.scenario == "grid":
        sky = _grid(simulation.camera, instrument, setting, options, rng("grid"))
        return _with_literature(sky, simulation.camera, options, rng("literature"))
    skies = [_stars_about(simulation, setting, field, options) for field in setting.fields]
    told = [
        _with_literature(
            one, simulation.camera, options, generator("literature", str(one.name[0]), seed)
        )
        for one in skies
    ]
    return functools.reduce(lambda all_, one: all_.joined(one), told)


def _stars_about(
    simulation: SimulatedInstrument, setting: Setting, field: ObservedField, options: NightOptions
) -> Sky:
    o, camera = options, simulation.camera
    side = max(setting.shape) * camera.scale * o.binning / 3600.0
    bright = simulation.brightest_star
    target = field.target
    if len(setting.fields) > 1 and target is not None:
        # Exposures of a bright standard are short.
        bright = max(_BRIGHTEST_STANDARD_STAR, target.mags[3] + 1.0)
    sky = target_field(
        target or _nameless(field, bright),
        radius_deg=0.75 * side,
        n_stars=round(2.25 * o.n_stars),
        n_calibrators=o.n_calibrators,
        mag_range=(bright - 0.5, bright + _MAGNITUDES + 0.5),
        calibrator_mags=(bright, bright + 2.3),
        calibrator_radius_deg=0.38 * side,
        isolation_deg=min(25.0 / 3600.0, 0.06 * side),
    )
    if target is not None and len(setting.fields) > 1:
        stars = sky.role == "star"
        names = np.where(stars, np.char.add(f"{target.name} ", sky.name), sky.name)
        sky = sky.replace(name=names)
    if target is not None and target.stokes:
        one = {band: np.column_stack((sky.q, sky.u)) for band, _, _ in target.stokes}
        for band, q, u in target.stokes:
            one[band][0] = q, u
        sky = sky.replace(stokes=one)
    circular = o.target_v or (target.v if target is not None else 0.0)
    if circular:
        sky = sky.replace(v=np.where(sky.role == "target", circular, 0.0))
    return sky


def _nameless(field: ObservedField, bright: float) -> Target:
    """Return a star in the middle of a field that has no target."""
    name = f"{field.object_name} {field.ra:.3f} {field.dec:+.3f}"
    mags = (bright + 1.0, bright + 0.9, bright + 0.3, bright, bright - 0.3)
    return Target(name, field.object_name, "", "star", field.ra, field.dec, mags, 0.0, 0.0)


def _grid(
    camera: Camera,
    instrument: Instrument,
    setting: Setting,
    options: NightOptions,
    rng: np.random.Generator,
) -> Sky:
    o = options
    shape = setting.shape
    optics = whole_frame_optics(camera, shape, setting.fields[0].axis, o)
    seeing = (o.seeing or camera.seeing) / (camera.scale * o.binning)
    room = 9.0 * seeing
    if instrument.pair is None:
        spacing, border = (room + 5.0, room + 5.0), (20.0, 20.0, 20.0, 20.0)
    else:
        # Every second place along the pair vector is left to the other image.
        pair = math.ceil(math.hypot(instrument.pair.dx, instrument.pair.dy)) / o.binning
        across = max(room, min(pair, 36.0 / o.binning))
        spacing = (2.0 * max(pair, room), across)
        border = _border_for_pairs(setting.pair, 40.0 / o.binning, 3.0 * seeing)
        if abs(instrument.pair.dy) > abs(instrument.pair.dx):
            spacing = spacing[::-1]
    if setting.window is not None and o.n_cycles:
        # Only what falls into the windows is measured in polarimetry.
        x0, y0, columns, rows = setting.window
        optics = replace(optics, origin=(x0, y0))
        shape = (rows, columns)
    sky = grid_field(
        optics,
        rng,
        spacing=spacing,
        border=border,
        n_sources=o.n_sources,
        mag_range=o.mag_range,
        p_range=o.p_range,
        n_calibrators=o.n_calibrators,
        shape=shape,
    )
    if o.v_range != (0.0, 0.0):
        sky = sky.replace(v=rng.uniform(*o.v_range, len(sky)))
    return sky


def _border_for_pairs(
    pair: tuple[float, float], usual: float, image: float
) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top borders that leave room for the other image."""

    def border(reach: float) -> float:
        return usual if reach <= 0.95 * usual else reach + image

    dx, dy = pair
    return border(-dx), border(dx), border(-dy), border(dy)


def _with_literature(
    sky: Sky, camera: Camera, options: NightOptions, rng: np.random.Generator
) -> Sky:
    others = {band: sky.mags[johnson_band(band)] for band in camera.zero_points}
    sky = sky.replace(mags={**sky.mags, **{b: m for b, m in others.items() if b not in sky.mags}})
    errors = np.where(sky.role == "calibrator", options.calibrator_error, options.field_star_error)
    return sky.with_catalogue(errors, rng, scatter=options.catalogue_scatter)
