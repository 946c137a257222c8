"""The same answer as a list of all, as a page and as a number."""

from __future__ import annotations

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.db.cubes.hits import CubeHit, CubeHits
from polarnight.db.cubes.matching import Term
from polarnight.db.cubes.search import CubeFilter
from polarnight.frames.cards import Card

pytestmark = pytest.mark.django_db

DIMS = (DimensionDescription("NAXIS2", 3), DimensionDescription("NAXIS1", 4, explicit=False))


@pytest.fixture
def catalogue():
    return CubeCatalogue()


@pytest.fixture
def session(catalogue):
    """Two containers, filled in turns, with derived cubes before imported ones."""
    session = catalogue.session("ana")
    boxes = [catalogue.containers.create(session, name) for name in ("one", "two")]
    for number in range(60):
        cards = [
            Card("EXPTIME", float(number % 7)),
            Card("exptime", float(number % 5)),  # two cards that one condition may meet
            Card("FLT_ID", "BVR"[number % 3]),
        ]
        level = 1 if number % 4 == 0 else 0
        described = CubeDescription("image", "short", DIMS, level=level, cards=cards)
        catalogue.add(boxes[number % 2], described)
    return session


CONDITIONS = (
    ["EXPTIME>2"],
    ["EXPTIME>2", "FLT_ID=B"],
    ["EXPTIME>2", "FLT_ID!=B"],
    ["EXPTIME>2", "FLT_ID!=B", "FLT_ID!=V"],
    ["FLT_ID=?"],
    ["EXPTIME>2", "OBJECT"],
)


def expected(conditions, number):
    times = (number % 7, number % 5)
    band = "BVR"[number % 3]
    tests = {
        "EXPTIME>2": max(times) > 2,
        "FLT_ID=B": band == "B",
        "FLT_ID!=B": band != "B",
        "FLT_ID!=V": band != "V",
        "FLT_ID=?": True,
        "OBJECT": False,
    }
    return all(tests[one] for one in conditions)


@pytest.mark.parametrize("derived", [True, False])
@pytest.mark.parametrize("conditions", CONDITIONS, ids=" and ".join)
def test_all_pages_and_number_agree(catalogue, session, conditions, derived):
    first = min(hit.cube for hit in catalogue.search.find(session, CubeFilter()))
    wanted = [
        number for number in range(60) if expected(conditions, number) and (derived or number % 4)
    ]
    wanted.sort(key=lambda number: (number % 4 == 0, number))
    terms = [Term.parse(text) for text in conditions]
    found = catalogue.search.find(session, CubeFilter(terms, derived=derived))
    assert [hit.cube - first for hit in found] == wanted
    page = catalogue.search.find(session, CubeFilter(terms, derived=derived, limit=5))
    assert page == found[:5]
    assert catalogue.search.count(session, CubeFilter(terms, derived=derived, limit=5)) == len(
        wanted
    )
    places = [catalogue.cubes.get(hit.cube).place for hit in found]
    assert catalogue.pids(found) == [f"{catalogue.base}/{place}" for place in places]


def test_hits_are_a_sequence():
    hits = CubeHits.of([(3, 17), (4, 18), (3, 19)])
    assert list(hits) == [(3, 17), (4, 18), (3, 19)] == hits
    assert (hits[1], hits[-1].cube, len(hits)) == (CubeHit(4, 18), 19, 3)
    assert hits[1:] == [(4, 18), (3, 19)]
    assert hits.pids("http://x/y") == ["http://x/y/3/17", "http://x/y/4/18", "http://x/y/3/19"]
    assert hits != hits[:2]
    assert hash(hits) == hash(hits[:])
    assert repr(hits) == "CubeHits(3: 3/17, 4/18, 3/19)"
