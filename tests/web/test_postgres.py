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
