"""Cards of cubes by hand, many at once; provenance."""

from __future__ import annotations

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.db.cubes.cubes import Origin
from polarnight.errors import ConfigError
from polarnight.frames.cards import Card

pytestmark = pytest.mark.django_db

DIMS = (DimensionDescription("NAXIS1", 3),)


@pytest.fixture
def catalogue(datadir):
    return CubeCatalogue()


@pytest.fixture
def session(catalogue):
    return catalogue.session("ana")


@pytest.fixture
def container(catalogue, session):
    return catalogue.containers.create(session, "FITS2")


@pytest.fixture
def add(catalogue, session, container):
    """Take a cube in, with these cards, made of others."""

    def take(*cards, inputs=None, operator="oph_importfits", **more):
        origin = Origin(operator, f"{operator} x=1", inputs or (), session)
        values = {"measure": "image", "dtype": "short", "dims": DIMS, "cards": cards, **more}
        return catalogue.add(container, CubeDescription(**values), origin)

    return take


def shown(cards):
    return [(card.key, card.type, card.text, card.variable) for card in cards]


class TestCards:
    def test_every_value_comes_back_as_it_was(self, catalogue, add):
        given = [
            Card("A", 1),
            Card("A", 1.0),
            Card("A", True),
            Card("A", "1"),
            Card("B", 0.0),
            Card("B", -0.0),
            Card("B", False),
            Card("B", None),
            Card("B", ""),
            Card("C", 2**70),
            Card("C", 1 + 2j),
            Card("C", 0.1 + 0.2),
            Card("C", "it's \\ % _ é", "comment", "NAXIS1"),
            Card("COMMENT", "twice"),
            Card("COMMENT", "twice"),
            Card("", "blank"),
        ]
        back = [card.card() for card in catalogue.cards.read(add(*given).pk)]
        assert [repr(card) for card in back] == [repr(card) for card in given]

    def test_read_as_ophidia_does(self, catalogue, add):
        cube = add(Card("OBS-TYPE", "BIAS"), Card("FLT_ID", "OPEN"), Card("X", 1.5, "", "NAXIS1"))

        def keys(**arguments):
            return [card.key for card in catalogue.cards.read(cube.pk, **arguments)]

        assert keys() == ["OBS-TYPE", "FLT_ID", "X"]
        assert keys(keys=["obs_type", "X"]) == ["OBS-TYPE", "X"]
        assert keys(keys=["OBS"]) == []
        assert keys(text="ope") == ["FLT_ID"]
        assert keys(text="B%S") == ["OBS-TYPE"]
        assert keys(types=["double"]) == ["X"]
        assert keys(variable="naxis") == ["X"]
        assert keys(variable="global") == ["OBS-TYPE", "FLT_ID"]
        number = catalogue.cards.read(cube.pk)[1].id
        assert keys(ids=[number], keys=["X"]) == ["FLT_ID"]

    def test_inserted_changed_deleted(self, catalogue, add):
        cube = add(Card("A", "as imported"))
        cards = catalogue.cards
        (first,) = cards.insert(cube.pk, [("EXPTIME", "30")], kind="float", user="ana")
        cards.insert(cube.pk, [("NOTE", "x"), ("OTHER", "y")], variable="NAXIS1")
        assert shown(cards.read(cube.pk)) == [
            ("A", "text", "as imported", ""),
            ("EXPTIME", "float", "30.0", ""),
            ("NOTE", "text", "x", "NAXIS1"),
            ("OTHER", "text", "y", "NAXIS1"),
        ]
        assert cards.update([first], "31.5", user="eve") == 1
        (card,) = cards.read(cube.pk, ids=[first])
        assert (card.value, card.type, card.user) == (31.5, "float", "eve")
        assert card.modified > cube.created
        untouched = cards.read(cube.pk)[0]
        assert (untouched.user, untouched.modified) == ("ana", cube.created)
        assert cards.delete([first, 10**9]) == 1
        assert [card.key for card in cards.read(cube.pk)] == ["A", "NOTE", "OTHER"]

    @pytest.mark.parametrize(
        ("kind", "text"),
        [("int", "1.5"), ("short", "40000"), ("double", "x"), ("long", str(2**63)), ("bool", "T")],
    )
    def test_wrong_values_change_nothing(self, catalogue, add, kind, text):
        cube = add(Card("A", "b"))
        with pytest.raises(ConfigError, match="type"):
            catalogue.cards.insert(cube.pk, [("GOOD", "1"), ("BAD", text)], kind=kind)
        assert [card.key for card in catalogue.cards.read(cube.pk)] == ["A"]
        for key in ("", " ", "k" * 201):
            with pytest.raises(ConfigError, match="key"):
                catalogue.cards.insert(cube.pk, [(key, "1")])

    def test_a_value_of_many_cubes_is_kept_once(self, catalogue, container):
        from polarnight.db import CubeCard, CubeKey, CubeValue

        cards = [Card(f"KEY{n}", n % 3, "why") for n in range(50)]
        descriptions = [
            CubeDescription("image", "short", DIMS, cards=[*cards, Card("DATE", f"d{n}")])
            for n in range(40)
        ]
        catalogue.cubes.add_many(container, descriptions)
        counts = [model.objects.count() for model in (CubeCard, CubeValue, CubeKey)]
        assert counts == [40 * 51, 50 + 40, 51]
        catalogue.cubes.add_many(container, descriptions)
        assert [CubeCard.objects.count(), CubeValue.objects.count()] == [80 * 51, 90]

    def test_values_of_one_digest_are_kept_apart(self, catalogue, add, monkeypatch):
        from polarnight.db.cubes import interning

        monkeypatch.setattr(interning, "_digest", lambda row, salt: 7 + salt)
        cubes = [add(Card("A", n), Card("B", n)) for n in range(3)]
        back = [[card.value for card in catalogue.cards.read(cube.pk)] for cube in cubes]
        assert back == [[0, 0], [1, 1], [2, 2]]


