"""Two commands on one night: the second says who is there, or waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from polarnight.db.locks import INGEST, POLARIZATION, holding
from polarnight.db.models import WorkLock

NIGHT = "OSN-T090/2022-09-18"


@pytest.fixture
def raw(archive, night):
    """An archive with the raw files of a night, nothing of it reduced."""
    place = archive.root / "raw" / NIGHT
    place.parent.mkdir(parents=True)
    place.symlink_to(night.directory)
    return archive


def test_a_second_run_says_who_works_there_since_when_and_what_to_do(raw):
    with holding([NIGHT], "polarnight run"):
        done = raw.in_process("run", "T090/220918", "--only", "masters")
        since = WorkLock.objects.get(name=NIGHT).since
    assert done.returncode == 2
    assert done.stdout == ""
    told = " ".join(done.stderr.split())
    assert f"{NIGHT}: `polarnight run` of " in told
    assert f"process {os.getpid()}, works on it since {since:%Y-%m-%d %H:%M:%S} UTC" in told
    assert "--wait" in told
    assert f"kill {os.getpid()}" in told
    assert "Traceback" not in told
    assert not list((raw.root / "calibration").glob("**/*.fit*"))


def test_a_plan_needs_no_lock(raw):
    with holding([NIGHT], "polarnight run"):
        assert raw.in_process("run", "T090/220918", "--dry-run").returncode == 0


def test_a_run_that_waits_goes_on_when_the_other_is_done(raw):
    from polarnight.db.models import MasterBias

    code = "from polarnight.cli import main; main()"
    env = {**os.environ, "POLARNIGHT_DATADIR": str(raw.root), "COLUMNS": "400"}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-c", code, "run", NIGHT, "--only", "masters", "--wait"]
    with holding([NIGHT], "polarnight run"):
        second = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        heard = next((line for line in second.stderr if "waits for" in line), "")
        assert "waits for `polarnight run` of " in heard
        assert not MasterBias.objects.exists()
    reader = threading.Thread(target=second.stderr.read)
    reader.start()
    assert second.wait(300) == 0
    reader.join(10)
    second.stderr.close()
    assert MasterBias.objects.exists()
    assert not WorkLock.objects.exclude(name="").exists()


def test_a_run_that_was_killed_leaves_no_lock(raw):
    code = (
        "import os, polarnight; polarnight.Config(config_db=True)\n"
        "from polarnight.db.locks import holding\n"
        f"with holding(['{NIGHT}'], 'polarnight run'): os.kill(os.getpid(), 9)\n"
    )
    env = {**os.environ, "POLARNIGHT_DATADIR": str(raw.root)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == -9
    assert WorkLock.objects.filter(name=NIGHT).exists()
    done = raw.in_process("run", NIGHT, "--only", "masters")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [NIGHT, INGEST])
def test_ingestion_leaves_a_busy_night_alone(archive, night, name):
    with holding([name], "polarnight run"):
        done = archive.in_process("ingest", str(night.directory))
    assert done.returncode == 2
    assert name in done.stderr
    assert not (archive.root / "raw" / NIGHT).exists()


def test_polarization_is_fitted_by_one(archive):
    with holding([POLARIZATION], "polarnight calibrate-polarization"):
        done = archive.in_process(
            "calibrate-polarization", "--instrument", "AndorT90", "--band", "R",
            "--from", "2022-09-01", "--to", "2022-09-30",
        )  # fmt: skip
    assert done.returncode == 2
    assert POLARIZATION in done.stderr
