"""Filters: what they find, and what they refuse."""

from __future__ import annotations

import pytest

from polarnight.db import PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.tables.filters import LIMITS, OPERATORS, apply_filters, parse_filters


def found(*texts):
    rows = apply_filters(PhotoPolResult.objects.all(), parse_filters(texts))
    return [int(row.identity.rpartition("|")[2]) for row in rows.order_by("juliandate")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), [0, 1, 2, 3, 4]),
        (("mag:lt:13.5",), [0, 3]),
        (("mag:ge:13.38", "mag:le:13.72"), [0, 1]),
        (("mag:gt:-1", "band:ne:V"), [0, 2, 3]),
        (("mag:eq:-0.25",), [3]),
        (("mag:ne:-0.25",), [0, 1, 2, 4]),
        (("mag:null:",), [4]),
        (("mag:notnull:",), [0, 1, 2, 3]),
        (("error:null:",), [0, 1, 2, 3]),
        (("error:notnull:",), [4]),
        (("source:contains:00+4",), [0, 1, 2, 3]),
        (("source:contains:_0%",), [4]),
        (("source:like:2?00*",), [0, 1, 2, 3]),
        (("source:like:*1_0%*",), [4]),
        (("source:like:2_00*",), []),
        (("instrument:like:andor*",), [0, 2, 3, 4]),
        (("band:in:V|B",), [1]),
        (("zp_n:in:6|7",), [4]),
        (("p:gt:0.13",), [0, 1, 2, 3]),
        (("p:gt:13%",), [0, 1, 2, 3]),
        (("p:gt: 15 % ",), []),
        (("p:in:14%|20%",), [0, 1, 2, 3]),
        (("night:eq:2022-09-18",), [0, 1, 2, 3, 4]),
        (("night:before:2022-09-18",), []),
        (("date:after:2022-09-19",), [1, 2, 3, 4]),
        (("date:before:2022-09-18T23:30",), [0]),
        (("date:before:2022-09-19T01:00+02:00",), []),
        (("mjd:lt:59841.2",), [0, 1]),
        (("mjd:ge:59841.2",), [2, 3, 4]),
        (("flags:has:SATURATED|FORCED",), [2, 3]),
        (("flags:hasnot:saturated",), [0, 1, 3, 4]),
        (("modified:after:2001-01-01",), [0, 1, 2, 3, 4]),
        (("source:eq:' OR 1=1 --",), []),
        (("source:contains:'; DROP TABLE polarnight_photopolresult; --",), []),
    ],
)
def test_what_is_found(results, texts, expected):
    assert found(*texts) == expected
    assert PhotoPolResult.objects.count() == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chi:gt:5%", "'5%' is no number"),
        ("p:gt:%", "'%' is no number"),
        ("p:gt:5%%", "'5%%' is no number"),
        ("nothing:eq:1", "there is no column 'nothing'; there are id, source"),
        ("astrosource__name:eq:1", "there is no column"),
        ("mag:like:1", "column 'mag' knows no 'like'; it knows eq, ne, lt"),
        ("mag", "column 'mag' knows no ''"),
        ("files:contains:a", "it knows no filters"),
        ("mag:lt:bright", "column 'mag': 'bright' is no number"),
        ("mag:lt:nan", "is no number"),
        ("mag:lt:1e999", "is no number"),
        ("zp_n:eq:1.5", "is no integer"),
        ("zp_n:eq:1e30", "is no integer"),
        ("night:eq:yesterday", "column 'night': 'yesterday' is no date; use yyyy-mm-dd"),
        ("date:after:0001-01-01T00:00+23:00", "out of all calendars"),
        ("flags:has:UGLY", "there is no flag 'UGLY'; there are BAD_PHOTOMETRY"),
        ("source:eq:a\x00b", "control signs"),
        ("source:eq:\ud800", "control signs"),
        ("source:contains:" + "a" * 301, "longer than 300 signs"),
        ("source:like:" + "*a" * 5, "at most 4 times *"),
        ("band:in:" + "|" * 60, "at most 50 values"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(ConfigError, match=words.replace("*", r"\*")):
        apply_filters(PhotoPolResult.objects.all(), parse_filters([text]))


def test_flags_in_force(results):
    """The filter agrees with the column that the database computes, whoever decided."""
    rows = list(PhotoPolResult.objects.order_by("juliandate"))
    rows[0].flag("SATURATED", who="ana")
    rows[2].unflag("SATURATED", who="ana")
    rows[3].unflag("FORCED", who="ana")
    rows[4].unflag("CROWDED", who="ana")
    for names in ("SATURATED", "FORCED", "SATURATED|BAD_PHOTOMETRY", "CROWDED"):
        bits = sum(int(PhotoPolResult.Flags[name]) for name in names.split("|"))
        has = set(PhotoPolResult.objects.filter(flags__has=bits).values_list("identity", flat=True))
        wanted = [n for n in range(5) if rows[n].identity in has]
        assert found(f"flags:has:{names}") == wanted
        assert found(f"flags:hasnot:{names}") == [n for n in range(5) if n not in wanted]
    assert found("flags:has:SATURATED") == [0]


def test_too_many():
    with pytest.raises(ConfigError, match="21 filters are too many"):
        parse_filters(["mag:lt:1"] * (LIMITS["filters"] + 1))


def test_every_operator_of_every_column_answers(results):
    """No combination that is accepted may fail in the database."""
    from polarnight.web.tables.columns import COLUMNS

    values = {"number": "1.5", "integer": "2", "night": "2022-09-18", "time": "2022-09-18",
              "moment": "2022-09-18", "text": "a*", "flags": "FORCED"}  # fmt: skip
    for column in COLUMNS:
        for name, (_, kinds) in OPERATORS.items():
            if column.kind in kinds:
                found(f"{column.name}:{name}:{values[column.kind]}")
