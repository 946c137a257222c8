"""A server with a few FITS files in its data repository."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits


@dataclass
class Client:
    """A client of a server in this process, as PyOphidia and the terminal are."""

    server: Any
    root: Path
    state: Any = None
    progress: list[Any] = field(default_factory=list)

    def __post_init__(self):
        from polarnight.ophidia import State

        self.state = self.state or State()

    def send(self, text: str, **options: Any) -> Any:
        """Give a command; the response whatever it is."""
        return self.server.submit(text, self.state, **options)

    def ok(self, text: str, **options: Any) -> Any:
        """Give a command that has to go well."""
        response = self.send(text, **options)
        assert response.ok, response.error
        return response

    def error(self, text: str, code: int | None = None) -> str:
        """Give a command that has to fail; what it says."""
        response = self.send(text)
        assert not response.ok, response.objects
        assert response.error.strip()
        assert "Traceback" not in response.error
        assert code is None or response.code == code, (response.code, response.error)
        return response.error

    def rows(self, text: str, key: str | None = None) -> list[list[str]]:
        """Return the rows of the (first) table of an answer."""
        content = self.table(text, key)
        return content["rowvalues"]

    def table(self, text: str, key: str | None = None) -> dict[str, Any]:
        """Return the (first) table of an answer."""
        for item in self.ok(text).as_dict()["response"]:
            if item["objclass"] == "grid" and key in (None, item["objkey"]):
                return item["objcontent"][0]
        raise AssertionError(f"no table in the answer to {text}")

    def pid(self, text: str) -> str:
        """Give a command that makes one cube; its PID."""
        response = self.ok(text)
        item = response.objects[0]
        assert item.title == "Output Cube", response.objects
        return item.message

    def values(self, pid: str) -> np.ndarray:
        """Return the pixels of a cube, axes as the engine has them."""
        return self.cube(pid).numpy()

    def cube(self, pid: str) -> Any:
        """Return the lazy cube of a PID."""
        row = self.server.catalogue.cubes.get(pid)
        return self.server.workbench.cube(row)

    def write(self, name: str, data: np.ndarray, **cards: Any) -> Path:
        """Put a FITS file into the data repository."""
        header = fits.Header()
        for key, value in cards.items():
            header[key.replace("__", "-")] = value
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fits.PrimaryHDU(data, header).writeto(path, overwrite=True)
        return path


def _count_from_one():
    """Number cubes and containers from 1, as SQLite does where a test is rolled back."""
    from django.core.management.color import no_style
    from django.db import connection

    from polarnight.db.models import CubeContainer, DataCube

    tables = [{"table": m._meta.db_table, "column": "id"} for m in (CubeContainer, DataCube)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for text in connection.ops.sequence_reset_by_name_sql(no_style(), tables):
                cursor.execute(text)


@pytest.fixture
def client(db, datadir, monkeypatch, tmp_path):
    """A client on an empty data directory."""
    from polarnight.config import get_settings
    from polarnight.ophidia import Server

    _count_from_one()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    server = Server(get_settings(), "ada")
    yield Client(server, datadir.raw)
    server.close()


SHAPE = (6, 8)
"""Rows and columns of the frames of these tests."""


@pytest.fixture
def frames(client):
    """Three biases, and two flats and two objects of each of two filters, in fits-raw."""
    rng = np.random.default_rng(1)
    plan = [("BIAS", "OPEN", 100.0)] * 3
    for name in ("B_JOHN_10", "V_JOHN_11"):
        plan += [("FLAT", name, 1100.0)] * 2 + [("OBJECT", name, 300.0)] * 2
    for number, (kind, name, level) in enumerate(plan, 1):
        data = np.round(level + rng.normal(0, 3, SHAPE)).astype(np.uint16)
        client.write(
            f"fits-raw/LRS.{number:03d}.fits", data,
            OBS__TYPE=kind, FLT_ID=name, EXPTIME=float(number), OBJECT="NGC5364",
        )  # fmt: skip
    return client


@pytest.fixture
def imported(frames):
    """The night imported into container FITS2."""
    frames.ok(
        "oph_importfits src_path=[path=/fits-raw;file=*.fits];exp_dim=NAXIS1;imp_dim=NAXIS2;"
        "container=FITS2;measure=image;ncores=2;ndbms=1;nfrag=4"
    )
    return frames


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Where a copy of an empty database is kept, so that not every test makes one anew."""
    return tmp_path_factory.mktemp("empty") / "empty.db"


@pytest.fixture
def _database_is_there(empty_database, tmp_path):
    if empty_database.is_file():
        name = (empty_database.parent / "name").read_text()
        (tmp_path / "datadir" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_database, tmp_path / "datadir" / name)


@pytest.fixture
def fresh_database(_database_is_there, fresh_database, empty_database):
    """A real SQLite file, which threads and other processes can open as well."""
    from django.db import connection

    if not empty_database.is_file():
        file = Path(connection.settings_dict["NAME"])
        copy = sqlite3.connect(empty_database)
        connection.ensure_connection()
        connection.connection.backup(copy)
        copy.close()
        name = file.relative_to(fresh_database.datadir)
        (empty_database.parent / "name").write_text(str(name))
    return fresh_database
