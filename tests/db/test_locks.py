"""Locks of nights: one works, the others are told who does, and nobody waits for the dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from polarnight.db import locks
from polarnight.db.locks import (
    SILENT_AFTER,
    WorkBusy,
    WorkTaken,
    free,
    holding,
    who_holds,
    working_as,
)
from polarnight.db.models import WorkLock
from polarnight.progress import heard_by

ONE, TWO, THREE = (f"OSN-T090/2022-09-{day}" for day in (18, 19, 20))

pytestmark = pytest.mark.usefixtures("fresh_database")


@pytest.fixture
def ended():
    """The name of a process of this machine that has ended."""
    code = "from polarnight.db.processes import this_process; print(this_process())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _held():
    return sorted(WorkLock.objects.exclude(name="").values_list("name", flat=True))


def test_one_holds_and_the_other_is_told_who_since_when_and_what_to_do():
    with holding([ONE, TWO], "polarnight run"):
        assert _held() == [ONE, TWO]
        with pytest.raises(WorkBusy) as told, holding([TWO, THREE], "polarnight run"):
            pass
        assert _held() == [ONE, TWO]  # all or none
        since = WorkLock.objects.get(name=TWO).since
        text = str(told.value)
        assert text.startswith(f"{TWO}: `polarnight run` of ")
        assert f"process {os.getpid()}" in text
        assert f"{since:%Y-%m-%d %H:%M:%S} UTC" in text
        assert "--wait" in text
        assert f"kill {os.getpid()}" in text
        assert told.value.jobs == ()
        with holding([THREE], "polarnight run"):
            assert _held() == [ONE, TWO, THREE]
    assert _held() == []


def test_a_job_is_named_and_is_cancelled_on_its_page():
    with working_as(12, "job 12 of ana"), holding([ONE], "polarnight run"):
        with pytest.raises(WorkBusy, match=r"job 12 of ana .* cancel job 12 on its page") as told:
            locks._claim(locks.Held([ONE]), "polarnight run", wait=False)
        assert told.value.jobs == (12,)
        free(11)
        assert _held() == [ONE]
        free(12)
        assert _held() == []


def test_the_lock_ends_with_the_work_however_that_ends():
    with pytest.raises(RuntimeError), holding([ONE], "polarnight run"):
        raise RuntimeError
    assert _held() == []


def test_the_lock_of_a_dead_process_is_nobodys(ended):
    WorkLock.objects.create(name=ONE, token="x", holder="it", process=ended)
    with holding([ONE], "polarnight run"):
        assert WorkLock.objects.get(name=ONE).token != "x"


def test_the_lock_of_another_machine_ends_without_heartbeat():
    WorkLock.objects.create(name=ONE, token="x", holder="it", process="elsewhere 5 abc-1")
    rows = WorkLock.objects.filter(name=ONE)
    rows.update(heartbeat=timezone.now() - SILENT_AFTER + timedelta(seconds=30))
    with pytest.raises(WorkBusy, match="it on elsewhere, process 5"), holding([ONE], "x"):
        pass
    rows.update(heartbeat=timezone.now() - SILENT_AFTER - timedelta(seconds=1))
    assert who_holds([ONE]) == []
    assert _held() == []


def test_a_process_of_this_machine_that_is_only_stopped_keeps_its_lock():
    with holding([ONE], "polarnight run"):
        WorkLock.objects.update(heartbeat=timezone.now() - 5 * SILENT_AFTER)
        with pytest.raises(WorkBusy), holding([ONE], "polarnight run"):
            pass


def test_who_waits_says_for_whom_and_goes_on_when_it_is_free(monkeypatch):
    monkeypatch.setattr(locks, "_LOOK", 0.02)
    waits, told, order = threading.Event(), [], []

    def hear(what, done, total):
        told.append(what)
        waits.set()

    def second():
        try:
            with holding([ONE], "polarnight run", wait=True):
                order.append("second")
        finally:
            connections.close_all()

    with heard_by(hear):
        with holding([ONE], "polarnight run"):
            thread = threading.Thread(target=second)
            thread.start()
            assert waits.wait(30)
            order.append("first")
        thread.join(30)
    assert order == ["first", "second"]
    assert told[0].startswith("waits for `polarnight run` of ")
    assert told[0].endswith(f"({ONE})")


def test_who_was_thought_dead_stops_instead_of_writing_beside_another():
    with holding([ONE, TWO], "polarnight run") as held:
        held.beat()
        held.check()
        before = WorkLock.objects.get(name=ONE).heartbeat
        held.beat()
        assert WorkLock.objects.get(name=ONE).heartbeat > before
        WorkLock.objects.filter(name=ONE).delete()
        held.beat()
        with pytest.raises(WorkTaken, match=rf"{ONE}.* run it again"):
            held.check()


def test_of_many_at_once_one_holds():
    start, got, done = threading.Barrier(8), [], threading.Event()

    def attempt():
        try:
            start.wait()
            with holding([ONE, TWO], "polarnight run"):
                got.append(1)
                done.wait(30)
        except WorkBusy:
            got.append(0)
        finally:
            if len(got) == 8:
                done.set()
            connections.close_all()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(600):
        if len(got) == 8:
            break
        done.wait(0.05)
    done.set()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == [0] * 7 + [1]
