"""The process that answers requests: gunicorn where there is fork, Django's server elsewhere."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["run_server", "url_of"]


def url_of(host: str, port: int, prefix: str = "http") -> str:
    """Return the address to type into a browser of this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"{prefix}://{shown}:{port}/"


def run_server(settings: Settings, parent: int | None = None) -> int:
    """Answer requests until a signal comes.

    Parameters
    ----------
    settings : Settings
        ``web.host``, ``web.port``, ``web.workers`` and ``web.threads`` count.
    parent : int, optional
        Process with which this one ends, too.

    Returns
    -------
    int
        Exit status.
    """
    from django.db import connections

    connections.close_all()  # a connection must not be shared by the processes to come
    if hasattr(os, "fork"):
        return _by_gunicorn(settings, parent)
    return _by_django(settings, parent)


def _by_gunicorn(settings: Settings, parent: int | None) -> int:
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter

    web = settings.web

    class Master(Arbiter):  # type: ignore[misc,unused-ignore]
        def murder_workers(self) -> None:
            # Called once a second: the place to see that nobody waits for us any more.
            if parent is not None and os.getppid() != parent:
                raise StopIteration
            super().murder_workers()

    class Server(BaseApplication):  # type: ignore[misc,unused-ignore]
        def load_config(self) -> None:
            for key, value in _options(settings).items():
                self.cfg.set(key, value)

        def load(self) -> Any:
            from polarnight.web.wsgi import application

            return application

        def run(self) -> None:
            Master(self).run()

    def ready(server: Any) -> None:
        for listener in server.LISTENERS:
            port = listener.sock.getsockname()[1]
            print(f"Polarnight: {url_of(web.host, port)} (Ctrl-C ends it)", flush=True)

    application = Server()
    application.cfg.set("when_ready", ready)
    try:
        application.run()
    except SystemExit as end:
        return int(end.code or 0) if not isinstance(end.code, str) else 1
    return 0


def _options(settings: Settings) -> dict[str, Any]:
    web = settings.web
    host = f"[{web.host}]" if ":" in web.host and not web.host.startswith("[") else web.host
    return {
        "bind": f"{host}:{web.port}",
        "workers": web.workers,
        "threads": web.threads,
        "worker_class": "gthread",
        # Loaded once, before any process is made: they start at once and share the memory.
        "preload_app": True,
        "timeout": 120,  # the largest figure or export takes seconds; a hung worker is replaced
        "graceful_timeout": 5,
        "keepalive": 5,
        "proc_name": "polarnight",
        # Its own door for commands would lie in the home directory of the user.
        "control_socket_disable": True,
        "loglevel": "warning",
        "errorlog": "-",
    }


def _by_django(settings: Settings, parent: int | None) -> int:
    from django.core.servers.basehttp import run

    from polarnight.web.serving import watch_parent
    from polarnight.web.wsgi import application

    watch_parent(parent)
    print(f"Polarnight: {url_of(settings.web.host, settings.web.port)} (Ctrl-C ends it)")
    with contextlib.suppress(KeyboardInterrupt):
        run(settings.web.host, settings.web.port, application, threading=True)
    return 0
