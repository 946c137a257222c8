"""The tables of the site come when the site is first used, and disturb nobody else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from polarnight.web.preparing import prepare_site


def _start(root: Path, *arguments: str) -> subprocess.Popen:
    env = {**os.environ, "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [sys.executable, "-m", "polarnight", "-d", str(root), *arguments],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _tables(root: Path) -> set[str]:
    with sqlite3.connect(root / "iop4.db") as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows}


def test_who_never_starts_the_site_never_has_its_tables(fresh_database):
    assert not {name for name in _tables(fresh_database.datadir) if "auth" in name or "web" in name}
    made = prepare_site(fresh_database)
    assert "polarnight_web.0001_initial" in made
    assert prepare_site(fresh_database) == []
    assert {"auth_user", "polarnight_web_job"} <= _tables(fresh_database.datadir)
    assert (fresh_database.datadir / "web-key").is_file()


def test_sessions_that_ended_are_removed(fresh_database):
    from datetime import timedelta

    from django.contrib.sessions.models import Session
    from django.utils import timezone

    prepare_site(fresh_database)
    for key, days in (("old", -1), ("new", 1)):
        end = timezone.now() + timedelta(days=days)
        Session.objects.create(session_key=key, session_data="", expire_date=end)
    prepare_site(fresh_database)
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


def test_several_at_once(tmp_path):
    started = [_start(tmp_path / "data", "user", "list") for _ in range(3)]
    told = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], told
    assert "polarnight_web_job" in _tables(tmp_path / "data")
    after = _start(tmp_path / "data", "status")
    assert "no night is registered" in after.communicate()[0]


def test_manage_py_reads_our_configuration(tmp_path):
    manage = Path(__file__).parents[2] / "manage.py"
    env = {**os.environ, "POLARNIGHT_DATADIR": str(tmp_path), "POLARNIGHT_CONFIG": os.devnull}
    for command in (["migrate", "-v", "0"], ["createsuperuser", "--noinput"]):
        given = {"DJANGO_SUPERUSER_USERNAME": "ana", "DJANGO_SUPERUSER_EMAIL": "a@example.org"}
        given["DJANGO_SUPERUSER_PASSWORD"] = "seven quiet telescopes"
        subprocess.run([sys.executable, str(manage), *command], env=env | given, check=True)
    listed = _start(tmp_path, "user", "list").communicate()[0]
    assert "ana" in listed
    assert "admin" in listed