class TestProvenance:
    @pytest.fixture
    def family(self, catalogue, add):
        raw = [add(source=f"{n}.fits") for n in range(3)]
        merged = add(inputs=raw, operator="oph_mergecubes2", level=1)
        reduced = add(inputs=[merged], operator="oph_reduce2", level=2)
        return [*raw, merged, reduced]

    def edges(self, catalogue, cube, branch="all"):
        graph = catalogue.provenance(cube, branch)
        return [(e.input.split("/")[-1], e.operator, e.output.split("/")[-1]) for e in graph.edges]

    def test_parents_children_all(self, catalogue, family):
        a, b, c, merged, reduced = (str(cube.pk) for cube in family)
        imports = [("", "oph_importfits", n) for n in (a, b, c)]
        merge = [(n, "oph_mergecubes2", merged) for n in (a, b, c)]
        reduce = [(merged, "oph_reduce2", reduced)]
        assert self.edges(catalogue, family[4], "parent") == imports + merge + reduce
        assert self.edges(catalogue, family[4], "children") == []
        assert self.edges(catalogue, family[3]) == imports + merge + reduce
        assert self.edges(catalogue, family[0], "children") == merge + reduce
        assert self.edges(catalogue, family[0], "parent") == imports[:1]
        with pytest.raises(ConfigError, match="branch"):
            catalogue.provenance(family[0], "aunts")

    def test_it_survives_the_parents(self, catalogue, family):
        before = self.edges(catalogue, family[4], "parent")
        catalogue.delete([cube.pk for cube in family[:4]])
        assert self.edges(catalogue, family[4], "parent") == before
        graph = catalogue.provenance(family[4], "parent")
        assert [(n.number, n.place, n.exists) for n in graph.nodes] == [
            (cube.pk, cube.place, cube is family[4]) for cube in family
        ]
        assert [node.source for node in graph.nodes[:3]] == ["0.fits", "1.fits", "2.fits"]

    def test_tasks(self, catalogue, session, family):
        tasks = catalogue.tasks.find(session)
        assert [(t.operator, t.number, [i.number for i in t.inputs.all()]) for t in tasks][3:] == [
            ("oph_mergecubes2", family[3].pk, [cube.pk for cube in family[:3]]),
            ("oph_reduce2", family[4].pk, [family[3].pk]),
        ]
        find = catalogue.tasks.find
        assert [t.number for t in find(session, operators=["reduce"])] == [family[4].pk]
        assert [t.number for t in find(session, numbers=[family[0].pk])] == [
            family[0].pk,
            family[3].pk,
        ]
        assert len(find(session, containers=[family[0].container_id])) == 5
        assert find(session, containers=[10**6]) == []
        assert find(catalogue.session("eve")) == []

    def test_children_that_exist(self, catalogue, family):
        assert [c.pk for c in catalogue.tasks.children([family[0].pk])] == [family[3].pk]
        catalogue.delete([family[3].pk])
        assert catalogue.tasks.children([family[0].pk]) == []

    def test_the_last_cube_of_the_session(self, catalogue, session, family):
        assert catalogue.session("ana").last_cube == family[-1].pk


