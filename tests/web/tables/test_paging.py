"""Columns, order and pages."""

from __future__ import annotations

import pytest
from astropy.io.votable.ucd import check_ucd
from astropy.time import Time
from astropy.units import Unit

from polarnight.db import PhotoPolResult
from polarnight.errors import ConfigError
from polarnight.web.tables.columns import COLUMNS, choose, utc_of
from polarnight.web.tables.paging import page_of


def page(names="id,mag", **how):
    return page_of(PhotoPolResult.objects.all(), choose(names.split(",")), **how)


def test_columns_are_what_they_say():
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    for column in COLUMNS:
        assert check_ucd(column.ucd, check_controlled_vocabulary=True), column
        Unit(column.unit, parse_strict="raise")
        assert column.description


def test_values(results):
    shown = page("source,night,date,mjd,jd_mid,mag,flags,files,modified", sort="mag")
    row = dict(zip([column.name for column in shown.columns], shown.rows[0], strict=True))
    stored = PhotoPolResult.objects.get(mag=-0.25)
    assert row == {
        "source": "2200+420",
        "night": "2022-09-18",
        "date": Time(stored.juliandate, format="jd").isot + "Z",
        "mjd": stored.juliandate - 2400000.5,
        "jd_mid": stored.juliandate,
        "mag": -0.25,
        "flags": "BAD_PHOTOMETRY|FORCED",
        "files": "OSN-T090/2022-09-18/3.fit",
        "modified": stored.modified.isoformat(),
    }
    assert shown.ids[0] == stored.pk


def test_utc_of():
    assert utc_of(2400000.5 + 60310.25) == "2024-01-01T06:00:00.000Z"


@pytest.mark.parametrize("column", [column.name for column in COLUMNS if column.sortable])
def test_every_order(results, column):
    """The pages of each order hold every row once, empty ones last."""
    for sort in (column, f"-{column}"):
        pages = [page(f"{column},id", sort=sort, offset=at, limit=2) for at in (0, 2, 4)]
        assert all(one.count == 5 for one in pages)
        ids = [pk for one in pages for pk in one.ids]
        assert sorted(ids) == sorted(row.pk for row in PhotoPolResult.objects.all())
        values = [row[0] for one in pages for row in one.rows]
        known = [value for value in values if value is not None]
        assert values[: len(known)] == known
        if column != "flags":
            assert known == sorted(known, reverse=sort.startswith("-"))


def test_places(results):
    assert page(offset=5).rows == []
    assert page(offset=5).count == 5
    assert page(offset=4, sort="id").count == 5
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"offset": 10**9}):
        with pytest.raises(ConfigError, match="limit is 1 to 1000"):
            page(**wrong)


@pytest.mark.parametrize(
    ("sort", "words"),
    [("magg", "no column 'magg'"), ("files", "no order by column 'files'"),
     ("id,mag,p,chi", "at most 3"), ("--mag", "no column '-mag'")],
)  # fmt: skip
def test_orders_refused(sort, words):
    with pytest.raises(ConfigError, match=words):
        page(sort=sort)
