"""The client: sends commands and keeps what came back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from polarnight.ophidia.language.grammar import format_command
from polarnight.ophidia.state import State
from polarnight.ophidia.transport import (
    Local,
    Remote,
    Transport,
    in_this_process,
    is_here,
)
from PyOphidia.faults import plain, plainly, warn
from PyOphidia.kept import Kept
from PyOphidia.printing import made_cubes, response_text
from PyOphidia.workflows import Given, fault_of, progress_in, workflow_text

if TYPE_CHECKING:
    from polarnight.cubes import Cube as EngineCube
    from polarnight.ophidia.answers.response import Response
    from polarnight.ophidia.engine.workbench import Axes

__all__ = ["Client"]

_LAST = ("last_request", "last_response", "last_response_status", "last_jobid", "last_error",
         "last_return_value", "last_exec_time", "answer")  # fmt: skip


class Client:
    """Sends commands to the engine in this process, or to a site.

    Parameters
    ----------
    username, password : str
        Whose session; the password is not needed in this process.
    server : str
        ``""`` or ``"local"`` for the engine in this process; the name of a Polarnight site, or
        its address that begins with ``https://``, for the engine there.
    port : str
        Of the site, where it is not the usual one.
    token : str
        Of the site, instead of user and password.
    read_env : bool
        Whether OPH_USER, OPH_PASSWD, OPH_SERVER_HOST, OPH_SERVER_PORT and OPH_TOKEN stand for
        what is not given.
    api_mode : bool
        Whether the last session, folders and cube are taken up again, and said.
    local_mode : bool
        Kept for old scripts.
    project : str, optional
        Kept for old scripts.

    Attributes
    ----------
    session, cwd, cdd, cube : str
        Where the client is; the PID of the last cube.
    exec_mode : str
    ncores : int
        What commands get that say nothing else.
    base_src_path : str
        The directory of the data repository.
    last_request, last_response, last_jobid, last_error : str
        The response is JSON text.
    last_response_status : str
        ``SUCCESS`` or ``ERROR``.
    last_return_value : int
        0, or the exit code that the terminal would give.
    last_exec_time : float
        Seconds.

    Raises
    ------
    RuntimeError
        Where the site does not answer, or refuses.
    """

    def __init__(
        self,
        username: str = "",
        password: str = "",
        server: str = "",
        port: str = "",
        token: str = "",
        read_env: bool = False,
        api_mode: bool = True,
        local_mode: bool = False,
        project: str | None = None,
    ) -> None:
        env = os.environ if read_env else {}
        self.username = _word(username) or env.get("OPH_USER", "")
        self.password = _word(password) or env.get("OPH_PASSWD", "")
        self.server = _word(server) or env.get("OPH_SERVER_HOST", "")
        self.port = _word(port) or env.get("OPH_SERVER_PORT", "")
        self.token = _word(token) or env.get("OPH_TOKEN", "")
        self.api_mode, self.local_mode = api_mode, local_mode
        self.state = State(project=project or "")
        self.base_src_path = "/"
        self.last_request = self.last_response = self.last_response_status = ""
        self.last_jobid = self.last_error = ""
        self.last_return_value = 0
        self.last_exec_time = 0.0
        self.answer: Response | None = None
        with plainly("setclient"):
            self.transport = self._connected()
            if self.api_mode:
                self._take_up()
            self.get_base_path()

    def _connected(self) -> Transport:
        if is_here(self.server):
            return Local(in_this_process(self.username))
        return Remote(self.server, self.port, self.username, self.password, self.token)

    # -- where the client is -----------------------------------------------------------

    session, cwd, cdd, cube = Kept[str](), Kept[str](), Kept[str](), Kept[str]()
    exec_mode, host_partition, project = Kept[str](), Kept[str](), Kept[str]()
    ncores, nthreads, strict = Kept[int](), Kept[int](), Kept[bool]()

    def __repr__(self) -> str:
        return f"<PyOphidia client of {self.username or 'nobody'}, session {self.session}>"

    def _take_up(self) -> None:
        self.transport.resume(self.state)
        print(f"Current cdd is {self.cdd}")
        print(f"Current session is {self.session}")
        print(f"Current cwd is {self.cwd}")
        if self.cube:
            print(f"The last produced cube is {self.cube}")

    def _last(self, display: bool) -> State:
        """Return where the user was last."""
        last = State()
        with plainly("resume"):
            self.transport.resume(last)
        if display:
            print(last)
        return last

    def resume_session(self, display: bool = False) -> Self:
        """Take up the last session of the user."""
        self.session = self._last(display).session
        return self

    def resume_cwd(self, display: bool = False) -> Self:
        """Go back to the last folder of the session."""
        self.cwd = self._last(display).cwd
        return self

    def resume_cdd(self, display: bool = False) -> Self:
        """Go back to the last data directory of the user."""
        self.cdd = self._last(display).cdd
        return self

    def resume_cube(self, display: bool = False) -> Self:
        """Take up the last cube of the session."""
        self.cube = self._last(display).cube
        return self

    def get_base_path(self, display: bool = False) -> Self:
        """Say where the data repository is."""
        self.base_src_path = self.transport.base_path()
        if display:
            print(self.base_src_path)
        return self

    # -- commands ----------------------------------------------------------------------

    def submit(self, query: str, display: bool = False) -> Self | None:
        """Carry out a command such as ``oph_list level=2``.

        What the command does not say of session, folders, cube, mode and cores is taken from
        the client.

        Parameters
        ----------
        query : str
            Also in the form ``operator=oph_list;level=2``.
        display : bool
            Whether to print the answer.

        Returns
        -------
        Client or None
            None where it failed; what went wrong is printed, and kept in `last_error`.
        """
        try:
            self._send(_line(query))
        except RuntimeError as error:
            self._say("request", error)
            return None
        if display:
            self.pretty_print()
        return self

    def command(self, operator: str, arguments: Mapping[str, str]) -> None:
        """Carry out an operator.

        Raises
        ------
        RuntimeError
            Where it failed, with what the server said.
        """
        with plainly(operator):
            line = format_command(operator, dict(arguments))
        self._send(line)

    def _send(self, text: str) -> None:
        self.last_request = text
        with plainly("submit"):
            self._take(self.transport.submit(text, self.state))

    def _say(self, what: str, error: RuntimeError) -> None:
        """Print what went wrong, and keep it."""
        told = str(error)
        if self.last_error != told:  # it never came to an answer
            self.last_error, self.last_response_status = told, "ERROR"
            self.last_return_value = 1
        print(f"Something went wrong in submitting the {what}: {told}")

    def _take(self, response: Response) -> None:
        self.answer = response
        self.last_response = response.to_json()
        self.last_request = response.request or self.last_request
        self.last_response_status = response.status
        self.last_jobid = response.jobid
        self.last_error, self.last_return_value = response.error, response.code
        self.last_exec_time = float(response.extra.get("execution_time", 0.0))
        warn(response.warnings)
        if not response.ok:
            raise RuntimeError(response.error)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Send commands whose answers do not take the place of the last one."""
        kept = {name: getattr(self, name) for name in _LAST}
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(self, name, value)

    def open_cube(self, pid: str) -> tuple[EngineCube, Axes]:
        """Return the cube of the engine behind a PID, and which axes are explicit.

        Raises
        ------
        RuntimeError
            Where there is none.
        """
        with plainly("open_cube"):
            return self.transport.open_cube(pid, self.state)

    @plain
    def fetch(self, path: str, target: str | os.PathLike[str] = ".", force: bool = False) -> Path:
        """Copy a file of the data repository to here, such as one that `exportfits` wrote.

        Parameters
        ----------
        path : str
            As the answer of ``oph_exportfits`` names it.
        target : path
            A file, or a directory.
        force : bool
            Whether a file that is there is written over.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        RuntimeError
            Where there is no such file, or it cannot be written.
        """
        return self.transport.fetch(str(path), Path(target), self.state, force=force)

    # -- workflows ---------------------------------------------------------------------

    def wsubmit(self, workflow: Given, *params: Any) -> Self | None:
        """Carry out a workflow.

        Parameters
        ----------
        workflow : str, path or mapping
            The JSON, or a path of it.
        *params
            For ``$1``, ``$2``...

        Returns
        -------
        Client or None
            None where it failed; what went wrong is printed, and kept in `last_error`.
        """
        try:
            with plainly("wsubmit"):
                text = workflow_text(workflow)
                self.last_request = text
                texts = [str(value) for value in params]
                self._take(self.transport.submit_workflow(text, texts, self.state))
        except RuntimeError as error:
            self._say("workflow", error)
            return None
        return self

    def wisvalid(self, workflow: Given) -> tuple[bool, str]:
        """Tell whether a workflow can run, and if not, why."""
        fault = fault_of(workflow)
        return not fault, fault or "Workflow is valid"

    def get_progress(self, id: str | int | None = None) -> dict[str, Any] | None:
        """Return when a workflow was submitted and how much of it is done.

        Parameters
        ----------
        id : int, optional
            Its number; the last one unless given.
        """
        number = str(id) if id else self.last_workflowid()
        if not number:
            msg = "no workflow was submitted yet; give its id"
            raise RuntimeError(msg)
        if self.submit(f"oph_resume level=0;id={number};") is None:
            return None
        return progress_in(self.deserialize_response())

    def last_workflowid(self) -> str:
        """Return the number of the last workflow, ``""`` where there is none."""
        return self.last_jobid.partition("?")[2].partition("#")[0]

    def last_markerid(self) -> str:
        """Return the number of the last task, ``""`` where there is none."""
        return self.last_jobid.partition("#")[2]

    # -- what came back ----------------------------------------------------------------

    def deserialize_response(self) -> dict[str, Any]:
        """Return the last response as a dict."""
        return dict(json.loads(self.last_response)) if self.last_response else {"response": []}

    def pretty_print(self, response: Any = None, response_i: Any = None) -> Self:
        """Print the last response as tables; the arguments are kept for old scripts."""
        print(response_text(self.deserialize_response(), self.last_exec_time))
        return self

    def made_cubes(self) -> list[str]:
        """Return the PIDs of the cubes that the last command made, in order."""
        return made_cubes(self.deserialize_response())


def _word(value: Any) -> str:
    """Return what was given for a name, a port or a token; nothing for None."""
    return "" if value is None else str(value)


def _line(query: Any) -> str:
    """Return a command; ``oph_x a=b`` for ``operator=oph_x;a=b``.

    Raises
    ------
    RuntimeError
        Where it is no text.
    """
    if not isinstance(query, str):
        kind = "None" if query is None else type(query).__name__
        msg = f"a command is a text such as 'oph_list level=2', not {kind}"
        raise RuntimeError(msg)
    text = query.strip()
    if text.lower().startswith("operator="):
        operator, _, rest = text[len("operator=") :].partition(";")
        return f"{operator} {rest}"
    return text
