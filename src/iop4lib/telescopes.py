"""Telescopes under the import path of IOP4; see `polarnight.telescopes`."""

from polarnight.telescopes import Telescope, all_telescopes, get_telescope

__all__ = ["Telescope", "all_telescopes", "get_telescope"]
