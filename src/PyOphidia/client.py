"""The client: sends commands and keeps what came back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from polarnight.ophidia.state import State
from PyOphidia.calls import warn
from PyOphidia.kept import Kept
from PyOphidia.printing import response_text
from PyOphidia.workflows import Workflows

if TYPE_CHECKING:
    from polarnight.cubes import Cube as EngineCube
    from polarnight.ophidia import Response, Server
    from polarnight.ophidia.engine.workbench import Axes

__all__ = ["Client"]

_HERE = ("", "local", "localhost", "127.0.0.1", "::1")
_LAST = ("last_request", "last_response", "last_response_status", "last_jobid", "last_error",
         "last_return_value", "last_exec_time", "answer")  # fmt: skip


class Client(Workflows):
    """Sends commands to the engine in this process.

    Parameters
    ----------
    username, password : str
        Whose session; the password is not needed in this process.
    server : str
        ``""`` or ``"local"``.
    port, token : str
        Taken, and not needed in this process.
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
        Where a server is named.
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
        self.username = username or env.get("OPH_USER", "")
        self.password = password or env.get("OPH_PASSWD", "")
        self.server = server or env.get("OPH_SERVER_HOST", "")
        self.port = port or env.get("OPH_SERVER_PORT", "")
        self.token = token or env.get("OPH_TOKEN", "")
        self.api_mode, self.local_mode = api_mode, local_mode
        if self.server not in _HERE:
            msg = (
                f"cannot connect to {self.server!r}: Polarnight computes in this process, and "
                "servers come with the web door; use setclient(username, password, '', '')"
            )
            raise RuntimeError(msg)
        self.state = State(project=project or "")
        self.base_src_path = "/"
        self.last_request = self.last_response = self.last_response_status = ""
        self.last_jobid = self.last_error = ""
        self.last_return_value = 0
        self.last_exec_time = 0.0
        self.answer: Response | None = None
        self._server = _server(self.username)
        self.get_base_path()
        if self.api_mode:
            self._take_up()

    # -- where the client is -----------------------------------------------------------

    session, cwd, cdd, cube = Kept[str](), Kept[str](), Kept[str](), Kept[str]()
    exec_mode, host_partition, project = Kept[str](), Kept[str](), Kept[str]()
    ncores, nthreads, strict = Kept[int](), Kept[int](), Kept[bool]()

    def __repr__(self) -> str:
        return f"<PyOphidia client of {self.username or 'nobody'}, session {self.session}>"

    def _take_up(self) -> None:
        self._server.resume(self.state)
        print(f"Current cdd is {self.cdd}")
        print(f"Current session is {self.session}")
        print(f"Current cwd is {self.cwd}")
        if self.cube:
            print(f"The last produced cube is {self.cube}")

    def _last(self, display: bool) -> State:
        """Return where the user was last."""
        last = State()
        self._server.resume(last)
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
        self.base_src_path = str(self._server.settings.datadir / "raw")
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
            self._send(_without_label(query))
        except RuntimeError as error:
            print(f"Something went wrong in submitting the request: {error}")
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
        from polarnight.ophidia.language.grammar import format_command

        self._send(format_command(operator, dict(arguments)))

    def _send(self, text: str) -> None:
        self.last_request = text
        self._take(self._server.submit(text, self.state))

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
        from polarnight.errors import PolarnightError
        from polarnight.ophidia.engine.workbench import Axes

        server = self._server
        try:
            row = server.catalogue.cubes.get(pid, server.resume(self.state))
            return server.workbench.cube(row, with_cards=True), Axes.of(row)
        except PolarnightError as error:
            raise RuntimeError(str(error)) from error

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
        items = self.deserialize_response()["response"]
        texts = [item["objcontent"][0] for item in items if item["objclass"] == "text"]
        one = [text["message"] for text in texts if text["title"] == "Output Cube"]
        if one:
            return one
        for item in items:
            content = item["objcontent"][0]
            if item["objclass"] == "grid" and "OUTPUT" in content["rowkeys"]:
                column = content["rowkeys"].index("OUTPUT")
                return [row[column] for row in content["rowvalues"] if row[column]]
        return []


def _server(user: str) -> Server:
    """Return the server of this process; sets the database up where nobody has yet."""
    from django.apps import apps

    import polarnight
    from polarnight.config import get_settings
    from polarnight.ophidia import Server

    if not apps.ready:
        polarnight.Config(config_db=True)
    return Server(get_settings(), user)


def _without_label(query: str) -> str:
    """Return ``oph_x a=b`` for ``operator=oph_x;a=b``."""
    text = query.strip()
    if text.lower().startswith("operator="):
        operator, _, rest = text[len("operator=") :].partition(";")
        return f"{operator} {rest}"
    return text
