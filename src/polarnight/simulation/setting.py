"""What is fixed for a whole night: fields, size of the frames, pair vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from polarnight.simulation.optics import Optics
from polarnight.simulation.plan import local_sidereal_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polarnight.instruments import Instrument
    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.options import NightOptions
    from polarnight.simulation.plugin import SimulatedInstrument
    from polarnight.simulation.targets import Target
    from polarnight.telescopes import Telescope

__all__ = ["ObservedField", "Setting", "Window", "make_setting", "place_near", "whole_frame_optics"]

Window = tuple[int, int, int, int]
"""First column, first row, columns, rows; binned pixels."""


@dataclass(frozen=True)
class ObservedField:
    """A field that the telescope points at.

    Attributes
    ----------
    object_name : str
    ra, dec : float
        Of the target, ICRS degrees: what the telescope believes.
    axis : tuple of float
        Where it really points, ICRS degrees.
    target : Target or None
    exptimes : mapping of str to float
        Seconds by band, where the field has times of its own.
    """

    object_name: str
    ra: float
    dec: float
    axis: tuple[float, float]
    target: Target | None = None
    exptimes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What is fixed for a whole night.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of whole frames, binned pixels.
    fields : tuple of ObservedField
    pair : tuple of float
        (x, y) of the extraordinary minus the ordinary image, binned pixels.
    window : tuple of int or None
        That polarimetry reads; None for whole frames.
    """

    shape: tuple[int, int]
    fields: tuple[ObservedField, ...]
    pair: tuple[float, float]
    window: Window | None


def make_setting(
    simulation: SimulatedInstrument,
    instrument: Instrument,
    telescope: Telescope,
    midnight: float,
    targets: tuple[Target, ...],
    options: NightOptions,
    rng: Callable[..., np.random.Generator],
) -> Setting:
    """Return the setting of a night.

    Parameters
    ----------
    simulation, instrument, telescope
    midnight : float
        Julian date of 0 h UT of the night's date.
    targets : tuple of Target
        None for a field somewhere in the sky.
    options : NightOptions
    rng : callable
        Returns the random generator of a purpose.
    """
    o, camera = options, simulation.camera
    window = tuple(n // o.binning for n in camera.window)
    shape = (o.size, o.size) if o.size else (window[0], window[1])
    places: list[tuple[str, float, float, Target | None]] = [
        (t.object_name, t.ra, t.dec, t) for t in targets
    ] or [_somewhere(telescope, midnight, options)]
    fields, pair = [], (0.0, 0.0)
    for number, (name, ra, dec, target) in enumerate(places):
        draw = rng("setting") if number == 0 else rng("setting", number)
        east, north = o.pointing_error / 3600.0 * draw.standard_normal(2)
        axis = place_near(ra, dec, float(east), float(north))
        if number == 0 and instrument.pair is not None:
            v, (zx, zy) = instrument.pair, draw.standard_normal(2)
            pair = (
                float(v.dx + 0.5 * v.sx * zx) / o.binning,
                float(v.dy + 0.5 * v.sy * zy) / o.binning,
            )
        times = {} if target is None or len(places) == 1 else _exptimes(target, camera, options)
        fields.append(ObservedField(name, ra, dec, axis, target, times))
    return Setting(
        shape, tuple(fields), pair, _polarimetry_window(simulation, instrument, shape, pair, o)
    )


def whole_frame_optics(
    camera: Camera,
    shape: tuple[int, int],
    axis: tuple[float, float],
    options: NightOptions,
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    turned: float = 0.0,
) -> Optics:
    """Return the projection onto whole frames.

    Parameters
    ----------
    camera : Camera
    shape : tuple of int
        (rows, columns).
    axis : tuple of float
        Where the telescope points, ICRS degrees.
    options : NightOptions
    shift : tuple of float
        (x, y) of the axis besides what camera and options say, binned pixels.
    turned : float
        Position angle (degrees, north through east) to which a rotator has turned the camera.
    """
    o = options
    # The distortion is given at the corner of the whole chip and grows as r^3.
    share = float(np.hypot(*shape) * o.binning / np.hypot(*camera.chip))
    mirrored = camera.mirrored if o.mirrored is None else o.mirrored
    rotation = camera.rotation if o.rotation is None else o.rotation
    if turned:
        # What is up on the detector moves from north to the east; north moves the other way.
        rotation += turned if mirrored else -turned
    aim = ((o.target_at[0] - 0.5) * shape[1], (o.target_at[1] - 0.5) * shape[0])
    return Optics(
        ra=axis[0],
        dec=axis[1],
        scale=camera.scale * o.binning,
        rotation=rotation,
        mirrored=mirrored,
        shape=shape,
        shift=(
            shift[0] + camera.shift[0] / o.binning + aim[0],
            shift[1] + camera.shift[1] / o.binning + aim[1],
        ),
        distortion=camera.distortion * share**3 / o.binning,
    )


def _somewhere(
    telescope: Telescope, midnight: float, options: NightOptions
) -> tuple[str, float, float, None]:
    """Return a field that culminates in the middle of the night, unless a place is asked for."""
    late = midnight + 23.5 / 24.0
    ra = round(local_sidereal_time(late, telescope.longitude)) % 360
    return (
        options.scenario.capitalize(),
        float(ra) if options.ra is None else options.ra,
        35.0 if options.dec is None else options.dec,
        None,
    )


def place_near(ra: float, dec: float, east: float, north: float) -> tuple[float, float]:
    """Return the place a little away, degrees; over the pole where need be."""
    if abs(dec) + abs(north) < 89.0:
        return ra + east / float(np.cos(np.deg2rad(dec))), dec + north
    plane = Optics(ra, dec, 3600.0, 0.0, False, (1, 1))
    there, up = plane.sky(np.array([-east]), np.array([north]))
    return float(there[0]), float(up[0])


def _exptimes(target: Target, camera: Camera, options: NightOptions) -> dict[str, float]:
    """Return times after which the brightest pixel has a third of what saturates it."""
    from polarnight.simulation.psf import Psf

    o = options
    psf = Psf((o.seeing or camera.seeing) / (camera.scale * o.binning), o.psf, o.beta)
    peak = float(psf.stamps(np.zeros(1), np.zeros(1), 1).max())
    full = min(camera.saturation, 65535.0) * camera.gain
    times = {}
    for band, zero_point in camera.zero_points.items():
        rate = 0.5 * peak * 10.0 ** (0.4 * (zero_point - target.mag(band)))
        times[band] = float(np.clip(round(0.33 * full / rate, 1), 0.2, 180.0))
    return times


def _polarimetry_window(
    simulation: SimulatedInstrument,
    instrument: Instrument,
    shape: tuple[int, int],
    pair: tuple[float, float],
    options: NightOptions,
) -> Window | None:
    if not instrument.windows:
        return None
    binning = options.binning
    usual = simulation.polarimetry_window or (shape[0] * binning // 2, shape[1] * binning // 2)
    rows, columns = options.window_size or (usual[0] // binning, usual[1] // binning)
    rows, columns = min(rows, shape[0]), min(columns, shape[1])
    # The middle of the two images of the target is in the middle of the window.
    x = options.target_at[0] * shape[1] + pair[0] / 2.0 - columns / 2.0
    y = options.target_at[1] * shape[0] + pair[1] / 2.0 - rows / 2.0
    x0 = int(np.clip(round(x), 0, shape[1] - columns))
    y0 = int(np.clip(round(y), 0, shape[0] - rows))
    return x0, y0, columns, rows
