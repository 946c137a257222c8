"""Search by cards: against the rule in plain Python, in Ophidia's dialects, by other things."""

from __future__ import annotations

import random
import re

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.db.cubes.cubes import Origin
from polarnight.db.cubes.matching import Term
from polarnight.db.cubes.scope import Scope
from polarnight.db.cubes.search import CubeFilter
from polarnight.errors import ConfigError
from polarnight.frames.cards import Card, normalise_key
from polarnight.frames.conditions import Condition, satisfied

pytestmark = pytest.mark.django_db

DIMS = (DimensionDescription("NAXIS2", 30), DimensionDescription("NAXIS1", 40, explicit=False))

KEYS = ("OBS-TYPE", "obs_type", "FLT_ID", "EXPTIME", "DATE-OBS", "HIERARCH TEL FOC", "A%B", "N")
LONG = "x" * 99
VALUES = (
    "BIAS",
    "bias ",
    "B_JOHN_10",
    "BxJOHN_10",
    "100%",
    "2016-06-06",
    "2016-06-06T20:30:03.925",
    "2016-06-07",
    "30",
    "030",
    "3e1",
    "abc'd\\e",
    "",
    "T",
    "true",
    "NGC 5364",
    "étoile",
    "ÉTOILE",
    "(1, 2)",
    LONG + "a",
    LONG + "b",
    LONG + "ab",
    LONG + "z tail",
    "x" * 3000,
    30,
    30.0,
    -0.0,
    0,
    1,
    True,
    False,
    None,
    1 + 2j,
    3j,
    "subj",
    2**53,
    2**53 + 1,
    -(2**62) - 1,
    1e300,
    0.1,
    10**120,
    10**400,
    -(10**400),
    "1e999",
    float("inf"),
    float("-inf"),
    float("nan"),
    "inf",
)
WANTED = (
    *(value for value in VALUES if not isinstance(value, complex | None.__class__)),
    "B_JOHN_*",
    "b?john_10",
    "*",
    "?*",
    "3*",
    "T*",
    "x*b",
    "x*tail",
    "*JOHN*",
    "100%*",
    "[a]*",
    "yes",
    "no",
    "2016",
    "2016-06",
    "2016-06-06T20:30:03",
    "nothing",
    "9007199254740993",
    "29.999",
    LONG,
    "y",
    "1e308",
    "-1e400",
)


def describe(*cards, **more):
    return CubeDescription("image", "short", DIMS, cards=cards, **more)


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
def found(catalogue, session):
    """Return the places, in the order they were put in, of the cubes that meet terms."""

    def find(*terms, **more):
        hits = catalogue.search.find(session, CubeFilter(terms, **more))
        return [hit.cube for hit in hits]

    return find


def test_the_rule_in_sql_is_the_rule_in_python(catalogue, container, found):
    dice = random.Random(5364)
    headers = [
        [Card(dice.choice(KEYS), value, dice.choice(("", "why"))), Card("N", number)]
        for number, value in enumerate(VALUES * 4)
    ]
    headers += [
        [Card(dice.choice(KEYS), dice.choice(VALUES)) for _ in range(dice.randrange(6))]
        for _ in range(150)
    ]
    cubes = catalogue.cubes.add_many(container, [describe(*cards) for cards in headers])
    keys = ("obs_type", "FLT-ID", "exptime", "*", "?BS*", "TEL FOC", "A%B", "DATE-OBS")
    conditions = [
        Condition(key, sign, wanted)
        for wanted in WANTED
        for key in ("*", dice.choice(keys))
        for sign in ("=", "!=", "<", "<=", ">", ">=")
    ]
    conditions += [Condition(key) for key in (*keys, "nothing")]
    n_met = 0
    for condition in conditions:
        met = [c.pk for c, h in zip(cubes, headers, strict=True) if satisfied([condition], h)]
        assert found(Term.of(condition)) == met, condition
        n_met += bool(met)
    assert n_met > len(conditions) / 3
    for _ in range(150):
        several = dice.sample(conditions, dice.randrange(2, 4))
        met = [c.pk for c, h in zip(cubes, headers, strict=True) if satisfied(several, h)]
        assert found(*map(Term.of, several)) == met, several
        some = [
            c.pk
            for c, h in zip(cubes, headers, strict=True)
            if any(satisfied([condition], h) for condition in several)
        ]
        assert found(*map(Term.of, several), together=False) == some, several


def like(pattern, text, *, whole):
    shape = "".join({"%": ".*", "_": "."}.get(c) or re.escape(c) for c in pattern)
    matcher = re.compile(shape, re.IGNORECASE | re.DOTALL)
    return (matcher.fullmatch if whole else matcher.search)(text) is not None


