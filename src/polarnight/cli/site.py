"""Commands of the site: serve, worker and user."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from polarnight.cli.common import GlobalOptions, Status, chosen, set_up

__all__ = ["register"]

_FIRST_USER = """nobody can log in yet; make the first user with
  polarnight {options}user add NAME --group admin"""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Parent = Annotated[int | None, typer.Option("--child-of", hidden=True)]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    from polarnight.cli.users import user

    app.command()(serve)
    app.command()(worker)
    app.add_typer(user, name="user")


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="NUMBER", min=0, max=65535, help="0 for any free one."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="NUMBER", min=1, max=64, help="Processes that answer."),
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Do not run background jobs here.")
    ] = False,
    child_of: Parent = None,
) -> int:
    """Serve the site, and run its background jobs; Ctrl-C ends both.

    What is not given is in the configuration (`web.host`, `web.port`, ...).
    """
    from polarnight.web.preparing import prepare_site, use_site_settings
    from polarnight.web.serving import Child, check_address, has_users, log_site, supervise

    use_site_settings()
    given = {"host": host, "port": port, "workers": workers}
    options: GlobalOptions = context.obj
    settings = set_up(options, chosen("web", **given))
    log_site(settings)
    check_address(settings.web.host, settings.web.port)
    prepare_site(settings)
    if child_of is None and not has_users():
        typer.echo(_FIRST_USER.format(options=_shown(options)))
    if child_of is None and settings.web.host not in _LOOPBACK:
        names = ", ".join(settings.web.allowed_hosts)
        typer.echo(f"browsers reach it under these names only (web.allowed_hosts): {names}")
    if no_worker:
        from polarnight.web.server import run_server

        return run_server(settings, child_of)
    base = [sys.executable, "-m", "polarnight", *_arguments(options)]
    tail = ["--child-of", str(os.getpid())]
    numbers = [f"--{key}={value}" for key, value in given.items() if value is not None]
    children = [
        Child("server", [*base, "serve", "--no-worker", *numbers, *tail], vital=True),
        Child("worker", [*base, "worker", *tail], vital=False),
    ]
    return int(Status.SOME_FAILED) if supervise(children) else int(Status.WELL)


def worker(
    context: typer.Context,
    batch: Annotated[bool, typer.Option("--batch", help="End when the queue is empty.")] = False,
    child_of: Parent = None,
) -> int:
    """Run the background jobs of the site, one after another, until Ctrl-C.

    It ends after the job at hand; told once more, it puts that job back into the queue.
    `polarnight serve` runs one; more of them, on any machine that sees the data directory and
    the database, share the work.
    """
    from polarnight.web.preparing import prepare_site, use_site_settings
    from polarnight.web.serving import log_site, watch_parent

    use_site_settings()
    settings = set_up(context.obj)
    log_site(settings)
    prepare_site(settings)
    watch_parent(child_of)
    from polarnight.web.jobs.worker import SiteWorker

    jobs = SiteWorker(batch=batch)
    jobs.configure_signals()
    jobs.run()
    return int(Status.WELL)


def _arguments(options: GlobalOptions) -> list[str]:
    """Return the global options as the children are to be given them."""
    given: list[str] = []
    if options.config_file is not None:
        given += ["--config-file", str(options.config_file)]
    if options.datadir is not None:
        given += ["--datadir", str(options.datadir)]
    for text in options.options:
        given += ["--option", text]
    return given + ["--verbose"] * options.verbose + ["--quiet"] * options.quiet


def _shown(options: GlobalOptions) -> str:
    """Return the global options for a line that the user may copy."""
    import shlex

    return "".join(f"{shlex.quote(part)} " for part in _arguments(options))
