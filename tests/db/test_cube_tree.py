"""Folders and containers: names, moves, removals."""

from __future__ import annotations

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db

BAD_NAMES = ["", "..", ".", "-a", "a.", "a/..", "a|b", "a;b", "a=b", "a\nb", "a" * 200,
             "[a]", "a%b", "ä", "a\x00b", "a:b", "~", "a*"]  # fmt: skip


@pytest.fixture
def catalogue(datadir):
    return CubeCatalogue()


@pytest.fixture
def session(catalogue):
    return catalogue.session("ana")


def put(catalogue, container, **more):
    dims = (DimensionDescription("NAXIS1", 3),)
    return catalogue.add(container, CubeDescription("image", "short", dims, **more))


def paths(catalogue, session, path="/"):
    entries = catalogue.folders.entries(session, path)
    return [f"{e.kind} {e.path}" for e in entries if e.name != "archive"]


class TestFolders:
    def test_made_moved_removed(self, catalogue, session):
        folders = catalogue.folders
        folders.make(session, "a")
        folders.make(session, "b", cwd="/a")
        folders.make(session, "../c", cwd="/a")
        assert paths(catalogue, session) == ["f /a", "f /c"]
        assert paths(catalogue, session, "a") == ["f /a/b"]
        folders.move(session, "/a/b", "/c")  # into a folder that exists
        assert paths(catalogue, session, "/c") == ["f /c/b"]
        folders.move(session, "b", "/new", cwd="/c")  # and by another name
        assert paths(catalogue, session) == ["f /a", "f /c", "f /new"]
        assert folders.path_of(folders.find(session, "new")) == "/new"
        folders.remove(session, "/new")
        assert paths(catalogue, session) == ["f /a", "f /c"]

    def test_only_empty_ones_are_removed(self, catalogue, session):
        catalogue.folders.make(session, "/a")
        catalogue.containers.create(session, "/a/FITS2")
        with pytest.raises(ConfigError, match="not empty: 0 folders and 1 containers"):
            catalogue.folders.remove(session, "/a")
        with pytest.raises(ConfigError, match="top"):
            catalogue.folders.remove(session, "/")
        catalogue.containers.delete(session, "/a/FITS2")
        catalogue.folders.remove(session, "/a")
        assert paths(catalogue, session) == []

    def test_a_folder_is_not_moved_into_itself(self, catalogue, session):
        catalogue.folders.make(session, "/a")
        catalogue.folders.make(session, "/a/b")
        for target in ("/a", "/a/b", "/a/b/c"):
            with pytest.raises(ConfigError, match="itself"):
                catalogue.folders.move(session, "/a", target)
        assert paths(catalogue, session, "/a") == ["f /a/b"]

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_names(self, catalogue, session, name):
        for make in (catalogue.folders.make, catalogue.containers.create):
            with pytest.raises(ConfigError, match=r"name|top|leads out"):
                make(session, name)
        assert paths(catalogue, session) == []

    def test_the_way_out_is_closed(self, catalogue, session):
        with pytest.raises(ConfigError, match="leads out"):
            catalogue.folders.find(session, "../../etc", cwd="/")

    def test_sessions_do_not_see_each_other(self, catalogue, session):
        catalogue.folders.make(session, "/a")
        other = catalogue.session("eve")
        assert paths(catalogue, other) == []
        catalogue.folders.make(other, "/a")
        with pytest.raises(ConfigError, match="exists already"):
            catalogue.folders.make(session, "/a")

    def test_the_error_lists_what_is_there(self, catalogue, session):
        catalogue.folders.make(session, "/night1")
        catalogue.containers.create(session, "/FITS2")
        with pytest.raises(ConfigError, match="does not exist; folders there: night1"):
            catalogue.folders.find(session, "/nigth1")
        with pytest.raises(ConfigError, match="is a container"):
            catalogue.folders.find(session, "/FITS2")


