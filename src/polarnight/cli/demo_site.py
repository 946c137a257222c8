"""``polarnight demo --serve``: the demonstration as a site, with a user who may do all."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from polarnight.cli.common import Status

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["ELSEWHERE", "prepare_demo_site", "serve_demo"]

ELSEWHERE = ("db_path", "stars_path", "log_file", "database_url")
"""Settings that could put something of the demonstration outside of its directory."""

_USER = "demo"


def prepare_demo_site(settings: Settings) -> tuple[str, str]:
    """Make the tables of the site and the user of the demonstration.

    Returns
    -------
    user, password : str
        A password of its own for every demonstration; an older one is replaced.
    """
    from polarnight.web.preparing import prepare_site

    prepare_site(settings)
    from django.contrib.auth.models import Group, User

    password = secrets.token_urlsafe(12)
    user, _ = User.objects.get_or_create(username=_USER)
    user.is_active = True
    user.set_password(password)
    user.save()
    user.groups.set([Group.objects.get(name="admin")])
    return _USER, password


def serve_demo(settings: Settings, place: Path, config_file: Path | None) -> int:
    """Print how to log in, and serve the site until Ctrl-C.

    Parameters
    ----------
    settings : Settings
        Those of the demonstration.
    place : Path
        Its directory; the simulated frames in it may be looked at.
    config_file : Path, optional
        That of the command line.

    Returns
    -------
    int
        Exit status.
    """
    import os
    import sys

    from polarnight.web.serving import Child, log_site, supervise

    log_site(settings)
    user, password = prepare_demo_site(settings)
    typer.echo(f"log in as {user} with the password {password}")
    base = [sys.executable, "-m", "polarnight", "--datadir", str(settings.datadir)]
    if config_file is not None:
        base += ["--config-file", str(config_file)]
    for key in ELSEWHERE:
        base += ["--option", f"{key}=null"]
    # The raw frames of the demonstration are links to these.
    base += ["--option", f"cubes.import_roots=[{json.dumps(str(place.resolve() / 'simulated'))}]"]
    tail = ["--child-of", str(os.getpid())]
    numbers = [f"--host={settings.web.host}", f"--port={settings.web.port}"]
    children = [
        Child("server", [*base, "serve", "--no-worker", *numbers, *tail], vital=True),
        Child("worker", [*base, "worker", *tail], vital=False),
    ]
    return int(Status.SOME_FAILED) if supervise(children) else int(Status.WELL)
