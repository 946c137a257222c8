"""Logging to the data directory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polarnight.config.model import Settings

__all__ = ["configure_logging"]


class _PolarnightHandler(logging.FileHandler):
    """Our handler, to be told from those of others when it is replaced."""


def configure_logging(settings: Settings) -> Path:
    """Append what Polarnight logs to the log file; calling again replaces the handler.

    Only the logger ``polarnight`` is touched: other libraries and the root logger stay as
    the user has set them.

    Returns
    -------
    Path
        The log file.
    """
    path = settings.data.log_file
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("polarnight")
    for handler in list(logger.handlers):
        if isinstance(handler, _PolarnightHandler):
            logger.removeHandler(handler)
            handler.close()
    # delay: a command that logs nothing, such as status, writes no file.
    handler = _PolarnightHandler(path, mode="a", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(settings.log_format, settings.log_date_format))
    logger.addHandler(handler)
    logger.setLevel(settings.log_level)
    return path
