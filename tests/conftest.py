"""What all tests share: settings and a database that are not the user's own."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Before anything reads them: neither the user's file nor the user's environment count, in
# this process nor in those the tests start. pytest-django has read the settings already,
# but its database is another one (in memory for SQLite).
_KEPT = ("REAL_DATA", "NO_NATIVE", "REQUIRE_NATIVE", "THREADS")
for _name in [name for name in os.environ if name.startswith("POLARNIGHT_")]:
    _rest = _name.removeprefix("POLARNIGHT_")
    if _rest not in _KEPT and not _rest.startswith("TEST_"):
        del os.environ[_name]
os.environ.pop("IOP4_CONFIG_FILE", None)
_HOME = tempfile.TemporaryDirectory(prefix="polarnight-tests-")
os.environ["POLARNIGHT_CONFIG"] = os.devnull
os.environ["POLARNIGHT_DATADIR"] = str(Path(_HOME.name) / "datadir")
os.environ["MPLBACKEND"] = "Agg"
# A shell starts what runs in its background deaf to Ctrl-C; tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def _database_of_the_tests():
    """Put the server of POLARNIGHT_TEST_DATABASE in the place of SQLite, where that is set.

    Tests that ask for a file of their own (`fresh_database`) keep it.
    """
    url = os.environ.get("POLARNIGHT_TEST_DATABASE", "")
    if not url:
        return
    from django.conf import settings
    from django.db import connections

    from polarnight.db.connection import parse_database_url

    # A name of its own: two runs on one server do not drop each other's tables.
    database = {**parse_database_url(url), "TEST": {"NAME": f"polarnight_tests_{os.getpid()}"}}
    settings.DATABASES["default"] = database
    connections.settings["default"] = connections.configure_settings({"default": database})[
        "default"
    ]
    del connections["default"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix(
    _database_of_the_tests,
    django_db_modify_db_settings_tox_suffix,
    django_db_modify_db_settings_xdist_suffix,
):
    """Choose the database first, then give it the name of the worker."""


@pytest.fixture(scope="session", autouse=True)
def _groups_come_back():
    """Make the groups again where Django empties all tables: after tests with transactions."""
    from django.apps import apps
    from django.db.models.signals import post_migrate

    from polarnight.web.access import Role

    def make_groups(using: str, plan: Any = None, **_: Any) -> None:
        if plan is not None:
            return  # a migration, which makes them itself
        for role in (role for role in Role if role is not Role.NOBODY):
            apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role.label)

    post_migrate.connect(make_groups, sender=apps.get_app_config("auth"), weak=False)
    yield
    post_migrate.disconnect(make_groups, sender=apps.get_app_config("auth"))


@pytest.fixture(autouse=True)
def _settings_are_restored():
    """Give every test the settings of the environment, whatever others put in force."""
    from polarnight.config import reset_settings

    reset_settings()
    yield
    reset_settings()


@pytest.fixture
def datadir(tmp_path):
    """A data directory of the test's own, in force; the database stays the test database."""
    from polarnight.config import load_settings, use_settings

    settings = use_settings(load_settings(overrides={"datadir": tmp_path / "datadir"}))
    settings.data.ensure()
    return settings.data


def _lay_tables(datadir: Path) -> None:
    """Give a new data directory a copy of an empty database: to make one takes a second."""
    from django.db import connections

    import polarnight

    empty = Path(_HOME.name) / "empty"
    if datadir.exists():
        return
    if not empty.exists():
        polarnight.Config(config_db=True, datadir=empty)
        connections["default"].close()
    datadir.mkdir(parents=True)
    (database,) = empty.glob("*.db")
    shutil.copy2(database, datadir)


@contextlib.contextmanager
def _own_database(blocker, datadir):
    """Put a data directory and its own SQLite file in force, and the test database back."""
    from django.conf import settings as django_settings
    from django.db import connections

    import polarnight

    connection = connections["default"]
    described, configured = django_settings.DATABASES["default"], connections.settings["default"]
    with blocker.unblock():
        try:
            _lay_tables(datadir)
            yield polarnight.Config(config_db=True, datadir=datadir, workers=1)
        finally:
            connections["default"].close()
    django_settings.DATABASES["default"] = described
    connections.settings["default"] = configured
    connections["default"] = connection


