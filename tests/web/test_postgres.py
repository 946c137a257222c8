"""The site on PostgreSQL: users from the shell; CI runs the tests of its rooms there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.postgres

SERVER = os.environ.get("POLARNIGHT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
HERE = Path(__file__).parent


@pytest.fixture
def fresh_url():
    """The URL of an empty database, dropped afterwards."""
    psycopg = pytest.importorskip("psycopg")
    name = f"polarnight_web_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(arguments, url, tmp_path, **more):
    env = {
        **os.environ,
        "POLARNIGHT_DATABASE_URL": url,
        "POLARNIGHT_DATADIR": str(tmp_path),
        "POLARNIGHT_CONFIG": os.devnull,
    }
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [sys.executable, *arguments],
        env=env, capture_output=True, text=True, cwd=HERE.parents[1], **more,
    )  # fmt: skip


def test_users_from_the_shell(fresh_url, tmp_path):
    add = ["-m", "polarnight", "user", "add", "ana", "--group", "admin", "--password-stdin"]
    done = run(add, fresh_url, tmp_path, input="seven quiet telescopes\n")
    assert (done.returncode, done.stdout) == (0, "added ana to the group admin\n"), done.stderr
    done = run(["-m", "polarnight", "user", "list"], fresh_url, tmp_path)
    assert "ana" in done.stdout
    assert (tmp_path / "web-key").is_file()
    assert not (tmp_path / "iop4.db").exists()


DEMOTES = """
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from polarnight.web.preparing import prepare_site, use_site_settings
use_site_settings()
import polarnight
prepare_site(polarnight.Config(config_db=True))
from django.contrib.auth.models import User
from django.db import connections
from polarnight.errors import ConfigError
from polarnight.web.access.roles import Role, role_of
from polarnight.web.accounts import changing

users = [changing.add_user(name, "admin", who="shell") for name in ("ana", "eva")]
both, look = threading.Barrier(2, timeout=3), changing._someone_is_left

def looked():
    look()
    try:
        both.wait()  # neither ends before the other has looked, where nothing else forbids it
    except threading.BrokenBarrierError:
        pass

changing._someone_is_left = looked

def demote(user):
    try:
        changing.set_group(user, "viewer", who="another")
        return True
    except ConfigError:
        return False
    finally:
        connections.close_all()

with ThreadPoolExecutor(2) as pool:
    done = list(pool.map(demote, users))
left = sum(role_of(user) is Role.ADMIN for user in User.objects.all())
print(json.dumps([sorted(done), left]))
"""


def test_two_administrators_who_demote_each_other_leave_one(fresh_url, tmp_path):
    done = run(["-c", DEMOTES], fresh_url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[[false, true], 1]"
