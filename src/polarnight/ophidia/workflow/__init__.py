"""Workflows: graphs of commands in JSON, checked, run in parallel, resumed where they stopped."""

from __future__ import annotations

from polarnight.ophidia.workflow.document import InvalidWorkflow, read_text
from polarnight.ophidia.workflow.job import Hooks, Job
from polarnight.ophidia.workflow.model import Dependency, OnError, Status, Task, Workflow
from polarnight.ophidia.workflow.reading import parse_workflow
from polarnight.ophidia.workflow.record import Record, snapshot
from polarnight.ophidia.workflow.runner import Run
from polarnight.ophidia.workflow.serving import resume_workflow, submit_workflow

__all__ = [
    "Dependency",
    "Hooks",
    "InvalidWorkflow",
    "Job",
    "OnError",
    "Record",
    "Run",
    "Status",
    "Task",
    "Workflow",
    "parse_workflow",
    "read_text",
    "resume_workflow",
    "snapshot",
    "submit_workflow",
]
