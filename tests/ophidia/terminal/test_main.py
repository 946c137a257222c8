"""Options, pipes, and a real pseudo-terminal."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from django.db import OperationalError

from polarnight.ophidia.terminal import run_terminal

_START = "from polarnight.cli import main; main()"


def run(night, *arguments, stdin=""):
    """Give options in this process; code, standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), out, err
    try:
        code = run_terminal(arguments, night)
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-e", "pdd"], 0, "/\n"),
        (["-e", "nonsense"], 3, "[CODE 3]"),
        (["-e", "oph_list level=x"], 8, "[CODE 8]"),
        (["-e", "quit"], 0, ""),
        (["-y"], 4, "[CODE 4]"),
        (["-H", "example.org"], 5, "[CODE 5]"),
        (["-H", "local", "-P", "11732", "-p", "x", "-u", "eve", "-e", "getenv OPH_USER"], 0, "eve"),
        (["-w", "none.json"], 8, "none.json"),
        (["-v"], 0, "Polarnight"),
        (["-x"], 0, "warranty"),
        (["-z"], 0, "BSD"),
        (["-h"], 0, "Exit codes"),
    ],
)
def test_options(night, arguments, code, told):
    found, out, err = run(night, *arguments)
    assert found == code, err
    assert told in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", ["terminal -e help", "terminal"])
def test_a_reader_that_has_seen_enough_is_no_fault(night, arguments):
    environment = os.environ | {
        "POLARNIGHT_DATADIR": str(night.datadir), "POLARNIGHT_CONFIG": os.devnull,
    }  # fmt: skip
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", _START, *arguments.split()],
        input=b"help\nhelp\n",
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_user_or_a_database_that_cannot_be(night, monkeypatch):
    code, _, told = run(night, "-u", "bad\nuser", "-e", "pdd")
    assert code == 1
    assert "is no name of a user" in told

    def refused(*_):
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("polarnight.ophidia.server.resume", refused)
    code, _, told = run(night, "-e", "pdd")
    assert code == 9
    assert "the database cannot be used: attempt to write a readonly database" in told


def test_a_call_takes_up_where_the_last_one_was(night):
    run(night, "-e", "oph_importfits src_path=[path=/data/INDIGO-FITS/fits-raw;file=*925.fits];")
    _, out, _ = run(night, "-e", "getenv cube")
    assert re.fullmatch(r"http://\S+/\d+/\d+\n", out)
    run(night, "-e", "mkdir a")
    run(night, "-e", "cd a")
    assert run(night, "-e", "pwd")[1].strip().strip("/") == "a"
    assert run(night, "-u", "other", "-e", "getenv cube")[1] == "\n"


def test_json(night):
    code, out, err = run(night, "-j", "-e", "ll")
    told = json.loads(out)
    assert code == told["code"] == 0
    assert err == ""
    assert told["request"].startswith("oph_list level=2;")
    assert told["response"]["response"][0]["objclass"] == "grid"
    assert "?" in told["jobid"]
    code, out, _ = run(night, "-j", "-e", "getenv OPH_NCORES")
    assert json.loads(out)["stdout"] == "1\n"
    code, out, _ = run(night, "-j", "-e", "oph_list level=x")
    assert (code, json.loads(out)["code"]) == (8, 8)
    assert "[CODE 8]" in json.loads(out)["stderr"]


def test_a_workflow_with_arguments(night, tmp_path):
    tasks = [{"name": "a", "operator": "oph_man", "arguments": ["function=$2"]}]
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"name": "w", "tasks": tasks}))
    code, out, err = run(night, "-w", str(file), "-a", "x,oph_list")
    assert code == 0, err
    assert "OPH_STATUS_COMPLETED" in out
    code, _, err = run(night, "-w", str(file), "-a", "x,oph_none")
    assert code != 0
    assert "oph_none" in err


def test_commands_from_a_pipe(night):
    lines = (
        "# a note\npdd\noph importfits src path=[path=/data/INDIGO-FITS/fits-raw;\n"
        "file=LRS.2016-06-06T20-30-03.925.fits];measure=mymeasure;\n"
        "exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2\nll\nnonsense\ngetenv OPH_DATACUBE\n"
    )
    code, out, err = run(night, stdin=lines)
    assert code == 3
    assert "Output Cube" in out
    pid = out.rstrip().rpartition("\n")[2]
    assert out.count(pid) >= 3
    assert "nonsense" in err
    assert run(night, stdin="quit\npdd\n")[1].count("\n") == 1


