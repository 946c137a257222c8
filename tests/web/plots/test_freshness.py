"""Plots and tables say what is true now, though they are kept in memory."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.db import AstroSource, PhotoPolResult
from polarnight.db.bulk import upsert
from polarnight.web.plots.payload import payload_of
from polarnight.web.plots.query import Selection, fetch
from polarnight.web.tables.columns import choose
from polarnight.web.tables.filters import parse_filters
from polarnight.web.tables.paging import page_of

FLAGS = PhotoPolResult.Flags


def copy_of(row, **changes):
    columns = {
        field.name: getattr(row, field.name)
        for field in PhotoPolResult._meta.concrete_fields
        if not field.generated and not field.primary_key
    }
    return PhotoPolResult(**{**columns, **changes})


def column(payload, name):
    import base64

    packed = payload["columns"][name]
    return np.frombuffer(base64.b64decode(packed["data"]), "<" + packed["dtype"])


def count(*filters):
    rows = PhotoPolResult.objects.all()
    for one in parse_filters(filters):
        rows = rows.filter(one.condition())
    return page_of(rows, choose(None), limit=1).count


def test_the_same_question_is_answered_from_memory(star, django_assert_num_queries):
    first = payload_of(Selection(star))
    with django_assert_num_queries(1):
        assert payload_of(Selection(star)) is first


def test_a_new_result_is_on_the_plot(star):
    assert payload_of(Selection(star))["total"] == 6
    row = PhotoPolResult.objects.get(identity="r0")
    upsert([copy_of(row, identity="new", juliandate=row.juliandate + 50)], ["identity"])
    assert payload_of(Selection(star))["total"] == 7
    PhotoPolResult.objects.filter(identity="new").delete()
    assert payload_of(Selection(star))["total"] == 6


def test_a_result_that_is_made_again_has_its_new_values(star):
    fetch(Selection(star))
    row = PhotoPolResult.objects.get(identity="r0")
    upsert([copy_of(row, mag=11.0)], ["identity"])
    assert fetch(Selection(star)).points["mag"][0] == 11.0
    assert column(payload_of(Selection(star)), "mag")[0] == 11.0


def test_a_flag_shows_at_once_and_goes_when_it_is_taken_back(star):
    row = PhotoPolResult.objects.get(identity="r0")
    seen = []
    for value in (row.flag, row.unflag, row.undecide):
        value("BAD_PHOTOMETRY", why="test")
        payload = payload_of(Selection(star))
        place = list(column(payload, "pk")).index(row.pk)
        seen.append(int(column(payload, "flags")[place]))
    assert seen == [FLAGS.BAD_PHOTOMETRY, 0, 0]


def test_a_flag_does_not_read_the_curve_again(star, django_assert_num_queries):
    first = fetch(Selection(star))
    PhotoPolResult.objects.get(identity="r0").flag("FORCED", why="test")
    with django_assert_num_queries(2):
        second = fetch(Selection(star))
    assert second.points["flags"][0] == FLAGS.FORCED
    assert first.points["flags"][0] == 0


def test_a_machine_flag_that_people_cleared_stays_cleared(star):
    row = PhotoPolResult.objects.get(identity="r4")
    row.unflag("BAD_PHOTOMETRY", why="test")
    points = fetch(Selection(star)).points
    assert not points["flags"][points["pk"] == row.pk] & FLAGS.BAD_PHOTOMETRY


def test_curves_chosen_by_flags_follow_the_flags(star):
    asked = Selection(star, filters=parse_filters(["flags:has:BAD_PHOTOMETRY"]))
    assert len(fetch(asked).points) == 1
    PhotoPolResult.objects.get(identity="r0").flag("BAD_PHOTOMETRY", why="test")
    assert len(fetch(asked).points) == 2


@pytest.mark.parametrize(
    "changes",
    [{"bands": ["V"]}, {"start": 59843.0}, {"end": 59842.5}, {"corrected": True}, {"naive": True}],
    ids=str,
)
def test_other_questions_have_other_answers(star, changes):
    whole = fetch(Selection(star)).points
    part = fetch(Selection(star, **changes)).points
    assert whole.tobytes() != part.tobytes()


def test_counts_follow_results_flags_and_names(star):
    assert (count(), count("flags:has:FORCED"), count("source:eq:2200+420")) == (6, 0, 6)
    row = PhotoPolResult.objects.get(identity="r0")
    row.flag("FORCED", why="test")
    copy_of(row, identity="new").save()
    AstroSource.objects.filter(pk=star.pk).update(name="BL Lac")
    assert (count(), count("flags:has:FORCED"), count("source:eq:2200+420")) == (7, 1, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_falling_pages_end_with_those_that_have_no_value(star, limit):
    rows = PhotoPolResult.objects.all()
    pages = [
        page_of(rows, choose(["id", "mag"]), sort="-mag,date", offset=at, limit=limit).ids
        for at in range(0, 8, limit)
    ]
    whole = sorted(rows, key=lambda row: (row.mag is None, -(row.mag or 0), row.juliandate))
    assert [pk for page in pages for pk in page] == [row.pk for row in whole]
