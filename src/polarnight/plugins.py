"""Discovery of plug-ins by entry point.

Telescopes and instruments, ours and those of other packages, are found the same way:
an entry point in the group ``polarnight.telescopes`` or ``polarnight.instruments`` that
names an object (an instance, or a class or function called without arguments).
A plug-in that does not load is warned about and left out; it never stops a night.

Plug-ins need not be installed one by one: an entry point in the group
``polarnight.plugin_sources`` names an object whose method ``plugins(group)`` returns further
ones, such as those that an observatory declares in files.
"""

from __future__ import annotations

import functools
import threading
import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from polarnight.errors import ConfigError, PolarnightError

__all__ = ["SOURCES", "get_plugin", "installed_plugins", "load_plugins"]

SOURCES = "polarnight.plugin_sources"
"""The entry-point group of objects that know of further plug-ins."""

PATIENCE = 60.0
"""Seconds that a plug-in of another package may take to load."""

_HERE = threading.local()


def load_plugins(group: str) -> dict[str, Any]:
    """Load every plug-in of a group: the installed ones, and those of every source.

    Parameters
    ----------
    group : str
        The entry-point group, such as ``"polarnight.instruments"``.

    Returns
    -------
    dict
        Plug-in objects by name, sorted by name.

    Warns
    -----
    UserWarning
        Where a plug-in does not load, or two packages claim one name.
    """
    found = dict(installed_plugins(group))
    for origin, source in installed_plugins(SOURCES).items():
        try:
            further: dict[str, Any] = source.plugins(group)
        except PolarnightError:
            raise  # what the user wrote is wrong, and says what to correct
        except Exception as error:  # noqa: BLE001 - a foreign package may raise anything
            warnings.warn(
                f"the source of plug-ins {origin!r} has none of {group}: {error!r}", stacklevel=2
            )
            continue
        found.update((name, plugin) for name, plugin in further.items() if name not in found)
    return dict(sorted(found.items()))


@functools.cache
def installed_plugins(group: str) -> dict[str, Any]:
    """Load every plug-in of a group that has an entry point; see `load_plugins`."""
    found: dict[str, Any] = {}
    for point in sorted(entry_points(group=group), key=lambda p: (p.name, p.value)):
        if point.name in found:
            warnings.warn(
                f"two packages offer the plug-in {point.name!r} in {group}; "
                f"{point.value!r} is left out",
                stacklevel=2,
            )
            continue
        try:
            found[point.name] = _loaded(point)
        except Exception as error:  # noqa: BLE001 - a foreign package may raise anything
            warnings.warn(
                f"the plug-in {point.name!r} ({point.value}) of {group} does not load: {error!r}",
                stacklevel=2,
            )
    return found


def _loaded(point: EntryPoint) -> Any:
    """Load a plug-in; one of another package may neither end the program nor hold it up.

    Raises
    ------
    Exception
        Of the package; RuntimeError where it would exit, TimeoutError where it takes too long.
    """
    ours = point.dist is not None and point.dist.name == "polarnight"
    # One that asks for other plug-ins while it is imported must not wait for itself.
    if ours or getattr(_HERE, "loading", False):
        return _made(point)
    outcome: dict[str, Any] = {}

    def load() -> None:
        _HERE.loading = True
        try:
            outcome["plugin"] = _made(point)
        except BaseException as error:  # noqa: BLE001 - SystemExit as well
            outcome["error"] = error

    thread = threading.Thread(target=load, name=f"plug-in {point.name}", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        msg = f"it is not loaded after {PATIENCE:g} s; correct or uninstall its package"
        raise TimeoutError(msg)
    error = outcome.get("error")
    if isinstance(error, Exception):
        raise error
    if error is not None:
        msg = f"it would end the program: {error!r}"
        raise RuntimeError(msg)
    return outcome["plugin"]


def _made(point: EntryPoint) -> Any:
    plugin = point.load()
    return plugin() if callable(plugin) else plugin


def get_plugin(group: str, name: str) -> Any:
    """Return one plug-in by name.

    Raises
    ------
    ConfigError
        Where no plug-in of that name is installed; lists those that are.
    """
    plugins = load_plugins(group)
    if name not in plugins:
        msg = f"no plug-in {name!r} in {group}; installed: {', '.join(plugins) or 'none'}"
        raise ConfigError(msg)
    return plugins[name]
