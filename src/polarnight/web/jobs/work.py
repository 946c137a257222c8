"""The work itself, by the same functions as the commands; runs in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polarnight.errors import AlgorithmFailed

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["WORK", "Result"]

_MOST = 100
_LONGEST = 500

Result = tuple[int, dict[str, Any]]
"""Exit status of the command, and what came of it."""

Hear = Callable[[str, int, int], None]


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
    """Run a workflow of cube operators.

    Raises
    ------
    AlgorithmFailed
        Where it ends with an error.
    """
    from polarnight.ophidia.server import Server

    # Whoever started it is elsewhere, as in the console.
    server = Server(settings, user, at_site=True)
    try:
        response = server.submit_workflow(
            arguments["text"],
            arguments["arguments"],
            progress=lambda text, part: hear(text, round(100 * part), 100),
        )
    finally:
        server.close()
    if response.error:
        raise AlgorithmFailed(" ".join(response.error.split()))
    return 0, {"answer": response.as_dict()}


WORK: dict[str, Callable[[dict[str, Any], Any, str, Hear], Result]] = {
    "reduce": reduce,
    "ingest": ingest,
    "calibrate": calibrate,
    "workflow": workflow,
}
"""What is done, by kind of job."""
