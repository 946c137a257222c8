"""Clusters of processes: the same bits, dead workers, dead coordinators, wrong clusters."""

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from distributed import Client
from distributed.security import Security

from polarnight.cubes.running import cluster_process, clusters
from polarnight.cubes.running.graphs import ArrayTarget
from polarnight.cubes.running.light import da
from polarnight.cubes.running.runner import Runner
from polarnight.errors import AlgorithmFailed, BadFrame, Cancelled, ExternalService

pytestmark = pytest.mark.cluster

PLAIN = {"dtype": "f4", "meta": np.empty((0, 0), "f4")}


@pytest.fixture(scope="module")
def local():
    with Runner("local", workers=2) as runner:
        yield runner


def lazy(rows=64, chunk=8, columns=30):
    values = np.random.default_rng(3).normal(size=(rows, columns)).astype(np.float32)
    return values, da.from_array(values, chunks=(chunk, columns))


def alive(pid):
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def family(pid):
    """Return a process and all that come from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += family(int(child))
    return found


def test_the_same_bits_as_threads(local):
    _, array = lazy()
    wanted = [(array - array.mean(axis=0)) / array.std(), array.mean(), array[:, ::-1].T]
    here = Runner("threads").arrays(wanted)
    there = local.arrays(wanted)
    for one, other in zip(here, there, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def stamped(folder, pause=0.02):
    """Return a function that notes when it began and ended, and where."""
    folder = str(folder)

    def stamp(block):
        began = time.monotonic()
        time.sleep(pause)
        Path(folder, uuid4().hex).write_text(f"{began} {time.monotonic()} {os.getpid()}")
        return block + 1

    return stamp


def at_once(folder):
    """Return how many were at work at once; clocks of one machine are one clock."""
    times = [path.read_text().split() for path in folder.iterdir()]
    # An end before a beginning at the same instant.
    events = sorted([(float(t[0]), 1) for t in times] + [(float(t[1]), -1) for t in times])
    return max(itertools.accumulate(step for _, step in events))


def test_work_is_done_by_processes_at_once(tmp_path, local):
    values, array = lazy(80, 4)
    # Long enough for a loaded machine to have both at work, however late one of them begins.
    (found,) = local.arrays([array.map_blocks(stamped(tmp_path, 0.1), **PLAIN)])
    np.testing.assert_array_equal(found, values + 1)
    assert at_once(tmp_path) == 2
    processes = {path.read_text().split()[2] for path in tmp_path.iterdir()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes


def bounded(local, **options):
    """Return a runner with the processes of another."""
    runner = Runner("local", **{"workers": 2, **options})
    runner._cluster = local._open()
    return runner


def test_memory_bounds_the_work_of_processes_too(tmp_path, local):
    array = da.zeros((40, 40000), chunks=(2, 40000), dtype="f8")
    large = array.map_blocks(stamped(tmp_path), **PLAIN)[:, :3].astype("f8")
    (found,) = bounded(local, memory=2 << 20).arrays([large])
    assert (found == 1).all()
    assert len(list(tmp_path.iterdir())) == 20
    assert at_once(tmp_path) == 1


def test_the_bound_holds_for_what_blocks_share(tmp_path, local):
    array = da.zeros((24, 40000), chunks=(2, 40000), dtype="f8")
    large = array.map_blocks(stamped(tmp_path), **PLAIN)
    wanted = [(large - large.mean(axis=0))[:, :3].astype("f8"), large.sum()]
    small, total = bounded(local, memory=3 << 20).arrays(wanted)
    assert (small == 0).all()
    assert total == 24 * 40000
    assert len(list(tmp_path.iterdir())) == 12, "shared blocks were made once"
    assert at_once(tmp_path) == 1


def test_a_killed_worker_costs_no_result_within_a_bound(tmp_path, local):
    marks = tmp_path / "marks"
    marks.mkdir()
    stamp = stamped(marks, 0.05)
    victim = str(tmp_path / "victim")

    def block(part, block_info=None):
        if block_info[0]["chunk-location"][0] == 3 and not Path(victim).exists():
            Path(victim).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return stamp(part)

    array = da.zeros((20, 40000), chunks=(2, 40000), dtype="f8")
    large = array.map_blocks(block, **PLAIN)[:, :3].astype("f8")
    (found,) = bounded(local, memory=2 << 20).arrays([large])
    assert (found == 1).all()
    assert Path(victim).exists()
    assert at_once(marks) == 1


def test_nobody_else_may_run_code(local):
    """Any user of the machine can reach the ports of its schedulers and workers."""
    local.arrays([lazy()[1]])
    client = local._cluster._client
    addresses = [client.scheduler.address, *client.nthreads()]
    assert len(addresses) >= 2  # another test may have killed a worker
    stranger = Security.temporary()
    for address in addresses:
        assert address.startswith("tls://127.0.0.1:")
        plain = f"tcp://{address.removeprefix('tls://')}"
        for place, security in ((plain, None), (address, stranger)):
            with pytest.raises(OSError):
                Client(place, timeout=2, security=security, set_as_default=False)
    assert local.arrays([lazy()[1]])[0].shape == (64, 30)


def test_inside_a_running_loop_as_in_notebooks(local):
    async def main():
        values, array = lazy()
        return np.array_equal(local.arrays([array + 1])[0], values + 1)

    assert asyncio.run(main())


def test_kernels_use_one_thread_there(local):
    _, array = lazy(8, 4)

    def threads(block):
        from polarnight import _native

        return np.full_like(block, _native.threads())

    (found,) = local.arrays([array.map_blocks(threads, **PLAIN)])
    assert (found == 1).all()


@pytest.mark.parametrize("gathered", [False, True])
def test_a_killed_worker_costs_no_result(tmp_path, local, gathered):
    values, array = lazy(160, 4)
    marks = str(tmp_path)

    def block(part, block_info=None):
        number = block_info[0]["chunk-location"][0]
        mark = Path(marks, str(number))
        first = not mark.exists()
        mark.write_text(str(os.getpid()))
        if number == 20 and first:
            time.sleep(60)  # killed meanwhile
        time.sleep(0.01)
        return part * 2

    def kill():
        wait_until(lambda: (tmp_path / "20").exists() and (tmp_path / "20").read_text())
        time.sleep(0.3)
        os.kill(int((tmp_path / "20").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    start = time.monotonic()
    work = array.map_blocks(block, **PLAIN)
    if gathered:  # by the coordinator, as from clusters of other machines
        target = ArrayTarget(work.shape, work.dtype)
        local.fill([work], [target])
        found = target.array
    else:
        (found,) = local.arrays([work])
    killer.join()
    assert time.monotonic() - start < 50, "the block was waited for, not made again"
    np.testing.assert_array_equal(found, values * 2)
    # And the cluster is whole again.
    np.testing.assert_array_equal(local.arrays([array + 1])[0], values + 1)


def test_a_block_that_kills_every_worker_is_given_up():
    _, array = lazy(8, 4)

    def die(part):
        os.kill(os.getpid(), signal.SIGKILL)
        return part

    with (
        Runner("local", workers=1) as runner,
        pytest.raises(AlgorithmFailed, match="worker after worker died"),
    ):
        runner.arrays([array.map_blocks(die, **PLAIN)])


def test_arrays_of_this_process_are_sent(local):
    values, array = lazy(4000, 1000)
    assert (Runner("local", workers=1).memory) > values.nbytes
    for _ in range(2):
        np.testing.assert_array_equal(local.arrays([array + 1])[0], values + 1)
    scratch = local._cluster._host.scratch
    assert len(list(scratch.glob("*.npy"))) == 4
    del array
    gc.collect()
    assert list(scratch.glob("*.npy")) == []


def test_results_leave_no_file(local):
    _, array = lazy()
    (found,) = local.arrays([array + 1])
    assert type(found) is np.ndarray
    assert found.flags.writeable
    files = [path for path in local._cluster._host.scratch.iterdir() if path.is_file()]
    assert [path for path in files if path.suffix != ".npy" and len(path.name) == 32] == []


def test_errors_travel(local):
    _, array = lazy()

    def fail(part):
        raise BadFrame("night.fits", "ended early", "copy it")

    with pytest.raises(BadFrame, match=r"night\.fits: ended early \(copy it\)") as caught:
        local.arrays([array.map_blocks(fail, **PLAIN)])
    assert caught.value.remedy == "copy it"


def test_progress_and_cancelling(local):
    _, array = lazy(400, 4)
    event = threading.Event()
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done >= 5:
            event.set()

    def slow(part):
        time.sleep(0.05)
        return part

    runner = Runner("local", workers=2, progress=progress, cancelled=event)
    runner._cluster = local._open()
    with pytest.raises(Cancelled):
        runner.arrays([array.map_blocks(slow, **PLAIN)])
    assert all(total == 100 for _, total in seen)
    assert len(seen) < 50
    # What was cancelled is not in the way of the next work.
    assert local.arrays([array + 1])[0].shape == (400, 30)


def test_closing_leaves_no_process():
    runner = Runner("local", workers=2)
    _, array = lazy()
    runner.arrays([array])
    processes = family(runner._cluster._host._process.pid)
    assert len(processes) >= 3
    runner.close()
    wait_until(lambda: not any(map(alive, processes)), 10)
    # A closed runner starts anew.
    assert runner.arrays([array])[0].shape == array.shape
    runner.close()


SCRIPT = """
import os, sys, time
import numpy as np
from polarnight.cubes.running.light import da
from polarnight.cubes.running.runner import Runner

