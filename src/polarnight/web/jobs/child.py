"""The process of one job: ``python -m polarnight.web.jobs.child``, driven by its worker.

It reads a line of JSON (settings and what to do), and writes a line for each step and one for
the end. When its input ends, its worker is gone: it ends itself and all that it started.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from polarnight.db.locks import WorkBusy, working_as
from polarnight.errors import NoWork, PolarnightError
from polarnight.progress import heard_by

__all__ = ["main"]

_LOG = logging.getLogger("polarnight.web.jobs")
_BETWEEN = 0.2  # seconds between two lines of the same stage


def main() -> int:
    """Do what the standard input says."""
    # What libraries print is no line of ours.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    teller = _Teller(out)
    try:
        status, result, error = _do(order, teller)
    except WorkBusy as taken:
        teller.say({"end": 2, "result": None, "error": "", "busy": str(taken)})
        out.close()
        return 2
    # Where the archive is on this machine is nobody's business.
    text = json.dumps([result, error], default=str)
    result, error = json.loads(text.replace(json.dumps(_root(order))[1:-1], ""))
    teller.say({"end": status, "result": result, "error": error})
    out.close()
    return status


def _root(order: dict[str, Any]) -> str:
    return f"{Path(order['settings']['datadir'])}{os.sep}"


def _holder(order: dict[str, Any]) -> str:
    return f"job {order['job']} of {order['user']}, {order['title']}"


class _Teller:
    """Tells the worker how far the work is, not too often."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last = ("", 0.0)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of progress."""
        now = time.monotonic()
        stage, when = self._last
        if what == stage and now - when < _BETWEEN and done < total:
            return
        self._last = (what, now)
        self.say({"stage": what, "done": done, "total": total})

    def note(self, facts: dict[str, Any]) -> None:
        """Let the worker keep facts, whatever becomes of the work."""
        self.say({"note": facts})

    def say(self, line: dict[str, Any]) -> None:
        """Write a line; where nobody listens, this process is about to end anyway."""
        with contextlib.suppress(BrokenPipeError):
            self._out.write(json.dumps(line, default=str) + "\n")
            self._out.flush()


def _do(order: dict[str, Any], teller: _Teller) -> tuple[int, dict[str, Any] | None, str]:
    """Return exit status, result and error, as the command would have them."""
    try:
        settings = _set_up(order)
        _LOG.info("job %s of %s: %s", order["job"], order["user"], order["title"])
        from polarnight.web.jobs.work import WORK

        with heard_by(teller), working_as(order["job"], _holder(order)):
            status, result = WORK[order["kind"]](
                order["arguments"], settings, order["user"], teller
            )
    except WorkBusy:
        raise
    except NoWork as nothing:
        return 2, None, str(nothing)
    except PolarnightError as error:
        _LOG.error("%s", error)
        return 2, None, str(error)
    except Exception as error:  # noqa: BLE001 - told to the operator, traceback in the log
        _LOG.exception("stopped by a fault")
        told = " ".join(str(error).split())
        return 2, None, f"{type(error).__name__}: {told}; the traceback is in the log"
    return status, result, ""


def _set_up(order: dict[str, Any]) -> Any:
    """Put the settings of the worker in force, with the log of the job and the database."""
    os.environ["MPLBACKEND"] = "Agg"
    from polarnight.config import Settings, use_settings
    from polarnight.config.logs import configure_logging
    from polarnight.db.setup import setup_database
    from polarnight.web.jobs.joblog import BoundedHandler

    settings = use_settings(Settings.model_validate(order["settings"]))
    configure_logging(settings)
    path = Path(settings.data.root) / order["log"]
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = BoundedHandler(path, mode="a", encoding="utf-8")
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    handler.formatter.converter = time.gmtime  # type: ignore[union-attr]
    logger = logging.getLogger("polarnight")
    logger.addHandler(handler)
    logger.setLevel(min(logger.level, logging.INFO))
    setup_database(settings)
    return settings


def _end_with_worker() -> None:
    """Wait for the end of the input, and end the whole group of processes."""
    # Without the buffer of sys.stdin, whose lock the end of the interpreter asks for.
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
