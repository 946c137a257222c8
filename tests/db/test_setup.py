"""Making the database ready: scripts, event loops, notebooks, other versions, many at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from polarnight.config import load_settings
from polarnight.db.connection import database_of, parse_database_url
from polarnight.errors import ConfigError

QUERY = "import polarnight; polarnight.Config(config_db=True); from polarnight.db import Epoch\n"


def environment(datadir, **changes):
    """Return the environment of a user with this data directory."""
    env = {**os.environ, "POLARNIGHT_DATADIR": str(datadir), **changes}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return env


def run(code, datadir, **changes):
    """Run a script as a user would, with warnings as errors."""
    env = environment(datadir, **changes)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_script_on_a_fresh_directory(tmp_path):
    code = QUERY + "print(Epoch.objects.last(), Epoch.create('T090/240408'))"
    assert run(code, tmp_path / "d") == "None OSN-T090/2024-04-08\n"
    assert run(QUERY + "print(repr(Epoch.objects.last()))", tmp_path / "d") == (
        "Epoch(OSN-T090/2024-04-08)\n"
    )
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["iop4.db", "logs"]


def test_under_a_running_event_loop(tmp_path):
    code = (
        "import asyncio\nasync def main():\n"
        "    import polarnight; polarnight.Config(config_db=True)\n"
        "    from polarnight.db import Epoch; print(Epoch.objects.count())\n"
        "asyncio.run(main())"
    )
    assert run(code, tmp_path) == "0\n"


def test_in_ipython(tmp_path):
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "for cell in ['import polarnight; polarnight.Config(config_db=True)',\n"
        "             'from polarnight.db import Epoch; epoch = Epoch.create(\"T090/240408\")',\n"
        "             'import asyncio; await asyncio.sleep(0); '\n"
        "             'n = Epoch.objects.count()', 'epoch']:\n"
        "    result = shell.run_cell(cell); result.raise_error()\n"
        "print(shell.user_ns['n'])\n"
        "print(shell.display_formatter.format(result.result)[0]['text/html'][:14])"
    )
    # IPython warns about things of its own; ours are errors in the other tests.
    done = run(
        "import warnings; warnings.simplefilter('ignore')\n" + code, tmp_path, HOME=str(tmp_path)
    )
    assert done.endswith("1\n<table><captio\n")


def test_in_jupyter(tmp_path):
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import nbformat, nbclient\n"
        "book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in [\n"
        "    'import iop4lib; iop4lib.Config(config_db=True)',\n"
        "    'from iop4lib.db import Epoch, PhotoPolResult; print(Epoch.objects.last())',\n"
        "    'print(list(PhotoPolResult.objects.filter(astrosource__name=\"2200+420\")))']])\n"
        "nbclient.NotebookClient(book, timeout=60, kernel_name='python3').execute()\n"
        "for cell in book.cells[1:]: print(cell.outputs[0]['text'], end='')"
    )
    assert run(code, tmp_path / "d", HOME=str(tmp_path)).endswith("None\n[]\n")


def test_models_before_config_say_what_to_do(tmp_path):
    code = (
        "from polarnight.errors import ConfigError\n"
        "try:\n    from polarnight.db import Epoch\n"
        "except ConfigError as error: print(error)"
    )
    assert "polarnight.Config(config_db=True)" in run(code, tmp_path)


def test_many_processes_at_once_on_a_fresh_directory(tmp_path):
    code = QUERY + "Epoch.create('T090/240408'); print(Epoch.objects.count())"
    env = environment(tmp_path)
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "1\n"), err


def test_writers_wait_for_each_other(tmp_path):
    code = (
        QUERY + "from django.db import transaction\nimport sys, threading, time\n"
        "def hold():\n"
        "    with transaction.atomic():\n"
        "        Epoch.create('T090/240408'); held.set(); time.sleep(0.4)\n"
        "held = threading.Event()\n"
        "thread = threading.Thread(target=hold); thread.start(); held.wait()\n"
        "print(Epoch.objects.count())\n"  # a reader does not wait and sees the old state
        "with transaction.atomic():\n"
        "    print(Epoch.objects.count()); Epoch.create('T090/240409')\n"
        "thread.join(); print(Epoch.objects.count())"
    )
    assert run(code, tmp_path) == "0\n1\n2\n"


@pytest.mark.usefixtures("fresh_database")
class TestFile:
    """A real SQLite file."""

    def test_wal_and_timeout(self):
        from django.db import connection

        with connection.cursor() as cursor:
            values = [
                cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "busy_timeout")
            ]
        assert values == ["wal", 1, 30000]

    def test_other_data_directory(self, tmp_path):
        import polarnight
        from polarnight.db import Epoch

        Epoch.create("T090/240408")
        polarnight.Config(config_db=True, datadir=tmp_path / "other")
        assert Epoch.objects.count() == 0
        polarnight.Config(config_db=True, datadir=tmp_path / "datadir")
        assert Epoch.objects.count() == 1
        polarnight.Config(config_db=True)
        assert Epoch.objects.count() == 1

    def test_nothing_to_do_the_second_time(self):
        from polarnight.db.migrate import bring_up_to_date, pending_migrations

        assert pending_migrations()[1] == []
        assert bring_up_to_date() == []

    def test_a_newer_database_is_refused(self):
        from django.db import connection

        from polarnight.db.migrate import bring_up_to_date

        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) "
                "VALUES ('polarnight', '9999_future', '2030-01-01')"
            )
        with pytest.raises(ConfigError, match=r"newer version.*9999_future"):
            bring_up_to_date()

    def test_an_upgrade_keeps_a_copy(self, tmp_path, monkeypatch):
        import sqlite3

        from polarnight.db import Epoch, migrate

        Epoch.create("T090/240408")
        states = [(["0001_initial"], ["0002_x"])] * 2
        monkeypatch.setattr(migrate, "pending_migrations", lambda: states.pop())
        assert migrate.bring_up_to_date() == ["0002_x"]
        (copy,) = (tmp_path / "datadir").glob("iop4.db.0001_initial.*.bak")
        with sqlite3.connect(copy) as stored:
            assert stored.execute("SELECT telescope FROM polarnight_epoch").fetchall() == [
                ("OSN-T090",)
            ]
        stored.close()


@pytest.mark.parametrize("attempt", ["fails", "is killed"])
def test_creation_is_all_or_nothing(tmp_path, attempt):
    end = "raise RuntimeError('disk')" if attempt == "fails" else "os.kill(os.getpid(), 9)"
    code = (
        "import os, polarnight\nfrom django.db.migrations.recorder import MigrationRecorder\n"
        f"def die(*args): {end}\n"
        "MigrationRecorder.record_applied = die\n"
        "polarnight.Config(config_db=True)"
    )
    env = environment(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True)
    assert done.returncode in {1, -9}
    assert not (tmp_path / "iop4.db").exists()
    assert run(QUERY + "print(Epoch.objects.count())", tmp_path) == "0\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iop4.db", "logs"]


def test_a_database_of_iop4_is_kept(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "iop4.db") as old:
        old.execute("CREATE TABLE django_migrations (id integer PRIMARY KEY, app, name, applied)")
        row = "1, 'iop4api', '0001_initial', '2024-01-01 00:00:00'"
        old.execute(f"INSERT INTO django_migrations VALUES ({row})")
        old.execute("CREATE TABLE iop4api_epoch (id integer PRIMARY KEY, telescope)")
        old.execute("INSERT INTO iop4api_epoch VALUES (1, 'OSN-T090')")
    old.close()
    assert run(QUERY + "Epoch.create('T090/240408')", tmp_path) == ""
    (copy,) = tmp_path.glob("iop4.db.before-polarnight.*.bak")
    for path, tables in ((copy, 0), (tmp_path / "iop4.db", 1)):
        with sqlite3.connect(path) as stored:
            assert stored.execute("SELECT telescope FROM iop4api_epoch").fetchall() == [
                ("OSN-T090",)
            ]
            names = "SELECT count(*) FROM sqlite_master WHERE name = 'polarnight_epoch'"
            assert stored.execute(names).fetchone() == (tables,)
        stored.close()


def test_database_that_cannot_be_opened(tmp_path):
    (tmp_path / "iop4.db").write_bytes(b"not a database, only text" * 100)
    code = (
        "import polarnight\nfrom polarnight.errors import ExternalService\n"
        "try:\n    polarnight.Config(config_db=True)\n"
        "except ExternalService as error: print(error)"
    )
    assert "iop4.db" in run(code, tmp_path)


def test_database_urls(tmp_path):
    described = parse_database_url("postgresql://ana:p%40ss@db.host:5433/night?sslmode=require")
    assert described["ENGINE"].endswith("postgresql")
    assert described["PASSWORD"] == "p@ss"
    assert (described["HOST"], described["PORT"], described["NAME"]) == ("db.host", "5433", "night")
    assert described["OPTIONS"] == {"sslmode": "require"}
    assert parse_database_url("sqlite:////data/x.db")["NAME"] == "/data/x.db"
    for url in (
        "mysql://host/x",
        "postgresql://host",
        "postgresql://host:x/n",
        "sqlite://",
        "iop4.db",
    ):
        with pytest.raises(ConfigError, match="database_url"):
            parse_database_url(url)
    settings = load_settings(overrides={"datadir": tmp_path, "db_path": tmp_path / "a.db"})
    assert database_of(settings)["NAME"] == str(tmp_path / "a.db")
