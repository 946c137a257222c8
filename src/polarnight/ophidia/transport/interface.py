"""What a client needs of whoever carries commands out."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.ophidia.state import State

if TYPE_CHECKING:
    from polarnight.cubes import Cube
    from polarnight.ophidia.answers.response import Response
    from polarnight.ophidia.engine.workbench import Axes

__all__ = ["Progress", "Transport"]

Progress = Callable[[str, float], None]
"""Called with a text and a fraction while a command runs."""


class Transport(abc.ABC):
    """Carries commands of one user to where they are carried out.

    Attributes
    ----------
    user : str
        Whose sessions they are.
    host : str
        Name of the server, ``""`` for this process.
    """

    user: str = ""
    host: str = ""

    @abc.abstractmethod
    def resume(self, state: State) -> None:
        """Take up the session of a state, or the user's last.

        Raises
        ------
        PolarnightError
            Where there is none, or no server.
        """

    @abc.abstractmethod
    def base_path(self) -> str:
        """Return the directory of the data repository, as it is called where commands run."""

    @abc.abstractmethod
    def submit(
        self,
        text: str,
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out one command.

        Parameters
        ----------
        text : str
        state : State
            What the command lacks is taken from it; changed by what the command does.
        progress : callable, optional
        cancelled : threading.Event, optional
            Set it to stop the command.

        Returns
        -------
        Response
            Never raises for what is wrong with the command, or with the way to the server.
        """

    @abc.abstractmethod
    def submit_workflow(
        self,
        text: str,
        arguments: Sequence[str],
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out a workflow; as `submit`, with what stands for ``$1``, ``$2``..."""

    @abc.abstractmethod
    def open_cube(self, pid: str, state: State) -> tuple[Cube, Axes]:
        """Return the cube of the engine behind a PID, and which axes are explicit.

        Raises
        ------
        PolarnightError
            Where there is none, or it is elsewhere.
        """

    @abc.abstractmethod
    def fetch(self, path: str, target: Path, state: State, *, force: bool = False) -> Path:
        """Copy a file of the data repository to here.

        Parameters
        ----------
        path : str
            As ``oph_fs`` and ``oph_exportfits`` name it.
        target : Path
            A file or a directory.
        state : State
        force : bool
            Whether a file that is there is written over.

        Returns
        -------
        Path
            The file that was written, whole or not at all.

        Raises
        ------
        PolarnightError
        """

    def progress(self, workflow: int, state: State) -> Response:
        """Ask how much of a workflow is done."""
        return self.submit(f"oph_resume level=0;id={workflow};", state)

    def cancel(self, workflow: int, state: State, kind: str = "kill") -> Response:
        """Stop a workflow, also one that another client began."""
        return self.submit(f"oph_cancel id={workflow};type={kind};", state)

    def running(self) -> list[str]:
        """Return the jobs of the background that would end with this process."""
        return []

    def leave(self, job: str, timeout: float) -> bool:
        """Wait for a job of `running`; return whether it is over."""
        return job not in self.running()

    @abc.abstractmethod
    def stop(self, job: str) -> None:
        """Ask a job of `running` to end."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of what was kept for commands."""
