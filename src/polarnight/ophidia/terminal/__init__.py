"""The terminal: ``oph_term`` and ``polarnight terminal``."""

from __future__ import annotations

from polarnight.ophidia.terminal.main import main, run_terminal

__all__ = ["main", "run_terminal"]
