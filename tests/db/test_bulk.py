"""Many rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from polarnight.db.bulk import link, upsert

pytestmark = pytest.mark.django_db

RAW = ("epoch", "filename")


@pytest.fixture
def rawfits(epoch, make_info):
    from polarnight.db import RawFit

    return upsert([RawFit.from_info(epoch, make_info(filename=f"{i}.fit")) for i in range(30)], RAW)


def test_upsert_inserts_then_updates(epoch, make_info, rawfits):
    from polarnight.db import RawFit

    keys = {row.filename: row.pk for row in rawfits}
    assert None not in keys.values()
    again = upsert(
        [RawFit.from_info(epoch, make_info(filename=f"{i}.fit", band="V")) for i in range(5, 40)],
        RAW,
    )
    assert RawFit.objects.count() == 40
    assert RawFit.objects.filter(band="V").count() == 35
    assert all(row.pk == keys[row.filename] for row in again if row.filename in keys)
    assert {row.pk for row in again} == set(
        RawFit.objects.filter(band="V").values_list("pk", flat=True)
    )


def test_upsert_of_loaded_rows(rawfits):
    from polarnight.db import RawFit

    loaded = list(RawFit.objects.all())
    before = {row.pk: row.modified for row in loaded}
    for row in loaded:
        row.airmass = 1.5
    upsert(loaded, RAW)
    stored = RawFit.objects.all()
    assert {row.pk for row in stored} == before.keys()
    assert all(row.airmass == 1.5 and row.modified > before[row.pk] for row in stored)


def test_update_writes_some_columns(rawfits):
    from polarnight.db import RawFit
    from polarnight.db.bulk import update

    row = RawFit.objects.get(filename="3.fit")
    before = row.modified
    row.airmass, row.band = 1.5, "V"
    row.set_flag(RawFit.FLAGS.BUILT_REDUCED)
    assert update([row], ["airmass", "machine_flags"]) == 1
    assert row.has_flag(RawFit.FLAGS.BUILT_REDUCED)
    row.refresh_from_db()
    assert (row.airmass, row.band) == (1.5, "R")
    assert row.flag_labels == ["CLASSIFIED", "BUILT_REDUCED"]
    assert row.modified > before
    assert update([], ["airmass"]) == 0


def test_kept_fields_stay(epoch, make_info, rawfits):
    from polarnight.db import RawFit

    row = RawFit.from_info(epoch, make_info(filename="0.fit", band="I", object_name="other"))
    upsert([row], RAW, keep=["object_name"])
    row.refresh_from_db()
    assert (row.band, row.object_name) == ("I", "BLLac")


def test_twins_are_refused(epoch, make_info):
    from polarnight.db import RawFit

    twins = [RawFit.from_info(epoch, make_info()) for _ in range(2)]
    with pytest.raises(ValueError, match=r"BLLac-0001R\.fit"):
        upsert(twins, RAW)
    assert upsert([], RAW) == []


def test_no_query_for_each_row(epoch, make_info, django_assert_max_num_queries):
    from polarnight.db import RawFit

    rows = [RawFit.from_info(epoch, make_info(filename=f"{i}.fit")) for i in range(100)]
    # Django cuts SQLite statements at 999 values: 26 columns make a statement of 38 rows.
    with django_assert_max_num_queries(8):
        upsert(rows, RAW)


def test_links_are_replaced(make_result, rawfits):
    from polarnight.db import PhotoPolResult, ReducedFit

    reduced = upsert([ReducedFit.from_rawfit(row) for row in rawfits[:4]], ["rawfit"])
    first, second = upsert(
        [make_result(), make_result(files=("OSN-T090/2022-09-18/b.fit",))], PhotoPolResult.UNIQUE
    )
    keys = [row.pk for row in reduced]
    link(PhotoPolResult, "reducedfits", {first.pk: keys[:2], second.pk: keys[2:]})
    assert set(first.reducedfits.values_list("pk", flat=True)) == set(keys[:2])
    link(PhotoPolResult, "reducedfits", {first.pk: [keys[3], keys[3]]})
    assert list(first.reducedfits.values_list("pk", flat=True)) == [keys[3]]
    assert set(second.reducedfits.values_list("pk", flat=True)) == set(keys[2:])


def test_numbers_of_numpy_and_nan(make_result):
    row = make_result(
        mag=np.float32(13.25),
        mag_err=np.float64("nan"),
        q=float("inf"),
        zp_n=np.int64(7),
        evidence={
            "rms": np.float64("nan"),
            "xy": np.arange(2),
            "used": np.array([True]),
            "t": (1,),
        },
    )
    upsert([row], row.UNIQUE)
    stored = type(row).objects.get(pk=row.pk)
    assert (stored.mag, stored.mag_err, stored.q, stored.zp_n) == (13.25, None, None, 7)
    assert stored.evidence == {"rms": None, "xy": [0, 1], "used": [True], "t": [1]}
    assert type(row).objects.filter(mag_err__isnull=True).count() == 1


def test_what_is_no_json_is_refused(make_result):
    with pytest.raises(TypeError, match="object"):
        make_result(evidence={"x": object()}).save()
