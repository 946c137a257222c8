"""What ``polarnight serve`` does: a server and a worker side by side, ended together."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polarnight.errors import ConfigError

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["Child", "check_address", "has_users", "log_site", "supervise", "watch_parent"]

_LOG = logging.getLogger(__name__)
_LOOK = 0.2  # seconds between looks at the children
_ENDS_WITHIN = 15.0  # seconds that a child has for ending in good order
_THEN_WITHIN = 5.0  # seconds after it was told again, more firmly
_RESTART_AFTER = 5.0  # seconds between the starts of a child that ends by itself


@dataclass
class Child:
    """A process that `supervise` keeps running.

    Attributes
    ----------
    name : str
    command : sequence of str
    vital : bool
        Whether everything ends with it; one that is not is started again.
    """

    name: str
    command: Sequence[str]
    vital: bool
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the parent only."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(list(self.command), start_new_session=True)  # noqa: S603

    def status(self) -> int | None:
        """Return how it ended, None while it runs."""
        return None if self.process is None else self.process.poll()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; return whether it came."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def sweep(self) -> None:
        """End what is left of it and of the processes that it started."""
        if self.process is None:
            return
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        elif self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def supervise(children: Sequence[Child]) -> int:
    """Run processes until a signal comes, or a vital one ends; end all of them.

    Returns
    -------
    int
        0 after a signal, else the exit status of the one that ended.
    """
    with _told_to_stop() as stop:
        try:
            for child in children:
                child.start()
            status = _keep(children, stop)
        finally:
            _end(children)
    return status


@contextlib.contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Give an event that is set by the signals which end programs."""
    stop = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        signal.signal(getattr(signal, name), lambda *_: stop.set())
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _keep(children: Sequence[Child], stop: threading.Event) -> int:
    while not stop.wait(_LOOK):
        for child in children:
            status = child.status()
            if status is None:
                continue
            if child.vital:
                return status or 1
            if time.monotonic() - child.started >= _RESTART_AFTER:
                _LOG.warning("the %s ended with status %s; it is started again", child.name, status)
                child.sweep()
                child.start()
    return 0


def _end(children: Sequence[Child]) -> None:
    for seconds in (_ENDS_WITHIN, _THEN_WITHIN):
        until = time.monotonic() + seconds
        for child in children:
            child.tell(signal.SIGTERM)
        if all(child.wait(until - time.monotonic()) for child in children):
            break
    for child in children:
        child.sweep()


def watch_parent(parent: int | None) -> None:
    """Let this process end when its parent is gone, however that ended.

    Parameters
    ----------
    parent : int or None
        Its process id; None where nobody cares.
    """
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        for _ in range(2):  # a worker that is busy ends at the second
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_THEN_WITHIN)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def check_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on, before anything is started.

    Raises
    ------
    ConfigError
        Where it is taken, not of this machine, or not for this user.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        told = (error.strerror or str(error)).lower()
        msg = f"nothing can listen on {host}:{port} ({told}); choose another --host or --port"
        raise ConfigError(msg) from error


def has_users() -> bool:
    """Return whether anybody could log in."""
    from django.contrib.auth import get_user_model

    return get_user_model()._default_manager.filter(is_active=True).exists()


_OTHERS: Mapping[str, int] = {
    "django": logging.WARNING,
    "django.request": logging.ERROR,  # who is refused, or finds nothing, is no event
    "axes": logging.WARNING,
    "gunicorn.error": logging.WARNING,
    "django_tasks": logging.INFO,
    "django_tasks_db": logging.INFO,
}


def log_site(settings: Settings) -> None:
    """Let what the packages below the site log go into the log of Polarnight."""
    ours: list[Any] = [
        handler
        for handler in logging.getLogger("polarnight").handlers
        if isinstance(handler, logging.FileHandler)
    ]
    for name, level in _OTHERS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(level, settings.log_level))
        logger.propagate = False
        logger.handlers = list(ours)
