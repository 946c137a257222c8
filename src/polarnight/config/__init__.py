"""Configuration: one typed model, filled from file, environment and command line."""

from polarnight.config.current import Config, get_settings, reset_settings, use_settings
from polarnight.config.layers import find_config_file, load_settings
from polarnight.config.logs import configure_logging
from polarnight.config.model import (
    ArchiveSettings,
    AstrometrySettings,
    CalibrationSettings,
    PhotometrySettings,
    PolarimetrySettings,
    Settings,
)
from polarnight.config.paths import DataDir

__all__ = [
    "ArchiveSettings",
    "AstrometrySettings",
    "CalibrationSettings",
    "Config",
    "DataDir",
    "PhotometrySettings",
    "PolarimetrySettings",
    "Settings",
    "configure_logging",
    "find_config_file",
    "get_settings",
    "load_settings",
    "reset_settings",
    "use_settings",
]
