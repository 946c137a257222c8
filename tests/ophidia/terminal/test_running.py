"""Long work: its result, its progress, and how it is stopped."""

import io
import os
import signal
import threading

import pytest

from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.terminal.running import Progress, Worker


class Tty(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()


def interrupt(after):
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_results_and_errors_come_home(worker):
    assert worker.run(lambda progress, stop: 7) == 7
    with pytest.raises(ZeroDivisionError):
        worker.run(lambda progress, stop: 1 // 0)
    first = worker.run(lambda progress, stop: threading.get_ident())
    assert worker.run(lambda progress, stop: threading.get_ident()) == first


def test_ctrl_c_asks_the_work_to_stop(worker):
    interrupt(0.3)
    out = io.StringIO()
    assert worker.run(lambda progress, stop: stop.wait(30), Progress(out)) is True
    assert "stopping" in out.getvalue()


def test_ctrl_c_twice_leaves_the_work_alone(worker):
    free = threading.Event()

    def stubborn(progress, stop):
        stop.wait(30)
        interrupt(0.2)
        free.wait(30)

    interrupt(0.3)
    with pytest.raises(OperatorFailed, match="left alone"):
        worker.run(stubborn, Progress(io.StringIO()))
    free.set()
    assert worker.run(lambda progress, stop: "next") == "next"


def test_progress_is_shown_late_and_wiped(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    out = Tty()
    progress = Progress(out)
    progress("stacking\x1b", 0.5)
    progress.show()
    assert out.getvalue() == ""
    progress.begin -= 10
    progress.show()
    assert "[##########          ]  50%" in out.getvalue()
    assert "stacking\\x1b" in out.getvalue()
    progress.wipe()
    assert out.getvalue().endswith("\r\x1b[K")


def test_no_progress_in_files(capsys):
    progress = Progress(io.StringIO())
    progress.begin -= 10
    progress("x", 0.5)
    progress.show()
    assert progress.out.getvalue() == ""
