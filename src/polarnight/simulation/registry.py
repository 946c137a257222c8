"""The simulations that are known: of entry points, and of declarations of instruments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from polarnight.config import get_settings
from polarnight.config.texts import nearest
from polarnight.errors import ConfigError
from polarnight.instruments import Instrument, all_instruments, get_instrument
from polarnight.plugins import load_plugins
from polarnight.simulation.instruments.generic import derive_simulation
from polarnight.simulation.plugin import SimulatedInstrument

if TYPE_CHECKING:
    from datetime import date

__all__ = ["GROUP", "all_simulations", "get_simulation", "scenario_defaults", "scenarios_of"]

GROUP = "polarnight.simulations"
"""The entry-point group of simulations."""


def all_simulations() -> dict[str, SimulatedInstrument]:
    """Return every simulation by instrument name, sorted by name.

    Those of entry points, and those derived from the declarations of other instruments.

    Warns
    -----
    UserWarning
        Where an entry point is no simulation; it is left out.
    """
    found = {name: made for name, made in load_plugins(GROUP).items() if _is_one(name, made)}
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

    Warns
    -----
    UserWarning
        Where its entry point is no simulation; it is left out.
    """
    made = load_plugins(GROUP).get(instrument)
    if made is not None and _is_one(instrument, made):
        found: SimulatedInstrument = made
        return found
    known = instrument in all_instruments()
    if known:
        derived = _derived(get_instrument(instrument), night)
        if derived is not None:
            return derived
    there = all_simulations()
    near = nearest(instrument, there)
    remedy = _how_to_simulate() if known else _where_to_declare()
    msg = (
        f"no instrument {instrument!r} can be simulated; "
        f"{f'did you mean {near}? ' if near else ''}there are: {', '.join(there) or 'none'}; "
        f"{remedy}"
    )
    raise ConfigError(msg)


def _how_to_simulate() -> str:
    return f"its package offers no simulation in the entry points {GROUP}"


def _where_to_declare() -> str:
    """Say where the file has to be that declares an instrument of one's own."""
    places = [str(place) for place in get_settings().instrument_places]
    where = " or ".join(places) or "a place that the setting instruments_path names"
    return f"an instrument of your own is known once the YAML file that declares it is in {where}"


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


def _is_one(name: str, made: Any) -> bool:
    """Return whether what an entry point names is the simulation of that instrument."""
    sound = isinstance(made, SimulatedInstrument) and made.name == name
    if not sound:
        warnings.warn(
            f"the plug-in {name!r} of {GROUP} is left out: a {type(made).__name__}, no "
            f"SimulatedInstrument of that name; correct its package",
            stacklevel=3,
        )
    return sound


def _derived(instrument: Instrument, night: date | None = None) -> SimulatedInstrument | None:
    return derive_simulation(instrument, night)
