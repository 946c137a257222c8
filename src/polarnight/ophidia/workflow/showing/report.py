"""What a workflow answers, while it runs and when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polarnight.ophidia.answers.response import Grid, Item, Text
from polarnight.ophidia.workflow.shape.model import Status

if TYPE_CHECKING:
    from polarnight.ophidia.workflow.running.runner import Run

__all__ = ["TASK_COLUMNS", "dry_objects", "progress_objects", "run_objects"]

TASK_COLUMNS = (
    "OPH JOB ID", "SESSION CODE", "WORKFLOW ID", "MARKER ID", "PARENT MARKER ID", "TASK NAME",
    "TYPE", "EXIT STATUS", "OUTPUT", "BEGIN TIME", "END TIME", "MESSAGE",
)  # fmt: skip


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def progress_objects(kept: Mapping[str, Any], place: Mapping[str, str]) -> list[Item]:
    """Return status, progress and tasks of a workflow as objects of a response.

    Parameters
    ----------
    kept : mapping
        What `record.snapshot` gave.
    place : mapping
        ``session``, ``code``, ``workflow`` and ``marker`` of the workflow.
    """
    tasks = kept.get("tasks", {})
    done = sum(one["status"] in Status.DONE for one in tasks.values())
    rows = []
    for name, one in tasks.items():
        marker = str(one.get("marker") or "")
        job = f"{place['session']}?{place['workflow']}#{marker}" if marker else ""
        outputs = [pid for pids in one.get("outputs", {}).values() for pid in pids]
        numbers = (place["code"], place["workflow"], marker, place["marker"])
        times = (_time(one.get("begin", 0)), _time(one.get("end", 0)))
        kind = one.get("operator", "")
        rows.append(
            (job, *numbers, name, kind, one["status"], "|".join(outputs), *times, one["error"])
        )
    return [
        Text("workflow_status", "Workflow Status", str(kept.get("status", ""))),
        Grid(
            "workflow_progress",
            "Workflow Progress",
            ("NUMBER OF COMPLETED TASKS", "TOTAL NUMBER OF TASKS"),
            [(done, len(tasks))],
            ("int", "int"),
        ),
        Grid("workflow_list", "Workflow Task List", TASK_COLUMNS, [*rows]),
    ]


def dry_objects(run: Run) -> list[Item]:
    """Return the commands that a dry run would have submitted."""
    rows = [(one.id, text) for one in run.instances for text in one.commands]
    return [Grid("workflow_commands", "Workflow Commands", ("TASK NAME", "COMMAND"), [*rows])]


def run_objects(run: Run, kept: Mapping[str, Any], place: Mapping[str, str]) -> list[Item]:
    """Return what a run answers: its state, and the last cube as client programs look for it."""
    objects = progress_objects(kept, place)
    if not run.workflow.run:
        objects += dry_objects(run)
    return objects