def holds(part, card):
    """Whether a part of a text is meant, of a number all of it."""
    a_number = isinstance(card.value, int | float) and not isinstance(card.value, bool)
    if a_number and re.fullmatch(r"[0-9.]*[0-9][0-9.]*", part):
        return card.value == float(part)
    return like(part, card.text, whole=False)


def test_the_dialect_of_ophidia_in_sql_is_that_in_python(catalogue, container, found):
    dice = random.Random(10)
    values = [value for value in VALUES if value is not None]
    headers = [[Card(dice.choice(KEYS), dice.choice(values)) for _ in range(4)] for _ in range(200)]
    cubes = catalogue.cubes.add_many(container, [describe(*cards) for cards in headers])
    parts = (
        "JOHN",
        "b_john",
        "%10",
        "6-06T",
        "0",
        "30",
        "30.0",
        "'",
        "\\",
        "é",
        "xb",
        "tail",
        "o%e",
        "*",
        ".",
    )
    n_met = 0
    for part in parts:
        for key in ("OBS_TYPE", "obs%", "%", "DATE%OBS", "FLT-ID", "E_PTIME", "nothing", "A%B"):
            for exact in (False, True):
                met = [
                    cube.pk
                    for cube, header in zip(cubes, headers, strict=True)
                    if any(
                        (
                            normalise_key(key) == normalise_key(card.key)
                            if exact
                            else like(key, card.key, whole=True)
                        )
                        and (part == "*" or holds(part, card))
                        for card in header
                    )
                ]
                if exact and key == "%":
                    continue  # any key, in both ways of reading
                assert found(Term.dialect(key, part, like=not exact)) == met, (key, part, exact)
                n_met += bool(met)
    assert n_met > 40


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (">30", [1]),
        (">=30", [0, 1]),
        ("<30", [2]),
        ("=30", [0]),
        ("==30", [0]),
        ("!=30", [1, 2, 3]),
        ("30", [0, 1]),  # 30.0, and a part of the text 300.5
        ("3", [1]),
        ("2.0", [2]),
        ("%0", [0, 1]),
        ("all", [0, 1, 2]),
    ],
)
def test_comparisons_in_the_dialect(catalogue, container, found, value, expected):
    cubes = [
        catalogue.add(container, describe(*cards))
        for cards in (
            [Card("EXPTIME", 30.0)],
            [Card("EXPTIME", "300.5")],
            [Card("EXPTIME", 2)],
            [Card("OTHER", 30)],
        )
    ]
    for like_keys in (False, True):
        hits = found(Term.dialect("exptime", value, like=like_keys))
        assert hits == [cubes[n].pk for n in expected]


