"""Simulations as plug-ins: what an instrument needs to be simulated.

A simulation is an object behind an entry point of the group ``polarnight.simulations`` that
bears the name of its instrument. Instruments that are declared by a data file and have no such
entry point are simulated from their declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError
from polarnight.instruments import Instrument, all_instruments, get_instrument
from polarnight.plugins import load_plugins

if TYPE_CHECKING:
    from datetime import date

    from astropy.io.fits import Header

    from polarnight.simulation.cameras import Camera
    from polarnight.simulation.exposure import Exposure
    from polarnight.simulation.optics import Optics
    from polarnight.simulation.targets import Target

__all__ = [
    "GROUP",
    "FileNamer",
    "FrameSetting",
    "HeaderWriter",
    "Pointing",
    "SimulatedInstrument",
    "all_simulations",
    "get_simulation",
    "scenario_defaults",
    "scenarios_of",
]

GROUP = "polarnight.simulations"
"""The entry-point group of simulations."""


@dataclass(frozen=True)
class Pointing:
    """What the telescope believes: ICRS degrees, and the airmass."""

    ra: float
    dec: float
    airmass: float


@dataclass(frozen=True)
class FrameSetting:
    """What a header tells beside the exposure itself.

    Attributes
    ----------
    instrument : Instrument
    camera : Camera
    shape : tuple of int
        (rows, columns) of the frame.
    binning : int
    pointing : Pointing
    origin : tuple of int
        (x, y) of the first pixel in binned pixels of the chip.
    instrument_angle : float or None
        Position angle of a rotator, degrees north through east.
    optics : Optics or None
        The true projection of a science frame, for headers with coordinates to be trusted.
    """

    instrument: Instrument
    camera: Camera
    shape: tuple[int, int]
    binning: int
    pointing: Pointing
    origin: tuple[int, int] = (0, 0)
    instrument_angle: float | None = None
    optics: Optics | None = None


HeaderWriter = Callable[["Exposure", FrameSetting], "Header"]
"""Writes the raw header of a frame as the instrument's control program does."""

FileNamer = Callable[["Exposure", int], str]
"""Names a frame; the number is raised from 1 until the name is new."""


@dataclass(frozen=True)
class SimulatedInstrument:
    """All that is needed to simulate an instrument.

    Attributes
    ----------
    camera : Camera
        Its ``instrument`` is the name of the instrument plug-in.
    header : callable
        ``header(exposure, setting)`` returns the raw header, see `HeaderWriter`.
    filename : callable
        ``filename(exposure, number)`` returns the name of the file, see `FileNamer`.
    target : Target
        What the scenario ``demo`` observes.
    scenarios : mapping of str to mapping
        Options of each scenario that differ from the defaults of `NightOptions`. The
        instrument is simulated in these scenarios and in those open to all.
    brightest_star : float
        R magnitude of the brightest calibrators of a demonstration.
    second : Camera or None
        The camera of the extraordinary beam where each beam has one.
    polarimetry_window : tuple of int or None
        (rows, columns), unbinned, of the windows that polarimetry reads; None for the frames of
        photometry.
    milliseconds : bool
        Whether science frames begin at the millisecond that ``start_hour`` says; its headers must
        be able to tell it. Otherwise all begin at whole seconds.
    """

    camera: Camera
    header: HeaderWriter
    filename: FileNamer
    target: Target
    scenarios: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    brightest_star: float = 12.0
    second: Camera | None = None
    polarimetry_window: tuple[int, int] | None = None
    milliseconds: bool = False

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return self.camera.instrument

    def camera_of(self, beam: str) -> Camera:
        """Return the camera that sees a beam (``"O"``, ``"E"``; ``""`` where there is one)."""
        return self.second if beam == "E" and self.second is not None else self.camera


def all_simulations() -> dict[str, SimulatedInstrument]:
    """Return every simulation by instrument name, sorted by name.

    Those of entry points, and those derived from the declarations of other instruments.
    """
    found = {name: _checked(name, made) for name, made in load_plugins(GROUP).items()}
    for name, instrument in all_instruments().items():
        derived = None if name in found else _derived(instrument)
        if derived is not None:
            found[name] = derived
    return dict(sorted(found.items()))


def get_simulation(instrument: str, night: date | None = None) -> SimulatedInstrument:
    """Return the simulation of an instrument.

    Parameters
    ----------
    instrument : str
    night : date, optional
        Whose detector to simulate, where the simulation is derived from a declaration.

    Raises
    ------
    ConfigError
        Where the instrument is unknown or nothing tells how to simulate it.
    """
    made = load_plugins(GROUP).get(instrument)
    if made is not None:
        return _checked(instrument, made)
    if instrument in all_instruments():
        derived = _derived(get_instrument(instrument), night)
        if derived is not None:
            return derived
    msg = (
        f"no instrument {instrument!r} can be simulated; there are: "
        f"{', '.join(all_simulations()) or 'none'}"
    )
    raise ConfigError(msg)


_OF_THE_CAMERA = (
    *("size", "binning", "window_size", "gap", "photometry", "polarimetry"),
    *("n_bias", "n_darks", "dark_exptime", "flat_level"),
)
"""Options that make a camera's frames what they are, the same in every scenario."""

_OPEN_TO_ALL: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "field": MappingProxyType(
            {"n_cycles": 0, "n_photometry": 1, "photometry": ("R",), "n_calibrators": 0}
        ),
        "standards": MappingProxyType(
            {
                "n_photometry": 0,
                "n_stars": 40,
                "n_calibrators": 0,
                "ip_scatter": 0.0,
                "gap": 20.0,
            }
        ),
    }
)


def scenarios_of(simulation: SimulatedInstrument) -> tuple[str, ...]:
    """Return the scenarios in which an instrument can be simulated.

    Its own, ``field``, and ``standards`` where it has a polarimeter.
    """
    polarimeter = get_instrument(simulation.name).polarimeter is not None
    return tuple(
        dict.fromkeys(
            (*simulation.scenarios, *(k for k in _OPEN_TO_ALL if polarimeter or k != "standards"))
        )
    )


def scenario_defaults(simulation: SimulatedInstrument, scenario: str) -> dict[str, Any]:
    """Return the options of a scenario that differ from those of `NightOptions`."""
    shared = dict(_OPEN_TO_ALL.get(scenario, {}))
    if shared:
        demo = simulation.scenarios.get("demo", {})
        shared = {key: demo[key] for key in _OF_THE_CAMERA if key in demo} | shared
        bands = simulation.camera.zero_points
        if any(band not in bands for band in shared.get("photometry", ())):
            shared["photometry"] = tuple(bands)[:1]
    return shared | dict(simulation.scenarios.get(scenario, {}))


def _checked(name: str, made: Any) -> SimulatedInstrument:
    if not isinstance(made, SimulatedInstrument) or made.name != name:
        msg = (
            f"the entry point {name!r} of {GROUP} is no SimulatedInstrument of that name; "
            f"correct the package that offers it"
        )
        raise ConfigError(msg)
    return made


def _derived(instrument: Instrument, night: date | None = None) -> SimulatedInstrument | None:
    from polarnight.simulation.instruments.generic import derive_simulation

    return derive_simulation(instrument, night)
