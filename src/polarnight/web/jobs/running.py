"""Running a job in a worker: locks, a process of its own, progress, heartbeat, cancelling."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from pathlib import Path
from typing import Any

from django.db import OperationalError
from django.utils import timezone

from polarnight.config import get_settings
from polarnight.db.locks import free, who_holds
from polarnight.web.jobs import kinds
from polarnight.web.jobs.joblog import log_name
from polarnight.web.jobs.lost import mark_lost, worker_name
from polarnight.web.jobs.process import JobProcess
from polarnight.web.jobs.queueing import put_back
from polarnight.web.models import Job, JobState

__all__ = ["Run"]

_LOG = logging.getLogger(__name__)
_LOOK = 0.5  # seconds between looks: rows are written at most so often
_BEAT = 2.0  # seconds between heartbeats where nothing else is written
_AGAIN = 3.0  # seconds until a job that waits for others is looked at again


class _Taken(Exception):
    """The job is not ours any more: it was marked as lost, or deleted."""


class Run:
    """One job in this worker.

    Parameters
    ----------
    number : int
        Of the job.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._row = Job.objects.filter(pk=number)
        self._mine = self._row.filter(state=JobState.RUNNING, worker=worker_name())
        self._written: tuple[Any, ...] = ()
        self._last_write = 0.0
        self._stage = ""
        self._noted: dict[str, Any] = {}
        self._process: JobProcess | None = None

    def to_the_end(self) -> str:
        """Run the job; return the state that it ended in, ``""`` where it is gone."""
        mark_lost()
        if not self._begin():
            return str(self._row.values_list("state", flat=True).first() or "")
        job = self._row.get()
        try:
            if not self._has_to_wait(job):
                self._work(job)
        except _Taken:
            _LOG.warning("job %s was taken from this worker", self.number)
        except (SystemExit, KeyboardInterrupt):
            self._end_process()
            if not put_back(self._mine, self.number, "its worker was stopped; queued again", 1.0):
                self._finish(JobState.CANCELLED)
            raise
        except BaseException as error:
            # The database is gone, or the disk full: nothing goes on unseen.
            self._finish(JobState.FAILED, error=_why(error))
            raise
        finally:
            self._end_process()
        return str(self._row.values_list("state", flat=True).first() or "")

    def _begin(self) -> bool:
        now = timezone.now()
        return bool(
            self._row.filter(state=JobState.QUEUED).update(
                state=JobState.RUNNING, worker=worker_name(), started=now, heartbeat=now,
                stage="starting", log=log_name(self.number),
            )
        )  # fmt: skip

    def _end_process(self) -> None:
        """End the process of the job, and what it held."""
        if self._process is None:
            return
        self._process.stop()
        self._process = None
        with contextlib.suppress(OperationalError):
            free(self.number)

    def _has_to_wait(self, job: Job) -> bool:
        """Put the job back where others hold what it needs; its worker serves the next."""
        taken = who_holds(kinds.locks_of(job.kind, job.arguments, get_settings()))
        if not taken:
            return False
        return self._back(f"waits for {taken[0].holder} ({taken[0].name})")

    def _back(self, why: str) -> bool:
        if not put_back(self._mine, self.number, why, _AGAIN):
            self._finish(JobState.CANCELLED)
        return True

    def _work(self, job: Job) -> None:
        if self._cancelled():
            self._finish(JobState.CANCELLED)
            return
        settings = get_settings()
        order = {
            "job": job.pk,
            "kind": job.kind,
            "title": job.title,
            "arguments": job.arguments,
            "user": job.who,
            "log": job.log,
            "settings": json.loads(settings.model_dump_json()),
        }
        process = self._process = JobProcess(order, Path(settings.data.root) / job.log)
        self._mine.update(pid=process.pid)
        while not process.wait(_LOOK):
            self._write(process.stage[:200], process.done, process.total)
            self._keep(process.noted)
            if self._cancelled():
                process.stop()
                self._finish(JobState.CANCELLED)
                return
        self._conclude(process)

    def _keep(self, noted: dict[str, Any]) -> None:
        """Write what the process wants to be kept, as soon as it is known."""
        if noted != self._noted:
            with contextlib.suppress(OperationalError):
                self._mine.update(result=noted)
                self._noted = noted

    def _conclude(self, process: JobProcess) -> None:
        end = process.end
        if end is None:
            how = process.status or 0
            told = f"by signal {-how}" if how < 0 else f"with status {how}"
            out = "; out of memory?" if how == -9 else "; its log says more"
            self._finish(JobState.FAILED, error=f"its process ended {told}{out}", exit_code=how)
            return
        if end.get("busy"):
            self._back(str(end["busy"]))
            return
        failed = bool(end["error"])
        self._finish(
            JobState.FAILED if failed else JobState.DONE,
            error=end["error"],
            exit_code=end["end"],
            result=end["result"],
            done=(process.done, process.total),
        )

    def _write(self, stage: str, done: int, total: int | None) -> None:
        """Write progress where it is new, or a heartbeat where it is due.

        Raises
        ------
        _Taken
            Where the job is not ours any more.
        """
        now = time.monotonic()
        state = (stage, done, total)
        if state == self._written and now - self._last_write < _BEAT:
            return
        # A database that is busy for long costs a heartbeat, not the job.
        with contextlib.suppress(OperationalError):
            values = {"stage": stage, "n_done": done, "n_total": total}
            if stage != self._stage:
                values["stage_since"] = timezone.now()
            if not self._mine.update(**values, heartbeat=timezone.now()):
                raise _Taken
            self._stage = stage
            self._written, self._last_write = state, now

    def _cancelled(self) -> bool:
        with contextlib.suppress(OperationalError):
            return self._mine.exclude(cancel_asked=None).exists()
        return False

    def _finish(
        self,
        state: JobState,
        *,
        error: str = "",
        exit_code: int | None = None,
        result: dict[str, Any] | None = None,
        done: tuple[int, int | None] = (0, None),
    ) -> None:
        values = {"n_done": done[0], "n_total": done[1]} if state == JobState.DONE else {}
        if result is None and self._process is not None:
            result = self._process.noted or None
        now = timezone.now()
        self._mine.update(
            state=state, error=error, exit_code=exit_code, result=result, finished=now,
            heartbeat=now, stage="", pid=None, **values,
        )  # fmt: skip


def _why(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]
