"""Files that commands may touch, and those that they may not."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.config import load_settings
from polarnight.ophidia.errors import AccessRefused, BadValue
from polarnight.ophidia.files.paths import Repository, check_name, normal_path

OUTSIDE = [
    "../secret.fits",
    "/../secret.fits",
    "/a/../../secret.fits",
    "..",
    "a/..",
    "..\\secret.fits",
    "/etc/passwd",
    "link.fits",
    "linked/secret.fits",
    "secret\x00.fits",
    "a" * 5000,
]


@pytest.fixture
def secret(client, tmp_path):
    """A file outside of everything that is allowed, and links that lead there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = client.write("x.fits", np.zeros((2, 2), np.int16))
    (outside / "secret.fits").write_bytes(path.read_bytes())
    (client.root / "link.fits").symlink_to(outside / "secret.fits")
    (client.root / "linked").symlink_to(outside)
    return outside


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_is_read_or_written(client, secret, path):
    before = sorted(secret.iterdir())
    for text in (
        f"oph_importfits src_path={path};container=C",
        f"oph_importfits src_path=[path={path};file=*];container=C",
        f"oph_fs dpath={path}",
        f"oph_fs command=cd;dpath={path}",
        f"oph_fs command=mkdir;dpath={path}/new",
        f"oph_fs command=rm;dpath={path}",
        f"oph_fs command=mv;dpath={path}|y.fits",
        f"oph_fs command=mv;dpath=x.fits|{path}/y.fits",
    ):
        client.error(text)
    client.ok("oph_importfits src_path=x.fits;container=C")
    # What does not exist anywhere is made in the repository, never outside of it.
    client.error(f"oph_exportfits output_path={path}")
    client.error(
        f"oph_exportfits output_name={path}/x" if path != "a/.." else "oph_exportfits cube=7"
    )
    client.error(f"oph_exportfits template_path={path}")
    client.error(f"oph_explorecube output_path={path}")
    assert sorted(secret.iterdir()) == before
    assert [row[1] for row in client.rows("oph_fs")] == ["linked/", "link.fits", "x.fits"]


def test_allowed_roots(client, secret, tmp_path, monkeypatch):
    from polarnight.config import load_settings
    from polarnight.ophidia import Server

    settings = client.server.settings
    files = Repository(settings, "ada")
    work = tmp_path / "work"
    (work / "w.fits").write_bytes((client.root / "x.fits").read_bytes())
    assert files.find("/x.fits") == client.root / "x.fits"
    assert files.find(str(work / "w.fits")) == work / "w.fits"
    with pytest.raises(AccessRefused, match="import_roots"):
        files.find(str(secret / "secret.fits"))
    with pytest.raises(BadValue, match="there is no"):
        files.find("/nothing.fits")
    wider = load_settings(
        overrides={"datadir": settings.datadir, "cubes.import_roots": str(secret)}
    )
    assert Repository(wider, "ada").find(str(secret / "secret.fits")) == secret / "secret.fits"
    client.server = Server(wider, "ada")
    client.ok(f"oph_importfits src_path={secret}/secret.fits;container=C")
    client.ok(f"oph_importfits src_path={work}/w.fits;container=C")
    written = client.ok(f"oph_exportfits output_path={work}/out;output_name=o").objects[0].message
    assert written == str(work / "out/o.fits")


def test_a_file_that_is_a_link_is_not_written_through(client, secret):
    client.ok("oph_importfits src_path=x.fits;container=C")
    kept = (secret / "secret.fits").read_bytes()
    client.error("oph_exportfits output_path=/;output_name=link;force=yes")
    assert (secret / "secret.fits").read_bytes() == kept


def test_the_repository_is_walked_through(client):
    client.write("a/b/1.fits", np.zeros((2, 2), np.int16))
    client.write("a/2.fits", np.zeros((2, 2), np.int16))
    (client.root / ".hidden").write_text("x")
    assert client.rows("oph_fs") == [["d", "a/"]]
    assert client.ok("oph_fs command=cd;dpath=a").objects[0].message == "/a"
    assert client.state.cdd == "/a"
    assert client.rows("oph_fs") == [["d", "b/"], ["f", "2.fits"]]
    assert client.rows("oph_fs file=*.fits;recursive=yes") == [["f", "b/1.fits"], ["f", "2.fits"]]
    assert client.rows("oph_fs recursive=yes;depth=1") == [["d", "b/"], ["f", "2.fits"]]
    client.ok("oph_importfits src_path=b/1.fits;container=C")
    client.ok("oph_importfits src_path=[recursive=yes;file=*.fits];container=C")
    client.ok("oph_fs command=mkdir;dpath=c")
    client.ok("oph_fs command=mv;dpath=2.fits|c")
    assert client.rows("oph_fs dpath=c") == [["f", "2.fits"]]
    assert "recursive=yes" in client.error("oph_fs command=rm;dpath=c")
    client.ok("oph_fs command=rm;dpath=c;recursive=yes")
    client.error("oph_fs command=mkdir;dpath=b")
    client.error("oph_fs command=cd;dpath=nowhere")
    client.error("oph_fs command=rm")
    client.ok("oph_fs command=cd")
    assert client.state.cdd == "/"
    client.error("oph_fs command=rm;dpath=/;recursive=yes")
    assert (client.root / "a/b/1.fits").is_file()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "-a", "a;b", "a|b", "a b ", "x" * 300, "é"])
def test_names_that_are_none(name):
    with pytest.raises(BadValue, match="cannot be the name of a container"):
        check_name(name, "container")


@pytest.mark.parametrize("name", ["FITS2", "LRS.2016-06-06T20-30-03.925.fits", "_a", "a b"])
def test_names(name):
    assert check_name(name, "container") == name


def test_paths_from_the_root():
    assert normal_path("a/./b/", "/c") == "/c/a/b"
    assert normal_path("/a", "/c") == "/a"
    assert normal_path(".") == "/"
    for path in ("..", "a/../b", "a\x00", "..\\a"):
        with pytest.raises(AccessRefused):
            normal_path(path)


def test_the_root_of_a_new_data_directory_is_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(overrides={"datadir": tmp_path / "new"})
    assert list(Repository(settings, "ada").find("/").iterdir()) == []