print("main", flush=True)

def slow(part):
    time.sleep({pause})
    return part + 1

values = np.arange(80.0, dtype="f4").reshape(20, 4)
array = da.from_array(values, chunks=(2, 4)).map_blocks(slow, dtype="f4", meta=values[:0])
runner = Runner("local", workers=2)
runner.arrays([array[:2, :1]])
print(runner._cluster._host._process.pid, flush=True)
print(bool((runner.arrays([array])[0] == values + 1).all()), flush=True)
"""


def script(tmp_path, pause):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT.format(pause=pause)))
    return subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True)


def test_a_script_without_guard_runs_once_and_ends_cleanly(tmp_path):
    process = script(tmp_path, 0)
    lines = process.communicate(timeout=90)[0].split()
    assert process.returncode == 0
    assert lines[0] == "main"
    assert lines[2:] == ["True"], "the script ran once"
    wait_until(lambda: not alive(int(lines[1])))


def test_no_process_survives_a_killed_coordinator(tmp_path):
    process = script(tmp_path, 30)
    assert process.stdout.readline().strip() == "main"
    # The first work of the script is slow too; so look for the host among its children.
    wait_until(lambda: len(family(process.pid)) >= 4, 60)
    processes = family(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(lambda: not any(map(alive, processes)), 40)


@pytest.fixture
def other(tmp_path):
    """Start a cluster that is not ours, and return its address."""
    code = (
        "import sys, distributed\n"
        "with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False,"
        " host='127.0.0.1', protocol='tcp', dashboard_address=None) as cluster:\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def test_any_cluster_by_its_address(other):
    _, array = lazy()
    wanted = [(array - array.mean(axis=0)) / array.std()]
    for workers in (None, 1, 5):
        with Runner(other, workers=workers) as runner:
            (there,) = runner.arrays(wanted)
        assert there.tobytes() == Runner().arrays(wanted)[0].tobytes()


@pytest.mark.parametrize(
    ("options", "most"), [({"workers": 1}, 1), ({"workers": 2}, 2), ({"memory": 2 << 20}, 1)]
)
def test_workers_and_memory_bound_the_work_of_a_cluster(tmp_path, other, options, most):
    array = da.zeros((40, 40000), chunks=(2, 40000), dtype="f8")
    work = array.map_blocks(stamped(tmp_path, 0.05), **PLAIN)[:, :3].astype("f8")
    with Runner(other, **options) as runner:
        (found,) = runner.arrays([work])
    assert (found == 1).all()
    assert at_once(tmp_path) == most


def test_another_version_is_refused(other, monkeypatch):
    monkeypatch.setattr(clusters.importlib.metadata, "version", _version)
    with pytest.raises(ExternalService, match=r"has polarnight [0-9a-z.]+, here is 99\.9"):
        Runner(other).arrays([lazy()[1]])


def _version(name):
    """Answer with another version here alone: workers import the function from this file."""
    from importlib.metadata import distribution

    return "99.9" if "pytest" in sys.modules else distribution(name).version


def test_nobody_there(monkeypatch):
    monkeypatch.setattr(clusters, "_SECONDS_TO_CONNECT", 1.0)
    with pytest.raises(ExternalService, match=r"tcp://127\.0\.0\.1:9 does not answer"):
        Runner("tcp://127.0.0.1:9").arrays([lazy()[1]])
    with pytest.raises(ExternalService, match="does not answer"):
        Runner("nonsense://x:1").arrays([lazy()[1]])


def test_processes_that_do_not_start(monkeypatch):
    monkeypatch.setattr(cluster_process, "COMMAND", "raise SystemExit('no processes today')")
    with pytest.raises(ExternalService, match="did not start: no processes today"):
        Runner("local", workers=1).arrays([lazy()[1]])
