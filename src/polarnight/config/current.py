"""The settings in force, and the one call that sets everything up."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from polarnight.config.layers import load_settings
from polarnight.config.logs import configure_logging
from polarnight.config.model import Settings

__all__ = ["Config", "get_settings", "reset_settings", "use_settings"]

_current: Settings | None = None


def get_settings() -> Settings:
    """Return the settings in force, reading them the first time."""
    global _current
    if _current is None:
        _current = load_settings()
    return _current


def use_settings(settings: Settings) -> Settings:
    """Put settings in force and return them; connections and logs are not touched."""
    global _current
    _current = settings
    return settings


def reset_settings() -> None:
    """Forget the settings in force, so that the next use reads them again."""
    global _current
    _current = None


def Config(  # noqa: N802  (the name of the first seed, where it is a class)
    *,
    config_db: bool = False,
    config_logging: bool = False,
    config_file: str | Path | None = None,
    config_path: str | Path | None = None,
    options: Iterable[str] = (),
    reconfigure: bool = False,
    jupytermode: bool | None = None,
    gonogui: bool = False,
    **overrides: Any,
) -> Settings:
    """Read the configuration and make Polarnight ready for use.

    Called again without new values it returns the settings in force.

    Parameters
    ----------
    config_db : bool
        Set up the database: models of `polarnight.db` can be imported and queried, and a
        database that does not exist yet is created.
    config_logging : bool
        Append messages to ``logs/polarnight.log`` in the data directory.
    config_file, config_path : str or Path, optional
        YAML file to read (`config_path` is the name IOP4 gives it).
    options : iterable of str
        ``key=value`` texts, as with ``-o`` on the command line.
    reconfigure : bool
        Read all places again although settings are in force.
    jupytermode : bool, optional
        Let the database be used under a running event loop; found out where not given.
    gonogui : bool
        Let matplotlib draw to files only.
    **overrides
        Any setting, such as ``datadir="/data/night"``.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigError
        Naming the key and the place.

    Examples
    --------
    >>> import polarnight
    >>> polarnight.Config(config_db=True)  # doctest: +SKIP
    >>> from polarnight.db import Epoch  # doctest: +SKIP
    >>> Epoch.objects.last()  # doctest: +SKIP
    """
    given = config_file or config_path
    texts = list(options)
    if _current is None or reconfigure or given or texts or overrides:
        use_settings(load_settings(given, options=texts, overrides=overrides))
    settings = get_settings()
    if config_db or config_logging:
        settings.data.ensure()
    if config_logging:
        configure_logging(settings)
    if gonogui:
        _draw_to_files()
    if config_db:
        # By name, not by import: the database stands on a floor above this one.
        importlib.import_module("polarnight.db.setup").setup_database(settings, jupytermode)
    return settings


def _draw_to_files() -> None:
    # Most commands draw nothing, and importing matplotlib takes a third of a second.
    os.environ["MPLBACKEND"] = "Agg"
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("Agg")
