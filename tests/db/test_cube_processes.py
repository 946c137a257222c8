"""Several processes on one database, databases of earlier releases, numbers after deletion."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

PRELUDE = """
import polarnight, sys
polarnight.Config(config_db=True)
from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.frames.cards import Card
catalogue = CubeCatalogue()
def describe(*cards, **more):
    return CubeDescription("image", "short", (DimensionDescription("x", 3),), cards=cards, **more)
"""

WRITER = (
    PRELUDE
    + """
own = int(sys.argv[1])
session = catalogue.session("ana")
catalogue.folders.make(session, f"/f{own}")
container = catalogue.containers.create(session, "FITS2", [("x", "int")], exist_ok=True)
for n in range(20):
    cards = [Card("SHARED", n), Card("OWN", own * 1000 + n)]
    cube = catalogue.add(container, describe(*cards, key=f"{n:064d}", recipe={"n": n}))
    if n % 4 == 0:
        catalogue.delete([cube.pk])
    elif n % 4 == 1:
        catalogue.cards.insert(cube.pk, [("NOTE", str(n))])
catalogue.containers.add_dimensions(container, [(f"z{own}", "long")])
catalogue.sessions.set_user("ana", **{f"p{own}": own})
"""
)

READER = (
    PRELUDE
    + """
session = catalogue.session("ana")
container = catalogue.containers.get(session, "FITS2")
cubes = list(catalogue.cubes.in_container(container))
print(len(cubes), len({c.pk for c in cubes}), max(c.pk for c in cubes))
print(sorted(card.value for c in cubes for card in catalogue.cards.read(c.pk, keys=["OWN"])))
print(sorted(int(card.value) for c in cubes for card in catalogue.cards.read(c.pk, keys=["NOTE"])))
print(sorted(dim["name"] for dim in container.dims))
print(sorted(e.name for e in catalogue.folders.entries(session, "/")))
print(sorted(catalogue.sessions.user("ana").preferences))
print(len(catalogue.sessions.of_user("ana")))
"""
)

N_PROCESSES = 2


def start(code, datadir, *arguments):
    env = {**os.environ, "POLARNIGHT_DATADIR": str(datadir)}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(code, datadir, *arguments):
    process = start(code, datadir, *arguments)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def test_nothing_is_lost_between_processes(tmp_path):
    writers = [start(WRITER, tmp_path, str(number)) for number in range(N_PROCESSES)]
    for writer in writers:
        _, err = writer.communicate(timeout=300)
        assert writer.returncode == 0, err
    count, own, notes, dims, folders, preferences, sessions = run(READER, tmp_path).splitlines()
    kept = [n for n in range(20) if n % 4]
    assert count == f"{15 * N_PROCESSES} {15 * N_PROCESSES} {20 * N_PROCESSES}"
    assert own == str([1000 * number + n for number in range(N_PROCESSES) for n in kept])
    assert notes == str(sorted([n for n in kept if n % 4 == 1] * N_PROCESSES))
    assert dims == str(["x", *(f"z{number}" for number in range(N_PROCESSES))])
    assert folders == str(["FITS2", "archive", *(f"f{number}" for number in range(N_PROCESSES))])
    assert preferences == str([f"p{number}" for number in range(N_PROCESSES)])
    assert sessions == "1"


def test_numbers_are_not_given_again_by_another_process(tmp_path):
    code = (
        PRELUDE
        + """
session = catalogue.session("ana")
container = catalogue.containers.create(session, "FITS2", exist_ok=True)
cube = catalogue.add(container, describe())
print(cube.pk, container.pk)
catalogue.containers.delete(session, "FITS2", force=True)
"""
    )
    numbers = [run(code, tmp_path).split() for _ in range(2)]
    assert numbers == [["1", "1"], ["2", "2"]]


def test_a_database_of_an_earlier_release_is_brought_up_to_date(tmp_path):
    earlier = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.db.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", "polarnight", "0006_quality", verbosity=0)
from polarnight.db import Epoch
Epoch.create("T090/240408")
"""
    run(earlier, tmp_path)
    later = (
        PRELUDE
        + """
from polarnight.db import Epoch
session = catalogue.session("ana")
cube = catalogue.add(catalogue.containers.create(session, "FITS2"), describe(Card("A", 1)))
print(Epoch.objects.last(), cube, [e.path for e in catalogue.folders.entries(session, "/archive")])
"""
    )
    expected = "OSN-T090/2024-04-08 1/1 ['/archive/OSN-T090']\n"
    assert run(later, tmp_path) == expected
    assert len(list(tmp_path.glob("iop4.db.0006_quality.*.bak"))) == 1


@pytest.fixture
def postgres_url():
    """The URL of an empty database, dropped afterwards."""
    psycopg = pytest.importorskip("psycopg")
    server = os.environ.get(
        "POLARNIGHT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres"
    )
    name = f"polarnight_cubes_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
def test_nothing_is_lost_between_processes_on_postgresql(tmp_path, postgres_url, monkeypatch):
    monkeypatch.setenv("POLARNIGHT_DATABASE_URL", postgres_url)
    test_nothing_is_lost_between_processes(tmp_path)
    assert not (tmp_path / "iop4.db").exists()
