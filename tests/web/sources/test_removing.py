"""Imported field stars are taken back, with a reason and a trace."""

from __future__ import annotations

import pytest

from polarnight.db import AperPhotResult, AstroSource, Epoch, RawFit, ReducedFit
from polarnight.web.catalogue.field_stars import FieldQuery, find_field_stars, origin_of
from polarnight.web.catalogue.importing import import_in_earnest
from polarnight.web.models import ActionLog

from ..viewer.conftest import make_info


@pytest.fixture
def imported(site, bllac, stars):
    """Three stars of the field, of which the log tells that they were imported."""
    entries = find_field_stars(bllac, FieldQuery(radius=30.0, count=3))
    import_in_earnest(entries, origin_of(bllac), digest=None, who=None)
    return [AstroSource.objects.get(name=entry.name) for entry in entries]


def remove(site, source, why="blends", role="operator"):
    url = f"/sources/{source.pk}/field-stars/remove/"
    return site.client(role).post(url, {"why": why}, follow=True)


def test_all_of_them_go_and_others_stay(site, bllac, imported):
    page = site.client("operator").get(f"/sources/{bllac.pk}/field-stars/").content.decode()
    assert "Remove the 3 imported stars" in page
    assert "Field stars deleted: 3." in remove(site, bllac).content.decode()
    assert [star.name for star in bllac.calibrators.all()] == ["BLLac-C"]
    log = ActionLog.objects.filter(what="source deleted", why="blends")
    assert set(log.values_list("key", flat=True)) == {star.name for star in imported}
    assert "no imported field stars" in remove(site, bllac).content.decode()


def test_those_that_are_needed_lose_the_link_alone(site, bllac, imported):
    other = AstroSource.objects.create(name="other", ra_hms="10:00:00", dec_dms="+10:00:00")
    imported[0].calibrates.add(other)
    raw = RawFit.from_info(Epoch.create("OSN-T090/2022-09-18"), make_info())
    raw.save()
    reduced = ReducedFit.from_rawfit(raw, path="none", content_key="x")
    reduced.save()
    AperPhotResult.objects.create(reducedfit=reduced, astrosource=imported[1], pairs="O")
    text = remove(site, bllac).content.decode()
    assert "deleted: 1; kept, as measured or calibrating others: 2." in text
    assert [star.name for star in bllac.calibrators.all()] == ["BLLac-C"]
    assert list(imported[0].calibrates.all()) == [other]
    assert AstroSource.objects.filter(pk=imported[1].pk).exists()
    edits = ActionLog.objects.filter(what="source edited", why="blends")
    assert {entry.key for entry in edits} == {imported[0].name, imported[1].name}


def test_a_reason_and_the_right_are_needed(site, bllac, imported):
    assert "with a reason" in remove(site, bllac, why=" ").content.decode()
    assert remove(site, bllac, role="observer").status_code == 403
    assert bllac.calibrators.count() == 4
