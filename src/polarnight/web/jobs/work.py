"""The work itself, by the same functions as the commands; runs in a process of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.config import Settings
    from polarnight.ophidia.answers.response import Response
    from polarnight.ophidia.context import Progress
    from polarnight.ophidia.server import Server

__all__ = ["WORK", "Result"]

_MOST = 100
_LONGEST = 500

Result = tuple[int, dict[str, Any]]
"""Exit status of the command, and what came of it."""


class Hear(Protocol):
    """Takes note of how far the work is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Hear what is done now, and how many of how many."""

    def note(self, facts: dict[str, Any]) -> None:
        """Keep facts as the result, whatever becomes of the work."""


def _told(entries: list[tuple[str, str]]) -> list[list[str]]:
    return [[what[:_LONGEST], why[:_LONGEST]] for what, why in entries[:_MOST]]


def reduce(arguments: dict[str, Any], settings: Settings, user: str, hear: Hear) -> Result:
    """Carry nights from raw frames to results."""
    from polarnight.pipeline.night import RunOptions, run_nights

    given = settings.run.model_dump() | {
        "all_local": False,
        "dry_run": False,
        "only": arguments["only"],
        "force": arguments["force"],
        "retry_failed": arguments["retry_failed"],
    }
    report = run_nights(arguments["nights"], RunOptions(**given), settings)
    parts = {
        name: {
            "done": step.done,
            "current": step.current,
            "failed": len(step.failed),
            "warned": len(step.warned),
        }
        for name, step in report.steps.items()
    }
    return int(bool(report.failed)), {
        "nights": report.epochs,
        "seconds": round(report.seconds, 2),
        "parts": parts,
        "n_failed": len(report.failed),
        "failed": _told(report.failed),
        "warned": _told([entry for step in report.steps.values() for entry in step.warned]),
    }


def ingest(arguments: dict[str, Any], settings: Settings, user: str, hear: Hear) -> Result:
    """Register the frames of a directory below ``raw``."""
    from polarnight.pipeline.ingest import ingest as run_ingest

    place = settings.data.raw / arguments["directory"]
    report = run_ingest([place], "link" if settings.ingest.link else "copy", settings)
    result = {
        "nights": sorted(report.placed),
        "placed": report.placed,
        "new": report.new,
        "n_failed": len(report.failed),
        "failed": _told(report.failed),
    }
    return (2 if not report.placed else int(bool(report.failed))), result


def calibrate(arguments: dict[str, Any], settings: Settings, user: str, hear: Hear) -> Result:
    """Fit instrumental polarization to standards."""
    from polarnight.pipeline.polarization.calibrate import (
        CalibrationRequest,
        calibrate_polarization,
    )

    hear("fitting standards", 0, 1)
    report = calibrate_polarization(
        CalibrationRequest(
            instrument=arguments["instrument"],
            band=arguments["band"],
            first=arguments["first"],
            last=arguments["last"],
            fixed=tuple(arguments["fixed"]),
            telescope=arguments["parallactic"],
            variable=arguments["variable"],
            replace=arguments["replace"],
        ),
        settings,
    )
    hear("fitting standards", 1, 1)
    path = report.path and settings.data.relative(report.path)
    return 0, {"verdict": report.verdict, "file": path and str(path)}


def workflow(arguments: dict[str, Any], settings: Settings, user: str, hear: Hear) -> Result:
    """Run a workflow of cube operators, with the rights of the user at the site.

    Raises
    ------
    AlgorithmFailed
        Where it ends with an error.
    """
    from polarnight.ophidia.server import Server
    from polarnight.web.console.servers import SiteJobs

    stopped = threading.Event()
    # Told to end, it stops its tasks and keeps its state, so that it can be resumed.
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    server = Server(settings, user, at_site=True)
    jobs = server.jobs = SiteJobs()
    jobs.tell(lambda job: hear.note({"workflow": server.job_name(job)}))
    try:
        response = _run_workflow(
            server, arguments, lambda text, part: hear(text, round(100 * part), 100), stopped
        )
    finally:
        server.close()
    if response.error:
        raise AlgorithmFailed(" ".join(response.error.split()))
    return 0, {"workflow": response.jobid, "answer": response.as_dict()}


def _run_workflow(
    server: Server, arguments: dict[str, Any], progress: Progress, stopped: threading.Event
) -> Response:
    from polarnight.ophidia.state import State
    from polarnight.ophidia.workflow import resume_workflow
    from polarnight.web.console.workflows import parts_of_run

    if not arguments.get("resume"):
        return server.submit_workflow(
            arguments["text"], arguments["arguments"], None, progress, stopped
        )
    session, number = parts_of_run(arguments["resume"])
    state, checkpoint = State(session=session), arguments["checkpoint"]
    return resume_workflow(server, number, checkpoint, state, progress, stopped)


WORK: dict[str, Callable[[dict[str, Any], Any, str, Hear], Result]] = {
    "reduce": reduce,
    "ingest": ingest,
    "calibrate": calibrate,
    "workflow": workflow,
}
"""What is done, by kind of job."""
