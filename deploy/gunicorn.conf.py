"""gunicorn behind a proxy: ``gunicorn -c gunicorn.conf.py polarnight.web.wsgi:application``.

Numbers of processes and threads are those of the configuration of Polarnight (web.workers,
web.threads); what stands here concerns the way from the proxy.
"""

import os
from typing import Any

from polarnight.config import configure_logging, get_settings

_web = get_settings().web

bind = os.environ.get("GUNICORN_BIND", "unix:/run/polarnight/web.sock")
workers = _web.workers
threads = _web.threads
worker_class = "gthread"
# Commands of cubes answer after 50 seconds at most, whether they are done or not.
timeout = 120
graceful_timeout = 30
keepalive = 5
# Only the proxy reaches the socket; its SCRIPT_NAME says under which path the site is.
forwarded_allow_ips = "127.0.0.1,::1"
forwarder_headers = "SCRIPT_NAME,PATH_INFO"
proc_name = "polarnight"
# Its own door for commands would lie in the data directory.
control_socket_disable = True
loglevel = "warning"
errorlog = "-"
accesslog = None
limit_request_line = 8190


def post_worker_init(worker: Any) -> None:
    """Let faults of requests go into the log of Polarnight, which the page *Logs* shows."""
    from polarnight.web.serving import log_site

    configure_logging(get_settings())
    log_site(get_settings())