class TestTheTutorial:
    """Bias are FLT_ID=OPEN, flats and science come in filters; medians are made of them."""

    @pytest.fixture
    def cubes(self, catalogue, session, container):
        def add(kind, band, **more):
            cards = (Card("OBS-TYPE", kind), Card("FLT_ID", band))
            return catalogue.add(container, describe(*cards, **more))

        bias = [add("BIAS", "OPEN") for _ in range(3)]
        flats = [add("FLAT", "B_JOHN_10"), add("FLAT", "V_JOHN_11")]
        science = [add("OBJECT", "B_JOHN_10")]
        merged = catalogue.add(
            container,
            describe(level=1),
            Origin("oph_mergecubes2", "oph_mergecubes2 dim=z", bias, session),
            cards_of=bias[0],
        )
        return {"bias": bias, "flats": flats, "science": science, "merged": merged}

    def test_search(self, catalogue, session, cubes):
        terms = [Term.dialect("FLT_ID", "B_JOHN_10", like=True)]
        rows = catalogue.search.cards(session, CubeFilter(terms))
        assert [(row.cube, row.key, row.value) for row in rows] == [
            (cube.pk, "FLT_ID", "B_JOHN_10") for cube in (cubes["flats"][0], cubes["science"][0])
        ]
        terms = [Term.dialect("OBS_TYPE", "FLAT", like=True)]
        rows = catalogue.search.cards(session, CubeFilter(terms))
        assert [(row.cube, row.key) for row in rows] == [
            (cube.pk, "OBS-TYPE") for cube in cubes["flats"]
        ]

    def test_cards_of_what_is_not_equal(self, catalogue, session, cubes):
        rows = catalogue.search.cards(session, CubeFilter([Term.parse("FLT_ID!=OPEN")]))
        assert [(row.cube, row.value) for row in rows] == [
            (cubes["flats"][0].pk, "B_JOHN_10"),
            (cubes["flats"][1].pk, "V_JOHN_11"),
            (cubes["science"][0].pk, "B_JOHN_10"),
        ]

    def test_derived_cubes_answer_only_when_asked(self, found, cubes):
        terms = [Term.parse("FLT_ID=OPEN")]
        bias = [cube.pk for cube in cubes["bias"]]
        assert found(*terms) == bias
        assert found(*terms, derived=True) == [*bias, cubes["merged"].pk]
        assert found(*terms, levels=[1]) == [cubes["merged"].pk]
        assert found(numbers="*")[-1] == cubes["merged"].pk

    def test_raw_cubes_come_first(self, catalogue, container, found, cubes):
        raw = catalogue.add(container, describe(Card("FLT_ID", "OPEN")))
        last_two = found(Term.parse("FLT_ID=OPEN"), derived=True)[-2:]
        assert last_two == [raw.pk, cubes["merged"].pk]

    def test_and_over_pairs(self, catalogue, found, cubes):
        pairs = [("FLT_ID", "B_JOHN_10"), ("OBS_TYPE", "FLAT")]
        assert found(*(Term.dialect(*pair, like=False) for pair in pairs)) == [cubes["flats"][0].pk]
        everything = [*cubes["flats"], *cubes["science"]]
        assert catalogue.matching([c.pk for c in everything], pairs) == {cubes["flats"][0].pk}
        assert catalogue.matching([cubes["science"][0].pk], pairs) == set()
        assert catalogue.matching([5], []) == {5}

    def test_by_other_things(self, found, cubes):
        merged, bias = cubes["merged"].pk, [cube.pk for cube in cubes["bias"]]
        assert found(parents=[bias[0]]) == [merged]
        assert found(numbers=f"{bias[0]}:{bias[2]}") == bias
        assert found(numbers=f"{bias[0]}:2:{bias[2]}") == bias[::2]
        assert found(numbers=f"{bias[1]},{merged}") == [bias[1], merged]
        assert found(numbers=f"{merged}:end") == [merged]
        assert found(levels=[0], limit=2) == bias[:2]
        assert found(measures=["image"], levels=[1]) == [merged]
        assert found(measures=["nothing"]) == []
        assert found(levels=[0], excluded=frozenset({"levels"})) == [merged]
        assert found(numbers=str(merged), excluded=frozenset({"numbers"}))[:3] == bias

    def test_nothing_of_other_sessions(self, catalogue, cubes):
        other = catalogue.session("eve")
        assert catalogue.search.find(other, CubeFilter()) == []
        assert catalogue.search.count(None, CubeFilter()) == 7


def test_scopes(catalogue, session, found):
    places = {}
    catalogue.folders.make(session, "/a")
    catalogue.folders.make(session, "/a/b")
    for path in ("/one", "/two", "/a/one", "/a/b/three"):
        container = catalogue.containers.create(session, path)
        places[path] = catalogue.add(container, describe(Card("K", 1))).pk

    def within(**scope):
        hits = found(Term.parse("K=1"), scope=Scope(**scope))
        return [path for path, number in places.items() if number in hits]

    assert within() == list(places)
    assert within(path="/") == ["/one", "/two"]
    assert within(path=".", cwd="/a") == ["/a/one"]
    assert within(path="/", recursive=True) == list(places)
    assert within(path="/", recursive=True, depth=1) == ["/one", "/two", "/a/one"]
    assert within(path="/a/one") == ["/a/one"]
    assert within(path="..", cwd="/a/b") == ["/a/one"]
    assert within(path="/", recursive=True, containers=["one", "th%"]) == [
        "/one",
        "/a/one",
        "/a/b/three",
    ]
    assert within(containers=["t?o"]) == []
    assert within(containers=["t_o"]) == ["/two"]
    with pytest.raises(ConfigError, match="nowhere"):
        within(path="/nowhere")


@pytest.mark.parametrize("text", ["x", "5:2", "1:0:5", "1,,2", "1:2:3:4", "-1", "end", "9" * 30])
def test_wrong_ranges(found, text):
    with pytest.raises(ConfigError, match="range"):
        found(numbers=text)


@pytest.mark.parametrize("text", ["", "  "])
def test_wrong_conditions(text):
    with pytest.raises(ConfigError, match="key"):
        Term.parse(text)


def test_hostile_texts(catalogue, container, found):
    hostile = "'; DROP TABLE polarnight_datacube; -- %s %d \x00 {} \\ \""
    cube = catalogue.add(container, describe(Card(hostile, hostile, hostile)))
    for term in (
        Term(hostile, hostile, "="),
        Term(hostile, hostile, "contains"),
        Term.dialect(hostile, hostile, like=True),
        Term(hostile, hostile, ">"),
    ):
        assert set(found(term)) <= {cube.pk}
    assert found(Term("'; DROP*")) == [cube.pk]
    assert catalogue.get(cube.pk).pk == cube.pk
