"""The ``polarnight`` command."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; every error of ours becomes one clear line and a status."""
    import os

    from polarnight.cli.app import run_app

    # That of another project, which a developer has in the environment, is not meant for us.
    os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.db.settings"
    raise SystemExit(run_app())
