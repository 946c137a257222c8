"""Commands carried out by a Polarnight site, over HTTPS.

**The contract between client and site.** ``{base}`` is
``https://host[:port][/path]``; ``http://`` is taken for the machine itself only. Every request
carries ``Authorization: Bearer <token>``, or HTTP basic with user and password.

**Commands and workflows**: ``POST {base}/api/v1/ophidia/submit`` with
``Content-Type: application/json`` and::

    {"request": "oph_list level=2;cwd=/;", "session": "https://.../sessions/1234/experiment",
     "cwd": "/", "cdd": "/night", "cube": "https://.../1/2",
     "run": "0f3c...", "wait": 20}

``request`` is the line of a command, or the JSON text of a workflow (it begins with ``{``),
with everything that the client knows filled in: ``cwd``, ``cdd``, ``cube``, ``ncores``,
``exec_mode``, ``sessionid``, and what stands for ``$1``. ``session`` is ``""`` for the user's
last one. ``cwd``, ``cdd`` and ``cube`` say where the client is, so that the site can say where it
is afterwards (`State` of `Server.submit`); a client that leaves them out is where its session
was last (``Server.resume(State(), session)``). The site answers with status 200, whether the
command went well or not::

    {"response": {...}, "jobid": "https://.../experiment?7#9", "session": "...", "code": 0}

``response`` is what `polarnight.ophidia.answers.response.Response.as_dict` gives: ``response``
with its objects, the last of which is the status (``SUCCESS`` or ``ERROR`` with the message),
``source``, and ``extra`` with the keys ``execution_time``, ``cube``, ``cwd``, ``cdd`` and
``sessionid``, which say where the client is from now on. ``session`` says the last once more.
``code`` is the exit code of the terminal and may be left out.

A command may take longer than a request should: the site waits ``wait`` seconds for its end and
then answers how far it is, while the command goes on::

    {"state": "RUNNING", "run": "0f3c...", "what": "oph_reduce2", "fraction": 0.4}

``run`` is the name that the client gave to the command (16 to 64 letters and digits that nobody
guesses). ``POST {base}/api/v1/ophidia/poll`` with ``{"run": "0f3c...", "wait": 20}`` asks again,
and answers as ``submit`` does; ``POST {base}/api/v1/ophidia/cancel`` with ``{"run": "0f3c..."}``
asks the command to stop, whose answer then says so. A site that does not know them ignores
``run`` and ``wait``, and answers at the end. One command of a session at a time changes
something; 409 says that another one runs still.
With ``exec_mode=async`` the answer comes at once; ``oph_resume level=0;id=N;`` then tells how
much of workflow N is done, ``oph_resume id=N;`` what it answered, ``oph_cancel id=N;`` stops it.

**Files** of the data repository, such as those that ``oph_exportfits`` wrote:
``GET {base}/api/v1/ophidia/files?path=...`` answers with status 200 and the bytes, with
``Content-Length``.

**Errors** of the way, not of the command: any other status, with ``application/problem+json``
and ``{"title": "...", "detail": "...", "status": 403}``. 401 for credentials that are missing
or wrong, 403 for what the user may not do, 404 for a file that is not there, 413 for a request
that is too large, 429 (with ``Retry-After`` in seconds) for too many, 5xx for faults.
Nothing is sent again by itself: a command may have been carried out. Redirections are not
followed, since credentials would go along.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.errors import PolarnightError
from polarnight.ophidia.answers.response import Grid, Response, response_of
from polarnight.ophidia.errors import Cancelled, NoServer, OperatorFailed, UnknownOperator
from polarnight.ophidia.filling import closed, failed, filled, unforeseen
from polarnight.ophidia.language.tolerant import read_command
from polarnight.ophidia.transport.address import address_of
from polarnight.ophidia.transport.files import destination, written
from polarnight.ophidia.transport.interface import Progress, Transport
from polarnight.ophidia.transport.wire import Credentials, Wire
from polarnight.ophidia.workflow.text.document import InvalidWorkflow, read_json
from polarnight.ophidia.workflow.text.placeholders import fill_positions

if TYPE_CHECKING:
    from polarnight.cubes import Cube
    from polarnight.ophidia.engine.workbench import Axes
    from polarnight.ophidia.state import State

__all__ = ["Remote"]

_SUBMIT = "/api/v1/ophidia/submit"
_POLL = "/api/v1/ophidia/poll"
_CANCEL = "/api/v1/ophidia/cancel"
_FILES = "/api/v1/ophidia/files"
_LAST = 2.0  # seconds for a command to end that was asked to stop
_WAIT = 20  # seconds of one request; proxies give up after a minute
_PLACE = ("session", "cwd", "cdd", "cube")


class Remote(Transport):
    """Sends commands to a site.

    Parameters
    ----------
    server : str
        A name, or an address that begins with ``https://``.
    port : str
    user, password, token : str
        The token prevails.
    patience : float, optional
        Seconds to wait for an answer; OPH_TIMEOUT, or an hour.

    Raises
    ------
    BadValue
        For what is no address, or would send a password without TLS.
    """

    def __init__(
        self,
        server: str,
        port: str = "",
        user: str = "",
        password: str = "",
        token: str = "",
        patience: float | None = None,
    ) -> None:
        address = address_of(server, port)
        self.user, self.host = user, address.host
        self._wire = Wire(address, Credentials(user, password, token), patience)
        self._base = ""

    def resume(self, state: State) -> None:
        """Take up the session of a state, or the user's last; see `Transport.resume`."""
        response = self.submit("oph_get_config key=all;exec_mode=sync;save=no;", state)
        if not response.ok:
            error = NoServer(response.error)
            error.code = response.code
            raise error
        grid = response.get("get_config")
        rows = grid.rows if isinstance(grid, Grid) else ()
        self._base = next((str(row[1]) for row in rows if row[0] == "OPH_BASE_SRC_PATH"), "")

    def base_path(self) -> str:
        """Return the directory of the data repository at the site; known after `resume`."""
        return self._base or "/"

    def submit(
        self,
        text: str,
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out one command; see `Transport.submit`."""

        def request() -> str:
            try:
                return filled(read_command(text), state).text
            except UnknownOperator:
                return text.strip()  # the site may be newer than this client

        return self._sent(text, request, state, progress, cancelled)

    def submit_workflow(
        self,
        text: str,
        arguments: Sequence[str],
        state: State,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Response:
        """Carry out a workflow; see `Transport.submit_workflow`."""

        def request() -> str:
            document, missing = fill_positions(read_json(text), arguments)
            if missing:
                told = [one.told for one in missing]
                raise InvalidWorkflow(told, str(document.get("name", "")))
            return json.dumps({**_known(state), **document})

        return self._sent(text, request, state, progress, cancelled)

    def open_cube(self, pid: str, state: State) -> tuple[Cube, Axes]:
        """Refuse: the values of a cube are at the site."""
        msg = f"the values of {pid} are at {self.host}"
        remedy = "write them with cube.exportfits() and get the file with Cube.client.fetch(path)"
        raise OperatorFailed(msg, remedy)

    def fetch(self, path: str, target: Path, state: State, *, force: bool = False) -> Path:
        """Copy a file of the data repository to here; see `Transport.fetch`."""
        file = destination(path, target, force=force)
        whole = path if path.startswith("/") else f"{state.cdd.rstrip('/')}/{path}"
        return written(file, self._wire.get(_FILES, {"path": whole}))

    def stop(self, job: str) -> None:
        """Do nothing: no job of a site ends with this process."""

    def close(self) -> None:
        """Do nothing: every request has a connection of its own."""

    # --- one request -------------------------------------------------------------------------

    def _sent(
        self,
        text: str,
        request: Callable[[], str],
        state: State,
        progress: Progress | None,
        cancelled: threading.Event | None,
    ) -> Response:
        """Send what `request` gives, and take what comes back."""
        start = time.perf_counter()
        response = Response(user=self.user, request=text)
        try:
            line = request()
            run = secrets.token_hex(16)
            content: dict[str, Any] = {
                "request": line,
                **{name: getattr(state, name) for name in _PLACE},
            }
            content |= {"run": run, "wait": _WAIT}
            answer = self._waited(lambda: self._followed(content, progress), run, cancelled)
            response = self._read(answer, line)
            _follow(state, response, answer)
        except PolarnightError as error:
            failed(response, error)
        except Exception as error:  # noqa: BLE001 - as of commands here: never a traceback
            unforeseen(response, error)
        if not response.extra:
            closed(response, state, start)
        return response

    def _followed(self, content: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
        """Return the answer to a command, asking again while it runs."""
        until = time.monotonic() + self._wire.patience
        answer = self._wire.post(_SUBMIT, content)
        while answer.get("state") == "RUNNING":
            if progress is not None:
                progress(str(answer.get("what", "")), _fraction(answer.get("fraction")))
            if time.monotonic() > until:
                msg = f"{self.host} did not come to an end in time"
                remedy = "it goes on there: oph_resume shows it, oph_cancel stops it"
                raise NoServer(msg, remedy)
            answer = self._wire.post(_POLL, {"run": content["run"], "wait": _WAIT})
        return answer

    def _stop_run(self, run: str) -> None:
        """Ask the site to stop a command; whether it can is told by its answer."""
        with contextlib.suppress(PolarnightError):
            self._wire.post(_CANCEL, {"run": run})

    def _waited(
        self, ask: Callable[[], dict[str, Any]], run: str, cancelled: threading.Event | None
    ) -> dict[str, Any]:
        """Return the answer; stop the command, and waiting for it, when the user wants to."""
        if cancelled is None:
            return ask()
        answers: list[dict[str, Any]] = []
        errors: list[BaseException] = []
        over = threading.Event()

        def work() -> None:
            try:
                answers.append(ask())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                errors.append(error)
            finally:
                over.set()

        threading.Thread(target=work, name=f"request to {self.host}", daemon=True).start()
        while not over.wait(0.05):
            if cancelled.is_set():
                # In a thread of its own: the way to the site may be what does not answer.
                threading.Thread(target=self._stop_run, args=(run,), daemon=True).start()
                if over.wait(_LAST):
                    break
                msg = f"no longer waited for; {self.host} was asked to stop it"
                raise Cancelled(msg)
        if errors:
            raise errors[0]
        return answers[0]

    def _read(self, answer: Mapping[str, Any], request: str) -> Response:
        try:
            code = answer.get("code")
            number = code if isinstance(code, int) and not isinstance(code, bool) else None
            response = response_of(answer["response"], str(answer.get("jobid", "")), number)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            msg = f"{self.host} answers what is no response ({type(error).__name__}: {error})"
            raise NoServer(msg, "is it newer than this client? update Polarnight") from error
        response.request = request
        return response


def _fraction(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(1.0, max(0.0, float(value))) if number else 0.0


def _known(state: State) -> dict[str, str]:
    """Return what a workflow takes from where the client is; its own words prevail."""
    values = {
        "sessionid": state.session,
        "cwd": state.cwd,
        "cdd": state.cdd,
        "cube": state.cube,
        "exec_mode": state.exec_mode,
        "ncores": str(state.ncores),
        "nthreads": str(state.nthreads),
        "host_partition": state.host_partition,
        "project": state.project,
    }
    return {key: value for key, value in values.items() if value}


def _follow(state: State, response: Response, answer: Mapping[str, Any]) -> None:
    """Go where the answer says."""
    session = response.extra.get("sessionid") or str(answer.get("session") or "")
    state.session = session or state.session
    for name in ("cwd", "cdd"):
        setattr(state, name, response.extra.get(name) or getattr(state, name))
    if "cube" in response.extra:
        state.cube = response.extra["cube"]
