"""Search over as many cubes as an archive of years has: the answers, not the times.

The times are what ``benchmarks/metadata.py`` measures.
"""

from __future__ import annotations

import pytest

from polarnight.db.cubes import CubeCatalogue, CubeDescription, DimensionDescription
from polarnight.db.cubes.matching import Term
from polarnight.db.cubes.scope import Scope
from polarnight.db.cubes.search import CubeFilter
from polarnight.frames.cards import Card

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

N_CUBES, N_CARDS, PER_NIGHT = 100_000, 40, 500
KINDS = ("BIAS", "FLAT", "OBJECT", "OBJECT")
FILTERS = ("OPEN", "B_JOHN_10", "V_JOHN_11", "R_JOHN_12", "I_JOHN_13")
FREE = N_CARDS - 6


def kind(n):
    return KINDS[n % 4]


def band(n):
    return FILTERS[n // 4 % 5]


def exptime(n):
    return n * 7 % 121 / 2


def moment(n):
    return f"20{n // 10_000:02d}-{n // 1000 % 10 + 1:02d}-{n // 100 % 10 + 1:02d}T{n % 24:02d}"


def name(n):
    return f"NGC {n % 1009}" if n != 77_777 else "SN 2016abc"


def cards(n):
    yield Card("OBS-TYPE", kind(n))
    yield Card("FLT_ID", band(n))
    yield Card("EXPTIME", exptime(n), "s")
    yield Card("DATE-OBS", moment(n))
    yield Card("OBJECT", name(n))
    yield Card("SERIAL", n)
    for place in range(FREE):
        yield Card(f"TEL{place:03d}", f"state {(n + place) % 7}")


QUESTIONS = [
    ([Term.parse("OBJECT=SN 2016abc")], lambda n: n == 77_777),
    ([Term.parse("obs_type=flat")], lambda n: kind(n) == "FLAT"),
    (
        [Term.parse("FLT-ID=B_JOHN_10"), Term.parse("OBS_TYPE=FLAT")],
        lambda n: band(n) == "B_JOHN_10" and kind(n) == "FLAT",
    ),
    (
        [Term.parse("FLT_ID!=OPEN"), Term.parse("OBS_TYPE=BIAS"), Term.parse("EXPTIME<=30")],
        lambda n: band(n) != "OPEN" and kind(n) == "BIAS" and exptime(n) <= 30,
    ),
    ([Term.parse("EXPTIME>30")], lambda n: exptime(n) > 30),
    ([Term.parse("EXPTIME=30.5")], lambda n: exptime(n) == 30.5),
    ([Term.parse("SERIAL>=99000")], lambda n: n >= 99_000),
    ([Term.parse("DATE-OBS>2007-03-05T12")], lambda n: moment(n) > "2007-03-05T12"),
    ([Term.parse("DATE-OBS=2007-03-05*")], lambda n: moment(n).startswith("2007-03-05")),
    ([Term.parse("FLT_ID=?_JOHN_1?")], lambda n: band(n) != "OPEN"),
    ([Term.dialect("OBJECT", "2016", like=False)], lambda n: n == 77_777),
    ([Term.dialect("FLT_ID", "john", like=True)], lambda n: band(n) != "OPEN"),
    ([Term.dialect("OBS%", "BI", like=True)], lambda n: kind(n) == "BIAS"),
    ([Term.dialect("OBS_TYPE", "OBJECT", like=True)], lambda n: kind(n) == "OBJECT"),
    ([Term.dialect("all", "SN 2016", like=True)], lambda n: n == 77_777),
    ([Term.dialect("TEL00_", "state 3", like=True)], lambda n: True),  # of ten cards one has it
    ([Term.dialect("TEL00[0-2]", "state 3", like=True)], lambda n: False),
    ([Term.parse("TEL000=state 3")], lambda n: n % 7 == 3),
    ([Term.parse("OBS-TYPE=DARK")], lambda n: False),
]  # fmt: skip


def test_every_answer_is_right(datadir):
    catalogue = CubeCatalogue()
    session = catalogue.session("ana")
    dims = (DimensionDescription("NAXIS1", 3),)
    numbers = []
    for start in range(0, N_CUBES, PER_NIGHT):
        container = catalogue.containers.create(session, f"night{start // PER_NIGHT}")
        cubes = catalogue.cubes.add_many(
            container,
            [
                CubeDescription("image", "short", dims, cards=tuple(cards(n)))
                for n in range(start, start + PER_NIGHT)
            ],
        )
        numbers += [cube.pk for cube in cubes]
    for terms, test in QUESTIONS:
        expected = [number for n, number in enumerate(numbers) if test(n)]
        wanted = CubeFilter(terms)
        hits = catalogue.search.find(session, wanted)
        assert [hit.cube for hit in hits] == expected, terms
        assert catalogue.search.count(session, wanted) == len(expected)
        limited = catalogue.search.find(session, CubeFilter(terms, limit=10))
        assert limited == hits[:10]
        seventh = slice(7 * PER_NIGHT, 8 * PER_NIGHT)
        inside = catalogue.search.find(session, CubeFilter(terms, scope=Scope("/night7")))
        assert [hit.cube for hit in inside] == sorted(set(expected) & set(numbers[seventh]))
