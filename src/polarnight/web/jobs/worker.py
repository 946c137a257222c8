"""The worker: takes jobs from the queue, one after another."""

from __future__ import annotations

import logging
import os
import socket
import time

from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

__all__ = ["SiteWorker"]

_EVERY = 1.0  # seconds between looks at an empty queue


class SiteWorker(Worker):  # type: ignore[misc]
    """A worker whose batch ends when nothing waits, be it for a night that is busy.

    The first signal lets it end after its job, the second puts the job back into the queue.

    Parameters
    ----------
    batch : bool
        End when the queue is empty.
    """

    def __init__(self, *, batch: bool) -> None:
        super().__init__(
            queue_names=["*"],
            interval=_EVERY,
            batch=batch,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"{socket.gethostname()[:40]}:{os.getpid()}",
            excluded_queue_names=[],
        )

    def run(self) -> None:
        """Work until it is told to end, or a batch is done."""
        logging.getLogger("django_tasks_db").setLevel(logging.INFO)
        super().run()
        while self.batch and self.running and DBTaskResult.objects.filter(status="READY").exists():
            time.sleep(_EVERY)
            super().run()
