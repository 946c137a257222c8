"""Jobs whose process was killed do not run for ever."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from polarnight.db import processes
from polarnight.db.processes import is_gone, this_process


@pytest.fixture
def killed():
    """What a process that has ended was called."""
    code = "from polarnight.db.processes import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_processes_are_told_apart(killed):
    assert not is_gone(this_process())
    assert is_gone(killed)
    host, pid, start = this_process().split(" ")
    assert (host, int(pid)) == (socket.gethostname(), os.getpid())
    assert is_gone(f"{host} {pid} {start}1"), "the number was given to another process"
    assert not is_gone(f"elsewhere.{host} {killed.split(' ')[1]} x")
    for odd in ("", "x", "a b", f"{host} x y", f"{host} -1 y", f"{host} 0 y"):
        assert not is_gone(odd)


def test_where_starts_are_not_known_the_number_decides(killed, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    host, pid, _ = this_process().split(" ")
    assert not is_gone(f"{host} {pid} ")
    assert is_gone(f"{host} {killed.split(' ')[1]} ")


def _left_behind(client, process, **more):
    from polarnight.db.models import CubeJob

    client.ok("oph_list")
    job = client.server.jobs.start(client.server.resume(client.state), "oph_list", "oph_list x=1")
    CubeJob.objects.filter(pk=job.pk).update(process=process, **more)
    return job


def test_lists_close_what_was_lost(client, killed):
    lost = _left_behind(client, killed)
    flow = _left_behind(client, killed, response='{"workflow": {}}')
    alive = _left_behind(client, this_process())
    unknown = _left_behind(client, "")
    shown = {int(row[4]): row[6] for row in client.rows("oph_loggingbk job_level=1;mask=111")}
    assert shown[lost.workflow] == shown[flow.workflow] == "OPH_STATUS_ERROR"
    assert shown[alive.workflow] == shown[unknown.workflow] == "OPH_STATUS_RUNNING"
    for job in (lost, flow, alive, unknown):
        job.refresh_from_db()
    assert lost.status == flow.status == "OPH_STATUS_ERROR"
    assert lost.finished is not None
    assert lost.response.startswith("lost: the process that ran it was killed")
    assert flow.response == '{"workflow": {}}'
    assert alive.status == unknown.status == "OPH_STATUS_RUNNING"


def test_history_closes_what_was_lost(client, killed):
    lost = _left_behind(client, killed)
    told = client.ok(f"oph_resume id={lost.workflow}").objects[0]
    assert "lost: the process" in told.message
    lost.refresh_from_db()
    assert lost.status == "OPH_STATUS_ERROR"
