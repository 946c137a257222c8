"""What all tests share: settings and a database that are not the user's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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


@pytest.fixture
def fresh_database(tmp_path, django_db_setup, django_db_blocker):
    """A real SQLite file in a data directory of its own, as `polarnight.Config` makes it.

    For tests of commands in this process; they commit, and may call Config themselves.
    """
    from django.conf import settings as django_settings
    from django.db import connections

    import polarnight

    connection = connections["default"]
    described, configured = django_settings.DATABASES["default"], connections.settings["default"]
    with django_db_blocker.unblock():
        yield polarnight.Config(config_db=True, datadir=tmp_path / "datadir")
        connections["default"].close()
    django_settings.DATABASES["default"] = described
    connections.settings["default"] = configured
    connections["default"] = connection