@pytest.fixture(scope="session")
def own_database(django_db_setup, django_db_blocker):
    """Put data directories with their own databases in force: ``with own_database(path):``."""
    return functools.partial(_own_database, django_db_blocker)


@pytest.fixture
def fresh_database(tmp_path, django_db_setup, django_db_blocker):
    """A real SQLite file in a data directory of its own, as `polarnight.Config` makes it.

    For tests of commands in this process; they commit, and may call Config themselves.
    """
    with _own_database(django_db_blocker, tmp_path / "datadir") as settings:
        yield settings


# When and why it was made is no part of what it is; ids are those of the database.
_CIRCUMSTANCES = {"id", "modified", "created", "provenance"}


class Products(dict[tuple[str, str], dict[str, str]]):
    """The values of products, by part of the night and name."""

    def add(self, part: str, name: str, row: Any) -> None:
        assert (part, name) not in self
        self[part, name] = {
            f.name: repr(getattr(row, f.name))
            for f in row._meta.concrete_fields
            if f.name not in _CIRCUMSTANCES and not f.is_relation
        }

    def of(self, part: str) -> set[str]:
        """Return the names of the products of a part."""
        return {name for own, name in self if own == part}

    def changed(self, other: Products, part: str | None = None) -> dict[str, Any]:
        """Return what differs in `other`: the names, and the columns with both values."""
        keys = [key for key in {**self, **other} if part in (None, key[0])]
        return {
            name: {
                column: (self.get((own, name), {}).get(column), value)
                for column, value in other.get((own, name), {"is there": "False"}).items()
                if self.get((own, name), {}).get(column) != value
            }
            for own, name in keys
            if self.get((own, name)) != other.get((own, name))
        }


