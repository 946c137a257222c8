"""`polarnight serve`: what is started, and that nothing is left of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from polarnight.errors import ConfigError
from polarnight.web.serving import Child, check_address, supervise

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        # A zombie of somebody else's is no running process.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _soon(condition, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def test_the_end_of_a_vital_child_ends_all():
    other = Child("worker", SLEEP, vital=False)
    vital = Child("server", [sys.executable, "-c", "raise SystemExit(3)"], vital=True)
    assert supervise([vital, other]) == 3
    assert other.status() is not None


def test_a_signal_ends_all_in_good_order(tmp_path):
    mark = tmp_path / "ended"
    code = (
        "import signal, sys, time, pathlib\n"
        "def end(*_):\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "time.sleep(60)\n"
    )
    children = [Child("server", [sys.executable, "-c", code], vital=True)]

    def tell() -> None:
        _soon((tmp_path / "ready").exists)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=tell).start()
    assert supervise(children) == 0
    assert mark.exists()
    assert children[0].status() == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_children_of_children_are_swept(tmp_path):
    place = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(place)!r}).write_text(str(p.pid))\n"
    )
    assert supervise([Child("server", [sys.executable, "-c", code], vital=True)]) == 1
    pid = int(place.read_text())
    assert _soon(lambda: not _alive(pid))


def test_a_worker_that_dies_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr("polarnight.web.serving._RESTART_AFTER", 0.3)
    count = tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('x'); raise SystemExit(1)"
    worker = Child("worker", [sys.executable, "-c", code], vital=False)
    server = Child("server", [sys.executable, "-c", "import time; time.sleep(1.5)"], vital=True)
    supervise([server, worker])
    assert len(count.read_text()) >= 2


def test_a_port_in_use_is_told_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}.*choose another"):
            check_address("127.0.0.1", port)
    with pytest.raises(ConfigError, match="choose another --host"):
        check_address("203.0.113.7", 8765)


def _serve(root: Path, *more: str) -> tuple[subprocess.Popen, str, list[int]]:
    env = {**os.environ, "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", "polarnight", "-d", str(root), "serve", "--port", "0", *more]
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    told = []
    for line in process.stdout:
        told.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            with urllib.request.urlopen(found[0] + "login/") as answer:
                assert b"Log in" in answer.read()
            return process, found[0], _family(process.pid)
    raise AssertionError("".join(told))


def _family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def test_serve_begins_with_nothing_and_leaves_nothing(tmp_path):
    root = tmp_path / "data"
    process, url, pids = _serve(root, "--workers", "1")
    try:
        assert len(pids) == 4  # supervisor, gunicorn and its process, queue
        with urllib.request.urlopen(url + "static/bokeh/bokeh.min.js") as answer:
            assert int(answer.headers["Content-Length"]) > 500_000
        with urllib.request.urlopen(url + "static/polarnight/css/polarnight.css") as answer:
            assert answer.headers["Content-Type"].startswith("text/css")
        assert (root / "web-key").stat().st_mode & 0o777 == 0o600
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    assert not [pid for pid in pids if _alive(pid)]


@pytest.mark.slow
def test_a_supervisor_that_is_killed_leaves_no_orphans(tmp_path):
    process, _, pids = _serve(tmp_path / "data", "--workers", "1")
    process.kill()
    process.wait()
    assert _soon(lambda: not any(_alive(pid) for pid in pids), 30)
    process.stdout.close()
