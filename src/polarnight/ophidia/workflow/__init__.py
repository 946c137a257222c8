"""Workflows: graphs of commands in JSON, checked, run in parallel, resumed where they stopped."""

from __future__ import annotations

from polarnight.ophidia.workflow.running.job import Hooks, Job
from polarnight.ophidia.workflow.running.record import Record, snapshot
from polarnight.ophidia.workflow.running.runner import Run
from polarnight.ophidia.workflow.serving.requests import resume_workflow, submit_workflow
from polarnight.ophidia.workflow.shape.model import Dependency, OnError, Status, Task, Workflow
from polarnight.ophidia.workflow.text.document import InvalidWorkflow, read_text
from polarnight.ophidia.workflow.text.reading import parse_workflow

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
