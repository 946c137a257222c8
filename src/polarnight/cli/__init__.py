"""The ``polarnight`` command."""

from __future__ import annotations

from typing import Any

__all__ = ["main"]


def main() -> None:
    """Run the command line; every error of ours becomes one clear line and a status."""
    import os

    from polarnight.cli.app import run_app

    # That of another project, which a developer has in the environment, is not meant for us.
    os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.db.settings"
    _show_warnings_plainly()
    raise SystemExit(run_app())


def _show_warnings_plainly() -> None:
    """Print warnings that are meant for users once, without a line of our code."""
    import sys
    import warnings

    usual, told = warnings.showwarning, set[str]()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if category is not UserWarning:
            usual(message, category, *where, **more)
        elif str(message) not in told:
            told.add(str(message))
            sys.stderr.write(f"polarnight: warning: {message}\n")

    warnings.showwarning = show