@dataclass
class Archive:
    """A data directory, and the command ``polarnight`` on it."""

    root: Path
    out: str = ""
    err: str = ""
    read: Any = field(default=None, repr=False)

    def run(self, *arguments: str | Path, workers: int = 1) -> int:
        """Give a command in this process; return its exit status, keep what it prints."""
        from polarnight.cli.app import run_app

        settings = ["-q", "-d", str(self.root), "-o", f"workers={workers}"]
        status = run_app([*settings, *map(str, arguments)])
        self.out, self.err = self.read()
        return status

    def in_process(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess:
        """Give a command in a process of its own, as users do."""
        env = {**os.environ, "POLARNIGHT_DATADIR": str(self.root), "COLUMNS": "400"}
        env.pop("DJANGO_SETTINGS_MODULE", None)
        env |= options.pop("env", {})
        start = "from polarnight.cli import main; main()"
        command = [sys.executable, "-c", start, "-q", *map(str, arguments)]
        return subprocess.run(command, env=env, capture_output=True, text=True, **options)

    def raw(self, name: str) -> Path:
        """Return a raw file by its name."""
        return next((self.root / "raw").glob(f"*/*/{name}"))

    def checksums(self, part: str) -> dict[str, str]:
        """Return the SHA-256 of all files of a part of the directory."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.root / part).rglob("*"))
            if path.is_file()
        }

    def made(self) -> Products:
        """Return every value of every product in the database."""
        from polarnight.db import AperPhotResult, PhotoPolResult, ReducedFit
        from polarnight.db.models.masters import MASTER_MODELS

        found = Products()
        for kind, model in MASTER_MODELS.items():
            for row in model._default_manager.all():
                found.add("masters", f"{kind} {row.key}", row)
        for row in ReducedFit.objects.all():
            found.add("frames", row.filename, row)
        for row in AperPhotResult.objects.select_related("reducedfit", "astrosource"):
            name = f"{row.reducedfit.filename} {row.astrosource.name} {row.pairs}"
            found.add("apertures", name, row)
        for row in PhotoPolResult.objects.select_related("astrosource"):
            files = " ".join(Path(place).name for place in row.files)
            found.add("results", f"{row.reduction} {files} {row.astrosource.name}", row)
        return found

    def pending(self, *arguments: str) -> str:
        """Return what a run would do."""
        self.run("run", "--all-local", "--dry-run", *arguments)
        return self.out


def put_on_path(package: Path, site: Path) -> list[str]:
    """Install a package as pip does, without it: return what has to be on the path.

    The code, and a ``.dist-info`` in `site` with the entry points of its ``pyproject.toml``.
    """
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    name = project["name"].replace("-", "_")
    info = site / f"{name}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return [str(package / "src"), str(site)]


@pytest.fixture
def install_plugin(tmp_path, monkeypatch):
    """Install packages of ``tests/plugins`` for one test, its workers and its commands."""
    from polarnight import plugins

    def forget() -> None:
        for function in vars(plugins).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()

    def install(name: str) -> None:
        package = Path(__file__).parent / "plugins" / name
        places = put_on_path(package, tmp_path / "site")
        for place in places:
            monkeypatch.syspath_prepend(place)
        known = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*places, *known]))
        forget()

    yield install
    forget()


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Make a directory once for all workers of a run: ``once("night", make)``.

    Returns what ``make(directory)`` returned. As all of them look at the directory, nobody may
    open a database in it: that is for copies.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # that of a worker is within that of the run

    def made(name: str, make: Callable[[Path], Any]) -> Any:
        told = shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not told.exists():
                (shared / name).mkdir()
                told.write_bytes(pickle.dumps(make(shared / name)))
        return pickle.loads(told.read_bytes())

    return made


@pytest.fixture(scope="session")
def night(once):
    """A simulated night of AndorT90: two R frames and one cycle of polaroids, 400 x 400."""
    from polarnight.pipeline.demo.simulated import simulate_to_directory

    def make(place: Path) -> Any:
        return simulate_to_directory(
            "AndorT90", "2022-09-18", 3, place, size=400,
            photometry=("R",), n_photometry=2, n_cycles=1, n_bias=3, n_flats=3, n_stars=120,
        )  # fmt: skip

    return once("night", make)


def _with_catalogues(root: Path, night: Any) -> Archive:
    """Return a data directory with the stars and sources of a simulated night."""
    archive = Archive(root)
    for arguments in (
        ("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err"),
        ("sources", "import", night.sources),
    ):
        done = archive.in_process(*arguments)
        assert done.returncode == 0, done.stderr
    return archive


@pytest.fixture(scope="session")
def make_archive():
    """Make a data directory with the catalogues of a simulated night."""
    return _with_catalogues


@pytest.fixture(scope="session")
def reduced_night(night, once, tmp_path_factory):
    """The night reduced by the commands of the manual, each in a process of its own."""

    def make(place: Path) -> Path:
        archive = _with_catalogues(place / "data", night)
        for arguments in (("ingest", night.directory), ("run", "T090/220918")):
            done = archive.in_process(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
        return archive.root

    root = tmp_path_factory.mktemp("reduced") / "data"
    shutil.copytree(once("reduced-night", make), root, symlinks=True)
    return Archive(root)


@pytest.fixture
def archive(tmp_path, monkeypatch, capsys, django_db_setup, django_db_blocker):
    """An empty data directory with its own database."""
    monkeypatch.setenv("COLUMNS", "400")
    with _own_database(django_db_blocker, tmp_path / "data"):
        yield Archive(tmp_path / "data", read=capsys.readouterr)


@pytest.fixture
def copy_of(tmp_path, monkeypatch, capsys, django_db_setup, django_db_blocker):
    """Copy an archive and put its database in force."""
    monkeypatch.setenv("COLUMNS", "400")

    @contextlib.contextmanager
    def copy(original: Archive, name: str = "data") -> Iterator[Archive]:
        shutil.copytree(original.root, tmp_path / name, symlinks=True)
        with _own_database(django_db_blocker, tmp_path / name):
            yield Archive(tmp_path / name, original.out, read=capsys.readouterr)

    return copy


@pytest.fixture
def reduced(reduced_night, copy_of):
    """A copy of the reduced night, to be spoilt."""
    with copy_of(reduced_night) as archive:
        yield archive
