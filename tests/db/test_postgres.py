"""A fresh database on PostgreSQL; POLARNIGHT_TEST_DATABASE runs other tests there as well."""

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
    name = f"polarnight_test_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(arguments, url, tmp_path):
    env = {**os.environ, "POLARNIGHT_DATABASE_URL": url, "POLARNIGHT_DATADIR": str(tmp_path)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(arguments, env=env, capture_output=True, text=True, cwd=HERE.parents[1])


def test_config_makes_the_tables(fresh_url, tmp_path):
    code = (
        "import polarnight; polarnight.Config(config_db=True)\n"
        "from polarnight.db import Epoch\nfrom django.db import connection\n"
        "epoch = Epoch.create('T090/240408'); epoch.flag('LISTED', who='ana')\n"
        "print(connection.vendor, Epoch.objects.filter(flags__has=Epoch.FLAGS.LISTED).count())"
    )
    for _ in range(2):
        done = run([sys.executable, "-W", "error", "-c", code], fresh_url, tmp_path)
        assert (done.returncode, done.stdout) == (0, "postgresql 1\n"), done.stderr
    assert not (tmp_path / "iop4.db").exists()


def test_no_server(tmp_path):
    code = (
        "import polarnight\nfrom polarnight.errors import ExternalService\n"
        "try:\n    polarnight.Config(config_db=True)\n"
        "except ExternalService as error: print(error)"
    )
    done = run([sys.executable, "-c", code], "postgresql://x@127.0.0.1:1/night", tmp_path)
    assert "night does not answer" in done.stdout
