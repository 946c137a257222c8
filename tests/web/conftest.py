"""A site with the data of a small night, users of every role, and a browser."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polarnight.config import reset_settings

ROLES = ("viewer", "observer", "operator", "admin")
PASSWORD = "a long and quiet night"


def _pin_site_settings() -> None:
    """Give the site the settings of the tests: Django had read those of the user before."""
    from django.conf import settings as django_settings

    reset_settings()
    module = importlib.reload(importlib.import_module("polarnight.web.settings"))
    for name in dir(module):
        if name.isupper() and name != "DATABASES":
            setattr(django_settings, name, getattr(module, name))
    django_settings.SECRET_KEY = "only-for-tests-" + 40 * "x"
    # Hashing that is meant to be slow has no place in a thousand log-ins.
    django_settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]


_pin_site_settings()


def make_user(name: str, group: str | None = None, **more: Any) -> Any:
    """Make a user of a group, whose password is `PASSWORD`."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.contrib.auth.models import Group, User

    # One round: as safe as a password that is printed here can be.
    password = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
    user = User.objects.create(username=name, password=password, **more)
    if group is not None:
        user.groups.add(Group.objects.get(name=group))
    return user


@dataclass
class Site:
    """A data directory with a site: its users, and clients that are logged in as them."""

    root: Path
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, role: str | None = None) -> Any:
        """Return a client logged in as the user of a role, or a stranger; one for each."""
        from django.contrib.auth.models import User
        from django.test import Client

        key = role or "anonymous"
        if key not in self.clients:
            self.clients[key] = Client()
            if role is not None:
                self.clients[key].force_login(
                    User.objects.get(username=role),
                    backend="django.contrib.auth.backends.ModelBackend",
                )
        return self.clients[key]

    def user(self, role: str) -> Any:
        """Return the user of a role; the name is that of the role."""
        from django.contrib.auth.models import User

        return User.objects.get(username=role)


@pytest.fixture
def users(db):
    """Make a user of each role in the test database; by role."""
    return {role: make_user(role, role) for role in ROLES}


@pytest.fixture
def site(users, tmp_path, datadir):
    """A site without data, in the test database."""
    return Site(datadir.root)


@pytest.fixture
def nobody(db):
    """A user who is in no group, with a password as all others."""
    return make_user("nobody")


@pytest.fixture(scope="session")
def demo_site(reduced_night, once, own_database, tmp_path_factory):
    """The reduced night with a frame that failed, the tables of the site and its users.

    Not to be changed: tests take `demo` for that.
    """
    from polarnight.web.preparing import prepare_site

    def make(place: Path) -> Path:
        root = place / "data"
        shutil.copytree(reduced_night.root, root, symlinks=True)
        _spoil(root)
        reduced_night.__class__(root).in_process("run", "T090/220918")
        with own_database(root) as settings:
            prepare_site(settings)
            for role in ROLES:
                make_user(role, role)
        return root

    root = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(once("demo-site", make), root, symlinks=True)
    return Site(root)


def _spoil(root: Path) -> None:
    """Put two frames to a night: one that does not say what it is, and one of clouds only."""
    from astropy.io import fits

    source = next((root / "raw").glob("*/*/BLLac-0001R.fit"))
    with fits.open(source) as hdus:
        header, data = hdus[0].header.copy(), hdus[0].data.copy()
    clouds = np.random.default_rng(1).normal(float(np.median(data)), 12.0, data.shape)
    fits.writeto(source.with_name("BLLac-0099R.fit"), clouds.astype(data.dtype), header)
    header.remove("IMAGETYP")
    fits.writeto(source.with_name("unknown-0001.fit"), data, header)


_HEAVY = ("raw", "calibration", "masterbias", "masterdark", "masterflat", "stars", "astrosource")


def _copy(site: Site, root: Path) -> None:
    """Copy a site: its own database, the frames of the original."""
    root.mkdir()
    for source in site.root.iterdir():
        place = root / source.name
        if source.name in _HEAVY:
            place.symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy2(source, place)


@pytest.fixture(scope="session")
def copy_site():
    """Copy a site to a new directory: ``copy_site(demo_site, root)``."""
    return _copy


@pytest.fixture
def demo(demo_site, tmp_path, own_database):
    """A copy of the demonstration site, in force: to be read and changed."""
    _copy(demo_site, tmp_path / "site")
    with own_database(tmp_path / "site"):
        yield Site(tmp_path / "site")


@pytest.fixture(scope="session")
def small_site(own_database, tmp_path_factory):
    """A site with users of every role and three small frames, which no pipeline knows.

    Not to be changed: tests take `door` for that.
    """
    from astropy.io import fits

    from polarnight.web.preparing import prepare_site

    root = tmp_path_factory.mktemp("small-site") / "data"
    with own_database(root) as settings:
        prepare_site(settings)
        for role in ROLES:
            make_user(role, role)
    place = root / "raw" / "fits-raw"
    place.mkdir(parents=True)
    for number in range(1, 4):
        data = np.arange(48, dtype=np.uint16).reshape(6, 8) + 10 * number
        header = fits.Header({"OBJECT": "NGC5364", "EXPTIME": 10.0 * number})
        fits.writeto(place / f"LRS.{number:03d}.fits", data, header)
    return Site(root)


@pytest.fixture
def door(small_site, tmp_path, own_database):
    """A copy of the small site, in force: for commands of cubes, which run in threads."""
    from polarnight.web.console import servers

    root = tmp_path / "site"
    shutil.copytree(small_site.root, root)
    with own_database(root):
        yield Site(root)
        servers.close_all()