class TestContainers:
    def test_dimensions(self, catalogue, session):
        made = catalogue.containers.create(
            session,
            "FITS2",
            [("NAXIS2", "int"), ("time", "double", "oph_time"), ("x",)],
            description="d",
            vocabulary="CF",
        )
        kept = catalogue.containers.get(session, catalogue.pid(made))
        assert [(d["name"], d["type"], d["hierarchy"]) for d in kept.dims] == [
            ("NAXIS2", "int", "oph_base"),
            ("time", "double", "oph_time"),
            ("x", "double", "oph_base"),
        ]
        catalogue.containers.add_dimensions(kept, [("z", "long"), ("NAXIS2", "int")])
        assert [d["name"] for d in catalogue.containers.get(session, "FITS2").dims] == [
            "NAXIS2",
            "time",
            "x",
            "z",
        ]
        with pytest.raises(ConfigError, match="of type 'long', not 'int'"):
            catalogue.containers.add_dimensions(kept, [("z", "int")])

    @pytest.mark.parametrize(
        "dim", [("x", "text"), ("", "int"), ("a|b", "int"), ("x", "int", "oph_space")]
    )
    def test_wrong_dimensions(self, catalogue, session, dim):
        with pytest.raises(ConfigError, match="dimension"):
            catalogue.containers.create(session, "FITS2", [dim])
        with pytest.raises(ConfigError, match="differ"):
            catalogue.containers.create(session, "FITS2", [("x", "int"), ("x", "int")])
        assert catalogue.containers.find(session, "FITS2") is None

    def test_a_name_is_one_folder_or_container(self, catalogue, session):
        catalogue.folders.make(session, "/a")
        made = catalogue.containers.create(session, "/b")
        for make, path in (
            (catalogue.folders.make, "/b"),
            (catalogue.containers.create, "/a"),
            (catalogue.containers.create, "/b"),
        ):
            with pytest.raises(ConfigError, match="exists already"):
                make(session, path)
        again = catalogue.containers.create(session, "/b", exist_ok=True)
        assert again.pk == made.pk

    def test_deleted_with_force_only(self, catalogue, session):
        container = catalogue.containers.create(session, "FITS2")
        cubes = [put(catalogue, container).pk for _ in range(3)]
        with pytest.raises(ConfigError, match=r"3 cubes.*force=yes"):
            catalogue.containers.delete(session, "FITS2")
        assert catalogue.get(cubes[0]).pk == cubes[0]
        assert catalogue.containers.delete(session, "FITS2", force=True) == cubes
        with pytest.raises(ConfigError, match="no container"):
            catalogue.containers.get(session, "FITS2")
        assert catalogue.containers.create(session, "FITS2").pk > container.pk

    def test_moved_with_their_pids(self, catalogue, session):
        catalogue.folders.make(session, "/a")
        container = catalogue.containers.create(session, "FITS2")
        cube = put(catalogue, container)
        catalogue.containers.move(session, "FITS2", "/a")
        assert paths(catalogue, session, "/a") == ["c /a/FITS2"]
        catalogue.containers.move(session, "FITS2", "other", cwd="/a")
        assert paths(catalogue, session, "/a") == ["c /a/other"]
        assert catalogue.pid(catalogue.get(cube.pk)) == catalogue.pid(cube)
        catalogue.containers.create(session, "/b")
        with pytest.raises(ConfigError, match="exists already"):
            catalogue.containers.move(session, "/b", "/a/other")

    def test_those_of_other_sessions_are_not_found(self, catalogue, session):
        container = catalogue.containers.create(session, "FITS2")
        other = catalogue.session("eve")
        assert catalogue.containers.find(other, catalogue.pid(container)) is None
        with pytest.raises(ConfigError, match="no cube"):
            catalogue.get(put(catalogue, container).pk, other)


def test_a_session_goes_with_all_it_has(catalogue, session):
    from polarnight.db import CubeCard, CubeContainer, CubeFolder, DataCube

    catalogue.folders.make(session, "/a")
    put(catalogue, catalogue.containers.create(session, "/a/FITS2"))
    kept = catalogue.session("eve")
    catalogue.sessions.remove(session)
    counts = [model.objects.count() for model in (CubeContainer, DataCube, CubeCard)]
    assert counts == [0, 0, 0]
    assert list(CubeFolder.objects.values_list("session", flat=True)) == [kept.pk]
    assert catalogue.session("ana").pk not in (session.pk, kept.pk)
