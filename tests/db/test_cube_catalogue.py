"""Sessions, folders, containers and cubes."""

from __future__ import annotations

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.errors import ConfigError
from polarnight.frames.cards import Card

pytestmark = pytest.mark.django_db

DIMS = (
    DimensionDescription("NAXIS2", 30, explicit=True),
    DimensionDescription("NAXIS1", 40, explicit=False),
)


@pytest.fixture
def catalogue(datadir):
    return CubeCatalogue()


@pytest.fixture
def session(catalogue):
    return catalogue.session("ana")


@pytest.fixture
def container(catalogue, session):
    return catalogue.containers.create(session, "FITS2", [("NAXIS2", "int"), ("NAXIS1", "int")])


def describe(**changes):
    values = {
        "measure": "image",
        "dtype": "short",
        "dims": DIMS,
        "key": "k" * 64,
        "recipe": {"operation": "open_fits", "version": 1},
        "source": "bias.fits",
        "cards": [Card("OBS-TYPE", "BIAS", "type"), Card("EXPTIME", 0.0), Card("N", 1)],
    }
    return CubeDescription(**{**values, **changes})


class TestSessions:
    def test_the_last_session_is_resumed(self, catalogue):
        first = catalogue.session("ana")
        assert len(first.code) >= 30
        assert first.code.isdigit()
        catalogue.sessions.update(first, cwd="/a", last_cube=17)
        again = catalogue.session("ana")
        assert (again.pk, again.cwd, again.last_cube) == (first.pk, "/a", 17)
        new = catalogue.session("ana", new=True)
        assert new.pk != first.pk
        assert catalogue.session("ana").pk == new.pk
        assert catalogue.session("ana", first.code).pk == first.pk
        assert catalogue.session("ana").pk == first.pk

    def test_a_session_by_its_whole_name(self, catalogue, session):
        name = catalogue.sessions.name_of(session)
        assert name == f"http://localhost/polarnight/sessions/{session.code}/experiment"
        assert catalogue.session("ana", name).pk == session.pk

    def test_nobody_has_the_session_of_another(self, catalogue, session):
        with pytest.raises(ConfigError, match="no session"):
            catalogue.session("eve", session.code)
        assert catalogue.session("eve").pk != session.pk

    def test_what_is_remembered_of_a_user(self, catalogue):
        catalogue.sessions.set_user("ana", cdd="/night1", ncores=2)
        catalogue.sessions.set_user("ana", exec_mode="sync")
        person = catalogue.sessions.user("ana")
        assert (person.cdd, person.preferences) == ("/night1", {"ncores": 2, "exec_mode": "sync"})

    @pytest.mark.parametrize("user", ["", "a" * 151, "a\nb"])
    def test_names_of_users(self, catalogue, user):
        with pytest.raises(ConfigError, match="user"):
            catalogue.session(user)


class TestCubes:
    def test_a_cube_comes_and_goes(self, catalogue, session, container):
        cube = catalogue.add(container, describe())
        assert catalogue.pid(cube) == f"http://localhost/polarnight/{container.pk}/{cube.pk}"
        kept = catalogue.get(catalogue.pid(cube), session)
        assert (kept.shape, kept.key, kept.level) == ((30, 40), "k" * 64, 0)
        assert kept.recipe.recipe == {"operation": "open_fits", "version": 1}
        cards = catalogue.cards.read(cube.pk)
        assert [(card.key, card.value, card.comment) for card in cards] == [
            ("OBS-TYPE", "BIAS", "type"),
            ("EXPTIME", 0.0, ""),
            ("N", 1, ""),
        ]
        assert catalogue.delete([catalogue.pid(cube)], session) == [cube.pk]
        with pytest.raises(ConfigError, match="no cube"):
            catalogue.get(cube.pk)

    def test_numbers_are_never_given_twice(self, catalogue, container):
        numbers = []
        for _ in range(3):
            cube = catalogue.add(container, describe())
            numbers.append(cube.pk)
            catalogue.delete([cube.pk])
        assert numbers == sorted(set(numbers))
