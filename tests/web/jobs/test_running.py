"""A job in a worker: its process, progress, cancelling, locks, and workers that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.utils import timezone

from polarnight.db.locks import holding
from polarnight.db.models import WorkLock
from polarnight.web.jobs.joblog import tail
from polarnight.web.jobs.lost import SILENT_AFTER, mark_lost, worker_name
from polarnight.web.jobs.queueing import MOST_CRASHES
from polarnight.web.jobs.running import Run
from polarnight.web.models import Job, JobState

from .conftest import NIGHT


def _soon(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def test_a_job_does_what_the_command_does(start):
    from polarnight.config import get_settings
    from polarnight.db import Epoch, PhotoPolResult

    PhotoPolResult.objects.all().delete()
    job = start(force=True)
    assert (job.state, job.who) == ("queued", "operator")
    assert Run(job.pk).to_the_end() == "done"
    job.refresh_from_db()
    # The demonstration has a frame of clouds and one without type: the command says 1.
    assert (job.exit_code, job.error, job.stage, job.pid) == (1, "", "", None)
    epoch = Epoch.objects.with_counts().get()
    assert job.result["nights"] == [NIGHT]
    assert job.result["n_failed"] == len(epoch.report["failed"]) == 2
    assert job.result["parts"]["reduce"]["done"] == epoch.n_solved > 0
    assert epoch.n_results > 0
    assert job.started <= job.heartbeat <= job.finished
    assert not WorkLock.objects.exclude(name="").exists()
    lines = tail(get_settings(), job.log)
    assert any("reducing" in line or "reduce" in line for line in lines)
    assert any("BLLac-0099R.fit" in line for line in lines)


@pytest.mark.slow
def test_progress_reaches_the_row(start, monkeypatch):
    told = []
    monkeypatch.setattr("polarnight.web.jobs.running._LOOK", 0.05)
    write = Run._write
    monkeypatch.setattr(
        Run, "_write", lambda self, *state: (told.append(state), write(self, *state))[1]
    )
    job = start(force=True, only="masters")
    assert Run(job.pk).to_the_end() == "done"
    stages = {stage: total for stage, _, total in told if total}
    assert stages, told
    assert all(total > 0 for total in stages.values())


def _in_thread(job):
    """Run a job in a thread, which gives its connection back at the end."""
    from django.db import connections

    def run():
        try:
            Run(job.pk).to_the_end()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_cancelled_job_ends_soon(start, demo):
    from polarnight.db import Epoch
    from polarnight.web.jobs.starting import cancel_job

    before = Epoch.objects.get().report
    job = start(force=True)
    thread = _in_thread(job)
    assert _soon(lambda: Job.objects.get(pk=job.pk).n_total)
    pid = Job.objects.get(pk=job.pk).pid
    assert _alive(pid)
    cancel_job(job, demo.user("admin"), why="wrong night")
    assert _soon(lambda: Job.objects.get(pk=job.pk).state == JobState.CANCELLED)
    thread.join(10)
    assert not _alive(pid)
    job.refresh_from_db()
    assert (job.cancelled_by, job.exit_code, job.pid) == ("admin", None, None)
    assert Epoch.objects.get().report == before
    # What was under way has no name; the same work may be done again, and ends well.
    again = start(force=True)
    assert Run(again.pk).to_the_end() == "done"


def test_a_cancelled_workflow_keeps_its_state_and_is_resumed(start, demo):
    import json

    from polarnight.web.console.workflows import state_of_workflow
    from polarnight.web.jobs.starting import cancel_job, resume_workflow

    tasks = [
        {"name": "a", "operator": "oph_list", "arguments": ["level=0"]},
        {"name": "b", "operator": "oph_wait", "arguments": ["timeout=300"],
         "dependencies": [{"task": "a"}]},
    ]  # fmt: skip
    text = json.dumps({"name": "w", "author": "x", "abstract": "-", "tasks": tasks})
    job = start(kind="workflow", text=text, name="w")
    thread = _in_thread(job)

    def states(number):
        run = (Job.objects.get(pk=number).result or {}).get("workflow", "")
        told = state_of_workflow("operator", run) if run else None
        nodes = told["graph"]["nodes"] if told else []
        return {node["name"]: node["status"] for node in nodes}

    assert _soon(lambda: states(job.pk).get("a") == "completed", 90)
    cancel_job(job, demo.user("operator"))
    thread.join(60)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert states(job.pk)["a"] == "completed"
    assert states(job.pk)["b"] != "running"
    again = resume_workflow(job, "last", demo.user("operator"))
    thread = _in_thread(again)
    assert _soon(lambda: states(again.pk).get("a") == "completed", 90)
    cancel_job(again, demo.user("operator"))
    thread.join(60)


def test_a_process_that_is_killed_is_a_failure_with_a_reason(start):
    job = start(force=True)
    thread = _in_thread(job)
    assert _soon(lambda: Job.objects.get(pk=job.pk).pid)
    os.killpg(Job.objects.get(pk=job.pk).pid, signal.SIGKILL)
    thread.join(10)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.error == "its process ended by signal 9; out of memory?"


def test_what_cannot_be_done_fails_in_one_line(start, demo):
    import shutil

    job = start()
    raw = demo.root / "raw"
    raw.unlink() if raw.is_symlink() else shutil.rmtree(raw)
    assert Run(job.pk).to_the_end() == "failed"
    job.refresh_from_db()
    assert job.exit_code == 2
    assert job.error.startswith(f"no raw files of {NIGHT}")
    assert "\n" not in job.error


def test_a_job_waits_for_its_night_in_the_queue_and_says_for_whom(start, monkeypatch):
    """It starts no process, and its worker goes on."""
    job = start(only="masters")
    with holding([NIGHT], "polarnight run"):
        assert Run(job.pk).to_the_end() == "queued"
        job.refresh_from_db()
        assert job.stage.startswith("waits for `polarnight run` of ")
        assert job.stage.endswith(f"({NIGHT})")
        assert (job.started, job.pid, job.worker) == (None, None, "")
        # Taken between the look and the start of its process: that says so, and it waits as well.
        monkeypatch.setattr("polarnight.web.jobs.running.who_holds", lambda names: [])
        assert Run(job.pk).to_the_end() == "queued"
        job.refresh_from_db()
        assert f"{NIGHT}: `polarnight run` of " in job.stage
    assert Run(job.pk).to_the_end() == "done"
    assert not WorkLock.objects.exclude(name="").exists()


def test_a_job_that_waits_is_cancelled_at_once(start, demo):
    from polarnight.web.jobs.starting import cancel_job

    job = start(only="masters")
    with holding([NIGHT], "polarnight run"):
        assert Run(job.pk).to_the_end() == "queued"
        job.refresh_from_db()
        assert cancel_job(job, demo.user("operator")).state == JobState.CANCELLED
    assert Run(job.pk).to_the_end() == "cancelled"


def test_the_command_is_told_of_the_job_that_works_on_its_night(start):
    from polarnight.config import get_settings
    from polarnight.db.locks import WorkBusy
    from polarnight.pipeline import run_nights
    from polarnight.pipeline.context import RunOptions

    job = start(force=True)
    thread = _in_thread(job)
    assert _soon(lambda: WorkLock.objects.filter(job=job.pk).exists())
    with pytest.raises(WorkBusy) as told:
        run_nights([NIGHT], RunOptions(only="masters", quiet=True), get_settings())
    assert f"{NIGHT}: job {job.pk} of operator, reduce {NIGHT}" in str(told.value)
    assert f"(--wait), or cancel job {job.pk} on its page" in str(told.value)
    run_nights([NIGHT], RunOptions(dry_run=True, quiet=True), get_settings())  # only reads
    report = run_nights([NIGHT], RunOptions(only="masters", wait=True, quiet=True), get_settings())
    thread.join(60)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert report.steps["masters"].current == job.result["parts"]["masters"]["done"]


def test_one_worker_serves_others_while_two_jobs_wait_for_one_night(start, demo, copy_night):
    """One worker, two jobs on a busy night, a third on another: the third is done first."""
    other = copy_night(demo.root)
    waiting = [start(only=part) for part in ("masters", "photometry")]
    third = start(nights=[other], only="masters")
    with holding([NIGHT], "polarnight run"):
        worker = _worker(demo.root, "--batch")
        try:
            done = _soon(lambda: Job.objects.get(pk=third.pk).state == JobState.DONE, 90)
            states = {Job.objects.get(pk=job.pk).state for job in waiting}
        except BaseException:
            worker.kill()
            raise
    try:
        assert done
        assert states <= {JobState.QUEUED, JobState.RUNNING}  # a look takes a moment
        # A batch ends when nothing waits any more.
        assert worker.wait(90) == 0
    finally:
        worker.kill()
        worker.wait()
    assert {Job.objects.get(pk=job.pk).state for job in waiting} == {JobState.DONE}
    first, second = (Job.objects.get(pk=job.pk) for job in waiting)
    assert min(first.started, second.started) > Job.objects.get(pk=third.pk).finished


def test_a_silent_worker_is_replaced_and_not_for_ever(start):
    job = start()
    rows = Job.objects.filter(pk=job.pk)

    def dies():
        now = timezone.now()
        rows.update(state="running", worker="elsewhere:1", started=now, heartbeat=now)
        assert mark_lost() == []
        rows.update(heartbeat=now - 1.1 * SILENT_AFTER)
        assert mark_lost() == [job.pk]
        job.refresh_from_db()

    for turn in range(1, MOST_CRASHES):
        dies()
        assert (job.state, job.crashes) == (JobState.QUEUED, turn)
        assert "queued again" in job.stage
    dies()
    assert job.state == JobState.LOST
    assert "may be what ends them" in job.error
    assert mark_lost() == []


def test_a_cancelled_job_whose_worker_died_is_not_queued_again(start):
    job = start()
    now = timezone.now() - 1.1 * SILENT_AFTER
    Job.objects.filter(pk=job.pk).update(
        state="running", worker="elsewhere:1", heartbeat=now, cancel_asked=now
    )
    assert mark_lost() == [job.pk]
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED


def test_a_dead_worker_of_this_machine_is_seen_at_once(start):
    host = worker_name().rpartition(":")[0]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    job = start()
    rows = Job.objects.filter(pk=job.pk)
    rows.update(state="running", worker=worker_name(), heartbeat=timezone.now())
    assert mark_lost() == []
    rows.update(worker=f"{host}:{ended.pid}")
    assert mark_lost() == [job.pk]


def test_a_worker_that_comes_back_leaves_a_lost_job_alone(start):
    job = start(force=True)
    thread = _in_thread(job)
    assert _soon(lambda: Job.objects.get(pk=job.pk).pid)
    pid = Job.objects.get(pk=job.pk).pid
    Job.objects.filter(pk=job.pk).update(state=JobState.LOST, error="silent")
    thread.join(10)
    job.refresh_from_db()
    assert (job.state, job.error) == ("lost", "silent")
    assert not _alive(pid)


@pytest.mark.slow
def test_the_process_ends_with_its_worker(start, demo):
    job = start(force=True)
    code = (
        "import polarnight.web.preparing as p; p.use_site_settings()\n"
        "import polarnight, os, sys\n"
        "polarnight.Config(config_db=True)\n"
        "from polarnight.web.jobs.running import Run\n"
        f"Run({job.pk}).to_the_end()\n"
    )
    env = {**os.environ, "POLARNIGHT_DATADIR": str(demo.root), "POLARNIGHT_WORKERS": "1"}
    worker = subprocess.Popen([sys.executable, "-c", code], env=env)
    try:
        assert _soon(lambda: Job.objects.get(pk=job.pk).n_total)
        pid = Job.objects.get(pk=job.pk).pid
    finally:
        worker.kill()
        worker.wait()
    assert _soon(lambda: not _alive(pid), 5)
    assert mark_lost() == [job.pk]


@pytest.fixture
def copy_night():
    """Put the calibration frames of the night into another night; return its name."""
    import shutil

    from astropy.io import fits

    def copy(root):
        raw = root / "raw"
        if raw.is_symlink():
            original = raw.resolve()
            raw.unlink()
            shutil.copytree(original, raw, symlinks=True)
        place = raw / "OSN-T090" / "2022-09-19"
        place.mkdir()
        for path in (raw / NIGHT).glob("Bias-*"):
            with fits.open(path) as hdus:
                header, data = hdus[0].header.copy(), hdus[0].data.copy()
            header["DATE-OBS"] = header["DATE-OBS"].replace("2022-09-18", "2022-09-19")
            fits.writeto(place / path.name, data, header)
        return "OSN-T090/2022-09-19"

    return copy


def _worker(root, *options):
    env = {**os.environ, "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [
        sys.executable,
        "-m",
        "polarnight",
        "-d",
        str(root),
        "-o",
        "workers=1",
        "worker",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*command, *options], env=env, **quiet)


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_puts_its_job_back(start, demo):
    job = start(force=True)
    worker = _worker(demo.root)
    try:
        assert _soon(lambda: Job.objects.get(pk=job.pk).n_total, 40)
        pid = Job.objects.get(pk=job.pk).pid
        worker.terminate()  # "after this job"
        time.sleep(0.3)
        worker.terminate()  # "now"
        worker.wait(15)
    finally:
        worker.kill()
        worker.wait()
    assert not _alive(pid)
    job.refresh_from_db()
    assert (job.state, job.crashes) == (JobState.QUEUED, 0)
    assert job.stage == "its worker was stopped; queued again"
    assert not WorkLock.objects.filter(job=job.pk).exists()


@pytest.mark.slow
def test_site_and_worker_write_at_once_and_nothing_is_locked(start, demo):
    """Twenty visitors write and read while a job of the worker writes; all get their answer."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections
    from django.test import Client

    from polarnight.web.models import ActionLog

    job = start(force=True)
    thread = _in_thread(job)
    user = demo.user("operator")

    def visit(number):
        try:
            client = Client(raise_request_exception=True)
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            got = []
            for turn in range(5):
                ActionLog.record("tester", "written", f"{number} {turn}")
                got.append(client.get(f"/api/v1/jobs/{job.pk}").status_code)
                got.append(client.get(f"/nights/{NIGHT}/").status_code)
            return got
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = [code for got in pool.map(visit, range(20)) for code in got]
    thread.join(90)
    assert answers == 200 * [200]
    assert ActionLog.objects.filter(what="written").count() == 100
    assert Job.objects.get(pk=job.pk).state == JobState.DONE


def test_a_queued_job_that_is_cancelled_never_runs(start, demo):
    from polarnight.web.jobs.starting import cancel_job

    job = cancel_job(start(), demo.user("operator"))
    assert job.state == JobState.CANCELLED
    assert Run(job.pk).to_the_end() == "cancelled"
    assert Job.objects.get(pk=job.pk).started is None


@pytest.mark.parametrize("number", [987654321])
def test_a_job_that_is_gone_is_no_fault(demo, number):
    assert Run(number).to_the_end() == ""


def test_of_many_who_start_the_same_at_once_one_succeeds(start):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from polarnight.web.jobs.starting import JobRefused

    def attempt(_):
        try:
            return start(force=True).pk
        except JobRefused:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        started = [pk for pk in pool.map(attempt, range(8)) if pk]
    assert len(started) == Job.objects.count() == 1
