"""Commands carried out in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.transport.files import destination, written
from polarnight.ophidia.transport.interface import Progress, Transport

if TYPE_CHECKING:
    from polarnight.cubes import Cube
    from polarnight.ophidia.answers.response import Response
    from polarnight.ophidia.engine.workbench import Axes
    from polarnight.ophidia.server import Server
    from polarnight.ophidia.state import State

__all__ = ["Local", "in_this_process"]


class Local(Transport):
    """Hands commands to a `Server` in this process.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def user(self) -> str:  # type: ignore[override]
        """Whose sessions they are."""
        return self.server.user

    def resume(self, state: State) -> None:
        """Take up the session of a state, or the user's last."""
        self.server.resume(state)

    def base_path(self) -> str:
        """Return the directory of raw files."""
        return str(self.server.settings.datadir / "raw")

    def submit(
        self,
        text: str,
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out one command."""
        return self.server.submit(text, state, progress, cancelled=cancelled)

    def submit_workflow(
        self,
        text: str,
        arguments: Sequence[str],
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out a workflow."""
        return self.server.submit_workflow(text, arguments, state, progress, cancelled)

    def open_cube(self, pid: str, state: State) -> tuple[Cube, Axes]:
        """Return the cube of the engine behind a PID, and which axes are explicit."""
        from polarnight.ophidia.engine.workbench import Axes

        row = self.server.catalogue.cubes.get(pid, self.server.resume(state))
        return self.server.workbench.cube(row, with_cards=True), Axes.of(row)

    def fetch(self, path: str, target: Path, state: State, *, force: bool = False) -> Path:
        """Copy a file of the data repository."""
        from polarnight.ophidia.files.paths import Repository

        server = self.server
        files = Repository(server.settings, server.user, at_site=server.at_site)
        source = files.find(path, state.cdd)
        file = destination(source.name, target, force=force)
        if not source.is_file():
            msg = f"{path[:200]!r} is no file"
            raise BadValue(msg, "oph_fs lists what there is")
        with source.open("rb") as content:
            return written(file, iter(lambda: content.read(1 << 20), b""))

    def running(self) -> list[str]:
        """Return the jobs of the background."""
        return self.server.jobs.running()

    def leave(self, job: str, timeout: float) -> bool:
        """Wait for a job of the background; return whether it is over."""
        return self.server.wait(job, timeout) is not None or job not in self.running()

    def stop(self, job: str) -> None:
        """Ask a job of the background to end."""
        self.server.cancel(job)

    def close(self) -> None:
        """End the processes that were kept for computing."""
        self.server.close()


def in_this_process(user: str) -> Server:
    """Return the server of this process; sets the database up where nobody has yet."""
    from django.apps import apps

    import polarnight
    from polarnight.config import get_settings
    from polarnight.ophidia.server import Server

    if not apps.ready:
        polarnight.Config(config_db=True)
    return Server(get_settings(), user)
