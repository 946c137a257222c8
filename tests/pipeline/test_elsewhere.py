"""The same numbers on a Dask cluster and in PostgreSQL."""

import os
from urllib.parse import urlsplit

import pytest

NIGHT = "OSN-T090/2022-09-18"


@pytest.mark.cluster
def test_a_dask_cluster_gives_the_same_bit_for_bit(reduced):
    from distributed import LocalCluster

    before, checksums = reduced.made(), reduced.checksums("calibration")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        option = f"scheduler={cluster.scheduler_address}"
        assert reduced.run("-o", option, "run", NIGHT, "--force") == 0
    assert before.changed(reduced.made()) == {}
    assert reduced.checksums("calibration") == checksums


@pytest.mark.cluster
def test_a_silent_scheduler_is_told(reduced):
    assert reduced.run("-o", "scheduler=tcp://127.0.0.1:1", "run", NIGHT, "--force") == 2
    assert "tcp://127.0.0.1:1 does not answer" in reduced.err


@pytest.fixture
def database_url():
    """The URL of an empty PostgreSQL database, dropped afterwards."""
    psycopg = pytest.importorskip("psycopg")
    server = os.environ.get(
        "POLARNIGHT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres"
    )
    name = f"polarnight_night_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
def test_postgresql_from_end_to_end(database_url, night, reduced_night, tmp_path):
    archive = type(reduced_night)(tmp_path / "data")
    env = {"POLARNIGHT_DATABASE_URL": database_url}

    def give(*arguments):
        done = archive.in_process(*arguments, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    give("stars", "import", night.stars, "--mag", "R=mag_R", "--err", "R=mag_R_err")
    give("sources", "import", night.sources)
    give("ingest", night.directory)
    give("run", "T090/220918")
    expected = reduced_night.in_process("results", "--format", "csv")
    assert sorted(give("results", "--format", "csv").splitlines()) == sorted(
        expected.stdout.splitlines()
    )
    assert "0 products are not current" in give("run", NIGHT, "--dry-run")
    give("run", NIGHT, "--force")
    assert len(give("results", "--format", "csv").splitlines()) == 28
    assert "postgresql, all migrations applied" in give("doctor")
    assert "nothing changed" in give("why", f"{NIGHT}/BLLac-0001R45.fit")
    assert "BLLac-0001R45.fit" in give("status", NIGHT)
    assert not (archive.root / "iop4.db").exists()
