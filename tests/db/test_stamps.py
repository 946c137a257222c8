"""Stamps of results: every change counts, whoever writes it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from polarnight.db import AstroSource, Epoch, PhotoPolResult
from polarnight.db.bulk import update, upsert
from polarnight.db.models.stamps import ResultsStamp
from polarnight.db.stamps import install_triggers, read_stamps, remove_triggers


def result(source, epoch, name="r", **changes):
    return PhotoPolResult(
        identity=name, epoch=epoch, astrosource=source, reduction="relphot", band="R",
        instrument="AndorT90", obsmode="PHOTOMETRY", juliandate=2459841.5, **changes,
    )  # fmt: skip


@pytest.fixture
def written(db):
    source = AstroSource.objects.create(
        name="2200+420", ra_hms="22:02:43.2914", dec_dms="+42:16:39.980"
    )
    epoch = Epoch.create("OSN-T090/2022-09-18")
    return upsert([result(source, epoch, mag=13.0)], ["identity"])[0]


def by_sql(row):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE polarnight_photopolresult SET mag = 12 WHERE id = %s", [row.pk])


CHANGES = {
    "a new one": lambda row: result(row.astrosource, row.epoch, "other").save(),
    "one again": lambda row: upsert([result(row.astrosource, row.epoch, mag=14.0)], ["identity"]),
    "a column": lambda row: update([row], ["mag"]),
    "a query": lambda row: PhotoPolResult.objects.update(mag=1.0),
    "saved": lambda row: row.save(),
    "other programs": by_sql,
    "deleted": lambda row: row.delete(),
    "its source is renamed": lambda row: AstroSource.objects.update(name="BL Lac"),
    "its night": lambda row: Epoch.objects.update(night="2022-09-19"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_written_changes_the_stamp_of_rows(written, change):
    before = read_stamps()
    change(written)
    assert read_stamps().rows != before.rows


def test_flags_of_people_change_their_own_stamp_only(written):
    before = read_stamps()
    written.flag("BAD_PHOTOMETRY", why="clouds")
    after = read_stamps()
    assert after.rows == before.rows
    assert after.flags != before.flags


def test_what_is_not_shown_changes_none(written):
    before = read_stamps()
    AstroSource.objects.update(comment="a blazar")
    written.write_comment("fine")
    assert read_stamps().rows == before.rows


def test_without_triggers_there_are_no_stamps(written):
    remove_triggers()
    assert read_stamps() is None
    written.save()
    assert read_stamps() is None
    install_triggers()
    first = read_stamps()
    written.save()
    assert read_stamps().rows != first.rows


def test_a_migration_brings_the_triggers_back(written):
    remove_triggers()
    call_command("migrate", "polarnight", verbosity=0)
    before = read_stamps()
    written.save()
    assert read_stamps().rows != before.rows


def test_writers_at_once_have_stamps_of_their_own(written):
    ResultsStamp.objects.create(kind="rows", token="of another")
    before = read_stamps()
    written.save()
    assert read_stamps().rows != before.rows
    assert "of another" in before.rows


@pytest.mark.django_db(transaction=True)
def test_postgresql_writers_do_not_wait_for_each_other():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    from django.db import transaction

    source = AstroSource.objects.create(name="a", ra_hms="1:0:0", dec_dms="+1:0:0")
    epoch = Epoch.create("OSN-T090/2022-09-18")
    for name in "xy":
        result(source, epoch, name).save()
    first = read_stamps()
    other = connection.copy()
    try:
        with transaction.atomic():
            PhotoPolResult.objects.filter(identity="x").update(mag=1.0)
            second = read_stamps()
            with other.cursor() as cursor:
                cursor.execute("SET statement_timeout = '5s'")
                cursor.execute("UPDATE polarnight_photopolresult SET mag = 2 WHERE identity = 'y'")
        third = read_stamps()
    finally:
        other.close()
    assert len({first.rows, second.rows, third.rows}) == 3