def test_which_stored_cubes_are_still_wanted(catalogue, add):
    first, second = add(key="a" * 64), add(key="a" * 64)
    catalogue.delete([first.pk])
    assert catalogue.cubes.shared_keys(["a" * 64, "b" * 64]) == {"a" * 64}
    catalogue.delete([second.pk])
    assert catalogue.cubes.shared_keys(["a" * 64]) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"dims": (DimensionDescription("x", -1),)},
        {"dims": (DimensionDescription("x", 2), DimensionDescription("x", 3))},
        {"dims": (DimensionDescription("x", 2, values=[1.0]),)},
        {"dims": (DimensionDescription("x", 2, type="complex"),)},
        {"nfrag": 0},
        {"nhost": 0},
        {"measure": ""},
        {"level": -1},
    ],
)
def test_what_is_no_cube(catalogue, add, changes):
    with pytest.raises(ConfigError, match=r"cube|dimension"):
        add(Card("A", 1), **changes)
    from polarnight.db import CubeTask, DataCube

    assert (DataCube.objects.count(), CubeTask.objects.count()) == (0, 0)


def test_what_may_be_remembered_later(catalogue, add):
    cube = add()
    catalogue.cubes.update(cube, size_bytes=2880)
    assert catalogue.get(cube.pk).size_bytes == 2880
    with pytest.raises(ConfigError, match="does not change its level"):
        catalogue.cubes.update(cube, level=3)


@pytest.mark.parametrize(
    "pid",
    ["http://localhost/polarnight/{}/{}", "https://ophidialab.cmcc.it/ophidia/{}/{}", "{}/{}"],
)
def test_any_base_is_read(catalogue, add, pid):
    cube = add()
    assert catalogue.get(pid.format(cube.container_id, cube.pk)).pk == cube.pk


@pytest.mark.parametrize("pid", ["", "x", "http://a/b", "http://a/1/x", "1/2/3x", "http://a/5"])
def test_no_pids(catalogue, pid):
    with pytest.raises(ConfigError, match="PID"):
        catalogue.get(pid)


def test_what_was_deleted_meanwhile(catalogue, session, container, add):
    cube = add()
    catalogue.containers.delete(session, "FITS2", force=True)
    with pytest.raises(ConfigError, match="container was deleted meanwhile"):
        add()
    with pytest.raises(ConfigError, match="cube was deleted meanwhile"):
        catalogue.cards.insert(cube.pk, [("A", "b")])
    assert catalogue.delete([]) == []


def test_a_cube_shows_itself(catalogue, add):
    cube = catalogue.get(add(description="<b>", unit="ADU", key="0123456789abcdef").pk)
    shown = cube._summary().text()
    assert shown.startswith(f"DataCube {cube.place}\n")
    for line in ("image (ADU)", "NAXIS1[3]", "0123456789ab"):
        assert line in shown
    assert "&lt;b&gt;" in cube._repr_html_()
