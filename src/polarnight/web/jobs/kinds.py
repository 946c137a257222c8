"""What jobs there are: what each is asked, what it locks, and the command that does the same."""

# No postponed annotations: ninja looks for their names where the models are.

import os
import shlex
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from polarnight.config import Settings
from polarnight.db.locks import INGEST, POLARIZATION
from polarnight.db.names import format_epochname, parse_epochname
from polarnight.errors import ConfigError

__all__ = ["Calibrate", "Ingest", "JobRequest", "Reduce", "Workflow", "read_request"]

MOST_NIGHTS = 2000
_SHOWN = 3

Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[Text, Field(min_length=1, max_length=60)]
NightName = Annotated[Text, Field(min_length=1, max_length=80)]


class _Request(BaseModel):
    """What is asked of a job."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[Text, Field(max_length=1000, description="a reason, for the record")] = ""

    def settled(self, settings: Settings) -> dict[str, Any]:
        """Return the arguments that are kept, everything that depends on today resolved.

        Raises
        ------
        ConfigError
            Where there is nothing to do it with.
        """
        return self.model_dump(mode="json", exclude={"kind", "why"})


class Reduce(_Request):
    """Reduce nights, or one part of them; as ``polarnight run``."""

    kind: Literal["reduce"] = "reduce"
    nights: Annotated[
        list[NightName],
        Field(max_length=MOST_NIGHTS, description="such as OSN-T090/2024-04-08"),
    ] = []
    telescope: Annotated[
        Text, Field(max_length=60, description="with first and last: all nights between")
    ] = ""
    first: date | None = None
    last: date | None = None
    only: Literal["masters", "reduce", "photometry", "polarimetry"] | None = Field(
        None, description="one part; all where null"
    )
    force: bool = Field(False, description="make anew also what is current")
    retry_failed: bool = Field(False, description="try again what failed and has not changed")

    def settled(self, settings: Settings) -> dict[str, Any]:
        """Return names of nights as the database has them, oldest first."""
        found = {parse_epochname(name) for name in self.nights}
        if self.first or self.last or self.telescope:
            found |= self._between(settings)
        if not found:
            msg = "name nights, such as OSN-T090/2024-04-08, or a telescope with first and last"
            raise ConfigError(msg)
        if len(found) > MOST_NIGHTS:
            msg = f"{len(found)} nights are too many for one job; ask for {MOST_NIGHTS} at most"
            raise ConfigError(msg)
        for telescope, night in sorted(found):
            if not settings.data.raw_dir(telescope, night).is_dir():
                name = format_epochname(telescope, night)
                msg = f"there are no raw files of {name}; ingest them first"
                raise ConfigError(msg)
        names = [format_epochname(*pair) for pair in sorted(found, key=lambda p: (p[1], p[0]))]
        return {
            "nights": names,
            "only": self.only,
            "force": self.force,
            "retry_failed": self.retry_failed,
        }

    def _between(self, settings: Settings) -> set[tuple[str, date]]:
        if not (self.telescope and self.first and self.last):
            msg = "a range of nights needs telescope, first and last"
            raise ConfigError(msg)
        if self.first > self.last:
            msg = f"the first night, {self.first}, is after the last, {self.last}; exchange them"
            raise ConfigError(msg)
        telescope, _ = parse_epochname(f"{self.telescope}/{self.first.isoformat()}")
        found = {
            (name, night)
            for name, night in settings.data.epochs()
            if name == telescope and self.first <= night <= self.last
        }
        if not found:
            msg = f"there are no nights of {telescope} from {self.first} to {self.last}"
            raise ConfigError(msg)
        return found


class Ingest(_Request):
    """Register the frames of a directory below ``raw``; as ``polarnight ingest``."""

    kind: Literal["ingest"] = "ingest"
    directory: Annotated[
        Text, Field(max_length=500, description="relative to raw; '' or '.' for all of it")
    ] = "."

    def settled(self, settings: Settings) -> dict[str, Any]:
        """Refuse what is not below ``raw``, also where a link leads out of it."""
        root = settings.data.raw.resolve()
        place = (root / self.directory).resolve()
        if place != root and root not in place.parents:
            msg = f"{self.directory!r} is not below raw/; give a directory inside it"
            raise ConfigError(msg)
        if not os.path.isdir(place):  # noqa: PTH112 - Path.is_dir refuses what is too long
            msg = f"there is no directory raw/{self.directory}"
            raise ConfigError(msg)
        return {"directory": place.relative_to(root).as_posix()}


class Calibrate(_Request):
    """Fit instrumental polarization to standards; as ``polarnight calibrate-polarization``."""

    kind: Literal["calibrate"] = "calibrate"
    instrument: Name
    band: Annotated[Text, Field(min_length=1, max_length=10)]
    first: date
    last: date
    fixed: list[Literal["zero", "angle", "efficiency"]] = Field(
        [], max_length=3, description="held as declared"
    )
    parallactic: bool = Field(False, description="fit a part that turns with the parallactic angle")
    variable: bool = Field(False, description="take standards that vary, too")
    replace: bool = Field(False, description="replace one of the same nights")

    def settled(self, settings: Settings) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        if self.first > self.last:
            msg = f"the first night, {self.first}, is after the last, {self.last}; exchange them"
            raise ConfigError(msg)
        return super().settled(settings)


class Workflow(_Request):
    """Run a workflow of cube operators, or go on with one; as ``oph_term -w FILE -a ARGS``."""

    kind: Literal["workflow"] = "workflow"
    name: Name = "workflow"
    text: Annotated[str, Field(min_length=2, max_length=500_000, description="JSON")]
    arguments: Annotated[list[Annotated[Text, Field(max_length=1000)]], Field(max_length=100)] = []
    resume: Annotated[
        Text, Field(max_length=600, description="an earlier run, result.workflow of its job")
    ] = ""
    checkpoint: Annotated[
        Text, Field(max_length=200, description="last, all, or the name of a checkpoint or task")
    ] = "last"

    def settled(self, settings: Settings) -> dict[str, Any]:
        """Refuse what is no workflow before it is queued, with all that is wrong with it."""
        from polarnight.ophidia.workflow.serving.requests import arguments_of
        from polarnight.ophidia.workflow.text.reading import parse_workflow

        most = settings.cubes.workflow_tasks
        parse_workflow(self.text, self.arguments, arguments_of, complete=True, most=most)
        return super().settled(settings)


JobRequest = Annotated[
    Reduce | Ingest | Calibrate | Workflow, Field(discriminator="kind", title="JobRequest")
]
"""What a job can be asked."""

_READER: TypeAdapter[Any] = TypeAdapter(JobRequest)


def read_request(kind: str, arguments: dict[str, Any]) -> Any:
    """Return the request that a job was made of."""
    return _READER.validate_python({**arguments, "kind": kind})


def locks_of(kind: str, arguments: dict[str, Any], settings: Settings) -> list[str]:
    """Return the names of what a job works on alone, as far as that is known before.

    The work itself takes the locks (`polarnight.db.locks`); these tell whether it could.
    """
    if kind == "reduce":
        return list(arguments["nights"])
    if kind == "calibrate":
        return [POLARIZATION]
    return [INGEST, *_nights_below(arguments["directory"], settings)] if kind == "ingest" else []


def _nights_below(directory: str, settings: Settings) -> list[str]:
    """Return the nights whose raw files a directory below ``raw`` holds, or is part of."""
    place = settings.data.raw / directory
    nights = [(settings.data.raw_dir(*pair), pair) for pair in settings.data.epochs()]
    return [
        format_epochname(*pair)
        for path, pair in nights
        if path == place or place in path.parents or path in place.parents
    ]


def title_of(kind: str, arguments: dict[str, Any]) -> str:
    """Return a job in words."""
    if kind == "ingest":
        return f"ingest raw/{arguments['directory']}"[:200]
    if kind == "calibrate":
        return (
            f"calibrate polarization of {arguments['instrument']} {arguments['band']}, "
            f"{arguments['first']} to {arguments['last']}"
        )
    if kind == "workflow":
        again = ", resumed" if arguments.get("resume") else ""
        return f"workflow {arguments['name']}{again}"
    names = arguments["nights"]
    told = ", ".join(names[:_SHOWN]) if len(names) <= _SHOWN else _span(names)
    verb = {None: "reduce", "reduce": "reduce frames of"}.get(
        arguments["only"], f"{arguments['only']} of"
    )
    again = " anew" if arguments["force"] else ""
    return f"{verb} {told}{again}"[:200]


def _span(names: list[str]) -> str:
    return f"{len(names)} nights, {names[0]} to {names[-1]}"


def command_of(kind: str, arguments: dict[str, Any]) -> str:
    """Return the command that does the same, ``""`` where there is none in one line."""
    if kind == "ingest":
        place = str(Path("raw") / arguments["directory"])
        return shlex.join(["polarnight", "ingest", place])
    if kind == "calibrate":
        words = ["polarnight", "calibrate-polarization"]
        for option, key in (("instrument", "instrument"), ("band", "band")):
            words += [f"--{option}", arguments[key]]
        words += ["--from", arguments["first"], "--to", arguments["last"]]
        words += [word for name in arguments["fixed"] for word in ("--fix", name)]
        words += [f"--{name}" for name in ("parallactic", "variable", "replace") if arguments[name]]
        return shlex.join(words)
    if kind == "reduce":
        words = ["polarnight", "run", *arguments["nights"]]
        words += ["--only", arguments["only"]] if arguments["only"] else []
        words += ["--force"] if arguments["force"] else []
        words += ["--retry-failed"] if arguments["retry_failed"] else []
        return shlex.join(words)
    return ""
