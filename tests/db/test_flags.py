"""Flags: look-ups, machines and people, audit."""

from __future__ import annotations

import pytest
from django.db import connection

from polarnight.db.audit import decide, history
from polarnight.db.bulk import upsert
from polarnight.db.flags import effective_flags
from polarnight.errors import ConfigError

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("machine", range(8))
@pytest.mark.parametrize(("human_set", "human_clear"), [(0, 0), (2, 0), (0, 4), (2, 4), (2, 2)])
def test_database_and_python_agree(epoch, machine, human_set, human_clear):
    from polarnight.db import Epoch

    machine *= 2
    human_set, human_clear = human_set * 2, human_clear * 2
    Epoch.objects.filter(pk=epoch.pk).update(
        machine_flags=machine, human_set=human_set, human_clear=human_clear
    )
    stored = Epoch.objects.get(pk=epoch.pk)
    assert stored.flags == effective_flags(machine, human_set, human_clear)
    assert stored.flags == stored.effective


def test_lookups_divide_the_table(epoch, make_info):
    from polarnight.db import RawFit

    F = RawFit.FLAGS
    flags = [0, F.ERROR, F.CLASSIFIED, F.ERROR | F.CLASSIFIED, F.RISKY_MASTER]
    for number, value in enumerate(flags):
        row = RawFit.from_info(epoch, make_info(filename=f"{number}.fit"))
        row.machine_flags = int(value)
        row.save()

    def names(**query):
        rows = RawFit.objects.filter(**query).order_by("filename")
        return [int(row.filename[0]) for row in rows]

    assert names(flags__has=F.ERROR) == [1, 3]
    assert names(flags__hasnot=F.ERROR) == [0, 2, 4]
    assert names(flags__has=F.ERROR | F.CLASSIFIED) == [1, 2, 3]
    assert names(flags__hasnot=F.ERROR | F.CLASSIFIED) == [0, 4]
    assert names(flags__has=F.CLASSIFIED, flags__hasnot=F.ERROR) == [2]
    assert names(flags__has=0) == []
    assert names(machine_flags__has=F.ERROR) == [1, 3]
    assert RawFit.objects.exclude(flags__has=F.ERROR).count() == 3
    assert epoch.rawfits.filter(flags__has=F.RISKY_MASTER).count() == 1


def test_lookup_through_a_relation(epoch, make_info):
    from polarnight.db import Epoch, RawFit

    RawFit.from_failure(epoch, "x.fit", "no TELESCOP").save()
    flagged = Epoch.objects.filter(rawfits__flags__has=RawFit.FLAGS.ERROR_CLASSIFY)
    assert list(flagged) == [epoch]


def test_flags_in_memory(make_result):
    row = make_result()
    F = row.FLAGS
    row.set_flag(F.SATURATED).set_flag(F.FORCED)
    assert row.has_flags(F.SATURATED, F.FORCED)
    assert row.has_not_flags(F.BAD_PHOTOMETRY, F.BAD_POLARIMETRY)
    assert row.flag_labels == ["SATURATED", "FORCED"]
    assert row.flag_values == [int(F.SATURATED), int(F.FORCED)]
    row.unset_flag(F.FORCED)
    assert row.has_not_flag(F.FORCED)
    row.save()
    assert row.flags == F.SATURATED
    assert type(row)(pk=row.pk) == row
    assert row.clear_flags().effective == 0


def test_people_overrule_machines_and_leave_a_trace(make_result):
    row = make_result()
    row.set_flag(row.FLAGS.SATURATED).save()
    row.flag("bad_photometry", why="cloud", who="ana")
    row.unflag("SATURATED", who="ana")
    row.refresh_from_db()
    assert row.flag_labels == ["BAD_PHOTOMETRY"]
    assert row.machine_flags == row.FLAGS.SATURATED
    row.undecide("SATURATED", who="ben")
    row.refresh_from_db()
    assert set(row.flag_labels) == {"BAD_PHOTOMETRY", "SATURATED"}
    past = history(row)
    assert [(change.who, change.why) for change in past] == [
        ("ana", "cloud"),
        ("ana", ""),
        ("ben", ""),
    ]
    assert past[0].set_before == 0
    assert past[0].set_after == row.FLAGS.BAD_PHOTOMETRY
    assert past[1].clear_after == row.FLAGS.SATURATED
    assert past[2].clear_after == 0


def test_deciding_the_same_again_changes_nothing(make_result):
    row = make_result()
    row.save()
    assert decide([row], "BAD_PHOTOMETRY", True, who="ana") == 1
    assert decide([row], "BAD_PHOTOMETRY", True, who="ben") == 0
    assert len(history(row)) == 1


@pytest.mark.parametrize("flag", ["NO_SUCH", 1 << 60, 0])
def test_unknown_flag_is_refused(make_result, flag):
    row = make_result()
    row.save()
    with pytest.raises(ConfigError, match="BAD_PHOTOMETRY"):
        row.flag(flag)


def test_decisions_do_not_touch_other_columns(make_result):
    row = make_result()
    row.save()
    old = type(row).objects.get(pk=row.pk)
    type(row).objects.filter(pk=row.pk).update(mag=12.0)
    old.flag("BAD_PHOTOMETRY")
    assert type(row).objects.get(pk=row.pk).mag == 12.0


def test_human_flags_and_comments_survive_a_rerun(make_result):
    row = make_result()
    row.set_flag(row.FLAGS.FORCED).save()
    row.flag("BAD_POLARIMETRY", why="moon", who="ana")
    row.unflag("FORCED", who="ana")
    row.write_comment("moon in the field", who="ana")

    again = make_result(mag=13.5)  # the same row is written anew
    again.set_flag(again.FLAGS.FORCED | again.FLAGS.UPPER_LIMIT)
    upsert([again], again.UNIQUE)
    assert again.pk == row.pk
    again.refresh_from_db()
    assert again.mag == 13.5
    assert set(again.flag_labels) == {"BAD_POLARIMETRY", "UPPER_LIMIT"}
    assert again.human_comment == "moon in the field"


def test_human_flags_survive_deletion(make_result):
    row = make_result()
    row.save()
    row.flag("BAD_POLARIMETRY", who="ana")
    row.write_comment("moon", who="ana")
    row.delete()
    for write in (lambda new: new.save(), lambda new: upsert([new], new.UNIQUE)):
        new = make_result()
        write(new)
        new.refresh_from_db()
        assert new.flag_labels == ["BAD_POLARIMETRY"]
        assert new.human_comment == "moon"
        new.delete()
    other = make_result(files=("OSN-T090/2022-09-18/other.fit",))
    other.save()
    assert other.flag_labels == []


def test_flag_columns_are_computed_by_the_database(epoch):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE polarnight_epoch SET machine_flags = 6, human_clear = 2")
    epoch.refresh_from_db()
    assert epoch.flags == 4
