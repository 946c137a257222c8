"""Polarnight: from a night of raw CCD frames to calibrated photometry and polarimetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.config import Config as Config

__all__ = ["Config", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Lazy, so that importing a computing room costs nothing of the configuration.
    if name == "Config":
        import importlib

        return importlib.import_module("polarnight.config").Config
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*globals(), "Config"])
