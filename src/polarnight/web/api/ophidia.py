"""Commands of cubes: for PyOphidia from elsewhere, and for our console.

The contract is that of `polarnight.ophidia.transport.remote`.
"""

from __future__ import annotations

from typing import Annotated, Any

from django.http import FileResponse, HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.errors import HttpError
from pydantic import StringConstraints

from polarnight.config import get_settings
from polarnight.errors import PolarnightError
from polarnight.ophidia.errors import AccessRefused
from polarnight.ophidia.files.paths import Repository
from polarnight.ophidia.files.showing import from_data_directory
from polarnight.ophidia.language.arguments import Argument
from polarnight.ophidia.operator import Operator
from polarnight.ophidia.registry import operators
from polarnight.ophidia.state import State
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action, allowed
from polarnight.web.console.basic import ophidia_access
from polarnight.web.console.rights import refusal_of
from polarnight.web.console.running import Refused, answer_of, begin, stop
from polarnight.web.console.servers import using
from polarnight.web.console.typing import ALIASES, as_command, completions
from polarnight.web.console.workflows import check_workflow, state_of_workflow

__all__ = ["router"]

router = Router()

_WAIT = 20.0
_LONGEST_WAIT = 50.0  # proxies give up after a minute
_RunName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


class Place(Schema):
    """Where a client is."""

    session: str = Field("", max_length=500, description="its name; the user's last unless given")
    cwd: str | None = Field(None, max_length=4096)
    cdd: str | None = Field(None, max_length=4096)
    cube: str | None = Field(None, max_length=500)

    def known(self) -> dict[str, str]:
        """Return what the client said."""
        given = {"cwd": self.cwd, "cdd": self.cdd, "cube": self.cube}
        return {"session": self.session, **{k: v for k, v in given.items() if v is not None}}


class Submission(Place):
    """A command, or a workflow."""

    request: str = Field(min_length=1, max_length=4_000_000)
    run: _RunName | None = Field(None, description="a name for it that nobody guesses")
    wait: float = Field(_WAIT, ge=0, le=_LONGEST_WAIT, description="seconds to wait for its end")
    typed: bool = Field(False, description="the words of the terminal, such as ls, are known")


class Asking(Schema):
    """Which run."""

    run: _RunName
    wait: float = Field(_WAIT, ge=0, le=_LONGEST_WAIT, description="seconds to wait for its end")


class Typed(Place):
    """A line up to the cursor."""

    line: str = Field(max_length=20_000)


class Document(Schema):
    """The JSON of a workflow."""

    text: str = Field(min_length=1, max_length=4_000_000)
    arguments: list[Annotated[str, StringConstraints(max_length=1000)]] = Field(
        [], max_length=100, description="for $1, $2, ..."
    )


def _name(request: HttpRequest) -> str:
    return str(request.user.get_username())


@router.post("/submit", auth=ophidia_access(Action.OWN), summary="Run a command or workflow")
def submit(request: HttpRequest, given: Submission) -> dict[str, Any]:
    """Run it, and answer when it is over or `wait` seconds have passed (state RUNNING).

    Operators that make or change something are for operators.
    """
    text = given.request
    try:
        text = as_command(text) if given.typed else text
    except PolarnightError as error:
        raise HttpError(400, str(error)) from error
    if refused := refusal_of(request.user, text):
        raise HttpError(403, refused)
    try:
        return begin(_name(request), text, given.known(), run=given.run or "", wait=given.wait)
    except Refused as error:
        raise HttpError(error.status, str(error)) from error


@router.post("/poll", auth=ophidia_access(Action.OWN), summary="Wait for a run")
def poll(request: HttpRequest, given: Asking) -> dict[str, Any]:
    """Return its answer, or how far it is."""
    found = answer_of(_name(request), given.run, given.wait)
    if found is None:
        raise HttpError(404, "there is no such run of yours; answers are kept for a day")
    return found


@router.post("/cancel", auth=ophidia_access(Action.OWN), summary="Stop a run")
def cancel(request: HttpRequest, given: Asking) -> dict[str, Any]:
    """Ask it to stop; its answer says whether it did."""
    if not stop(_name(request), given.run):
        raise HttpError(404, "there is no such run of yours")
    return {"run": given.run}


@router.get("/files", auth=ophidia_access(Action.OWN), summary="Get a file of the repository")
def files(
    request: HttpRequest, path: Annotated[str, Query(min_length=1, max_length=4096)]
) -> FileResponse:
    """Return the bytes of a raw frame, or of what the user exported."""
    settings = get_settings()
    repository = Repository(settings, _name(request), at_site=True)
    try:
        place = repository.find(path)
    except AccessRefused as error:
        raise HttpError(403, from_data_directory(str(error), settings)) from error
    except (PolarnightError, OSError, ValueError) as error:
        raise HttpError(404, from_data_directory(str(error), settings)) from error
    try:
        content = place.open("rb")
    except OSError as error:
        raise HttpError(404, f"{path[:200]!r} is no file; oph_fs lists what there is") from error
    return FileResponse(
        content, as_attachment=True, filename=place.name,
        content_type="application/octet-stream",
    )  # fmt: skip


@router.get("/operators", auth=api_access(Action.VIEW), summary="Operators and short words")
def all_operators(request: HttpRequest) -> dict[str, Any]:
    """Return what may be run, and by whom."""
    may = allowed(request.user, Action.CONSOLE)
    rows = [
        {"name": name, "title": cls.title, "allowed": may or cls.reading is not None}
        for name, cls in operators().items()
        if cls.kind != "C"
    ]
    return {"operators": rows, "aliases": ALIASES}


@router.get("/operators/{name}", auth=api_access(Action.VIEW), summary="Manual of an operator")
def one_operator(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return its title, text and arguments."""
    cls = operators().get(name.lower()) or operators().get(f"oph_{name.lower()}")
    if cls is None:
        raise HttpError(404, f"there is no operator {name[:60]!r}")
    return _manual(cls)


def _manual(cls: type[Operator]) -> dict[str, Any]:
    own = {argument.name for argument in cls.arguments}
    return {
        "name": cls.name,
        "title": cls.title,
        "text": cls.text,
        "arguments": [
            {**_argument(one), "own": one.name in own} for one in cls.declared().values()
        ],
    }


def _argument(one: Argument) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "needed": one.needed,
        "default": one.shown_default,
        "choices": list(one.choices),
        "help": one.help,
    }


@router.post("/complete", auth=api_access(Action.OWN), summary="What may follow a line")
def complete(request: HttpRequest, given: Typed) -> list[dict[str, Any]]:
    """Return candidates for the word at the end of the line."""
    place = State(given.session, given.cwd or "/", given.cdd or "/", given.cube or "")
    try:
        with using(_name(request)) as server:
            found = completions(server, given.line, place)
    except PolarnightError:
        return []
    return [{"text": one.text, "start": one.start, "about": one.about} for one in found]


@router.post("/workflow/check", auth=api_access(Action.CONSOLE), summary="Check a workflow")
def check(request: HttpRequest, given: Document) -> dict[str, Any]:
    """Return what is wrong with it, and its graph."""
    most = get_settings().cubes.workflow_tasks
    return check_workflow(given.text, most, given.arguments)


@router.get("/workflow", auth=api_access(Action.OWN), summary="How far a workflow is")
def workflow(
    request: HttpRequest, jobid: Annotated[str, Query(min_length=1, max_length=600)]
) -> dict[str, Any]:
    """Return the states of its tasks, with the graph."""
    found = state_of_workflow(_name(request), jobid)
    if found is None:
        raise HttpError(404, "there is no such workflow of yours")
    return found
