"""The ``polarnight`` command."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; every error of ours becomes one clear line and a status."""
    from polarnight.cli.app import run_app

    raise SystemExit(run_app())