def test_a_job_in_the_background_ends_before_the_call_does(night):
    run(night, "-e", "oph_importfits src_path=[path=/data/INDIGO-FITS/fits-raw;file=*.fits];")
    code, out, _ = run(night, "-e", "oph_fs exec_mode=async;")
    assert code == 0
    assert "?" in out
    assert "OPH_STATUS_RUNNING" not in run(night, "-e", "resume")[1]


# --- a real screen ---------------------------------------------------------------------------


class Screen:
    """``polarnight terminal`` on a pseudo-terminal."""

    def __init__(self, datadir, home):
        self.master, slave = pty.openpty()
        env = {
            **os.environ, "POLARNIGHT_DATADIR": str(datadir), "HOME": str(home), "TERM": "xterm",
            "COLUMNS": "200", "LINES": "50", "PROMPT_TOOLKIT_NO_CPR": "1",
        }  # fmt: skip
        env.pop("DJANGO_SETTINGS_MODULE", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, "terminal"],
            stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def read(self, pattern, seconds=180):
        """Wait until the screen shows a pattern after what was read before."""
        end = time.monotonic() + seconds
        while True:
            plain = re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)", "", self.seen)
            if match := re.search(pattern, plain):
                self.seen = plain[match.end() :]
                return plain[: match.end()]
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} not in {plain!r}"
            if select.select([self.master], [], [], min(left, 0.5))[0]:
                try:
                    self.seen += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, plain), plain
                    return plain

    def type(self, text):
        os.write(self.master, text.encode())


@pytest.fixture
def screen(night, tmp_path):
    made = Screen(night.datadir, tmp_path)
    made.read(r"\[\d\d\.\.\d{4}\] >> ")
    yield made
    made.process.kill()
    made.process.wait()
    os.close(made.master)


@pytest.mark.slow
def test_a_session_on_a_screen(screen, tmp_path):
    screen.type("pdd\r")
    screen.read(r"\n/\r?\n")
    # A paste, as terminals send it, of lines as the tutorial prints them.
    lines = (
        "oph importfits src path=[path=/data/INDIGO-FITS/fits-raw;\n"
        "file=LRS.2016-06-06T20-30-03.925.fits];measure=mymeasure;\n"
        "exp dim=NAXIS1;imp dim=NAXIS2;container=FITS2"
    )
    screen.type(f"\x1b[200~{lines}\x1b[201~")
    screen.read(r"container=FITS2")  # what was pasted is on the screen
    screen.type("\r")
    screen.read(r"Output Cube")
    screen.read(r"Execution time")
    # The same without marks, the lines one right after the other.
    screen.read(r">> ")
    screen.type(lines.replace("\n", "\r") + "\r")
    screen.read(r"Output Cube")
    screen.read(r">> ")
    screen.type("oph_reduce2 oper\t")
    screen.read(r"ation=")
    screen.type("\x03")  # gives up the line
    screen.read(r">> ")
    tasks = [{"name": "w", "operator": "oph_wait", "arguments": ["timeout=100"]}]
    (tmp_path / "w.json").write_text(json.dumps({"name": "w", "tasks": tasks}))
    screen.type(f"{tmp_path}/w.json\r")
    screen.read(r"0 of 1 tasks, w waiting")
    os.killpg(screen.process.pid, signal.SIGINT)
    screen.read(r"cancelled")
    screen.read(r">> ")
    screen.type("drop\r")
    screen.read(r"Delete all cubes in /\? \[yes/no\] ")
    screen.type("no\r")
    screen.read(r"nothing deleted")
    screen.read(r">> ")
    kept = tmp_path / ".oph_term_history"
    assert "+pdd" in kept.read_text()
    screen.type("history -c\r")
    screen.read(r">> ")
    screen.type("\x04")
    assert screen.process.wait(30) == 0
    assert "+pdd" not in kept.read_text()
