"""Telescopes: sites and names, found as plug-ins."""

from __future__ import annotations

import warnings

from polarnight.errors import ConfigError
from polarnight.plugins import load_plugins
from polarnight.telescopes.base import Telescope

__all__ = ["GROUP", "Telescope", "all_telescopes", "get_telescope"]

GROUP = "polarnight.telescopes"
"""The entry-point group of telescope plug-ins."""


def all_telescopes() -> dict[str, Telescope]:
    """Return every installed telescope by name, sorted by name.

    Warns
    -----
    UserWarning
        Where a plug-in is no telescope; it is left out.
    """
    found = load_plugins(GROUP)
    for name in [name for name, one in found.items() if not isinstance(one, Telescope)]:
        warnings.warn(
            f"the plug-in {name!r} of {GROUP} is left out: a {type(found.pop(name)).__name__} is "
            f"no polarnight.telescopes.Telescope; correct its package",
            stacklevel=2,
        )
    return found


def get_telescope(name: str) -> Telescope:
    """Return a telescope by full name or abbreviation.

    Parameters
    ----------
    name : str
        Such as ``"OSN-T090"`` or ``"T090"``; upper and lower case are the same.

    Raises
    ------
    ConfigError
        Where no installed telescope is so called, or an abbreviation fits several.
    """
    wanted = name.strip().upper()
    telescopes = all_telescopes()
    for telescope in telescopes.values():
        if telescope.name.upper() == wanted:
            return telescope
    found = [t for t in telescopes.values() if t.abbreviation.upper() == wanted]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{t.name} ({t.abbreviation})" for t in telescopes.values()) or "none"
    problem = "several telescopes are called" if found else "no telescope is called"
    msg = f"{problem} {name!r}; installed: {known}"
    raise ConfigError(msg)
