"""Jobs on PostgreSQL: one of many that start the same work, locks, and a worker to the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from .conftest import NIGHT

pytestmark = pytest.mark.postgres

SERVER = os.environ.get("POLARNIGHT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")

STARTS = """
import json, sys
import threading
from concurrent.futures import ThreadPoolExecutor
from polarnight.web.preparing import prepare_site, use_site_settings
use_site_settings()
import polarnight
prepare_site(polarnight.Config(config_db=True))
from django.contrib.auth.models import User
from django.db import connections
from polarnight.db.locks import WorkBusy, holding
from polarnight.web.jobs.kinds import read_request
from polarnight.web.jobs.starting import JobRefused, start_job
from polarnight.web.models import Job

user, night = User.objects.create(username="ana"), sys.argv[1]

def start(number):
    try:
        request = read_request("reduce", {"nights": [night], "only": "masters"})
        return start_job(request, user).pk
    except JobRefused:
        return None
    finally:
        connections.close_all()

tried = threading.Semaphore(0)

def take(number):
    try:
        with holding([night], "polarnight run"):
            for other in range(7):
                tried.acquire(timeout=60)
            return True
    except WorkBusy:
        tried.release()
        return False
    finally:
        connections.close_all()

with ThreadPoolExecutor(8) as pool:
    started = [pk for pk in pool.map(start, range(8)) if pk]
    held = sum(pool.map(take, range(8)))
print(json.dumps({"started": len(started), "held": held}))
"""

LOOKS = """
import json
from polarnight.web.preparing import use_site_settings
use_site_settings()
import polarnight
polarnight.Config(config_db=True)
from polarnight.web.models import Job
job = Job.objects.get()
print(json.dumps([job.state, job.exit_code, job.result["parts"]["masters"]["done"], job.error]))
"""


@pytest.fixture
def fresh_url():
    """The URL of an empty database, dropped afterwards."""
    psycopg = pytest.importorskip("psycopg")
    name = f"polarnight_jobs_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_same_work_is_started_once_and_done(fresh_url, tmp_path, night):
    place = tmp_path / "raw" / NIGHT
    place.parent.mkdir(parents=True)
    place.symlink_to(night.directory)
    env = {
        **os.environ,
        "POLARNIGHT_DATABASE_URL": fresh_url,
        "POLARNIGHT_DATADIR": str(tmp_path),
        "POLARNIGHT_CONFIG": os.devnull,
        "POLARNIGHT_WORKERS": "1",
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(run("-c", STARTS, NIGHT)) == {"started": 1, "held": 1}
    run("-m", "polarnight", "worker", "--batch")
    state, exit_code, masters, error = json.loads(run("-c", LOOKS))
    assert (state, exit_code, error) == ("done", 0, "")
    assert masters == 6
    assert not (tmp_path / "iop4.db").exists()
