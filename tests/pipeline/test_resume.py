"""Killed at any point and run again, a night gives what an undisturbed run gives."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

NIGHT = "OSN-T090/2022-09-18"

# Kills its own process at the n-th call of a function, without any chance to clean up.
KILLER = """
import os, signal
import {module} as module
original, calls = module.{function}, []
def fatal(*arguments, **options):
    calls.append(1)
    if len(calls) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **options)
module.{function} = fatal
from polarnight.cli import main
main()
"""


@pytest.fixture(scope="session")
def ingested_night(night, tmp_path_factory, make_archive):
    archive = make_archive(tmp_path_factory.mktemp("ingested") / "data", night)
    assert archive.in_process("ingest", night.directory).returncode == 0
    return archive


@pytest.fixture
def undisturbed(reduced_night, copy_of):
    with copy_of(reduced_night, "undisturbed") as archive:
        return archive.made()


@pytest.fixture
def ingested(ingested_night, copy_of):
    with copy_of(ingested_night) as archive:
        yield archive


def environment(archive):
    env = {**os.environ, "POLARNIGHT_DATADIR": str(archive.root)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return env


def check_equal(archive, undisturbed, reduced_night):
    assert undisturbed.changed(archive.made()) == {}
    for part in ("masterbias", "masterflat", "calibration", "raw"):
        assert archive.checksums(part) == reduced_night.checksums(part)
    assert "0 products are not current" in archive.pending()


POINTS = [
    ("polarnight.frames.atomic", "flush_to_disk", 15),  # a frame, before its final name
    ("polarnight.pipeline.store_results", "_remember", 2),  # inside a transaction
]
MORE_POINTS = [
    ("polarnight.pipeline.masters", "_store", 3),
    ("polarnight.pipeline.reduce", "_mark_raw", 4),
    ("polarnight.pipeline.ingest", "_save", 1),
    ("polarnight.frames.atomic", "flush_to_disk", 1),  # the first master is half-written
    ("polarnight.pipeline.reduce", "_store", 1),
    ("polarnight.pipeline.store_results", "_store", 1),
    ("polarnight.pipeline.night", "_remember", 1),
]


@pytest.mark.parametrize(
    ("module", "function", "number"),
    [*POINTS, *(pytest.param(*point, marks=pytest.mark.slow) for point in MORE_POINTS)],
)
def test_killed_at_any_point(ingested, undisturbed, reduced_night, module, function, number):
    code = KILLER.format(module=module, function=function, number=number)
    killed = subprocess.run(
        [sys.executable, "-c", code, "-q", "-o", "workers=1", "run", NIGHT],
        env=environment(ingested),
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert ingested.run("run", NIGHT) == 0
    assert not list(ingested.root.rglob(".*.part"))
    check_equal(ingested, undisturbed, reduced_night)


def children(pid):
    """Processes that descend from one, from /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(entry.name)] = (int(fields[1]), command)
    found, todo = {}, [pid]
    while todo:
        parent = todo.pop()
        for child, (above, command) in parents.items():
            if above == parent:
                found[child] = command
                todo.append(child)
    return found


def alive(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(archive):
    """Start a run on two processes; return it once its workers write reduced frames."""
    command = [sys.executable, "-c", "from polarnight.cli import main; main()"]
    run = subprocess.Popen(
        [*command, "-q", "-o", "workers=2", "run", NIGHT],
        env=environment(archive),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 120
    while not list(archive.root.glob("masterflat/*/*/*.fits")):
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    workers = [pid for pid, line in children(run.pid).items() if b"popen_loky" in line]
    assert workers
    return run, workers


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_worker_is_killed(ingested, undisturbed, reduced_night):
    run, workers = started(ingested)
    os.kill(workers[0], signal.SIGKILL)
    out, _ = run.communicate(timeout=300)
    assert run.returncode == 0, out.decode()
    check_equal(ingested, undisturbed, reduced_night)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_coordinator_is_killed_and_leaves_no_workers(ingested, undisturbed, reduced_night):
    run, workers = started(ingested)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    orphans = [pid for pid in workers if alive(pid)]
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    run.stdout.close()
    assert orphans == []
    assert ingested.run("run", NIGHT) == 0
    check_equal(ingested, undisturbed, reduced_night)
